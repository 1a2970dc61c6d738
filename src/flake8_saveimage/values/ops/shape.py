"""Values moved, selected, joined: what stays the same whatever the shape."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values import intervals
from flake8_saveimage.values.domain import (
    UNKNOWN,
    Abstract,
    Values,
    any_dtype,
    as_values,
    join_parts,
    number,
    operand_as,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks, each, result_types
from flake8_saveimage.values.intervals import Interval
from flake8_saveimage.values.operations import Operands, converted, operation, tensors_of


def unmoved(value: Values) -> Values:
    """Return the same values in another shape: dimensions may have come or gone."""
    return dataclasses.replace(value, ranks=value.ranks | Ranks.TENSOR)


def reshaped_by_index(value: Values) -> Values:
    """Return what indexing or slicing a tensor gives: some of its values."""
    return unmoved(value) if value.kind != "number" else UNKNOWN


_SAME = """
    detach contiguous expand_as requires_grad_ data rename share_memory_ pin_memory
    resolve_conj positive retain_grad detach_ real view_as reshape_as flip fliplr flipud rot90 roll
    to_dense numpy resolve_neg
"""
_RESHAPED = """
    view reshape permute transpose t T mT squeeze unsqueeze flatten unflatten expand repeat
    repeat_interleave tile narrow select index_select gather take masked_select chunk split unbind
    swapaxes swapdims movedim moveaxis diagonal broadcast_to unfold take_along_dim squeeze_
    unsqueeze_ transpose_ t_ hsplit vsplit tensor_split ravel atleast_1d atleast_2d atleast_3d
    adjoint
"""


@operation(f"{{torch Tensor}}.{{{_SAME}}}")
def same(a: Operands) -> Values:
    return a.values("input")


@operation("{torch Tensor}.clone", "Tensor.{cpu cuda xpu mps}")
def copied(a: Operands) -> Values:
    value = a.values("input")
    return dataclasses.replace(value, marks=value.marks - {"part"})


@operation(f"{{torch Tensor}}.{{{_RESHAPED}}}", "einops.{rearrange repeat}")
@operation("torch.nn.functional.{pixel_shuffle pixel_unshuffle}")
def reshaped(a: Operands) -> Values:
    return unmoved(a.values("input"))


@operation("torch.nn.functional.pad", parameters="input pad mode value")
def pad(a: Operands) -> Values:
    value = a.values("input")
    mode = a.text("mode")
    if mode is not None and mode != "constant":
        return value
    fill = as_values(a.get("value") or number(0.0))
    padded = converted(dataclasses.replace(fill, ranks=value.ranks), value.dtypes)
    return dataclasses.replace(value, interval=intervals.hull(value.interval, padded.interval))


@operation("torch.{cat stack concat concatenate}", parameters="tensors dim")
@operation("torch.{hstack vstack dstack column_stack}", parameters="tensors dim")
def cat(a: Operands) -> Values:
    sequence = tensors_of(a.get("tensors"))
    if sequence is None:
        whole = as_values(a.get("tensors"))
        return dataclasses.replace(whole, kind="tensor", ranks=Ranks.DIMENSIONS)
    dtypes = result_types(tuple((v.dtypes, Ranks.DIMENSIONS) for v in sequence))
    result = join_parts([converted(v, v.dtypes) for v in sequence])
    interval = converted(dataclasses.replace(result, dtypes=any_dtype(sequence)), dtypes)
    return dataclasses.replace(
        interval, kind="tensor", ranks=Ranks.DIMENSIONS, reach=result.reach, scale=result.scale
    )


@operation("torch.where", parameters="condition input other")
def where(a: Operands) -> Abstract:
    if "input" not in a:
        return UNKNOWN
    first, second = a.values("input"), a.values("other")
    return _selected(first, second)


@operation("Tensor.where", parameters="input condition other")
def where_method(a: Operands) -> Abstract:
    return _selected(a.values("input"), a.values("other"))


def _selected(first: Values, second: Values) -> Values:
    """Return elements taken from either: the parts are there, but which ones is data."""
    dtypes = result_types(((first.dtypes, first.ranks), (second.dtypes, second.ranks)))
    if dtypes & DTypes.DOUBLE and Ranks.NUMBER in (first.ranks, second.ranks):
        dtypes |= DTypes.FLOAT
    mixed = join_parts([first, second])
    interval = intervals.hull(first.interval, second.interval)
    result: Interval | None = None
    for dtype in each(dtypes):
        both = intervals.hull(operand_as(first, dtype), operand_as(second, dtype))
        result = both if result is None else intervals.hull(result, both)
    return dataclasses.replace(
        mixed,
        marks=first.marks | second.marks | {"masked"},
        interval=result or interval,
        dtypes=dtypes,
        kind="tensor",
        ranks=Ranks.TENSOR,
        reach=intervals.overlap(first.reach, second.reach),
        scale=(1.0, 0.0),
    )


@operation("masked_fill", parameters="input mask value")
def masked_fill(a: Operands) -> Values:
    value, fill = a.values("input"), a.values("value")
    stored = converted(fill, value.dtypes)
    interval, marks = intervals.hull(value.interval, stored.interval), value.marks | {"masked"}
    return dataclasses.replace(value, interval=interval, scale=(1.0, 0.0), marks=marks)


@operation("Tensor.copy_", parameters="input src")
def copy_(a: Operands) -> Values:
    value = a.values("src")
    return converted(value, a.values("input").dtypes)
