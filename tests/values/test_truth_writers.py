"""What the rows of image writers say happens: each library writes, and the file is read back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
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
imageio: Any = pytest.importorskip("imageio.v2")
for library in ("matplotlib", "skimage", "einops"):
    pytest.importorskip(library)

FIXTURES = Path(__file__).parents[2] / "fixtures"
Names = dict[str, Any]


@pytest.fixture
def picture(tmp_path: Path) -> str:
    """A red image of 32 x 48 pixels."""
    path = tmp_path / "red.png"
    Image.new("RGB", (48, 32), (200, 30, 90)).save(path)
    return str(path)


def load(code: str, name: str, without: str = "") -> Names:
    """Execute a fixture of a rule, but one line, and return its names."""
    source = (FIXTURES / code / "fires" / f"{name}.py").read_text(encoding="utf-8")
    assert code in {finding.code for finding in analyse(source, table=EVERYTHING)}
    names: Names = {"__name__": name}
    lines = source.replace("# expect", "#").splitlines()
    kept = [line for line in lines if not without or without not in line]
    exec(compile("\n".join(kept), name, "exec"), names)
    return names


def read(path: object) -> Any:
    return np.array(Image.open(str(path)))


def model(image: Any) -> Any:
    """Return raw outputs between -3 and 3, in one image of one channel."""
    return torch.linspace(-3, 3, 64).view(1, 1, 8, 8)


@pytest.mark.parametrize(
    "function",
    ["to_pillow", "predicted", "to_imageio", "to_imageio_v3", "to_skimage", "integers", "animated"],
)
def test_202_pillow_and_what_writes_with_it_raise(
    function: str, picture: str, tmp_path: Path
) -> None:
    save = load("SVI202", "floats_for_pillow")[function]
    arguments = (model, None) if function == "predicted" else (picture,)
    path = tmp_path / "out"
    target = str(path) if function in ("predicted", "animated") else f"{path}.png"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((TypeError, OSError)):
            save(*arguments, target)


def test_202_integers_with_colours_raise_in_matplotlib(picture: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be uint8 or floating point"):
        load("SVI202", "integers_for_matplotlib")["integers"](picture, str(tmp_path / "x.png"))


@pytest.mark.parametrize("function", ["labels", "mask"])
def test_202_integers_raise_in_write_png(function: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        load("SVI202", "integers_for_write_png")[function](
            torch.randn(3, 4, 4), str(tmp_path / "x.png")
        )


def beyond() -> Names:
    from torchvision import io

    return load(
        "SVI201", "beyond_bytes", "" if hasattr(io, "write_video") else "import write_video"
    )


@pytest.mark.parametrize(
    ("function", "holds"),
    [
        ("half_black", lambda pixels: (pixels == 0).mean() == pytest.approx(0.5, abs=0.05)),
        ("tanh", lambda pixels: pixels.max() <= 1),
        ("converted", lambda pixels: pixels.max() <= 1),
    ],
)
def test_201_what_leaves_the_range_is_black(
    function: str, holds: Callable[[Any], bool], tmp_path: Path
) -> None:
    target = tmp_path / "out.png"

    def colours(noise: Any) -> Any:
        values = torch.linspace(-3, 3, 192).view(8, 8, 3)
        return values if function != "converted" else model(noise)

    beyond()[function](colours, None, str(target))
    assert holds(read(target))


def test_201_what_is_above_the_range_is_white(picture: str, tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    beyond()["white"](picture, str(target))
    assert (read(target) == 255).all()


def test_201_colours_beyond_one_raise_in_matplotlib(picture: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[?0[,.]"):
        beyond()["raises"](picture, str(tmp_path / "out.png"))


def test_a_video_of_floats_is_cast(tmp_path: Path) -> None:
    io: Any = pytest.importorskip("torchvision.io")
    if not hasattr(io, "write_video"):
        pytest.skip("torchvision has dropped write_video")
    pytest.importorskip("av")
    frames = torch.full((2, 16, 16, 3), 300.0)
    io.write_video(str(tmp_path / "x.mp4"), frames, fps=4)
    assert io.read_video(str(tmp_path / "x.mp4"), pts_unit="sec")[0].float().mean() < 60


@pytest.mark.parametrize("function", ["depth", "open_above"])
def test_204_each_image_is_stretched(function: str, tmp_path: Path) -> None:
    """The same value has other colours beside other values."""
    save = load("SVI204", "stretched_by_the_writer", "scipy")[function]
    pixels = []
    for high in (1.0, 4.0):
        image = torch.tensor([[0.0, 1.0], [0.5, high]]).view(1, 1, 2, 2)
        save(lambda _, image=image: image, None, str(tmp_path / "x.png"))
        pixels.append(tuple(read(tmp_path / "x.png")[0, 1]))
    assert pixels[0] != pixels[1]


def _ways(fixture: str) -> list[str]:
    source = (FIXTURES / fixture).read_text(encoding="utf-8")
    return [line[4:].partition("(")[0] for line in source.splitlines() if line.startswith("def ")]


CASTS = [way for way in _ways("SVI209/fires/on_their_way.py") if way != "video"]


@pytest.mark.parametrize("function", CASTS)
def test_209_dark_values_become_bright(function: str, picture: str, tmp_path: Path) -> None:
    """-0.01 is nearly black; after the conversion it is nearly white."""
    from torchvision import io

    target = tmp_path / ("x.gif" if function == "animated" else "x.png")
    names = load(
        "SVI209", "on_their_way", ", write_video" if not hasattr(io, "write_video") else ""
    )
    names.setdefault("write_png", io.write_png)
    image = torch.full((3, 8, 8), -0.01)
    if function in ("by_numpy", "by_array", "by_tensor_type", "by_to", "animated"):
        image = image.permute(1, 2, 0)
    if function == "overlay":
        Image.new("RGB", (8, 8), (255, 255, 255)).save(picture)
        names[function](picture, str(target))
        assert read(target)[..., 0].max() < 250  # white and more is no longer white
        return
    if function == "cut":
        names[function](image[None], str(tmp_path))
        target = tmp_path / "0.png"
    else:
        names[function](image, str(target))
    shown = Image.open(target)
    shown.seek(1 if function == "animated" else 0)  # the first frame is black
    assert np.array(shown.convert("RGB")).max() > 200


@pytest.mark.parametrize("function", _ways("SVI210/fires/ways_around.py"))
def test_210_red_and_blue_change_places(function: str, picture: str, tmp_path: Path) -> None:
    source, target = picture, tmp_path / "out.png"
    if function == "gathered":
        source, target = str(tmp_path / "red.avi"), tmp_path / "out.gif"
        writer = cv2.VideoWriter(source, cv2.VideoWriter_fourcc(*"MJPG"), 5, (48, 32))
        writer.write(np.full((32, 48, 3), (90, 30, 200), np.uint8))
        writer.release()
    if function == "read_as_rgb" and not hasattr(cv2, "IMREAD_COLOR_RGB"):
        return
    load("SVI210", "ways_around")[function](source, str(target))
    red, _, blue = np.array(Image.open(target).convert("RGB"))[5, 5]
    assert red < blue


@pytest.mark.parametrize("function", ["rearranged", "moved", "first_of_batch"])
def test_211_the_call_raises_or_the_image_is_another(
    function: str, picture: str, tmp_path: Path
) -> None:
    target = tmp_path / "out.png"
    name = "import write_video"
    try:
        load("SVI211", "ways_around", name)[function](picture, str(target))
    except (TypeError, ValueError, RuntimeError, OSError, cv2.error):
        return
    assert not target.exists() or Image.open(target).size != (48, 32)
