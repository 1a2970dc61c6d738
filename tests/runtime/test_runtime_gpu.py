"""On a CUDA device: the same pixels as torchvision there, one transfer, snapshots."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.utils import save_image

from flake8_saveimage.runtime import SaveImageWarning, SaveQueue, safe_save_image

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: GPU tests not run"),
]


def decoded(file: io.BytesIO) -> np.ndarray:
    with Image.open(file) as image:
        return np.array(image)


def both(tensor: torch.Tensor, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    ours, theirs = io.BytesIO(), io.BytesIO()
    safe_save_image(tensor, ours, format="png", **options)
    save_image(tensor, theirs, format="png", **options)
    return decoded(ours), decoded(theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 5, 7), (17, 3, 9, 8), (5, 1, 6, 4)], ids=str)
def test_torchvisions_pixels(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    tensor = torch.rand(shape, dtype=dtype, device="cuda")
    for options in ({}, {"nrow": 3}, {"pad_value": 0.5}, {"padding": 0}):
        ours, theirs = both(tensor, **options)
        assert (ours == theirs).all(), options


@pytest.mark.parametrize("scale_each", [False, True])
def test_normalize_is_torchvisions_up_to_rounding(scale_each: bool) -> None:
    """CUDA divides by a scalar as a product with its inverse, so one level may differ."""
    tensor = torch.randn(9, 3, 40, 40, device="cuda")
    ours, theirs = both(tensor, normalize=True, scale_each=scale_each)
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_exact(dtype: torch.dtype) -> None:
    tensor = torch.rand(4, 3, 16, 16, device="cuda").to(dtype)
    ours = io.BytesIO()
    safe_save_image(tensor, ours, format="png")
    assert (decoded(ours) == both(tensor.float())[1]).all()


def test_warnings_and_errors_have_their_numbers(tmp_path: Path) -> None:
    with pytest.warns(SaveImageWarning, match=r"48 of 48 values \(100 %\)"):
        safe_save_image(torch.full((3, 4, 4), 2.0, device="cuda"), tmp_path / "x.png")
    with pytest.raises(ValueError, match="48 NaN"):
        safe_save_image(torch.full((3, 4, 4), float("nan"), device="cuda"), tmp_path / "x.png")


def test_one_transfer_and_few_kernels() -> None:
    tensor = torch.rand(64, 3, 64, 64, device="cuda")
    safe_save_image(tensor, io.BytesIO(), format="png")
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        safe_save_image(tensor, io.BytesIO(), format="png")
    events = [event for event in profile.events() if event.device_type.name == "CUDA"]
    transfers = [event for event in events if "DtoH" in event.name]
    assert len(transfers) == 1
    assert len(events) <= 12


def test_a_queued_image_and_checkpoint_are_snapshots(tmp_path: Path) -> None:
    image = torch.full((16, 3, 256, 256), 0.5, device="cuda")
    model = torch.nn.Linear(1000, 1000, device="cuda")
    before = model.weight.detach().cpu().clone()
    with SaveQueue() as queue:
        path = queue.save_image(image, tmp_path / "x.png", padding=0)
        checkpoint = queue.save(model.state_dict(), tmp_path / "m.pt")
        image.zero_()
        with torch.no_grad():
            model.weight.zero_()
    with Image.open(path.result()) as saved:
        assert saved.convert("L").getextrema() == (128, 128)
    assert torch.equal(torch.load(checkpoint.result())["weight"], before)
