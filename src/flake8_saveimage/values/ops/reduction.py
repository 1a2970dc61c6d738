"""Comparisons, reductions, order."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values import intervals
from flake8_saveimage.values.domain import (
    UNKNOWN,
    Abstract,
    Items,
    Values,
    join,
    still_unbounded,
    tensor,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks, within
from flake8_saveimage.values.elementwise import emit, floating, result_dtypes
from flake8_saveimage.values.intervals import INF, UNIT, WHOLE, Interval
from flake8_saveimage.values.layout import unmoved
from flake8_saveimage.values.operations import Operands, converted, operation


@operation("{torch Tensor}.{eq ne lt le gt ge isnan isinf isfinite}")
@operation("{torch Tensor}.{logical_and logical_or logical_not}", "torch.{isclose logical_xor}")
def comparison(a: Operands) -> Values:
    value = a.values("input")
    return tensor(UNIT, DTypes.BOOL, ranks=Ranks.TENSOR, sources=value.sources)


@operation("{torch Tensor}.{argmax argmin argsort nonzero multinomial}", "torch.bincount")
def index(a: Operands) -> Values:
    interval = Interval(0.0, 2.0**63)
    return tensor(interval, DTypes.INT64, reach=None, ranks=Ranks.TENSOR)


@operation("torch.histc")
def histc(a: Operands) -> Values:
    return UNKNOWN


@operation("torch.nn.functional.one_hot")
def one_hot(a: Operands) -> Values:
    return tensor(UNIT, DTypes.INT64)


# --- reductions -----------------------------------------------------------------------------


def reduced(a: Operands, value: Values, interval: Interval, dtypes: DTypes) -> Values:
    """Return a reduction of ``value``: what it reaches depends on the data."""
    whole = "dim" not in a and a.complete
    return dataclasses.replace(
        value,
        interval=interval,
        dtypes=dtypes,
        ranks=Ranks.ZERO if whole else Ranks.TENSOR,
        reach=None,
        origin=still_unbounded(value),
        scale=(1.0, 0.0),
        layout=None,
        channels=None,
    )


def _averaged(value: Values) -> DTypes:
    """Return the dtypes of a mean: NumPy takes float64 for integers, which torch refuses."""
    floats = value.dtypes & DTypes.FLOATS
    if value.kind == "array" and value.dtypes & ~DTypes.FLOATS:
        return floats | DTypes.DOUBLE
    default = DTypes.FLOAT if value.kind == "tensor" else DTypes.FLOAT | DTypes.DOUBLE
    return floats or default


@operation("{torch Tensor numpy ndarray}.mean", "torch.nanmean", parameters="input dim keepdim")
@operation("numpy.{average nanmean}", parameters="input dim keepdim")
def mean(a: Operands) -> Values:
    value = a.values("input")
    dtypes = a.dtypes(_averaged(value))
    # sums lose some digits before they are divided, and overflow; the mean of nothing is NaN
    huge = max(abs(value.interval.low), abs(value.interval.high)) > 1e30
    lost = 1e-4 if value.kind == "tensor" else 1e-2  # NumPy adds one by one along some axes
    interval = WHOLE if huge else emit(intervals.widened(value.interval, lost), dtypes)
    result = reduced(a, value, dataclasses.replace(interval, nan=True), dtypes)
    return dataclasses.replace(result, marks=result.marks | {"mean"})


@operation("{torch Tensor numpy ndarray}.{sum cumsum nansum}", parameters="input dim keepdim")
def total(a: Operands) -> Values:
    value = a.values("input")
    summed = value.dtypes & DTypes.FLOATS
    if value.dtypes & ~DTypes.FLOATS:  # NumPy sums bytes in uint64
        summed = summed | DTypes.INT64 if value.kind == "tensor" else DTypes.ANY
    dtypes = a.dtypes(summed)
    huge = max(abs(value.interval.low), abs(value.interval.high)) > 2.0**31
    signed = Interval(
        0.0 if value.interval.low >= 0 else -INF,
        0.0 if value.interval.high <= 0 else INF,
        value.interval.nan or value.interval.low < 0 < value.interval.high,
    )
    if within(dtypes, DTypes.INT64) and not huge:
        low, high = max(signed.low, -(2.0**63)), min(signed.high, 2.0**63)
        return reduced(a, value, Interval(low, high), dtypes)
    # without a dtype, integers are summed in 64 bits
    return reduced(a, value, emit(signed, dtypes) if huge or "dtype" in a else signed, dtypes)


@operation("{torch Tensor numpy ndarray}.std", parameters="input dim unbiased keepdim")
def std(a: Operands) -> Values:
    result = _spread(a)
    return dataclasses.replace(result, marks=result.marks | {"std"})


@operation("{torch Tensor numpy ndarray}.var", parameters="input dim unbiased keepdim")
def _spread(a: Operands) -> Values:
    value = a.values("input")
    return reduced(a, value, Interval(0.0, INF, nan=True), _averaged(value))


@operation("{torch Tensor torch.linalg numpy.linalg}.norm", parameters="input p dim")
def norm(a: Operands) -> Values:
    value = a.values("input")
    result = reduced(a, value, Interval(0.0, INF, nan=True), floating(value))
    return dataclasses.replace(result, marks=result.marks | {"extremum"}, ranks=Ranks.TENSOR)


@operation("{torch Tensor numpy}.{amax amin}", parameters="input dim keepdim")
@operation("{torch Tensor}.quantile", parameters="input dim keepdim")
@operation("numpy.{max min nanmax nanmin}", "ndarray.{max min}", parameters="input dim keepdim")
def extremum(a: Operands) -> Values:
    value = a.values("input")
    result = reduced(a, value, value.interval, value.dtypes)
    return dataclasses.replace(result, marks=result.marks | {"extremum"}, ranks=Ranks.TENSOR)


@operation("{torch Tensor}.{max min median}", parameters="input dim keepdim")
def max_or_min(a: Operands) -> Abstract:
    other = a.get("dim") or a.get("other")
    if isinstance(other, Values) and other.kind != "number":
        return _extreme_of_either(a.values("input"), other)
    found = dataclasses.replace(extremum(a), known=a.values("input").known)
    if other is None and a.complete:
        return found
    if a.values("input").kind == "unknown" and "axis" in a:  # an array, or values and places
        either = join(found, dataclasses.replace(index(a), marks=found.marks))
        return dataclasses.replace(either, known=found.known)
    return Items((found, index(a))) if a.complete else UNKNOWN


def _extreme_of_either(first: Values, second: Values) -> Values:
    mixed = join(first, second)
    dtypes = result_dtypes((first, second))
    return dataclasses.replace(converted(mixed, dtypes), reach=None, scale=(1.0, 0.0))


@operation("{torch Tensor}.{sort topk}", parameters="input k dim")
def sort(a: Operands) -> Abstract:
    return Items((unmoved(a.values("input")), index(a)))


@operation("numpy.{median percentile quantile}", parameters="input q dim")
def interpolated(a: Operands) -> Values:
    result = mean(a)
    dtypes = _averaged(a.values("input")) | DTypes.DOUBLE
    marks = result.marks - {"mean"} | {"extremum"}
    return dataclasses.replace(result, dtypes=dtypes, marks=marks, ranks=Ranks.TENSOR)
