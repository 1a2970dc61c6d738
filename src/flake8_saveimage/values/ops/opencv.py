"""OpenCV: images are uint8 arrays of shape (H, W, C) with channels in the order BGR."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values.arrays import BYTES, converted_to_hidden, made_array
from flake8_saveimage.values.domain import Abstract, Items, Order, Origin, Values, constant
from flake8_saveimage.values.dtypes import DTypes, Ranks, within
from flake8_saveimage.values.elementwise import emit
from flake8_saveimage.values.intervals import WHOLE, Interval, hull
from flake8_saveimage.values.layout import COLOURS, image, joined, swapped_colours, without_orders
from flake8_saveimage.values.objects import LibraryObject, Named
from flake8_saveimage.values.operations import Operands, operation
from flake8_saveimage.values.ops.numpy import concatenate

_COLOURS = {"cv2.IMREAD_COLOR": "BGR", "cv2.IMREAD_COLOR_BGR": "BGR", "cv2.IMREAD_COLOR_RGB": "RGB"}
_BY_NUMBER = {1: "BGR", 256: "RGB"}
_TYPES = DTypes.UINT8 | DTypes.FLOAT | DTypes.DOUBLE
_EXACT = ("cv2.INTER_NEAREST", "cv2.INTER_LINEAR", "cv2.INTER_AREA", "cv2.INTER_NEAREST_EXACT")


def _bytes(what: str, channels: str | None = None) -> Values:
    """Return an image of bytes; without channels, a grey one."""
    origin = Origin(what)
    value = Values(BYTES, DTypes.UINT8, Ranks.DIMENSIONS, "array", BYTES, origin, known=True)
    return image(value, "HWC", channels, origin) if channels is not None else value


def _matrix(a: Operands) -> Values:
    """Return the input as an array: OpenCV gives back two dimensions or more."""
    found = made_array(a.get("input"))
    if not within(found.dtypes, _TYPES):
        found = converted_to_hidden(found)
    if found.layout is None or found.layout.name != "HWC":  # channels may be on any axis
        found = without_orders(found)
    value = dataclasses.replace(found, ranks=Ranks.DIMENSIONS)
    if found.ranks & Ranks.ZERO:  # a scalar becomes (x, 0, 0, 0)
        interval = hull(value.interval, Interval(0.0, 0.0))
        return dataclasses.replace(value, interval=interval, dtypes=value.dtypes | DTypes.DOUBLE)
    return value


def _constant_name(value: Abstract | None) -> str | None:
    return value.qualified if isinstance(value, Named) else None


@operation("cv2.{imread imdecode}", parameters="input flags")
def imread(a: Operands) -> Values:
    flags, what = a.get("flags"), f"cv2.{a.name}"
    if flags is None and a.complete and a.name == "imread":
        return _bytes(what, "BGR")
    name, single = _constant_name(flags), constant(flags)
    channels = _COLOURS.get(name or "") or _BY_NUMBER.get(int(single or 0))
    if channels is not None:
        return _bytes(what, channels)
    if name == "cv2.IMREAD_GRAYSCALE" or single == 0:
        return _bytes(what)
    return Values(kind="array", ranks=Ranks.DIMENSIONS)


@operation("cv2.VideoCapture")
def video_capture(a: Operands) -> Abstract:
    return LibraryObject("cv2.VideoCapture")


@operation("cv2.VideoCapture.{read retrieve}")
def read_frame(a: Operands) -> Abstract:
    return Items((Values(), _bytes("VideoCapture.read", "BGR")))


@operation("cv2.applyColorMap")
def apply_color_map(a: Operands) -> Values:
    return _bytes("cv2.applyColorMap", "BGR")


@operation("cv2.convertScaleAbs")
def scaled_to_bytes(a: Operands) -> Values:
    value = _matrix(a)
    found = dataclasses.replace(_bytes("convertScaleAbs"), reach=None, origin=None)
    is_sure = made_array(a.get("input")).ranks is Ranks.DIMENSIONS
    ranks = Ranks.DIMENSIONS if is_sure else Ranks.TENSOR  # of a scalar, whichever
    return dataclasses.replace(found, ranks=ranks, layout=value.layout, channels=value.channels)


@operation("cv2.cvtColor", parameters="input code")
def convert_color(a: Operands) -> Values:
    """Reorder channels, or compute grey values; other colour spaces are not followed."""
    value = _matrix(a)
    _, _, code = (_constant_name(a.get("code")) or "").partition("COLOR_")
    source, _, target = code.partition("2")
    origin = Origin(f"cv2.COLOR_{code}")
    if target in COLOURS and source == "GRAY":
        value = _with_alpha(value) if target.endswith("A") else value
        return dataclasses.replace(value, layout=Order("HWC", origin), channels=None)
    if target in COLOURS and source in COLOURS:
        value = _with_alpha(value) if target.endswith("A") else value
        if value.channels is None:  # what the code says of its input is not proven
            return image(value, "HWC", target, dataclasses.replace(origin, proof="assumed"))
        swaps = source[:3] != target[:3]
        colours = swapped_colours(value.channels.name[:3]) if swaps else value.channels.name[:3]
        proof = value.channels.origin.proof
        channels = Order(colours + target[3:], dataclasses.replace(origin, proof=proof))
        return dataclasses.replace(value, layout=Order("HWC", origin), channels=channels)
    grey = target == "GRAY" and source in COLOURS
    if grey:
        return _weighted(dataclasses.replace(value, layout=None, channels=None))
    interval = BYTES if value.dtypes is DTypes.UINT8 else WHOLE
    return dataclasses.replace(
        value, interval=interval, reach=None, known=False, origin=None, channels=None
    )


def _with_alpha(value: Values) -> Values:
    """Return an image with a channel of the greatest value of its dtype."""
    opaque = Interval(0.0, 255.0 if value.dtypes is DTypes.UINT8 else 65535.0)
    return dataclasses.replace(value, interval=hull(value.interval, opaque), reach=None)


def _weighted(value: Values) -> Values:
    """Return weighted means of the values: weights add up to one but for rounding."""
    if within(value.dtypes, DTypes.INTEGERS):
        return dataclasses.replace(value, scale=(1.0, 0.0))
    if not value.interval.bounded:
        return dataclasses.replace(value, interval=WHOLE, scale=(1.0, 0.0))
    size = max(abs(value.interval.low), abs(value.interval.high))
    interval = Interval(
        value.interval.low - 1e-4 * size, value.interval.high + 1e-4 * size, value.interval.nan
    )
    return dataclasses.replace(value, interval=emit(interval, value.dtypes), scale=(1.0, 0.0))


@operation("cv2.resize", parameters="input dsize dst fx fy interpolation")
def resize(a: Operands) -> Values:
    value = _without_grey_axis(_matrix(a))
    name = _constant_name(a.get("interpolation"))
    if name in _EXACT or ("interpolation" not in a and a.complete):
        return _weighted(value)
    interval = BYTES if value.dtypes is DTypes.UINT8 else WHOLE
    return dataclasses.replace(value, interval=interval, scale=(1.0, 0.0))


@operation("cv2.{blur GaussianBlur medianBlur boxFilter}")
def blurred(a: Operands) -> Values:
    return _weighted(_without_grey_axis(_matrix(a)))


@operation("cv2.{flip rotate}")
def turned(a: Operands) -> Values:
    return _without_grey_axis(_matrix(a))


def _without_grey_axis(value: Values) -> Values:
    """A channel axis of one element is dropped: the layout stays where there are colours."""
    return value if value.channels is not None else dataclasses.replace(value, layout=None)


@operation("cv2.{hconcat vconcat}", parameters="tensors")
def concatenated(a: Operands) -> Values:
    return joined(concatenate(a), 1 if a.name == "hconcat" else 0)
