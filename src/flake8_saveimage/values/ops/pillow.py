"""Pillow: images, before and after they are tensors or arrays."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values.arrays import BYTES, converted_to_hidden
from flake8_saveimage.values.domain import Origin, Values
from flake8_saveimage.values.dtypes import DTypes, within
from flake8_saveimage.values.intervals import WHOLE, Interval, overlap
from flake8_saveimage.values.layout import image
from flake8_saveimage.values.operations import Operands, converted, operation

IMAGE = Values(kind="image")
_BYTES_MODES = frozenset({"RGB", "RGBA", "RGBX", "L", "LA", "P", "CMYK", "YCbCr", "HSV", "LAB"})


@operation("PIL.Image.open")
def opened(a: Operands) -> Values:
    """An image of any mode; if it has colours, they are most likely RGB."""
    decoded = dataclasses.replace(IMAGE, marks=frozenset({"decoded"}))
    return image(decoded, "HWC", "RGB", Origin("Image.open", "assumed"))


@operation("PIL.Image.new", parameters="mode size color")
def new(a: Operands) -> Values:
    return _of_mode(a.text("mode"), "RGB", Origin(f"Image.new({a.text('mode')!r})"))


@operation("Image.convert", parameters="input mode")
def convert(a: Operands) -> Values:
    """The mode says nothing of the order that an array had from which the image was made."""
    value, mode = a.values("input"), a.text("mode")
    before = value.channels
    exact = "decoded" in value.marks or (before is not None and before.origin.proof == "exact")
    origin = Origin(f"convert({mode!r})", "exact" if exact else "assumed")
    found = _of_mode(mode, before.name[:3] if before is not None else "RGB", origin)
    if within(value.dtypes, DTypes.FLOATS) and found.dtypes is DTypes.UINT8:
        found = _truncated(found, value)
    return dataclasses.replace(found, wrapped=value.wrapped)


def _truncated(found: Values, value: Values) -> Values:
    """Return grey floats as bytes: clipped and cut off, not multiplied by 255."""
    reach = overlap(value.reach, BYTES)
    interval = overlap(value.interval, BYTES) or BYTES
    return dataclasses.replace(
        found,
        interval=Interval(float(int(interval.low)), interval.high),
        reach=reach,
        origin=value.origin,
        known=reach is not None,
        marks=found.marks | {"truncated"},
    )


def _of_mode(mode: str | None, colours: str, origin: Origin) -> Values:
    """Return an image of which the mode is known: bytes, in colours or not."""
    if mode not in _BYTES_MODES:
        return IMAGE
    found = dataclasses.replace(IMAGE, dtypes=DTypes.UINT8, interval=BYTES)
    return image(found, "HWC", colours + mode[3:], origin) if mode in ("RGB", "RGBA") else found


@operation("PIL.Image.fromarray", parameters="input mode")
def from_array(a: Operands) -> Values:
    """The image holds the values of the array, in the same order of channels; floats as float32."""
    value = a.values("input")
    if within(value.dtypes, DTypes.FLOATS):
        value = converted(value, DTypes.FLOAT)
    elif not within(value.dtypes, DTypes.UINT8 | DTypes.BOOL):
        value = converted_to_hidden(value)
    return dataclasses.replace(value, kind="image")


@operation("Image.{copy transpose}")
def same_pixels(a: Operands) -> Values:
    return a.values("input")


@operation("Image.{resize crop rotate filter thumbnail}")
def other_pixels(a: Operands) -> Values:
    """Resampling may overshoot, and what lies outside of the old image is black."""
    value = a.values("input")
    interval = BYTES if value.dtypes is DTypes.UINT8 else WHOLE
    return dataclasses.replace(value, interval=interval, reach=None, known=False)
