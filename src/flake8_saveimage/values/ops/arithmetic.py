"""Arithmetic element by element, clamping, rounding."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from flake8_saveimage.values import intervals
from flake8_saveimage.values.domain import (
    UNKNOWN,
    Origin,
    Values,
    as_values,
    constant,
    join,
    number,
    still_unbounded,
    without_bounds,
)
from flake8_saveimage.values.dtypes import DTypes, within
from flake8_saveimage.values.elementwise import emit, floating, kind_of, pointwise, result_dtypes
from flake8_saveimage.values.intervals import INF, UNIT, WHOLE, Interval
from flake8_saveimage.values.operations import Operands, operation
from flake8_saveimage.values.scaling import handled, rescaled

SIGNED = Interval(-1.0, 1.0)


def _exactly(function: Callable[..., float], *operands: Values) -> Values | None:
    """Compute with Python's own numbers where every operand is one."""
    given = [constant(v) for v in operands]
    if None in given:
        return None
    whole = all(within(v.dtypes, DTypes.INTEGERS | DTypes.BOOL) for v in operands)
    try:
        result = function(*(int(g) if whole else g for g in given if g is not None))
    except (ArithmeticError, ValueError, TypeError):
        return UNKNOWN
    return number(result) if isinstance(result, int | float) else UNKNOWN


@operation("add", parameters="input other")
def add(a: Operands) -> Values:
    return _with_alpha(a, 1) if "alpha" in a else plus(a.values("input"), a.values("other"), 1)


@operation("sub", "subtract", parameters="input other")
def sub(a: Operands) -> Values:
    return _with_alpha(a, -1) if "alpha" in a else plus(a.values("input"), a.values("other"), -1)


def _with_alpha(a: Operands, sign: int) -> Values:
    first, second, alpha = a.values("input"), a.values("other"), a.values("alpha")
    combine = intervals.add if sign == 1 else intervals.subtract
    dtypes = result_dtypes((first, second))
    return pointwise(
        lambda x, y, k: combine(x, intervals.multiply(y, k)), first, second, alpha, dtypes=dtypes
    )


@operation("torch.rsub", parameters="input other")
def rsub(a: Operands) -> Values:
    return plus(a.values("other"), a.values("input"), -1)


def plus(first: Values, second: Values, sign: int) -> Values:
    """Return first + second, or first - second where ``sign`` is -1."""
    exact = _exactly(lambda x, y: x + sign * y, first, second)
    if exact is not None:
        return exact
    result = pointwise(intervals.add if sign == 1 else intervals.subtract, first, second)
    shift, base = constant(second), constant(first)
    if shift is not None:
        return rescaled(_as_wide(result, first), first, 1.0, sign * shift)
    if base is not None:
        return rescaled(_as_wide(result, second), second, float(sign), base)
    if sign == 1 and first.marks | second.marks >= _UNDO:
        return handled(result)
    if sign == -1 and "mean" in second.marks:
        return dataclasses.replace(result, marks=result.marks | {"centred"})
    return _unbounded_sum(result, first, second, sign)


def _as_wide(result: Values, *operands: Values) -> Values:
    """Return the result of an operation that bounds nothing: one unbounded operand is enough."""
    found = [origin for value in operands if (origin := still_unbounded(value))]
    return without_bounds(result, found[0] if found else None)


def _unbounded_sum(result: Values, first: Values, second: Values, sign: int) -> Values:
    if still_unbounded(first) or still_unbounded(second):
        return _as_wide(result, first, second)
    noisy = _noisy(result, first, second)
    if noisy.unbounded:
        return noisy
    if sign == -1 and _may_be_negative(first, second):
        return without_bounds(result, Origin("a difference", "signed"))
    if (first.unbounded and second.known) or (second.unbounded and first.known):
        return dataclasses.replace(result, known=True)  # `x + (y - x)`
    return result


def _noisy(result: Values, *operands: Values) -> Values:
    """Return the result of an operation with noise that nothing bounds afterwards."""
    found = [v.origin for v in operands if v.origin is not None and v.origin.proof == "noise"]
    origin = Origin("added noise", "unbounded", found[0].node) if found else None
    return without_bounds(result, origin)


def _may_be_negative(first: Values, second: Values) -> bool:
    """Whether a difference is one of two images, or of an image and what was made of it."""
    if (first.marks | second.marks) & {"extremum", "mean", "std"} or second.kind == "number":
        return False
    if "masked" in second.marks:  # `x - x * mask`
        return False
    related = bool(first.sources & second.sources) or second.known
    return related and "tensor" in (first.kind, second.kind)


