"""The abstract value: which numbers and dtypes a tensor expression can hold, and how it is known.

Two intervals travel together. ``interval`` is the sound claim: every value lies in it. ``reach`` is
what the code visibly produces: the ends of a tanh, three standard deviations of ``randn``, images
after ``Normalize``. A claim alone says nothing (everything lies in [-inf, inf]); values are called
out of range only where the reach leaves [0, 1].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from flake8_saveimage.values import intervals
from flake8_saveimage.values.dtypes import (
    DTypes,
    Ranks,
    union,
)
from flake8_saveimage.values.intervals import WHOLE, Interval

Kind = Literal["tensor", "array", "number", "image", "unknown"]
# exact: value_range=reach undoes it; channels: each channel was shifted by its own constants;
# noise: no bounds, only a spread; assumed: out of range, by how much is not visible; unbounded: no
# reach, since nothing bounds the results; signed: the same of a difference, which ``abs`` undoes
Proof = Literal["exact", "channels", "noise", "assumed", "unbounded", "signed"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What put the values where they are: an operation by its name, and the node it stands at.

    ``owner`` is the model, or its method, whose last operation this is.
    """

    what: str
    proof: Proof = "exact"
    node: object = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """The order of axes (``CHW``, ``NCHW``, ``HWC``, ``NHWC``) or of channels (``RGB``, ``BGRA``).

    It holds if there is a channel axis at all: a grey image may be two-dimensional. ``origin`` says
    what made it so; its proof is ``"assumed"`` where the code only suggests the order.
    """

    name: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A conversion to uint8 of values that lie outside of [0, 255].

    ``reach`` is what it got and ``source`` what put the values there; ``origin`` is the conversion.
    """

    reach: Interval
    origin: Origin
    source: Origin | None


@dataclass(frozen=True, slots=True)
class Values:
    """What is known of one expression.

    ``known`` says that the code shows or handles the range (a helper called ``denorm`` does, an
    unknown call does not). ``scale`` is ``(a, b)`` where the value is ``a * x + b`` for some
    earlier ``x``; ``sources`` are the draws and inputs that it depends on (two values are
    independent only if these are disjoint); ``marks`` remember roles such as "extremum", or that
    the values are those that a caller passes ("given"). ``layout`` and ``channels`` are the orders
    of axes and of channels, ``wrapped`` is the conversion in which values wrapped around.
    """

    interval: Interval = WHOLE
    dtypes: DTypes = DTypes.ANY
    ranks: Ranks = Ranks.ANY
    kind: Kind = "unknown"
    reach: Interval | None = None
    origin: Origin | None = None
    known: bool = False
    scale: tuple[float, float] = (1.0, 0.0)
    sources: frozenset[object] = frozenset()
    marks: frozenset[str] = frozenset()
    layout: Order | None = None
    channels: Order | None = None
    wrapped: Wrapped | None = None

    @property
    def unbounded(self) -> Origin | None:
        """What makes the values unbounded, where the code shows that."""
        origin = self.origin
        if origin is None or self.known or origin.proof not in ("unbounded", "signed"):
            return None
        return origin


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple, list or other sequence.

    ``complete`` is false if it may be longer or shorter; its elements are still like ``parts``.
    """

    parts: tuple[Abstract, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Literally:
    """A constant that is no number: ``None``, a string."""

    value: object


class Thing:
    """Base of the objects that are neither tensors nor constants: transforms, modules, loaders."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Perhaps(Thing):
    """A part of a list that was added under a condition or in a loop (``looped``)."""

    part: Abstract
    looped: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Several(Thing):
    """One of several objects: which one is not visible."""

    parts: tuple[Abstract, ...]


Abstract: TypeAlias = Values | Items | Literally | DTypes | Thing

UNKNOWN = Values()
NOTHING = Literally(None)


# What a function is given where its calls are in other files, which are judged on their own.
GIVEN = Values(marks=frozenset({"given"}))


def fresh(node: object, *makers: Abstract) -> Values:
    """Return a value of which nothing is known but where it comes from.

    What a caller's object (one of ``makers``) makes is the caller's as well.
    """
    given = any(isinstance(maker, Values) and "given" in maker.marks for maker in makers)
    return Values(sources=frozenset({id(node)}), marks=GIVEN.marks if given else frozenset())


def passed_on(value: Values) -> Values:
    """Return values from unseen code that only moves them: nothing is claimed of the numbers."""
    marks, known = value.marks & GIVEN.marks, is_in_range(value)
    return Values(origin=value.unbounded, known=known, sources=value.sources, marks=marks)


def parts_of(value: Abstract) -> tuple[Abstract, ...]:
    """Return the parts of a sequence; anything else is its own only part."""
    return value.parts if isinstance(value, Items) else (value,)


def tensor(interval: Interval, dtypes: DTypes, **more: object) -> Values:
    """Build a tensor (with dimensions) whose range the code shows."""
    fields: dict[str, object] = {
        "kind": "tensor",
        "ranks": Ranks.DIMENSIONS,
        "reach": interval,
        "known": True,
    }
    return Values(interval, dtypes, **{**fields, **more})  # type: ignore[arg-type]


def number(value: float | bool) -> Values:
    """Build a Python number that is known exactly."""
    dtype = (
        DTypes.BOOL
        if isinstance(value, bool)
        else DTypes.INT64
        if isinstance(value, int)
        else DTypes.DOUBLE
    )
    if isinstance(value, int) and abs(value) > 2**53:
        interval = intervals.outward(float(value), float(value)) if abs(value) < 2**1000 else WHOLE
    else:
        interval = Interval(float(value), float(value), nan=value != value)
    return Values(interval, dtype, Ranks.NUMBER, "number", reach=interval, known=True)


def constant(value: Abstract | None) -> float | None:
    """Return the one number that a value is, ``None`` if it is not known exactly."""
    if isinstance(value, Values) and value.ranks is Ranks.NUMBER and value.interval.point:
        return value.interval.low
    return None


def numbers(value: Abstract | None) -> list[float] | None:
    """Return the constants of a sequence (or a single constant) as a list."""
    if isinstance(value, Items) and value.complete:
        found = [constant(part) for part in value.parts]
        return [c for c in found if c is not None] if found and None not in found else None
    single = constant(value)
    return None if single is None else [single]


def truth(value: Abstract | None, default: bool | None) -> bool | None:
    """Return the truth of a flag: ``default`` where it is not given, ``None`` where unknown."""
    if value is None:
        return default
    if isinstance(value, Literally):
        return bool(value.value)
    single = constant(value)
    return None if single is None else bool(single)


def as_values(value: Abstract | None) -> Values:
    """Return a value as a tensor-like one; whatever is not numeric is unknown."""
    if isinstance(value, Values):
        return value
    if isinstance(value, Items) and value.parts:
        return join_parts([as_values(part) for part in value.parts])
    if isinstance(value, Perhaps):
        return as_values(value.part)
    return UNKNOWN


def join(first: Values, second: Values) -> Values:
    """Return what holds of either value, where branches or definitions meet.

    Only what both reach is reached for sure. One of them being handled is enough not to claim that
    nothing handles the range; that one is known to be out of range says nothing of the other.
    """
    if first == second:
        return first
    reach = intervals.overlap(first.reach, second.reach)
    return Values(
        intervals.hull(first.interval, second.interval),
        first.dtypes | second.dtypes,
        first.ranks | second.ranks,
        first.kind if first.kind == second.kind else "unknown",
        reach,
        first.origin or second.origin if reach else _unbounded_either_way(first, second),
        (first.known and second.known) or is_in_range(first) or is_in_range(second),
        first.scale if first.scale == second.scale else (1.0, 0.0),
        first.sources | second.sources,
        first.marks & second.marks,
        same_order(first.layout, second.layout),
        same_order(first.channels, second.channels),
        first.wrapped if second.wrapped else None,
    )


def same_order(first: Order | None, second: Order | None) -> Order | None:
    """Return the order that both have."""
    return first if first and second and first.name == second.name else None


def _unbounded_either_way(first: Values, second: Values) -> Origin | None:
    """Return why values are unbounded where two definitions meet: neither may be in range."""
    for value, other in ((first, second), (second, first)):
        outside = other.unbounded or excess(other.reach) > 0 or "pending" in other.marks
        if value.unbounded and outside:
            return value.origin
    return None


def is_in_range(value: Values) -> bool:
    """Whether the code shows or handles the range and does not leave [0, 1]."""
    return value.known and excess(value.reach) <= 0


def is_shown_in_range(value: Abstract) -> bool:
    """Whether a value is one that the code brings to [0, 1], and no mere number."""
    return isinstance(value, Values) and value.kind != "number" and is_in_range(value)


def join_parts(parts: Sequence[Values]) -> Values:
    """Return what holds of a tensor put together from parts: every part is really in it."""
    result = parts[0] if parts else UNKNOWN
    for part in parts[1:]:
        outer = wider(result, part)
        reach = (
            intervals.hull(result.reach, part.reach)
            if result.reach and part.reach
            else result.reach or part.reach
        )
        joined = join(result, part)
        known, origin = result.known or part.known, outer.origin
        beyond = still_unbounded(result) or still_unbounded(part)
        if excess(reach) <= 0 and (beyond or reach is None):
            # one part that nothing bounds is enough
            reach = None if beyond else reach
            known = known and not beyond
            origin = beyond or result.unbounded or part.unbounded
        result = dataclasses.replace(joined, reach=reach, origin=origin, known=known)
    return result


def wider(first: Values, second: Values) -> Values:
    """Return the value whose reach leaves [0, 1] further."""
    return second if excess(second.reach) > excess(first.reach) else first


def excess(reach: Interval | None) -> float:
    """Return by how much a reach leaves [0, 1]; -1 where it is not known."""
    return -1.0 if reach is None else max(-reach.low, reach.high - 1.0, 0.0)


def without_bounds(result: Values, origin: Origin | None) -> Values:
    """Return a result that nothing bounds because of ``origin``; unchanged if that is ``None``.

    What is visibly reached says more.
    """
    if origin is None or result.reach is not None:
        return result
    return dataclasses.replace(result, origin=origin, known=False)


def still_unbounded(value: Values) -> Origin | None:
    """Return why values are unbounded, where the sign does not matter."""
    origin = value.unbounded
    return origin if origin is not None and origin.proof == "unbounded" else None


def any_dtype(values: Iterable[Values]) -> DTypes:
    """Return every dtype that occurs among the values."""
    return union(v.dtypes for v in values)


def placed(value: Abstract, node: object) -> Abstract:
    """Put the node into the origins that have none yet."""
    if isinstance(value, Items):
        return dataclasses.replace(value, parts=tuple(placed(part, node) for part in value.parts))
    if not isinstance(value, Values):
        return value
    facts = (value.layout, value.channels, value.wrapped)
    origins = [value.origin, *(fact.origin for fact in facts if fact is not None)]
    if all(origin is None or origin.node is not None for origin in origins):
        return value
    return dataclasses.replace(
        value,
        origin=value.origin and _at(value.origin, node),
        layout=value.layout and Order(value.layout.name, _at(value.layout.origin, node)),
        channels=value.channels and Order(value.channels.name, _at(value.channels.origin, node)),
        wrapped=value.wrapped and _at_node(value.wrapped, node),
    )


def _at_node(wrapped: Wrapped, node: object) -> Wrapped:
    return dataclasses.replace(wrapped, origin=_at(wrapped.origin, node))


def _at(origin: Origin, node: object) -> Origin:
    return origin if origin.node is not None else dataclasses.replace(origin, node=node)


def located(value: Abstract, node: object) -> Abstract:
    """Put the node into an origin that has none yet, and give fresh values a source."""
    value = placed(value, node)
    if not isinstance(value, Values):
        return value
    if not value.sources and value.kind != "number" and not value.interval.point:
        value = dataclasses.replace(value, sources=frozenset({id(node)}))
    return value
