"""PNG: the pixels that Pillow decodes, for all modes and depths, and files that do not grow."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from flake8_saveimage.runtime import png
from flake8_saveimage.runtime.arguments import Writing
from flake8_saveimage.runtime.encoding import Writer, writer_for


@pytest.fixture(params=["zlib", "isal"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "isal":
        pytest.importorskip("isal")
    else:
        monkeypatch.setattr(png, "_isal", lambda: None)
    return str(request.param)


DEFAULT = writer_for("x.png", Writing())
PILLOW = Writer("PNG", {"compress_level": 1})


def decoded(pieces: list[bytes]) -> np.ndarray:
    with Image.open(io.BytesIO(b"".join(pieces))) as image:
        image.load()
        return np.array(image)


def size(pieces: list[bytes]) -> int:
    return sum(map(len, pieces))


def always_up(pixels: torch.Tensor, bits: int = 8) -> list[bytes]:
    data = png.encode_png(list(pixels), bits, (), None)
    assert data is not None
    return data


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (64, 65), (300, 301)], ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_pixels_are_those_of_pillows_file(channels: int, size: tuple[int, int]) -> None:
    pixels = torch.randint(0, 256, (channels, *size), dtype=torch.uint8)
    for grayscale in (True, False):
        expected = decoded(PILLOW.encode(pixels, grayscale))
        assert (decoded(DEFAULT.encode(pixels, grayscale)) == expected).all()
    assert (decoded(always_up(pixels)) == decoded(PILLOW.encode(pixels, True))).all()


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (256, 256)], ids=str)
def test_sixteen_bits(size: tuple[int, int]) -> None:
    pixels = torch.randint(0, 65536, (1, *size), dtype=torch.int32)
    for data in (DEFAULT.encode(pixels, True), always_up(pixels, 16)):
        assert (decoded(data) == pixels[0].numpy()).all()


def test_planes_that_are_views() -> None:
    pixels = torch.randint(0, 256, (40, 50, 3), dtype=torch.uint8).permute(2, 0, 1)[:, ::2, 1:]
    assert (decoded(DEFAULT.encode(pixels, False)) == pixels.permute(1, 2, 0).numpy()).all()


def synthetic(name: str) -> torch.Tensor:
    """(3, 512, 512) of what is drawn, not photographed."""
    y, x = torch.meshgrid(torch.arange(512), torch.arange(512), indexing="ij")
    generator = torch.Generator().manual_seed(0)
    random = torch.rand(512, 512, generator=generator)
    disc = (x - 200).square() + (y - 200).square() < 8100
    half = torch.where(y < 256, 9, (random * 256).int())
    plane = {
        "flat": torch.full_like(x, 77),
        "across": x // 2,
        "down": y // 2,
        "diagonal": (x + y) // 4,
        "chessboard": (x // 8 + y // 8) % 2 * 255,
        "pixels": (x + y) % 2 * 255,
        "stripes": x // 3 % 2 * 255,
        "rows": y // 3 % 2 * 255,
        "segments": disc * 100 + (x > 300) * 50,
        "sparse": (random > 0.99) * 255,
        "bits": (random > 0.5) * 255,
        "half": half,
        "late": torch.where(y < 490, 0, half),
        "smooth": ((x * y) // 1024) % 256,
        "traces": torch.randn(512, 512, generator=generator).cumsum(1).mul(4) + 128,
        "columns": torch.randn(512, 512, generator=generator).cumsum(0).mul(4) + 128,
        "waves": (torch.sin(x / 7) * torch.cos(y / 11) * 127 + 128).int(),
    }[name]
    return plane.to(torch.int64).to(torch.uint8).expand(3, -1, -1).contiguous()


@pytest.mark.parametrize(
    "name",
    "flat across down diagonal chessboard pixels stripes rows segments sparse bits half late "
    "smooth traces columns waves".split(),
)
def test_drawings_do_not_grow_by_more_than_a_tenth(name: str) -> None:
    pixels = synthetic(name)
    for picture in (pixels, pixels[:, :60, :60], pixels.repeat(1, 2, 3)):
        data = DEFAULT.encode(picture, False)
        assert size(data) <= 1.1 * size(PILLOW.encode(picture, False))
        assert (decoded(data) == picture.permute(1, 2, 0).numpy()).all()


def test_noise_is_not_larger() -> None:
    pixels = torch.randint(0, 256, (3, 200, 200), dtype=torch.uint8)
    assert size(DEFAULT.encode(pixels, False)) <= 1.01 * size(PILLOW.encode(pixels, False))
