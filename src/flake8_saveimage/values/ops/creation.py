"""Tensors made of nothing: random numbers, constants, literals."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values import intervals
from flake8_saveimage.values.domain import (
    UNKNOWN,
    Abstract,
    Items,
    Origin,
    Values,
    as_values,
    join_parts,
    number,
    tensor,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks, within
from flake8_saveimage.values.elementwise import emit, pointwise
from flake8_saveimage.values.intervals import UNIT, Interval
from flake8_saveimage.values.operations import Operands, converted, operation
from flake8_saveimage.values.ops.conversion import TYPED_TENSORS

# |randn| cannot exceed sqrt(-2 ln 2**-53) = 8.6, the tail of Box-Muller on 53 bits; half rounds
NORMAL = Interval(-10.0, 10.0)
THREE_SIGMA = Interval(-3.0, 3.0)


def noise(dtypes: DTypes, what: str, ranks: Ranks = Ranks.TENSOR) -> Values:
    """Return normally distributed values: bounded by the generator, spread over three sigma."""
    return tensor(NORMAL, dtypes, reach=THREE_SIGMA, origin=Origin(what, "noise"), ranks=ranks)


def shape_ranks(a: Operands) -> Ranks:
    """Return the rank of a new tensor: sizes that are written out give it dimensions."""
    size = a.get("size")
    visible = size.parts if isinstance(size, Items) else (size,)
    if any(isinstance(part, Values) and part.kind == "number" for part in visible):
        return Ranks.DIMENSIONS
    return Ranks.TENSOR


@operation("torch.rand", parameters="size")
def rand(a: Operands) -> Values:
    return tensor(UNIT, a.dtypes(DTypes.FLOAT), ranks=shape_ranks(a))


@operation("torch.rand_like")
def rand_like(a: Operands) -> Values:
    value = a.values("input")
    return tensor(UNIT, a.dtypes(value.dtypes & DTypes.FLOATS), ranks=like_ranks(value))


def like_ranks(value: Values) -> Ranks:
    """Return the ranks of a tensor with the shape of another."""
    return value.ranks & Ranks.TENSOR or Ranks.TENSOR


@operation("torch.randn", parameters="size")
def randn(a: Operands) -> Values:
    if a.truth("requires_grad", False) is not False:
        # what is optimised does not stay noise
        return Values(dtypes=a.dtypes(DTypes.FLOAT), kind="tensor", ranks=shape_ranks(a))
    return noise(a.dtypes(DTypes.FLOAT), "randn", shape_ranks(a))


@operation("torch.randn_like")
def randn_like(a: Operands) -> Values:
    value = a.values("input")
    return noise(a.dtypes(value.dtypes & DTypes.FLOATS), "randn_like", like_ranks(value))


@operation("torch.normal", parameters="mean std")
def normal(a: Operands) -> Values:
    return _normal(a.values("mean"), a.values("std"), DTypes.ANY & DTypes.FLOATS, "normal")


@operation("Tensor.normal_", parameters="input mean std")
def normal_(a: Operands) -> Values:
    mean, std = a.get("mean") or number(0.0), a.get("std") or number(1.0)
    return _normal(as_values(mean), as_values(std), a.values("input").dtypes, "normal_")


def _normal(mean: Values, std: Values, dtypes: DTypes, what: str) -> Values:
    base = noise(DTypes.FLOATS, what)
    value = pointwise(
        lambda n, m, s: intervals.add(intervals.multiply(n, s), m), base, mean, std, dtypes=dtypes
    )
    return dataclasses.replace(value, origin=Origin(what, "noise"))


@operation("Tensor.uniform_", parameters="input from to")
def uniform_(a: Operands) -> Values:
    low, high = (as_values(a.get("from") or number(0)), as_values(a.get("to") or number(1)))
    if not a.complete:
        return dataclasses.replace(UNKNOWN, dtypes=a.values("input").dtypes)
    dtypes = a.values("input").dtypes & DTypes.FLOATS
    reach = intervals.hull(low.reach, high.reach) if low.reach and high.reach else None
    interval = emit(intervals.hull(low.interval, high.interval), dtypes)
    ranks = like_ranks(a.values("input"))
    return tensor(interval, dtypes, reach=reach, origin=Origin("uniform_"), ranks=ranks)


@operation("torch.randint", parameters="low high size")
def randint(a: Operands) -> Values:
    low, high = a.get("low"), a.get("high")
    if not isinstance(high, Values) or ("size" not in a and not a.rest and "high" not in a):
        low, high = number(0), low  # randint(high, size)
    dtypes = a.dtypes(DTypes.INT64)
    if not a.complete:
        return Values(dtypes=dtypes, kind="tensor", ranks=Ranks.TENSOR)
    return _integers(as_values(low), as_values(high), dtypes)


@operation("torch.randint_like", parameters="input low high")
def randint_like(a: Operands) -> Values:
    low, high = a.get("low"), a.get("high")
    if high is None:
        low, high = number(0), low
    return _integers(as_values(low), as_values(high), a.dtypes(a.values("input").dtypes))


def _integers(low: Values, high: Values, dtypes: DTypes) -> Values:
    # the upper end is exclusive, but float dtypes may round up to it
    top = (
        intervals.subtract(high.interval, Interval(1.0, 1.0))
        if not dtypes & DTypes.FLOATS
        else high.interval
    )
    interval = emit(intervals.hull(low.interval, top), dtypes)
    reach = interval if low.interval.point and high.interval.point else None
    return tensor(interval, dtypes, reach=reach, origin=Origin("randint"), ranks=Ranks.TENSOR)


@operation("{torch Tensor}.bernoulli", "Tensor.bernoulli_")
def bernoulli(a: Operands) -> Values:
    value = a.values("input")
    return tensor(UNIT, value.dtypes, ranks=like_ranks(value))


@operation("torch.{randperm arange}", parameters="start end step")
def counted(a: Operands) -> Values:
    given = [as_values(a.get(name)) for name in ("start", "end", "step") if a.get(name)]
    default = DTypes.INT64
    if any(v.dtypes & DTypes.FLOATS for v in given):
        default = DTypes.FLOAT if all(v.dtypes is DTypes.DOUBLE for v in given) else DTypes.ANY
        if any(within(v.dtypes, DTypes.FLOATS) for v in given):
            default = DTypes.FLOAT
    dtypes = a.dtypes(default)
    ends = [v.interval for v in given[:2]]
    if len(given) == 1:
        ends.append(Interval(0.0, 0.0))
    if not ends or not a.complete:
        return Values(dtypes=dtypes, kind="tensor", ranks=Ranks.DIMENSIONS)
    interval = intervals.hull(ends[0], ends[-1])
    return tensor(emit(interval, dtypes), dtypes, reach=None, known=False)


@operation("torch.linspace", parameters="start end steps")
def linspace(a: Operands) -> Values:
    start, end = a.values("start"), a.values("end")
    dtypes = a.dtypes(DTypes.FLOAT)
    reach = intervals.hull(start.reach, end.reach) if start.reach and end.reach else None
    interval = emit(intervals.hull(start.interval, end.interval), dtypes, slack=4)
    return tensor(interval, dtypes, reach=reach, known=reach is not None, origin=Origin("linspace"))


_FILLS = {"zeros": Interval(0.0, 0.0), "ones": Interval(1.0, 1.0)}


@operation("torch.{zeros ones}", parameters="size")
def filled(a: Operands, default: DTypes = DTypes.FLOAT) -> Values:
    return tensor(_FILLS[a.name], a.dtypes(default), ranks=shape_ranks(a))


@operation("torch.{zeros_like ones_like}")
def filled_like(a: Operands) -> Values:
    source = a.values("input")
    interval = _FILLS[a.name.removesuffix("_like")]
    return tensor(interval, a.dtypes(source.dtypes), ranks=like_ranks(source))


@operation("Tensor.{new_zeros new_ones}")
def new_filled(a: Operands) -> Values:
    interval = _FILLS[a.name.removeprefix("new_")]
    return tensor(interval, a.dtypes(a.values("input").dtypes), ranks=Ranks.TENSOR)


@operation("torch.eye", parameters="n m")
def eye(a: Operands) -> Values:
    return tensor(UNIT, a.dtypes(DTypes.FLOAT))


@operation("torch.full", parameters="size fill_value")
def full(a: Operands) -> Values:
    fill = a.values("fill_value")
    lifted = fill.dtypes & ~DTypes.DOUBLE | (
        DTypes.FLOAT if fill.dtypes & DTypes.DOUBLE else DTypes.NONE
    )
    if fill.ranks is not Ranks.NUMBER:
        lifted = DTypes.ANY
    return _full(fill, a.dtypes(lifted))


@operation("torch.full_like", parameters="input fill_value")
@operation("Tensor.new_full", parameters="input size fill_value")
def full_like(a: Operands) -> Values:
    return _full(a.values("fill_value"), a.dtypes(a.values("input").dtypes))


@operation("Tensor.fill_", parameters="input value")
def fill_(a: Operands) -> Values:
    return _full(a.values("value"), a.values("input").dtypes)


def _full(fill: Values, dtypes: DTypes) -> Values:
    value = converted(dataclasses.replace(fill, marks=frozenset()), dtypes)
    return dataclasses.replace(value, ranks=Ranks.TENSOR, kind="tensor")


@operation("Tensor.zero_")
def zero_(a: Operands) -> Values:
    return tensor(Interval(0.0, 0.0), a.values("input").dtypes, ranks=Ranks.TENSOR)


@operation("torch.empty", parameters="")
def empty(a: Operands) -> Values:
    return Values(
        dtypes=a.dtypes(DTypes.FLOAT), kind="tensor", ranks=Ranks.TENSOR, reach=None, known=False
    )


@operation("torch.empty_like", "Tensor.{new_empty new_tensor}")
def empty_like(a: Operands) -> Values:
    dtypes = a.dtypes(a.values("input").dtypes)
    return Values(dtypes=dtypes, kind="tensor", ranks=Ranks.TENSOR)


@operation(f"{{torch torch.cuda}}.{{{' '.join(TYPED_TENSORS)}}}", parameters="data")
def typed_tensor(a: Operands) -> Values:
    data, dtype = a.get("data"), TYPED_TENSORS[a.name]
    if isinstance(data, Items) and not a.rest:
        return _literal(data, dtype)
    return Values(dtypes=dtype, kind="tensor", ranks=Ranks.TENSOR)


@operation("torch.{tensor as_tensor asarray}", parameters="data")
def tensor_literal(a: Operands) -> Values:
    data = a.get("data")
    if not isinstance(data, Values | Items):
        return Values(dtypes=a.dtypes(DTypes.ANY), kind="tensor", ranks=Ranks.TENSOR)
    return _literal(data, a.dtypes(DTypes.NONE))


def _literal(data: Values | Items, dtypes: DTypes) -> Values:
    value = _flattened(data)
    lifted = value.dtypes
    if value.kind == "number":
        if value.dtypes & DTypes.DOUBLE:
            lifted = lifted & ~DTypes.DOUBLE | DTypes.FLOAT
        if isinstance(data, Items):
            # a list of mixed numbers gets the highest category of its parts
            highest = [d for d in (DTypes.FLOAT, DTypes.INT64, DTypes.BOOL) if d & lifted]
            lifted = highest[0] if highest else DTypes.ANY
    elif value.kind in ("unknown", "image"):
        lifted = DTypes.ANY
    result = converted(value, dtypes or lifted)
    single = value.interval.point
    return dataclasses.replace(
        result,
        kind="tensor",
        ranks=_literal_ranks(data),
        reach=result.reach if single or value.kind != "number" else None,
        marks=value.marks,
    )


def _literal_ranks(data: Values | Items) -> Ranks:
    if isinstance(data, Items):
        return Ranks.DIMENSIONS
    return Ranks.ZERO if data.ranks is Ranks.NUMBER else data.ranks & Ranks.TENSOR or Ranks.TENSOR


def _flattened(data: Abstract) -> Values:
    if isinstance(data, Items):
        if not data.parts or not data.complete:
            return dataclasses.replace(UNKNOWN, sources=frozenset())
        return join_parts([_flattened(part) for part in data.parts])
    return as_values(data)


@operation("torch.nn.{Parameter parameter.Parameter}", parameters="data")
def parameter(a: Operands) -> Values:
    """Training changes a parameter to anything."""
    dtypes = a.values("data").dtypes & DTypes.FLOATS
    origin = Origin("nn.Parameter", "unbounded")
    return Values(dtypes=dtypes or DTypes.FLOATS, kind="tensor", ranks=Ranks.TENSOR, origin=origin)


@operation("torch.{from_numpy autograd.Variable}", parameters="data")
def wrapped(a: Operands) -> Values:
    value = a.values("data")
    return dataclasses.replace(value, kind="tensor", ranks=value.ranks & Ranks.TENSOR)
