"""Values moved, selected, joined: what stays the same whatever the shape."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values import intervals
from flake8_saveimage.values.domain import (
    UNKNOWN,
    Abstract,
    Kind,
    Values,
    any_dtype,
    as_values,
    join_parts,
    number,
    numbers,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks, each, result_types
from flake8_saveimage.values.elementwise import operand_as, result_dtypes
from flake8_saveimage.values.intervals import Interval
from flake8_saveimage.values.layout import (
    channels_first,
    flipped,
    joined,
    moved_axis,
    permuted,
    swapped,
    unmoved,
    with_new_axis,
    without_orders,
)
from flake8_saveimage.values.operations import Operands, converted, operation, tensors_of


def reshaped_by_index(value: Values) -> Values:
    """Return what indexing or slicing a tensor gives: some of its values."""
    return unmoved(value) if value.kind != "number" else UNKNOWN


_SAME = """
    detach contiguous requires_grad_ data rename share_memory_ pin_memory
    resolve_conj positive retain_grad detach_ real roll to_dense resolve_neg
"""
_RESHAPED = """
    view reshape squeeze t T mT flatten unflatten expand repeat
    repeat_interleave tile narrow select index_select gather take masked_select chunk split unbind
    diagonal broadcast_to unfold take_along_dim squeeze_ unsqueeze_ transpose_ t_ hsplit
    vsplit tensor_split ravel atleast_1d atleast_2d atleast_3d adjoint
"""


@operation(f"{{torch Tensor}}.{{{_SAME}}}")
def same(a: Operands) -> Values:
    return a.values("input")


@operation("einops.rearrange", parameters="input pattern")
def rearranged(a: Operands) -> Values:
    """Follow patterns that only move axes; others split or merge them."""
    value = a.values("input")
    before, _, after = (a.text("pattern") or "").partition("->")
    names = before.split()
    if sorted(names) != sorted(after.split()) or "(" in before or "..." in names:
        return unmoved(value)
    return permuted(value, [names.index(name) for name in after.split()], a.name)


@operation("{torch Tensor}.{expand_as view_as reshape_as rot90}")
def same_rank(a: Operands) -> Values:
    return without_orders(a.values("input"))


@operation("{torch Tensor}.clone", "Tensor.{cpu cuda xpu mps}")
def copied(a: Operands) -> Values:
    value = a.values("input")
    return dataclasses.replace(value, marks=value.marks - {"part"})


@operation(f"{{torch Tensor}}.{{{_RESHAPED}}}", "einops.repeat")
@operation("torch.nn.functional.{pixel_shuffle pixel_unshuffle}")
def reshaped(a: Operands) -> Values:
    return unmoved(a.values("input"))


@operation("{torch Tensor}.permute", parameters="input dims")
def permute(a: Operands) -> Values:
    return permuted(a.values("input"), a.axes("dims"), "permute")


@operation("{torch Tensor}.{transpose swapaxes swapdims}", parameters="input dim0 dim1")
def transpose(a: Operands) -> Values:
    return swapped(a.values("input"), a.axis("dim0"), a.axis("dim1"), a.name)


@operation("{torch Tensor}.{movedim moveaxis}", parameters="input source destination")
def movedim(a: Operands) -> Values:
    return moved_axis(a.values("input"), a.axis("source"), a.axis("destination"), a.name)


@operation("{torch Tensor}.unsqueeze", parameters="input dim")
def unsqueeze(a: Operands) -> Values:
    return with_new_axis(a.values("input"), a.axis("dim"))


@operation("{torch Tensor}.flip", parameters="input dims")
def flip(a: Operands) -> Values:
    return flipped(a.values("input"), a.axes("dims"))


@operation("{torch Tensor}.{fliplr flipud}")
def flip_side(a: Operands) -> Values:
    return flipped(a.values("input"), [1 if a.name == "fliplr" else 0])


@operation("torch.nn.functional.pad", parameters="input pad mode value")
def pad(a: Operands) -> Values:
    value = channels_first(a.values("input"))
    widths = numbers(a.get("pad"))
    if widths is None or len(widths) > 4:  # beyond height and width
        value = without_orders(value)
    mode = a.text("mode")
    if mode is not None and mode != "constant":
        return value
    fill = as_values(a.get("value") or number(0.0))
    padded = converted(dataclasses.replace(fill, ranks=value.ranks), value.dtypes)
    return dataclasses.replace(value, interval=intervals.hull(value.interval, padded.interval))


@operation("torch.{cat concat concatenate}", parameters="tensors dim")
def cat(a: Operands) -> Values:
    return joined(_joined(a), a.axis("dim", 0))


@operation("torch.stack", parameters="tensors dim")
def stack(a: Operands) -> Values:
    return with_new_axis(_joined(a), a.axis("dim", 0))


@operation("torch.{hstack vstack dstack column_stack}", parameters="tensors")
def stack_along(a: Operands) -> Values:
    return joined(_joined(a), {"hstack": 1, "vstack": 0, "dstack": 2}.get(a.name))


def _joined(a: Operands) -> Values:
    sequence = tensors_of(a.get("tensors"))
    if sequence is None:
        whole = unmoved(as_values(a.get("tensors")))
        return dataclasses.replace(whole, kind="tensor", ranks=Ranks.DIMENSIONS)
    dtypes = result_types(tuple((v.dtypes, Ranks.DIMENSIONS) for v in sequence))
    return joined_values(sequence, dtypes, "tensor")


def joined_values(parts: list[Values], dtypes: DTypes, kind: Kind) -> Values:
    """Return what holds of parts put together in one tensor or array of the given dtypes."""
    result = join_parts([converted(part, part.dtypes) for part in parts])
    stored = converted(dataclasses.replace(result, dtypes=any_dtype(parts)), dtypes)
    return dataclasses.replace(
        stored, kind=kind, ranks=Ranks.DIMENSIONS, reach=result.reach, scale=result.scale
    )


@operation("torch.where", parameters="condition input other")
def where(a: Operands) -> Abstract:
    if "input" not in a:
        return UNKNOWN
    first, second = a.values("input"), a.values("other")
    return selected(first, second)


@operation("Tensor.where", parameters="input condition other")
def where_method(a: Operands) -> Abstract:
    return selected(a.values("input"), a.values("other"))


def selected(first: Values, second: Values, kind: Kind = "tensor") -> Values:
    """Return elements taken from either: the parts are there, but which ones is data."""
    dtypes = result_dtypes((first, second))
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
        kind=kind,
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
