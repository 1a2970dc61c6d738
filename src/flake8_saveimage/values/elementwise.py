"""What an elementwise function makes of abstract values: claim, reach, dtype and provenance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

from flake8_saveimage.values import intervals
from flake8_saveimage.values.domain import Kind, Order, Origin, Values
from flake8_saveimage.values.dtypes import (
    EPSILON,
    INTEGER_BOUNDS,
    DTypes,
    Ranks,
    each,
    result_types,
    round_to,
)
from flake8_saveimage.values.intervals import INF, WHOLE, Interval
from flake8_saveimage.values.numpy_promotion import floating_types, numpy_result_types


def cast(interval: Interval, source: DTypes, target: DTypes) -> Interval:
    """Return the interval after values of dtype ``source`` became ``target`` (a set of one).

    Integers wrap around and floats outside an integer's range are undefined, so either can become
    anything that the target holds. A value that already had the target's dtype stays what it is.
    """
    if target is DTypes.BOOL:
        if interval.low > 0 or interval.high < 0:
            return Interval(1.0, 1.0)
        return Interval(0.0, 0.0) if interval.point else Interval(0.0, 1.0)
    if target & DTypes.FLOATS:
        return Interval(
            round_to(interval.low, target), round_to(interval.high, target), interval.nan
        )
    least, most = INTEGER_BOUNDS[target]
    if interval.nan and source & DTypes.FLOATS:
        return Interval(least, most)
    low, high = (truncated(interval.low), truncated(interval.high))
    # 2**63 - 1 is no double: its neighbour 2**63 already stands for an overflow
    if low >= least and (high < most if target is DTypes.INT64 else high <= most):
        return Interval(low, high)
    if source is target and low <= most and high >= least:
        return Interval(max(low, least), min(high, most))
    return Interval(least, most)


def truncated(bound: float) -> float:
    """Round a bound toward zero, as a conversion to an integer does."""
    return float(int(bound)) if abs(bound) < 2.0**63 else bound


def emit(interval: Interval, dtypes: DTypes, *, slack: float = 1.0) -> Interval:
    """Return the interval of results that were computed as real numbers and stored as ``dtypes``.

    ``slack`` is the error of torch's kernel in units in the last place, beside the rounding.
    """
    result: Interval | None = None
    for dtype in each(dtypes):
        wide = intervals.widened(interval, slack * EPSILON[dtype]) if dtype in EPSILON else interval
        stored = cast(wide, DTypes.FLOAT, dtype)
        result = stored if result is None else intervals.hull(result, stored)
    return result if result is not None else WHOLE


IntervalFunction: TypeAlias = Callable[..., Interval]


def pointwise(
    function: IntervalFunction,
    *operands: Values,
    dtypes: DTypes | None = None,
    slack: float = 1.0,
) -> Values:
    """Apply an elementwise function of intervals: claim, reach, dtype and provenance of the result.

    ``dtypes`` are those of the result, by default what the operands promote to; every operand is
    converted to them first, as torch does.
    """
    if dtypes is None:
        dtypes = result_dtypes(operands)
    ranks = broadcast_ranks(operands)
    interval: Interval | None = None
    for dtype in each(dtypes):
        inputs = [operand_as(v, dtype) for v in operands]
        exact = ranks is Ranks.NUMBER and not dtype & DTypes.FLOATS
        value = function(*inputs)
        stored = value if exact else emit(value, dtype, slack=slack)
        interval = stored if interval is None else intervals.hull(interval, stored)
    if dtypes == DTypes.ANY and kind_of(operands) != "tensor":
        unsigned = [intervals.limited(v.interval, 0.0, INF) for v in operands]
        interval = _with_hidden_types(function(*unsigned), interval)
    reach = _reach(function, operands)
    if reach is not None and interval is not None and not dtypes & DTypes.FLOATS:
        wraps = reach.low < interval.low - 0.5 or reach.high > interval.high + 0.5
        reach = None if wraps else reach
    return Values(
        interval if interval is not None else WHOLE,
        dtypes,
        ranks,
        kind_of(operands),
        reach=reach,
        origin=_origin(operands) if reach else None,
        known=_known(operands),
        sources=frozenset().union(*(v.sources for v in operands)),
        marks=frozenset().union(*(v.marks for v in operands)) & STICKY,
        layout=_layout(operands),
        channels=_channels(operands),
        wrapped=next((v.wrapped for v in operands if v.wrapped), None),
    )


def _with_hidden_types(result: Interval, known: Interval | None) -> Interval:
    """Add what a result becomes that wraps around in unsigned integers of 16 bits or more."""
    fits = result.low >= 0.0 and result.high <= 65535.0
    wide = result if fits else Interval(0.0, 2.0**64)
    return intervals.hull(wide, known) if known is not None else wide


# marks that outlive arithmetic
STICKY = frozenset({"extremum", "given", "pending"})


def result_dtypes(operands: Sequence[Values]) -> DTypes:
    """Return the dtypes that operands promote to, by the rules of the library that they are of."""
    kinds = {v.kind for v in operands} - {"number"}
    pairs = tuple((v.dtypes, v.ranks) for v in operands)
    if kinds <= {"tensor"}:
        return result_types(pairs)
    found = DTypes.ANY
    if "array" not in kinds:
        found = result_types(pairs) | numpy_result_types(pairs)
    elif kinds == {"array"} and _numbers_fit(operands):
        found = numpy_result_types(pairs)
    hidden = any(v.dtypes == DTypes.ANY and v.kind != "tensor" for v in operands)
    return DTypes.ANY if hidden and found & DTypes.INTEGERS else found


def joined_dtypes(parts: Sequence[Values]) -> DTypes:
    """Return the dtypes of arrays that are put together, which promote whatever their rank."""
    return result_dtypes([dataclasses.replace(part, ranks=Ranks.DIMENSIONS) for part in parts])


def _numbers_fit(operands: Sequence[Values]) -> bool:
    """Whether Python's integers fit the integer dtypes that they meet: others raise or promote."""
    arrays = [d for v in operands if v.kind == "array" for d in each(v.dtypes & DTypes.INTEGERS)]
    numbers = [v.interval for v in operands if v.kind == "number" and not v.dtypes & DTypes.FLOATS]
    return all(
        INTEGER_BOUNDS[dtype][0] <= number.low and number.high <= INTEGER_BOUNDS[dtype][1]
        for dtype in arrays
        for number in numbers
    )


