"""The rules say what the installed torchvision does: the fixtures' damage, measured."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

from flake8_saveimage.check.analysis import analyse

torch: Any = pytest.importorskip("torch")
utils: Any = pytest.importorskip("torchvision.utils")
np: Any = pytest.importorskip("numpy")
Image: Any = pytest.importorskip("PIL.Image")

pytestmark = pytest.mark.torch
FIXTURES = Path(__file__).parents[2] / "fixtures"


def saved(tensor: Any, **keywords: Any) -> Any:
    """Return the bytes that save_image writes for a tensor, as an array (H, W, 3) of uint8."""
    buffer = io.BytesIO()
    utils.save_image(tensor, buffer, format="png", **keywords)
    return np.array(Image.open(buffer))


def load(code: str, name: str) -> dict[str, Any]:
    """Execute a fixture and return its names."""
    path = FIXTURES / code / "fires" / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    assert code in {finding.code for finding in analyse(source)}
    names: dict[str, Any] = {"__name__": name}
    exec(compile(source, str(path), "exec"), names)
    return names


def read(path: Path) -> Any:
    return np.array(Image.open(path))


def ramp(low: float, high: float) -> Any:
    """An image of one channel that runs from low to high."""
    return torch.linspace(low, high, 256).view(1, 1, 16, 16)


def test_201_the_negative_half_of_tanh_is_black(tmp_path: Path) -> None:
    sample = load("SVI201", "tanh_raw")["sample"]
    target = tmp_path / "x.png"
    sample(lambda z: z, torch.atanh(ramp(-0.99, 0.99)), target)
    pixels = read(target)[..., 0]
    assert (pixels == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_201_values_up_to_255_are_white(tmp_path: Path) -> None:
    export = load("SVI201", "times_255_clamped")["export"]
    target = tmp_path / "x.png"
    export(ramp(0.0, 1.0), target)
    assert (read(target)[..., 0] == 255).mean() > 0.99


def test_201_normalized_images_are_clipped_on_both_sides(tmp_path: Path) -> None:
    names = load("SVI201", "v2_normalize")
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(source)
    names["copy"](source, target)
    assert (read(target)[..., 0] == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_201_the_advice_restores_every_level() -> None:
    image = ramp(0.0, 1.0)
    shifted = image * 2 - 1
    assert (saved(shifted, normalize=True, value_range=(-1, 1)) == saved(image)).all()


@pytest.mark.parametrize("name", ["byte_mask", "bool_mask"])
def test_202_integers_raise(name: str, tmp_path: Path) -> None:
    save_mask = load("SVI202", name)["save_mask"]
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        save_mask(torch.randn(1, 1, 4, 4), tmp_path / "x.png")


def test_202_normalize_does_not_help(tmp_path: Path) -> None:
    dummy = load("SVI202", "normalize_does_not_help")["dummy"]
    with pytest.raises(RuntimeError, match="can't be cast"):
        dummy(torch.ones(1, 1, 4, 4), tmp_path / "x.png")


def test_204_the_same_grey_differs_from_batch_to_batch(tmp_path: Path) -> None:
    sample = load("SVI204", "per_batch_contrast")["sample"]
    levels = []
    for high in (1.0, 2.0):
        batch = torch.tensor([0.0, 0.5, high]).view(1, 1, 1, 3)
        sample(lambda z: z, batch, tmp_path / "x.png")
        levels.append(int(read(tmp_path / "x.png")[0, 1, 0]))
    assert levels == [128, 64]


@pytest.mark.parametrize("name", ["range_keyword", "filename_keyword"])
def test_205_removed_keywords_raise(name: str, tmp_path: Path) -> None:
    sample = load("SVI205", name)["sample"]
    with pytest.raises(TypeError):
        sample(torch.rand(1, 3, 4, 4), tmp_path / "x.png")


def test_206_value_range_alone_changes_nothing(tmp_path: Path) -> None:
    image = ramp(-1.0, 1.0)
    load("SVI206", "value_range_alone")["sample"](image, tmp_path / "x.png")
    assert (read(tmp_path / "x.png") == saved(image)).all()
    assert (saved(image) != saved(image, normalize=True, value_range=(-1, 1))).any()


def levels_off(dtype: Any) -> int:
    """Count the grey levels that a ramp of all 256 loses when it is saved in a dtype."""
    levels = torch.arange(256).view(1, 1, 16, 16)
    pixels = saved((levels / 255).to(dtype))[..., 0]
    return int((pixels != levels.view(16, 16).numpy()).sum())


def test_207_bfloat16_is_off_in_63_levels() -> None:
    assert levels_off(torch.bfloat16) == 63
    assert levels_off(torch.float16) == 0
    assert levels_off(torch.float32) == 0


def test_208_jpeg_changes_pixels() -> None:
    torch.manual_seed(0)
    image, buffer = torch.rand(3, 32, 32), io.BytesIO()
    utils.save_image(image, buffer, format="jpeg")
    assert (np.array(Image.open(buffer)) != saved(image)).mean() > 0.5


@pytest.mark.parametrize("name", ["torch_utils", "torch_utils_alias"])
def test_301_there_is_no_such_function(name: str, tmp_path: Path) -> None:
    export = load("SVI301", name)["export"]
    with pytest.raises(AttributeError, match="save_image"):
        export(torch.rand(3, 4, 4), tmp_path / "x.png")


def test_302_a_slice_brings_its_storage(tmp_path: Path) -> None:
    whole = torch.zeros(1000, 100)
    torch.save(whole[:10], tmp_path / "view.pt")
    torch.save(whole[:10].clone(), tmp_path / "copy.pt")
    assert (tmp_path / "view.pt").stat().st_size > 50 * (tmp_path / "copy.pt").stat().st_size


def test_303_only_one_of_two_archives_is_found(tmp_path: Path) -> None:
    keep = load("SVI303", "two_saves_in_with")["keep"]
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(3, 3)
    target = tmp_path / "both.pt"
    keep(first, second, target)
    loaded = 0
    with target.open("rb") as handle:
        for _ in range(2):
            with contextlib.suppress(Exception):  # what is raised differs by version
                torch.load(handle)
                loaded += 1
    assert loaded < 2
