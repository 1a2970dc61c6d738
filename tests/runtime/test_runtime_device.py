"""On a simulated accelerator: pixels are made there, and leave it in one transfer."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from flake8_saveimage.runtime import SaveImageWarning, SaveQueue, safe_save_image
from flake8_saveimage.runtime.arguments import Look
from flake8_saveimage.runtime.pixels import picture_of

sys.path.insert(0, str(Path(__file__).parent))
import simulated_device as device

pytestmark = pytest.mark.skipif(device.setup is None, reason="torch 2.9 brought Python devices")


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    device.register()
    device.reset()
    yield
    device.reset()


def on_device(tensor: torch.Tensor) -> torch.Tensor:
    return device.Remote(tensor.clone())


def saved(tensor: torch.Tensor, **options: Any) -> np.ndarray:
    file = io.BytesIO()
    safe_save_image(tensor, file, format="png", **options)
    with Image.open(file) as image:
        return np.array(image)


CASES: list[tuple[Any, dict[str, Any]]] = [
    ((3, 5, 7), {}),
    ((1, 5, 7), {"grayscale": True}),
    ((7, 3, 6, 4), {"nrow": 3, "pad_value": 0.5}),
    ((7, 3, 6, 4), {"normalize": True}),
    ((7, 3, 6, 4), {"normalize": True, "scale_each": True}),
    ((4, 3, 6, 4), {"value_range": (-1, 2)}),
    ((4, 3, 6, 4), {"mean": [0.5, 0.4, 0.3], "std": 0.5, "out_of_range": "clamp"}),
    ((2, 1, 6, 4), {"bits": 16}),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
@pytest.mark.parametrize(("shape", "options"), CASES, ids=str)
def test_the_pixels_are_those_of_the_cpu(
    shape: tuple[int, ...], options: dict[str, Any], dtype: torch.dtype
) -> None:
    tensor = torch.rand(shape).to(dtype)
    expected = saved(tensor, **options)
    assert (saved(on_device(tensor), **options) == expected).all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool], ids=str)
def test_integers(dtype: torch.dtype) -> None:
    tensor = torch.randint(0, 2, (5, 3, 6, 4)).to(dtype)
    assert (saved(on_device(tensor)) == saved(tensor)).all()
    assert len(device.transfers) == 1


@pytest.mark.parametrize("batch", [1, 64])
def test_grid_and_conversion_stay_there_and_one_transfer_leaves(batch: int) -> None:
    tensor = on_device(torch.rand(batch, 3, 16, 16))
    picture = picture_of(tensor, Look())
    assert picture.pixels.device.type == device.NAME
    assert device.transfers == [], "nothing waits before the transfer"
    device.reset()
    saved(tensor)
    width = 16 if batch == 1 else 8 * 18 + 2
    pixels = 3 * width * width
    assert device.transfers == [pixels + 8], "the pixels and the two extremes, in one piece"
    made = [name for name in device.operations if not is_a_view(name)]
    assert len(made) <= 20, made


def is_a_view(name: str) -> bool:
    kind = name.split(".")[1]
    views = "view permute slice select detach alias unsqueeze split unbind expand as_strided"
    return kind in views.split() or kind in ("_unsafe_view", "transpose")


def test_warnings_and_errors_have_their_numbers(tmp_path: Path) -> None:
    with pytest.warns(SaveImageWarning, match=r"48 of 48 values \(100 %\)"):
        safe_save_image(on_device(torch.full((3, 4, 4), 2.0)), tmp_path / "x.png")
    with pytest.raises(ValueError, match="48 NaN"):
        safe_save_image(on_device(torch.full((3, 4, 4), float("nan"))), tmp_path / "x.png")


def test_the_queue_copies_before_the_caller_goes_on(tmp_path: Path) -> None:
    hold = threading.Event()

    class Held:
        def __deepcopy__(self, memo: object) -> Held:
            return self

        def __reduce__(self) -> tuple[type[dict[str, int]], tuple[()]]:
            assert hold.wait(60)
            return dict, ()

    image = torch.rand(5, 3, 8, 8)
    expected = saved(image)
    remote = on_device(image)
    state = {"w": on_device(torch.arange(6.0)), "n": 1}
    with SaveQueue(workers=1) as queue:
        queue.save(Held(), tmp_path / "slow.pt")
        device.reset()
        path = queue.save_image(remote, tmp_path / "x.png")
        assert len(device.transfers) == 1
        checkpoint = queue.save(state, tmp_path / "x.pt")
        assert len(device.transfers) == 2
        remote.hidden.zero_()
        state["w"].hidden.zero_()
        device.reset()
        hold.set()
    assert device.transfers == [], "the workers do not go to the device"
    with Image.open(path.result()) as found:
        assert (np.array(found) == expected).all()
    assert torch.equal(torch.load(checkpoint.result())["w"], torch.arange(6.0))