# marks of the two halves of x * std + mean
_UNDO = {"unscaled", "mean"}


@operation("mul", "multiply", parameters="input other")
def mul(a: Operands) -> Values:
    return times(a.values("input"), a.values("other"))


def times(first: Values, second: Values) -> Values:
    """Return the product."""
    exact = _exactly(lambda x, y: x * y, first, second)
    if exact is not None:
        return exact
    result = pointwise(intervals.multiply, first, second)
    for factor, operand in ((constant(second), first), (constant(first), second)):
        if factor is not None:
            scaled = without_bounds(result, operand.unbounded if factor else None)
            return rescaled(scaled, operand, factor, 0.0)
    result = _as_wide(_noisy(result, first, second), first, second)
    result = dataclasses.replace(result, marks=result.marks | {"masked"})
    if "std" in first.marks | second.marks:
        return dataclasses.replace(result, marks=result.marks | {"unscaled"})
    return result


@operation("div", "divide", "true_divide", parameters="input other")
def div(a: Operands) -> Values:
    mode = a.text("rounding_mode")
    if mode in ("floor", "trunc"):
        return floor_divide(a)
    if "rounding_mode" in a and a.get("rounding_mode") is not None:
        return UNKNOWN
    return quotient(a.values("input"), a.values("other"))


def quotient(first: Values, second: Values) -> Values:
    """Return the true quotient; integers give float32."""
    exact = _exactly(lambda x, y: x / y, first, second)
    if exact is not None:
        return exact
    # kernels multiply by a rounded reciprocal of a scalar: two roundings
    result = pointwise(
        intervals.divide, first, second, dtypes=_quotient_dtypes(first, second), slack=2
    )
    divisor = constant(second)
    if divisor:
        scaled = without_bounds(result, first.unbounded)
        return rescaled(scaled, first, 1.0 / divisor, 0.0)
    if "extremum" in second.marks:
        return dataclasses.replace(handled(result), marks=frozenset())
    if within(first.dtypes, DTypes.INTEGERS):
        return dataclasses.replace(result, known=True)  # labels / classes: scaled on purpose
    if "std" in second.marks and "centred" in first.marks:
        return standardised(result, "division by the standard deviation")
    return result


def standardised(result: Values, what: str) -> Values:
    """Return values that were brought to zero mean: out of [0, 1], by how much is not seen."""
    return dataclasses.replace(
        result, known=True, reach=Interval(-2.0, 2.0), origin=Origin(what, "assumed")
    )


def _quotient_dtypes(first: Values, second: Values) -> DTypes:
    """Return the dtypes of a true quotient: of integers, float32 in torch and float64 in NumPy."""
    promoted = result_dtypes((first, second))
    kind = kind_of((first, second))
    if promoted & ~DTypes.FLOATS and kind != "number":
        default = DTypes.FLOAT if kind == "tensor" else DTypes.DOUBLE
        both = DTypes.FLOAT | DTypes.DOUBLE
        promoted = promoted & DTypes.FLOATS | (both if kind == "unknown" else default)
    return promoted


