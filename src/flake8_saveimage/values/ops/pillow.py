"""Pillow: images, before and after they are tensors or arrays."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values.domain import Origin, Values
from flake8_saveimage.values.dtypes import DTypes, Ranks
from flake8_saveimage.values.intervals import WHOLE, Interval
from flake8_saveimage.values.layout import image
from flake8_saveimage.values.operations import Operands, operation

BYTES = Interval(0.0, 255.0)
IMAGE = Values(kind="image")
_COLOURS = ("RGB", "RGBA", "RGBX")
_BYTES_MODES = frozenset({*_COLOURS, "L", "LA", "P", "CMYK", "YCbCr", "HSV", "LAB"})


@operation("PIL.Image.open")
def opened(a: Operands) -> Values:
    """An image of any mode; if it has colours, they are most likely RGB."""
    return image(IMAGE, "HWC", "RGB", Origin("Image.open", "assumed"))


@operation("PIL.Image.new", parameters="mode size color")
@operation("Image.convert", parameters="input mode")
def with_mode(a: Operands) -> Values:
    found = _of_mode(a.text("mode"), f"{'Image.' if a.name == 'new' else ''}{a.name}")
    return dataclasses.replace(found, wrapped=a.values("input").wrapped)


def _of_mode(mode: str | None, what: str) -> Values:
    if mode not in _BYTES_MODES:
        return IMAGE
    found = dataclasses.replace(IMAGE, dtypes=DTypes.UINT8, interval=BYTES)
    origin = Origin(f"{what}({mode!r})")
    return image(found, "HWC", "RGB", origin) if mode in _COLOURS else found


@operation("PIL.Image.fromarray", parameters="input mode")
def from_array(a: Operands) -> Values:
    """The image holds the values of the array, in the same order of channels."""
    return dataclasses.replace(a.values("input"), kind="image")


@operation("Image.{copy transpose}")
def same_pixels(a: Operands) -> Values:
    return a.values("input")


@operation("Image.{resize crop rotate filter thumbnail}")
def other_pixels(a: Operands) -> Values:
    """Resampling may overshoot, and what lies outside of the old image is black."""
    value = a.values("input")
    interval = BYTES if value.dtypes is DTypes.UINT8 else WHOLE
    return dataclasses.replace(value, interval=interval, reach=None, known=False)


def as_array(value: Values) -> Values:
    """Return the array of an image: bytes where its mode is known."""
    ranks = Ranks.DIMENSIONS
    if value.dtypes is not DTypes.UINT8:
        return dataclasses.replace(value, kind="array", ranks=ranks)
    reach = value.reach
    origin = value.origin
    if reach is None and value.channels is not None:
        reach, origin = BYTES, value.channels.origin
    return dataclasses.replace(
        value, kind="array", ranks=ranks, reach=reach, origin=origin, known=reach is not None
    )
