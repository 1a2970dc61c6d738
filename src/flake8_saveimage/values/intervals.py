"""Interval arithmetic on the extended reals, rounded outward.

A interval holds every value that can occur. An infinite bound means both "no bound known" and
"infinity itself may occur", so that what torch makes of infinities (NaN from inf - inf, 0 * inf,
inf / inf) is always covered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

INF = math.inf


@dataclass(frozen=True, slots=True)
class Interval:
    """The closed interval [low, high], and NaN where ``nan`` says so."""

    low: float
    high: float
    nan: bool = False

    def __contains__(self, value: float) -> bool:
        return self.nan if math.isnan(value) else self.low <= value <= self.high

    @property
    def bounded(self) -> bool:
        """Whether both bounds are finite."""
        return self.low > -INF and self.high < INF

    @property
    def point(self) -> bool:
        """Whether exactly one value is possible."""
        return self.low == self.high and not self.nan


WHOLE = Interval(-INF, INF, nan=True)
UNIT = Interval(0.0, 1.0)


def hull(first: Interval, second: Interval) -> Interval:
    """Return the smallest interval that holds both."""
    return Interval(
        min(first.low, second.low), max(first.high, second.high), first.nan or second.nan
    )


def overlap(first: Interval | None, second: Interval | None) -> Interval | None:
    """Return the values that both hold, ``None`` where nothing is common."""
    if first is None or second is None:
        return None
    low, high = max(first.low, second.low), min(first.high, second.high)
    return Interval(low, high, first.nan and second.nan) if low <= high else None


def limited(interval: Interval, low: float, high: float) -> Interval:
    """Return the part of an interval inside [low, high]; what lies beyond is moved to the edge."""
    return Interval(
        min(max(interval.low, low), high), max(min(interval.high, high), low), interval.nan
    )


def outward(low: float, high: float, nan: bool = False) -> Interval:
    """Build an interval from bounds computed in double precision, one step wider each."""
    if math.isnan(low) or math.isnan(high):
        return WHOLE
    return Interval(
        low if low == 0 else math.nextafter(low, -INF),
        high if high == 0 else math.nextafter(high, INF),
        nan,
    )


def widened(interval: Interval, relative: float) -> Interval:
    """Move each bound outward by a share of its own size; zero stays zero."""
    if relative == 0:
        return interval
    return Interval(
        interval.low - abs(interval.low) * relative if abs(interval.low) < INF else interval.low,
        interval.high + abs(interval.high) * relative
        if abs(interval.high) < INF
        else interval.high,
        interval.nan,
    )


def add(first: Interval, second: Interval) -> Interval:
    """Return the sums."""
    clash = (first.high == INF and second.low == -INF) or (first.low == -INF and second.high == INF)
    low = -INF if -INF in (first.low, second.low) else first.low + second.low
    high = INF if INF in (first.high, second.high) else first.high + second.high
    return outward(low, high, first.nan or second.nan or clash)


def negated(interval: Interval) -> Interval:
    """Return the negatives."""
    return Interval(-interval.high, -interval.low, interval.nan)


def subtract(first: Interval, second: Interval) -> Interval:
    """Return the differences."""
    return add(first, negated(second))


def multiply(first: Interval, second: Interval) -> Interval:
    """Return the products; 0 * inf counts as NaN."""
    clash = (0.0 in first and not second.bounded) or (0.0 in second and not first.bounded)
    corners = [
        0.0 if a == 0 or b == 0 else a * b
        for a in (first.low, first.high)
        for b in (second.low, second.high)
    ]
    return outward(min(corners), max(corners), first.nan or second.nan or clash)


def divide(first: Interval, second: Interval) -> Interval:
    """Return the quotients; dividing by an interval that holds zero can give anything."""
    clash = not first.bounded and not second.bounded
    if 0.0 in second:
        return Interval(-INF, INF, first.nan or second.nan or clash or 0.0 in first)
    corners = [
        0.0 if a == 0 or abs(b) == INF else a / b
        for a in (first.low, first.high)
        for b in (second.low, second.high)
    ]
    return outward(min(corners), max(corners), first.nan or second.nan or clash)


def increasing(
    function: Callable[[float], float], *, slack: float = 0.0
) -> Callable[[Interval], Interval]:
    """Lift an increasing function to intervals; ``slack`` is torch's own relative error in it.

    Where Python's function overflows, the value is infinite; where it is not defined (the
    logarithm of a negative number), torch gives NaN.
    """

    def lifted(interval: Interval) -> Interval:
        low, low_bad = _evaluate(function, interval.low)
        high, high_bad = _evaluate(function, interval.high)
        if high_bad:
            return Interval(-INF, INF, nan=True)
        nan = interval.nan or low_bad
        return widened(outward(-INF if low_bad else low, high, nan), slack)

    return lifted


def _evaluate(function: Callable[[float], float], x: float) -> tuple[float, bool]:
    try:
        result = function(x)
    except OverflowError:
        return math.copysign(INF, x), False
    except ValueError:
        return 0.0, True
    return result, math.isnan(result)


def absolute(interval: Interval) -> Interval:
    """Return the absolute values."""
    if interval.low >= 0:
        return interval
    if interval.high <= 0:
        return negated(interval)
    return Interval(0.0, max(-interval.low, interval.high), interval.nan)


def power(base: Interval, exponent: Interval) -> Interval:
    """Return the powers: exact bounds for whole positive exponents and non-negative bases."""
    if exponent.point and 0 < exponent.low <= 16 and exponent.low.is_integer():
        n = int(exponent.low)
        source = absolute(base) if n % 2 == 0 else base
        return increasing(lambda x: x**n, slack=2e-16 * n)(source)
    if base.low >= 0 and exponent.low >= 0 and exponent.bounded:
        ends = [
            _evaluate(lambda x, e=e: math.pow(x, e), x)[0]  # type: ignore[misc]
            for x in (base.low, base.high)
            for e in (exponent.low, exponent.high)
        ]
        # x**e is monotone in each argument on each side of x = 1, where all powers meet
        if base.low <= 1 <= base.high:
            ends.append(1.0)
        return widened(outward(min(ends), max(ends), base.nan or exponent.nan), 4e-16)
    return WHOLE
