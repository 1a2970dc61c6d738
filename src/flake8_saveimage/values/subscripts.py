"""What ``value[index]`` stands for."""

from __future__ import annotations

import dataclasses

import libcst as cst

from flake8_saveimage.syntax.nodes import last_name
from flake8_saveimage.syntax.scopes import Place
from flake8_saveimage.values.context import Context
from flake8_saveimage.values.domain import (
    NOTHING,
    UNKNOWN,
    Abstract,
    Items,
    Literally,
    Values,
    constant,
    fresh,
    numbers,
)
from flake8_saveimage.values.elements import part
from flake8_saveimage.values.layout import ANY_INDEX, Index, indexed, unmoved
from flake8_saveimage.values.merging import any_object
from flake8_saveimage.values.objects import Frame, Table


def subscript(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    """Return an element, a part of a tensor or an entry of a dict."""
    assert isinstance(node, cst.Subscript)
    value = context.evaluate(node.value, place, frame)
    if isinstance(value, Values):
        return _part_of_tensor(value, node, context, place, frame)
    if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        index = context.evaluate(node.slice[0].slice.value, place, frame)
        if isinstance(value, Table) and isinstance(index, Literally):
            return value.entries.get(index.value, fresh(node))
        if isinstance(value, Table) and value.entries:
            return any_object(list(value.entries.values()))
        position = constant(index)
        return part(value, int(position) if position is not None else None)
    if isinstance(value, Items):
        return Items(value.parts, complete=False)
    return UNKNOWN


def _part_of_tensor(
    value: Values, node: cst.Subscript, context: Context, place: Place, frame: Frame
) -> Values:
    if value.kind == "number":
        return UNKNOWN
    found = unmoved(value)
    if value.layout is not None:
        index = [_index(element.slice, context, place, frame) for element in node.slice]
        orders = indexed(value, index)
        found = dataclasses.replace(found, layout=orders.layout, channels=orders.channels)
    if value.kind == "tensor" and _takes_part(node):
        return dataclasses.replace(found, marks=found.marks | {"part"})
    return found


def _index(element: cst.BaseSlice, context: Context, place: Place, frame: Frame) -> Index:
    """Return one part of an index as ``layout`` reads it."""

    def bound(node: cst.BaseExpression | None) -> int | str | None:
        if node is None:
            return None
        single = constant(context.evaluate(node, place, frame))
        return int(single) if single is not None else ANY_INDEX

    if isinstance(element, cst.Slice):
        return slice(bound(element.lower), bound(element.upper), bound(element.step))
    if not isinstance(element, cst.Index):
        return ANY_INDEX
    if isinstance(element.value, cst.Ellipsis):
        return ...
    value = context.evaluate(element.value, place, frame)
    if value == NOTHING or last_name(element.value) == "newaxis":
        return None
    if isinstance(value, Items):
        positions = numbers(value)
        return tuple(map(int, positions)) if positions is not None else ANY_INDEX
    single = constant(value)
    return int(single) if single is not None else ANY_INDEX


def _takes_part(node: cst.Subscript) -> bool:
    """Whether an index is basic (a view, not a copy) and leaves something out."""
    smaller = False
    for element in node.slice:
        index = element.slice
        if isinstance(index, cst.Slice):
            smaller = smaller or index.lower is not None or index.upper is not None
        elif isinstance(index, cst.Index) and isinstance(index.value, cst.Integer):
            smaller = True
        elif not (isinstance(index, cst.Index) and isinstance(index.value, cst.Ellipsis)):
            return False
    return smaller