@operation("floor_divide", parameters="input other")
def floor_divide(a: Operands) -> Values:
    first, second = a.values("input"), a.values("other")
    exact = _exactly(lambda x, y: x // y, first, second)
    if exact is not None:
        return exact

    def whole(x: Interval, y: Interval) -> Interval:
        result = intervals.divide(x, y)
        return Interval(_floor(result.low) - 1, _ceil(result.high), result.nan or not x.bounded)

    dtypes = without_bool(first, second)
    return dataclasses.replace(pointwise(whole, first, second, dtypes=dtypes), reach=None)


def without_bool(*operands: Values) -> DTypes:
    """Return the dtypes of an operation in which NumPy takes bools for int8."""
    dtypes = result_dtypes(operands)
    if dtypes & DTypes.BOOL and kind_of(operands) in ("array", "unknown"):
        return dtypes | DTypes.INT8
    return dtypes


@operation("remainder", "fmod", "numpy.mod", parameters="input other")
def remainder(a: Operands) -> Values:
    first, second = a.values("input"), a.values("other")
    exact = _exactly(lambda x, y: x % y, first, second)
    if exact is not None:
        return exact

    def modulo(x: Interval, y: Interval) -> Interval:
        size = max(abs(y.low), abs(y.high))
        return Interval(-size, size, nan=True)

    dtypes = without_bool(first, second)
    return dataclasses.replace(pointwise(modulo, first, second, dtypes=dtypes), reach=None)


@operation("pow", "numpy.power", parameters="input exponent")
def power(a: Operands) -> Values:
    first, second = a.values("input"), a.values("exponent")
    exact = _exactly(lambda x, y: x**y, first, second)
    if exact is not None:
        return exact
    dtypes = without_bool(first, second)
    squares = first.dtypes & DTypes.BOOL and second.dtypes & ~DTypes.FLOATS
    if squares and first.kind in ("array", "unknown"):
        dtypes |= DTypes.INT8  # NumPy squares bools as int8
    return pointwise(intervals.power, first, second, dtypes=dtypes, slack=8)


@operation("{torch Tensor numpy}.square", "Tensor.square_")
def square(a: Operands) -> Values:
    value = a.values("input")
    dtypes = value.dtypes
    if dtypes & DTypes.BOOL and dtypes != DTypes.ANY:
        lifted = DTypes.INT64 if value.kind == "tensor" else DTypes.INT64 | DTypes.INT8
        dtypes = dtypes & ~DTypes.BOOL | lifted
    return pointwise(lambda x: intervals.power(x, Interval(2.0, 2.0)), value, dtypes=dtypes)


@operation("neg", "negative")
def neg(a: Operands) -> Values:
    value = a.values("input")
    exact = _exactly(lambda x: -x, value)
    if exact is not None:
        return exact
    result = without_bounds(pointwise(intervals.negated, value, slack=0), value.unbounded)
    return rescaled(result, value, -1.0, 0.0)


@operation("lerp", parameters="input end weight")
def lerp(a: Operands) -> Values:
    first, second, weight = a.values("input"), a.values("end"), a.values("weight")
    return blend(first, second, weight)


def blend(first: Values, second: Values, weight: Values) -> Values:
    """Return ``first * (1 - weight) + second * weight`` (a mask, a mix of two images)."""
    mixed = join(first, second)
    dtypes = result_dtypes((first, second, weight))
    inside = weight.interval.low >= 0 and weight.interval.high <= 1
    interval = emit(mixed.interval, dtypes, slack=8) if inside and mixed.interval.bounded else WHOLE
    if interval is not WHOLE:
        slack = 4 * (mixed.interval.high - mixed.interval.low) * 2.0**-7
        interval = emit(Interval(interval.low - slack, interval.high + slack, interval.nan), dtypes)
    return dataclasses.replace(mixed, interval=interval, dtypes=dtypes, scale=(1.0, 0.0))


@operation("clamp", "clip", parameters="input min max")
def clamp(a: Operands) -> Values:
    low, high = a.get("min"), a.get("max")
    return clamped(
        a.values("input"),
        as_values(low) if low is not None else None,
        as_values(high) if high is not None else None,
        "clamp",
        complete=a.complete,
    )


@operation("clamp_min", parameters="input min")
def clamp_min(a: Operands) -> Values:
    return clamped(a.values("input"), a.values("min"), None, "clamp_min")


@operation("clamp_max", parameters="input max")
def clamp_max(a: Operands) -> Values:
    return clamped(a.values("input"), None, a.values("max"), "clamp_max")


def clamped(
    value: Values, low: Values | None, high: Values | None, what: str, complete: bool = True
) -> Values:
    """Return values moved into the bounds that are given.

    Two constant bounds also tell where the author means the values to be: an unknown value
    clamped to [-1, 1] is taken to fill it.
    """
    bounds = [b for b in (low, high) if b is not None]
    dtypes = result_dtypes((value, *bounds))

    def interval(x: Interval, *limits: Interval) -> Interval:
        given = iter(limits)
        if low is not None:
            x = _elementwise(max, x, next(given))
        return x if high is None else _elementwise(min, x, next(given))

    result = pointwise(interval, value, *bounds, dtypes=dtypes, slack=0)
    if value.kind != "tensor":  # NumPy ignores an integer bound that the dtype cannot hold
        for bound in bounds if _may_cross(low, high) else ():
            either = intervals.hull(result.interval, bound.interval)
            result = dataclasses.replace(result, interval=either)
    ends = (constant(low), constant(high))
    reach = result.reach
    origin = result.origin
    if not bounds:
        known = value.known or not complete
        reach = None
    else:
        known = True
        if ends[0] is not None and ends[1] is not None and ends[0] <= ends[1]:
            if value.reach is None:
                reach, origin = Interval(ends[0], ends[1]), Origin(what)
            elif reach is not None and reach != value.reach:
                origin = Origin(what)
    return dataclasses.replace(
        result, reach=reach, known=known, origin=origin, sources=value.sources, kind=value.kind
    )


def _may_cross(low: Values | None, high: Values | None) -> bool:
    """Whether the lower bound may lie above the upper one."""
    return low is not None and high is not None and low.interval.high > high.interval.low


def _elementwise(function: Callable[..., float], first: Interval, second: Interval) -> Interval:
    return Interval(
        function(first.low, second.low),
        function(first.high, second.high),
        first.nan or second.nan,
    )


@operation("maximum", "fmax", parameters="input other")
def maximum(a: Operands) -> Values:
    return _extreme_of(max, a.values("input"), a.values("other"))


@operation("minimum", "fmin", parameters="input other")
def minimum(a: Operands) -> Values:
    return _extreme_of(min, a.values("input"), a.values("other"))


def _extreme_of(function: Callable[..., float], first: Values, second: Values) -> Values:
    result = pointwise(lambda x, y: _elementwise(function, x, y), first, second, slack=0)
    return dataclasses.replace(result, reach=None, known=first.known or second.known)


@operation("abs", "absolute")
def absolute(a: Operands) -> Values:
    value = a.values("input")
    return pointwise(intervals.absolute, value, dtypes=value.dtypes, slack=0)


@operation("sign", "sgn")
def sign(a: Operands) -> Values:
    value = a.values("input")
    low = -1.0 if value.interval.low < 0 else 0.0
    high = 1.0 if value.interval.high > 0 else 0.0
    interval = Interval(
        low, high, value.interval.nan
    )  # the sign of NaN is 0, that of a uint8 0 or 1
    reach = SIGNED if value.reach is None or value.reach.low < 0 else UNIT
    return dataclasses.replace(
        value, interval=interval, reach=reach, known=True, origin=Origin("sign"), scale=(1.0, 0.0)
    )


def _floor(x: float) -> float:
    return x if abs(x) == INF else float(math.floor(x))


def _ceil(x: float) -> float:
    return x if abs(x) == INF else float(math.ceil(x))


_MOST_DECIMALS = 300
_ROUNDED = {
    "floor": (_floor, _floor),
    "ceil": (_ceil, _ceil),
    "round": (_floor, _ceil),
    "trunc": (_floor, _ceil),
    "fix": (_floor, _ceil),
    "rint": (_floor, _ceil),
    "around": (_floor, _ceil),
}


@operation(*_ROUNDED, parameters="input decimals")
def rounded(a: Operands) -> Values:
    low, high = _ROUNDED[a.name]
    value = a.values("input")
    dtypes = value.dtypes
    # NumPy rounds bools, and before version 2.1 integers, to floats
    kept = a.name in ("round", "around") and not dtypes & DTypes.BOOL
    if value.kind in ("array", "unknown") and not kept:
        dtypes |= floating(value)
    result = pointwise(lambda s: Interval(low(s.low), high(s.high), s.nan), value, dtypes=dtypes)
    if "decimals" in a or not a.complete:
        result = dataclasses.replace(result, interval=_with_decimals(result, a))
    reach = value.reach if result.reach is not None else None
    return dataclasses.replace(result, reach=reach)


def _with_decimals(value: Values, a: Operands) -> Interval:
    """Return the claim after rounding in powers of ten: a value times that power may overflow."""
    decimals = constant(a.get("decimals"))
    if decimals is None or not 0 <= decimals <= _MOST_DECIMALS:
        return WHOLE
    low, high = (bound * 10.0**decimals for bound in (value.interval.low, value.interval.high))
    return value.interval if emit(Interval(low, high), value.dtypes).bounded else WHOLE


@operation("frac")
def frac(a: Operands) -> Values:
    value = a.values("input")
    return dataclasses.replace(
        pointwise(
            lambda s: Interval(-1.0, 1.0, s.nan or not s.bounded), value, dtypes=value.dtypes
        ),
        reach=None,
    )


@operation("nan_to_num", parameters="input nan posinf neginf")
def nan_to_num(a: Operands) -> Values:
    value = a.values("input")
    fills = [as_values(a.get(name)).interval for name in ("nan", "posinf", "neginf") if a.get(name)]
    interval = intervals.hull(value.interval, Interval(0.0, 0.0))
    for fill in fills:
        interval = intervals.hull(interval, fill)
    return dataclasses.replace(
        value, interval=emit(Interval(interval.low, interval.high), value.dtypes, slack=0)
    )
