"""What SVI201, SVI202 and SVI209 to SVI211 say of writers does happen: their fixtures, executed with the libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.knowledge.writers import EVERYTHING

pytestmark = pytest.mark.torch
torch: Any = pytest.importorskip("torch")
cv2: Any = pytest.importorskip("cv2")
np: Any = pytest.importorskip("numpy")
Image: Any = pytest.importorskip("PIL.Image")
for library in ("imageio", "matplotlib", "skimage"):
    pytest.importorskip(library)

FIXTURES = Path(__file__).parents[2] / "fixtures"
RED = (200, 30, 90)


def load(code: str, name: str) -> dict[str, Any]:
    """Execute a fixture of a rule and return its names."""
    path = FIXTURES / code / "fires" / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    assert {finding.code for finding in analyse(source, table=EVERYTHING)} == {code}
    names: dict[str, Any] = {"__name__": name}
    exec(compile(source, str(path), "exec"), names)
    return names


@pytest.fixture
def picture(tmp_path: Path) -> str:
    """A red image of 32 x 48 pixels."""
    path = tmp_path / "red.png"
    Image.new("RGB", (48, 32), RED).save(path)
    return str(path)


def pixel(path: object) -> tuple[int, ...]:
    return tuple(map(int, np.array(Image.open(str(path)).convert("RGB"))[5, 5]))


@pytest.mark.parametrize("function", ["unit", "clipped"])
def test_201_the_image_is_nearly_black(function: str, picture: str, tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    load("SVI201", "nearly_black")[function](picture, str(target))
    assert max(pixel(target)) <= 1


def test_202_floats_raise(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        load("SVI202", "floats_for_write_png")["drawn"](str(tmp_path / "out.png"))


def test_209_dark_values_become_bright(tmp_path: Path) -> None:
    noise = torch.full((3, 8, 8), -0.1)
    load("SVI209", "casts")["save"](lambda image: image, noise, str(tmp_path))
    for name in ("a.png", "b.png", "d.png"):
        assert min(pixel(tmp_path / name)) > 200


@pytest.mark.parametrize(
    ("fixture", "function"),
    [
        ("torch_writers", "copy"),
        ("torch_writers", "halves"),
        ("image_writers", "to_pillow"),
        ("image_writers", "to_imageio"),
        ("image_writers", "to_skimage"),
        ("image_writers", "to_matplotlib"),
        ("image_writers", "to_opencv"),
        ("image_writers", "twice"),
    ],
)
def test_210_red_and_blue_change_places(
    fixture: str, function: str, picture: str, tmp_path: Path
) -> None:
    target = tmp_path / "out.png"
    load("SVI210", fixture)[function](picture, str(target))
    assert pixel(target) == pytest.approx(RED[::-1], abs=1)


def test_210_frames_of_a_video(tmp_path: Path) -> None:
    video = str(tmp_path / "red.avi")
    writer = cv2.VideoWriter(video, cv2.VideoWriter_fourcc(*"MJPG"), 5, (48, 32))
    writer.write(np.full((32, 48, 3), RED[::-1], np.uint8))
    writer.release()
    load("SVI210", "torch_writers")["frames"](video, str(tmp_path))
    red, _, blue = pixel(tmp_path / "0.png")
    assert red < blue


@pytest.mark.parametrize(
    ("fixture", "function"),
    [
        ("channels_last", "read"),
        ("channels_last", "shown"),
        ("channels_last", "batch"),
        ("channels_last", "raw"),
        ("channels_first", "to_imageio"),
        ("channels_first", "to_opencv"),
        ("channels_first", "to_pillow"),
    ],
)
def test_211_the_call_raises_or_the_image_is_another(
    fixture: str, function: str, picture: str, tmp_path: Path
) -> None:
    target = tmp_path / "out.png"
    try:
        load("SVI211", fixture)[function](picture, str(target))
    except (TypeError, ValueError, RuntimeError, OSError, cv2.error):
        return
    if target.exists():
        assert Image.open(target).size != (48, 32)
