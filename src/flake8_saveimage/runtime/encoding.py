"""Encode pixels as an image file, with Pillow."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .arguments import Writing
from .arrays import np
from .png import Chunk, Plane, encode_png

if TYPE_CHECKING:
    from PIL import Image as PILImage

_MODES = {2: "LA", 3: "RGB", 4: "RGBA"}
_MODE_OF: dict[str, tuple[str, str]] = {"int32": ("I;16", "uint16"), "float32": ("F", "float32")}
_BITS = {torch.uint8: 8, torch.int32: 16, torch.float32: 32}
_WITH_QUALITY = {"JPEG", "WEBP", "AVIF", "TIFF", "JPEG2000", "MPO"}


@dataclass(frozen=True)
class Writer:
    """A file format and the options for its writer."""

    format: str
    options: Mapping[str, Any]
    chunks: tuple[Chunk, ...] = ()
    is_default: bool = False  # PNG without options of Pillow's

    def encode(self, pixels: torch.Tensor, grayscale: bool) -> list[bytes]:
        """The file, in pieces, for planes (C, H, W) on the CPU.

        They are uint8, for 16 bits int32 and for 32 bits float32.
        """
        has_colour = len(pixels) > 1
        if pixels.dtype is torch.float32 and self.format != "TIFF":
            raise ValueError(f"bits=32 is for TIFF, not for {self.format}")
        if pixels.dtype is not torch.uint8 and has_colour and self.format != "PNG":
            raise ValueError(
                f"{_BITS[pixels.dtype]} bits need one channel (greyscale) in {self.format}, this "
                f"image has {len(pixels)}; save it as PNG, or the channels one by one"
            )
        planes = list(pixels.numpy())
        if pixels.dtype is torch.uint8 and not has_colour and not grayscale:
            planes *= 3
        wide = pixels.dtype is torch.int32 and has_colour  # Pillow cannot
        if wide and not self.is_default:
            raise ValueError("compress_level and save_options are not for PNG of 16-bit colours")
        if self.is_default:
            bits = _BITS[pixels.dtype]
            data = encode_png(planes, bits, self.chunks, None if wide else self._pillow_size)
            if data is not None:
                return data
        return [self._with_pillow(planes)]

    def _pillow_size(self, planes: Sequence[Plane]) -> int:
        return len(self._with_pillow(planes))

    def _with_pillow(self, planes: Sequence[Plane]) -> bytes:
        image = _pillow_image(planes)
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


def _pillow_image(planes: Sequence[Plane]) -> PILImage.Image:
    from PIL import Image

    height, width = planes[0].shape
    if planes[0].dtype != np.uint8:
        mode, dtype = _MODE_OF[planes[0].dtype.name]
        data = np.ascontiguousarray(planes[0], dtype)
        return Image.frombuffer(mode, (width, height), data, "raw", mode, 0, 1)
    images = [
        Image.frombuffer("L", (width, height), np.ascontiguousarray(plane), "raw", "L", 0, 1)
        for plane in planes
    ]
    return images[0] if len(images) == 1 else Image.merge(_MODES[len(images)], images)


def _text_chunks(metadata: Mapping[str, object]) -> Any:
    """Pillow's text of a PNG: any characters, keys of at most 79 Latin ones."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, value in metadata.items():
        if not isinstance(key, str) or not 0 < len(key.encode("latin-1", "replace")) < 80:
            raise ValueError(f"metadata: {key!r} must be a text of 1 to 79 characters")
        try:
            key.encode("latin-1")
        except UnicodeEncodeError:
            raise ValueError(f"metadata: {key!r} must be Latin characters") from None
        info.add_text(key, str(value))
    return info


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
    chunks: tuple[Chunk, ...] = ()
    if name == "PNG":
        options["compress_level"] = 1 if compress_level is None else compress_level
        if writing.metadata:
            options["pnginfo"] = _text_chunks(writing.metadata)
            chunks = tuple((kind, data) for kind, data, *_ in options["pnginfo"].chunks)
    elif compress_level is not None:
        raise ValueError(f"compress_level is for PNG, not for {name}")
    elif writing.metadata:
        raise ValueError(f"metadata is for PNG, not for {name}; use save_options")
    if compress_level is not None and not 0 <= compress_level <= 9:
        raise ValueError(f"compress_level={compress_level} must be between 0 and 9")
    if quality is not None:
        if name not in _WITH_QUALITY:
            raise ValueError(f"quality has no meaning for {name}, which keeps every pixel")
        options["quality"] = quality
    options.update(writing.save_options or {})
    is_default = name == "PNG" and compress_level in (None, 1) and not writing.save_options
    return Writer(name, options, chunks, is_default)
