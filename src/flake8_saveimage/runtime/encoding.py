"""Encode pixels as an image file, with Pillow."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .arguments import Writing

if TYPE_CHECKING:
    from PIL import Image as PILImage

_MODES = {2: "LA", 3: "RGB", 4: "RGBA"}
_WITH_QUALITY = {"JPEG", "WEBP", "AVIF", "TIFF", "JPEG2000", "MPO"}


@dataclass(frozen=True)
class Writer:
    """A file format and the options for its writer."""

    format: str
    options: Mapping[str, Any]

    def encode(self, pixels: torch.Tensor, grayscale: bool) -> bytes:
        """The bytes of the file for planes (C, H, W) of uint8 or, for 16 bits, int32."""
        image = pillow_image(pixels, grayscale)
        buffer = io.BytesIO()
        try:
            image.save(buffer, format=self.format, **self.options)
        except (OSError, KeyError) as problem:
            if "mode" not in str(problem):
                raise
            raise ValueError(
                f"{self.format} cannot hold a picture of mode {image.mode}; "
                "drop the alpha channel (tensor[:3], of a batch tensor[:, :3]) or save as PNG"
            ) from None
        return buffer.getvalue()


def pillow_image(pixels: torch.Tensor, grayscale: bool) -> PILImage.Image:
    """A Pillow image of planes (C, H, W) on the CPU; one plane becomes RGB unless `grayscale`."""
    from PIL import Image

    channels, height, width = pixels.shape
    if pixels.dtype is not torch.uint8:
        data = pixels.to(torch.int16).contiguous().numpy()
        return Image.frombuffer("I;16", (width, height), data, "raw", "I;16", 0, 1)
    planes = [
        Image.frombuffer("L", (width, height), plane.contiguous().numpy(), "raw", "L", 0, 1)
        for plane in pixels
    ]
    if channels == 1:
        return planes[0] if grayscale else Image.merge("RGB", planes * 3)
    return Image.merge(_MODES[channels], planes)


def _format_name(path: object, format: str | None) -> str:
    """Pillow's name of a format, from the keyword or the suffix, as Pillow finds it."""
    from PIL import Image

    Image.preinit()
    suffix = Path(str(path)).suffix.lower()
    wanted = suffix if format is None else f".{format.lower()}"
    for look_further in (True, False):
        if format is not None and format.upper() in Image.SAVE:
            return format.upper()
        if wanted in Image.EXTENSION and Image.EXTENSION[wanted].upper() in Image.SAVE:
            return str(Image.EXTENSION[wanted]).upper()
        if look_further:
            Image.init()
    if format is not None:
        raise ValueError(f'format={format!r} is no image format that Pillow writes; try "png"')
    if not suffix:
        raise ValueError(
            f"the name {str(path)!r} has no suffix that says which format to write; "
            'add ".png" or pass format="png"'
        )
    raise ValueError(
        f"no image format is known for the suffix {suffix!r} of {str(path)!r}; "
        'use ".png" or pass format="png"'
    )


def writer_for(path: object, writing: Writing) -> Writer:
    """Return the writer of the format that the keyword or the suffix of the path names."""
    quality, compress_level = writing.quality, writing.compress_level
    name = _format_name(path, writing.format)
    options: dict[str, Any] = {}
    if name == "PNG":
        # Level 1 takes a third of the time of Pillow's level 6; photographs grow by a tenth.
        options["compress_level"] = 1 if compress_level is None else compress_level
    elif compress_level is not None:
        raise ValueError(f"compress_level is for PNG, not for {name}")
    if compress_level is not None and not 0 <= compress_level <= 9:
        raise ValueError(f"compress_level={compress_level} must be between 0 and 9")
    if quality is not None:
        if name not in _WITH_QUALITY:
            raise ValueError(f"quality has no meaning for {name}, which keeps every pixel")
        options["quality"] = quality
    options.update(writing.save_options or {})
    return Writer(name, options)
