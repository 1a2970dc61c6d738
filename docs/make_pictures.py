"""Makes the pictures of README and the site from real tensors, written and read back as real files.

``python docs/make_pictures.py`` (needs torch, torchvision and scikit-image). A photograph stands
for what a generator puts out: a float tensor in [-1, 1]. Each column saves it in one way.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw, ImageFont
from torchvision.utils import save_image

from flake8_saveimage.runtime import safe_save_image

HERE = Path(__file__).resolve().parent
SIDE = 150
GAP = 12
HEAD = 44
FOOT = 26
BACKGROUND = (255, 255, 255)
INK = (30, 30, 30)


class Way(NamedTuple):
    """One way to save the tensor, and the factor by which its difference is shown."""

    title: str
    call: str
    save: Callable[[torch.Tensor, Path], object]
    amplified: int
    suffix: str = ".png"


def _half(x: torch.Tensor) -> torch.Tensor:
    return ((x + 1) / 2).bfloat16()


# The first three are the bugs that the picture shows.
def _raw(x: torch.Tensor, path: Path) -> None:
    save_image(x, path)  # noqa: SVI203


def _stretched(x: torch.Tensor, path: Path) -> None:
    save_image(x, path, normalize=True)  # noqa: SVI204


def _in_bfloat16(x: torch.Tensor, path: Path) -> None:
    save_image(_half(x), path)  # noqa: SVI203, SVI207


def _rescaled(x: torch.Tensor, path: Path) -> None:
    save_image((x + 1) / 2, path)


def _helped(x: torch.Tensor, path: Path) -> None:
    safe_save_image(x, path, value_range=(-1, 1))


def _helped_in_bfloat16(x: torch.Tensor, path: Path) -> None:
    safe_save_image(_half(x), path)


WAYS = (
    Way("raw from [-1, 1]", "save_image(x)", _raw, 1),
    Way("stretched per batch", "normalize=True", _stretched, 4),
    Way("bfloat16", "save_image(x.bfloat16())", _in_bfloat16, 100),
    Way("JPEG", '"x.jpg"', _rescaled, 10, ".jpg"),
    Way("the helper", "value_range=(-1, 1)", _helped, 100),
    Way("the helper, bfloat16", "safe_save_image(x.bfloat16())", _helped_in_bfloat16, 100),
)


def photograph() -> torch.Tensor:
    """Return a photograph as a generator would give it: (1, 3, SIDE, SIDE), float32 in [-1, 1]."""
    image = Image.fromarray(skimage.data.chelsea()).crop((95, 20, 375, 300))
    pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1).unsqueeze(0)


def written(way: Way, tensor: torch.Tensor, folder: Path) -> np.ndarray:
    """Save the tensor in one way and return the pixels of the file, (SIDE, SIDE, 3) of uint8."""
    path = folder / f"{WAYS.index(way)}{way.suffix}"
    way.save(tensor.clone(), path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def intended(tensor: torch.Tensor) -> np.ndarray:
    """Return the pixels that the tensor stands for, (SIDE, SIDE, 3) of uint8."""
    levels = (tensor[0].permute(1, 2, 0).double() + 1) * 127.5
    return levels.round().clamp(0, 255).byte().numpy()


def difference(pixels: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return how far each value of the file is from the right one, (SIDE, SIDE, 3) of int."""
    return np.abs(pixels.astype(int) - right.astype(int))


def comparison() -> Image.Image:
    """Draw what each way wrote, above its difference from the intended pixels."""
    tensor = photograph()
    right = intended(tensor)
    columns = len(WAYS) + 1
    size = (columns * (SIDE + GAP) + GAP, HEAD + 2 * (SIDE + FOOT) + GAP)
    sheet = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    bold, small = ImageFont.load_default(13), ImageFont.load_default(10)

    def put(column: int, title: str, call: str, pixels: np.ndarray) -> int:
        left = GAP + column * (SIDE + GAP)
        draw.text((left, 8), title, INK, bold)
        draw.text((left, 26), call, INK, small)
        sheet.paste(Image.fromarray(pixels), (left, HEAD))
        return left

    left = put(0, "intended", "x: float32 in [-1, 1]", right)
    draw.text(
        (left, HEAD + SIDE + FOOT + 4),
        "below: the difference,\nblack where there is none",
        INK,
        small,
    )
    with tempfile.TemporaryDirectory() as folder:
        for column, way in enumerate(WAYS, 1):
            pixels = written(way, tensor, Path(folder))
            off = difference(pixels, right)
            left = put(column, way.title, way.call, pixels)
            shown = (off * way.amplified).clip(0, 255).astype(np.uint8)
            top = HEAD + SIDE + FOOT
            sheet.paste(Image.fromarray(shown), (left, top))
            note = f"{(off.max(axis=2) > 0).mean():.0%} of pixels, up to {off.max()}"
            draw.text((left, HEAD + SIDE + 5), note, INK, small)
            draw.text((left, top + SIDE + 5), f"difference x {way.amplified}", INK, small)
    return sheet


def main() -> None:
    """Write the pictures."""
    target = HERE / "assets" / "colours.png"
    comparison().quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)
    print(target.name, target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
