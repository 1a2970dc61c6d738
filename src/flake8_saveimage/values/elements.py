"""Parts of sequences and what iteration yields."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.syntax.arguments import Arguments
from flake8_saveimage.values.context import Context
from flake8_saveimage.values.domain import NOTHING, UNKNOWN, Abstract, Items, Several, Values
from flake8_saveimage.values.dtypes import Ranks
from flake8_saveimage.values.layout import with_new_axis
from flake8_saveimage.values.merging import merged, unwrapped
from flake8_saveimage.values.objects import (
    Chain,
    Dataset,
    Frame,
    Function,
    Instance,
    Loader,
    Sequential,
    Table,
)
from flake8_saveimage.values.ops.pillow import IMAGE
from flake8_saveimage.values.ops.shape import reshaped_by_index
from flake8_saveimage.values.ops.vision import apply_transform


def unpacked(value: Abstract, pattern: tuple[int, ...]) -> Abstract:
    """Return what unpacking assigns to the target at a position such as ``(1, 0)``."""
    for index in pattern:
        value = part(value, index)
    return value


def part(value: Abstract, index: int | None) -> Abstract:
    """Return one element of a sequence (or of a tensor, along its first dimension)."""
    if isinstance(value, Items):
        if index is not None and value.complete and -len(value.parts) <= index < 0:
            return unwrapped(value.parts[index])
        if index is not None and 0 <= index < len(value.parts):
            return unwrapped(value.parts[index])
        return any_part(value)
    if isinstance(value, Values):
        return reshaped_by_index(value)
    if isinstance(value, Sequential | Chain):
        steps = value.steps
        inside = index is not None and -len(steps) <= index < len(steps)
        return unwrapped(steps[index]) if inside and index is not None else UNKNOWN
    return UNKNOWN


def any_part(value: Items) -> Abstract:
    """Return what holds of each part of a sequence."""
    return merged([unwrapped(p) for p in value.parts]) if value.parts else UNKNOWN


def element(value: Abstract, context: Context, frame: Frame) -> Abstract:
    """Return what a loop over a value yields."""
    if isinstance(value, Items):
        return any_part(value)
    if isinstance(value, Several):
        return merged([element(part, context, frame) for part in value.parts])
    if isinstance(value, Loader):
        found = element(value.source, context, frame)
        return _batched(found, ("array",)) if value.collates else found
    if isinstance(value, Dataset):
        if value.transform is None or value.transform == NOTHING:
            return Items((UNKNOWN, UNKNOWN), complete=False)
        image = apply_transform(value.transform, IMAGE, context, frame)
        return Items((_batched(image), UNKNOWN), complete=False)
    if isinstance(value, Instance):
        method = value.frame.flow.method(value.scope, "__getitem__")
        if method is None:
            return UNKNOWN
        item = Function(method, value.frame, value)
        return _batched(context.invoke(item, Arguments((UNKNOWN,)), frame))
    return reshaped_by_index(value) if isinstance(value, Values) else UNKNOWN


def _batched(value: Abstract, kinds: tuple[str, ...] = ("tensor",)) -> Abstract:
    """Return samples of some kinds after a loader made a tensor of them."""
    if isinstance(value, Items):
        return Items(tuple(_batched(p, kinds) for p in value.parts), value.complete)
    if isinstance(value, Table):
        return Table({k: _batched(v, kinds) for k, v in value.entries.items()})
    if isinstance(value, Values) and value.kind in kinds:
        stacked = with_new_axis(value, 0)
        return dataclasses.replace(stacked, kind="tensor", ranks=Ranks.DIMENSIONS)
    return value
