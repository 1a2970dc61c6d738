"""Interval arithmetic on the extended reals, rounded outward.

A span holds every value that can occur. An infinite bound means both "no bound known" and
"infinity itself may occur", so that what torch makes of infinities (NaN from inf - inf, 0 * inf,
inf / inf) is always covered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

INF = math.inf


@dataclass(frozen=True, slots=True)
class Span:
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


WHOLE = Span(-INF, INF, nan=True)
UNIT = Span(0.0, 1.0)


def hull(first: Span, second: Span) -> Span:
    """Return the smallest span that holds both."""
    return Span(min(first.low, second.low), max(first.high, second.high), first.nan or second.nan)


def overlap(first: Span | None, second: Span | None) -> Span | None:
    """Return the values that both hold, ``None`` where nothing is common."""
    if first is None or second is None:
        return None
    low, high = max(first.low, second.low), min(first.high, second.high)
    return Span(low, high, first.nan and second.nan) if low <= high else None


def limited(span: Span, low: float, high: float) -> Span:
    """Return the part of a span inside [low, high]; what lies beyond is moved to the edge."""
    return Span(min(max(span.low, low), high), max(min(span.high, high), low), span.nan)


def outward(low: float, high: float, nan: bool = False) -> Span:
    """Build a span from bounds computed in double precision, one step wider each."""
    if math.isnan(low) or math.isnan(high):
        return WHOLE
    return Span(
        low if low == 0 else math.nextafter(low, -INF),
        high if high == 0 else math.nextafter(high, INF),
        nan,
    )


def widened(span: Span, relative: float) -> Span:
    """Move each bound outward by a share of its own size; zero stays zero."""
    if relative == 0:
        return span
    return Span(
        span.low - abs(span.low) * relative if abs(span.low) < INF else span.low,
        span.high + abs(span.high) * relative if abs(span.high) < INF else span.high,
        span.nan,
    )


def add(first: Span, second: Span) -> Span:
    """Return the sums."""
    clash = (first.high == INF and second.low == -INF) or (first.low == -INF and second.high == INF)
    low = -INF if -INF in (first.low, second.low) else first.low + second.low
    high = INF if INF in (first.high, second.high) else first.high + second.high
    return outward(low, high, first.nan or second.nan or clash)


def negated(span: Span) -> Span:
    """Return the negatives."""
    return Span(-span.high, -span.low, span.nan)


def subtract(first: Span, second: Span) -> Span:
    """Return the differences."""
    return add(first, negated(second))


def multiply(first: Span, second: Span) -> Span:
    """Return the products; 0 * inf counts as NaN."""
    clash = (0.0 in first and not second.bounded) or (0.0 in second and not first.bounded)
    corners = [
        0.0 if a == 0 or b == 0 else a * b
        for a in (first.low, first.high)
        for b in (second.low, second.high)
    ]
    return outward(min(corners), max(corners), first.nan or second.nan or clash)


def divide(first: Span, second: Span) -> Span:
    """Return the quotients; dividing by a span that holds zero can give anything."""
    clash = not first.bounded and not second.bounded
    if 0.0 in second:
        return Span(-INF, INF, first.nan or second.nan or clash or 0.0 in first)
    corners = [
        0.0 if a == 0 or abs(b) == INF else a / b
        for a in (first.low, first.high)
        for b in (second.low, second.high)
    ]
    return outward(min(corners), max(corners), first.nan or second.nan or clash)


def increasing(function: Callable[[float], float], *, slack: float = 0.0) -> Callable[[Span], Span]:
    """Lift an increasing function to spans; ``slack`` is torch's own relative error in it.

    Where Python's function overflows, the value is infinite; where it is not defined (the
    logarithm of a negative number), torch gives NaN.
    """

    def lifted(span: Span) -> Span:
        low, low_bad = _evaluate(function, span.low)
        high, high_bad = _evaluate(function, span.high)
        if high_bad:
            return Span(-INF, INF, nan=True)
        nan = span.nan or low_bad
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


def absolute(span: Span) -> Span:
    """Return the absolute values."""
    if span.low >= 0:
        return span
    if span.high <= 0:
        return negated(span)
    return Span(0.0, max(-span.low, span.high), span.nan)


def power(base: Span, exponent: Span) -> Span:
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
