"""The order of axes and channels of an image whose axes are moved, selected or joined."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

from flake8_saveimage.values.domain import Order, Origin, Values
from flake8_saveimage.values.dtypes import Ranks

LAYOUTS = frozenset({"CHW", "NCHW", "HWC", "NHWC"})
COLOURS = frozenset({"RGB", "BGR", "RGBA", "BGRA"})
# what a permutation of unknown axes is for
_CUSTOMARY = {
    (1, 2, 0): "HWC",
    (2, 0, 1): "CHW",
    (0, 2, 3, 1): "NHWC",
    (0, 3, 1, 2): "NCHW",
}
# one part of an index: an int, a slice of ints, `...`, None for a new axis, a list as a tuple;
# anything else is a string
Index: TypeAlias = object
ANY_INDEX = "any"


def unmoved(value: Values) -> Values:
    """Return the same values in another shape: dimensions may have come or gone."""
    return dataclasses.replace(without_orders(value), ranks=value.ranks | Ranks.TENSOR)


def without_orders(value: Values) -> Values:
    """Return a tensor of which the order of axes and channels is no longer known."""
    return dataclasses.replace(value, layout=None, channels=None)


def channels_first(value: Values) -> Values:
    """Return a tensor for a function that takes its last axes for height and width."""
    last = value.kind != "image" and value.layout is not None and value.layout.name[-1] == "C"
    return without_orders(value) if last else value


def with_layout(value: Values, layout: str | None, origin: Origin | None = None) -> Values:
    """Return an image with another order of axes; ``origin`` is what made it so."""
    if layout not in LAYOUTS:
        return dataclasses.replace(value, layout=None)
    if origin is None:
        origin = value.layout.origin if value.layout is not None else Origin(layout)
    return dataclasses.replace(value, layout=Order(layout, origin))


def image(value: Values, layout: str, channels: str, origin: Origin) -> Values:
    """Return values that are an image with the given orders."""
    return dataclasses.replace(
        value, layout=Order(layout, origin), channels=Order(channels, origin)
    )


def permuted(value: Values, axes: Sequence[int] | None, what: str) -> Values:
    """Return a tensor after ``permute(axes)``; ``None`` stands for axes that are not visible."""
    moved = dataclasses.replace(unmoved(value), channels=value.channels)
    if axes is None or sorted(axis % len(axes) for axis in axes) != list(range(len(axes))):
        return moved
    axes = tuple(axis % len(axes) for axis in axes)
    origin = Origin(f"{what}({', '.join(map(str, axes))})")
    if value.layout is None:
        customary = dataclasses.replace(origin, proof="assumed")
        return with_layout(moved, _CUSTOMARY.get(axes), customary)
    if len(value.layout.name) != len(axes):
        return moved
    origin = dataclasses.replace(origin, proof=value.layout.origin.proof)
    return with_layout(moved, "".join(value.layout.name[axis] for axis in axes), origin)


def swapped(value: Values, first: int | None, second: int | None, what: str) -> Values:
    """Return a tensor after two axes changed places."""
    axes = _positions(value)
    if first is None or second is None or not _inside(axes, first, second):
        return permuted(value, None, what)
    axes[first], axes[second] = axes[second], axes[first]
    return permuted(value, axes, what)


def moved_axis(value: Values, source: int | None, target: int | None, what: str) -> Values:
    """Return a tensor after one axis moved to another place."""
    axes = _positions(value)
    if source is None or target is None or not _inside(axes, source, target):
        return permuted(value, None, what)
    axis = axes.pop(source)
    axes.insert(target % (len(axes) + 1), axis)
    return permuted(value, axes, what)


def _positions(value: Values) -> list[int]:
    return list(range(len(value.layout.name))) if value.layout is not None else []


def _inside(axes: Sequence[int], *wanted: int) -> bool:
    return all(-len(axes) <= axis < len(axes) for axis in wanted)


def with_new_axis(value: Values, axis: int | None) -> Values:
    """Return a tensor with one more axis."""
    moved = dataclasses.replace(value, ranks=Ranks.DIMENSIONS)
    if value.layout is None or axis is None:
        return without_orders(moved)
    name = value.layout.name
    position = axis if axis >= 0 else axis + len(name) + 1
    return with_layout(moved, f"{name[:position]}N{name[position:]}")


def flipped(value: Values, axes: Sequence[int] | None) -> Values:
    """Return an image after some of its axes were reversed."""
    if value.layout is None or axes is None:
        return dataclasses.replace(value, channels=None)
    name = value.layout.name
    if not _inside(_positions(value), *axes):
        return unmoved(value)
    turned = sum(name[axis] == "C" for axis in axes) % 2
    if not turned or value.channels is None:
        return value
    return _with_channels(value, value.channels.name[::-1], "flip")


def swapped_colours(colours: str) -> str:
    """Return ``BGR`` for ``RGB`` and the other way round."""
    return colours[::-1]


def _with_channels(value: Values, channels: str, what: str) -> Values:
    """Return an image with another order of channels, as sure as the order before."""
    if value.channels is None or channels not in COLOURS:
        return dataclasses.replace(value, channels=None)
    origin = Origin(what, value.channels.origin.proof)
    return dataclasses.replace(value, channels=Order(channels, origin))


def joined(value: Values, axis: int | None) -> Values:
    """Return images after they were joined along an axis that they have."""
    if value.layout is None or axis is None or not _inside(_positions(value), axis):
        return without_orders(value)
    if value.layout.name[axis] == "C":
        return without_orders(value)
    return value


def indexed(value: Values, index: Sequence[Index]) -> Values:
    """Return the orders of ``value[index]``, on a value whose other facts are those of the part."""
    if value.layout is None:
        return dataclasses.replace(value, channels=None)
    spelt = _spelt_out(index, len(value.layout.name))
    if spelt is None:
        return without_orders(value)
    axes = iter(value.layout.name)
    letters = ""
    result = value
    for part in spelt:
        if part is None:
            letters += "N"
            continue
        letter = next(axes)
        if isinstance(part, int):
            continue
        if letter == "C":
            result = _with_channels_of(result, part)
        elif not isinstance(part, slice):
            result = without_orders(result)
        if result.layout is None:
            return without_orders(result)
        letters += letter
    if "C" not in letters:
        result = dataclasses.replace(result, channels=None)
    return with_layout(result, letters)


def _spelt_out(index: Sequence[Index], width: int) -> list[Index] | None:
    """Return an index with ``...`` replaced, so that it has a part for each axis."""
    taken = sum(part is not None and part is not ... for part in index)
    if taken > width or any(isinstance(part, str) for part in index):
        return None
    everything: list[Index] = [slice(None)] * (width - taken)
    result: list[Index] = []
    for part in index:
        result.extend(everything if part is ... else [part])
    return result if ... in index else [*result, *everything]


def _with_channels_of(value: Values, part: Index) -> Values:
    """Return an image after some of its channels were chosen."""
    name = value.channels.name if value.channels is not None else ""
    if part == slice(None):
        return value
    if part in (slice(None, 3), slice(0, 3)):
        return _with_channels(value, name[:3], "the first three channels")
    if part == slice(None, None, -1):
        return _with_channels(value, name[::-1], "reversed channels")
    if isinstance(part, tuple) and len(part) in (1, 3, 4):
        chosen = "".join(name[i] for i in part if -len(name) <= i < len(name))
        return _with_channels(value, chosen, "reordered channels")
    if part in (slice(None, 1), slice(0, 1)):
        return dataclasses.replace(value, channels=None)
    return without_orders(value)