def floating(value: Values) -> DTypes:
    """Return the dtypes of a function of ``value`` whose results are never integers."""
    torch_types = value.dtypes
    if value.dtypes & ~DTypes.FLOATS:
        torch_types = value.dtypes & DTypes.FLOATS | DTypes.FLOAT
    if value.kind == "tensor":
        return torch_types
    if value.kind == "number":
        return DTypes.DOUBLE
    numpy_types = floating_types(value.dtypes)
    return numpy_types if value.kind == "array" else numpy_types | torch_types


def _layout(operands: Sequence[Values]) -> Order | None:
    """The one layout among the operands stays, for sure if no other one can bring more axes."""
    found = {v.layout.name: v.layout for v in operands if v.layout is not None}
    if len(found) != 1:
        return None
    (order,) = found.values()
    if all(v.layout is not None or not v.ranks & Ranks.DIMENSIONS for v in operands):
        return order
    return dataclasses.replace(order, origin=dataclasses.replace(order.origin, proof="assumed"))


def _channels(operands: Sequence[Values]) -> Order | None:
    """The order of channels stays where the other operands have none of their own."""
    found = {v.channels.name: v.channels for v in operands if v.channels is not None}
    others = [v for v in operands if v.channels is None]
    plain = all(v.kind == "number" or v.marks & {"mean", "std"} for v in others)
    return next(iter(found.values())) if len(found) == 1 and plain else None


def operand_as(value: Values, dtype: DTypes) -> Interval:
    """Return the interval of an operand once it has the dtype in which the operation computes.

    Scalars are converted to that dtype by some kernels and kept in higher precision by others:
    the interval holds both.
    """
    # a tensor with dimensions is never converted down: of its dtypes it has this one or a lesser
    own = value.ranks is Ranks.DIMENSIONS and bool(value.dtypes & dtype)
    converted = cast(value.interval, dtype if own else value.dtypes, dtype)
    if not dtype & DTypes.FLOATS:
        return converted
    return intervals.hull(converted, value.interval) if value.ranks & Ranks.NUMBER else converted


def broadcast_ranks(operands: Sequence[Values]) -> Ranks:
    """Return the possible ranks of a broadcast result: the highest among the operands."""
    result = operands[0].ranks
    for operand in operands[1:]:
        found = Ranks(0)
        for a in (1, 2, 4):
            for b in (1, 2, 4):
                if result & a and operand.ranks & b:
                    found |= Ranks(max(a, b))
        result = found
    return result


def kind_of(operands: Sequence[Values]) -> Kind:
    """Return the kind of a result: one tensor among the operands makes it a tensor."""
    kinds = {v.kind for v in operands}
    if "array" in kinds:  # of an array and a tensor, NumPy or torch decides
        return "array" if kinds <= {"array", "number"} else "unknown"
    for kind in ("tensor", "unknown", "image"):
        if kind in kinds:
            return kind
    return "number"


def independent(operands: Sequence[Values]) -> bool:
    """Whether no two operands depend on a common source."""
    total = sum(len(v.sources) for v in operands)
    return len(frozenset().union(*(v.sources for v in operands))) == total


def _reach(function: IntervalFunction, operands: Sequence[Values]) -> Interval | None:
    reaches = [v.reach for v in operands]
    if None in reaches or not independent(operands):
        return None
    result = function(*reaches)
    return result if result.bounded else None


def _origin(operands: Sequence[Values]) -> Origin | None:
    """The origin of a result is that of its least trivial operand: numbers have none."""
    found = [v.origin for v in operands if v.origin is not None]
    noisy = [o for o in found if o.proof != "exact"]
    chosen = noisy or found
    return chosen[0] if chosen else None


def _known(operands: Sequence[Values]) -> bool:
    """A result is known where one operand that is no mere number is, and all others are."""
    tensors = [v for v in operands if v.kind != "number"]
    return all(v.known for v in tensors) if tensors else True
