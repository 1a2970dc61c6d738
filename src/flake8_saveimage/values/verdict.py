"""The verdict on one save call: in range, out of range, an integer tensor, or nothing known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from flake8_saveimage.knowledge.writer import FLOAT_FORMATS, Image
from flake8_saveimage.syntax.routes import Route
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.values.arrays import INTEGER
from flake8_saveimage.values.domain import (
    UNKNOWN,
    Abstract,
    Items,
    Values,
    any_dtype,
    as_values,
    excess,
    truth,
)
from flake8_saveimage.values.dtypes import DTypes, dtype_class, each, within
from flake8_saveimage.values.evaluate import Evaluator
from flake8_saveimage.values.ops.conversion import cast_to
from flake8_saveimage.values.storage import suffix

Verdict = Literal["handled", "out", "dark", "integer", "floating", "unbounded", "given", "unknown"]

# One level of 256: what lies that close to [0, 1] is rounding, not a wrong range.
TOLERANCE = 1 / 255
_UNIT = (0, 1)
_DARK = 2.0  # of 255: overshoot of what should end at 1 included
_OVEREXPOSED = 510.0  # two images laid over each other saturate on purpose


@dataclass(frozen=True, slots=True)
class RangeFact:
    """What is known of the values that one writer of images gets.

    ``verdict``: ``"out"`` (values visibly leave the writer's range), ``"dark"`` (none is above 1,
    and the writer takes [0, 255]), ``"integer"`` and ``"floating"`` (a dtype for which the writer
    raises), ``"unbounded"`` (nothing bounds them), ``"given"`` (the calls in other
    files decide), ``"unknown"`` (nothing shows or handles the range), else ``"handled"``.
    ``normalize`` is the keyword's value, ``None`` where it cannot be told; ``ranged`` says that
    ``value_range=`` is given, ``removed`` lists keywords that torchvision has renamed.
    """

    values: Values = UNKNOWN
    verdict: Verdict = "handled"
    normalize: bool | None = False
    ranged: bool = False
    removed: tuple[tuple[str, str], ...] = ()
    open_keywords: bool = False

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The bounds to name: what the code visibly fills, or what holds if that is rounder.

        ``tanh(randn(...))`` visibly fills [-0.9951, 0.9951], but its bounds are -1 and 1.
        """
        reach, interval = self.values.reach, self.values.interval
        if reach is None:
            return None
        filled = (tidy(reach.low), tidy(reach.high))
        round_already = all((2 * bound).is_integer() for bound in filled)
        tight = interval.bounded and interval.high - interval.low <= 1.25 * (reach.high - reach.low)
        return (tidy(interval.low), tidy(interval.high)) if tight and not round_already else filled

    @property
    def value_range(self) -> tuple[float, float] | None:
        """The bounds to pass as ``value_range=``, where they are proven and undo the damage."""
        reach, origin = self.values.reach, self.values.origin
        if reach is None or origin is None or origin.proof != "exact" or excess(reach) <= 0:
            return None
        return self.bounds

    def as_handled(self) -> RangeFact:
        """Return the fact with nothing wrong."""
        return replace(self, verdict="handled")

    @property
    def half(self) -> str | None:
        """The half-precision dtype of the tensor, if it is sure to have one."""
        if self.values.kind != "tensor" or not within(self.values.dtypes, DTypes.LOW_PRECISION):
            return None
        return dtype_class(self.values.dtypes)


def range_fact(site: SaveCall, evaluator: Evaluator, route: Route = ()) -> RangeFact:
    """Judge the values of a save call, as the calls of a ``route`` pass them.

    What is wrong whoever calls is judged in the file of the save, not along a route.
    """
    fact = _fact(site, evaluator, route)
    if route and fact.verdict not in ("handled", "given", "unknown"):
        alone = _fact(site, evaluator, ())
        if alone.verdict == fact.verdict:
            return alone.as_handled()
    return fact


def _fact(site: SaveCall, evaluator: Evaluator, route: Route) -> RangeFact:
    keywords = site.writer.normalizer
    normalize_node = site.argument(keywords.switch) if keywords is not None else None
    range_node = site.argument(keywords.bounds) if keywords is not None else None
    hidden = site.has_star_arguments
    normalize: bool | None = None if hidden else False
    if normalize_node is not None:
        normalize = truth(evaluator.ask(normalize_node, site.place, route), None)
    removed = tuple((old, new) for old, new in site.writer.renamed.items() if old in site.arguments)
    ranged = range_node is not None
    fact = RangeFact(UNKNOWN, "handled", normalize, ranged, removed, hidden)
    if site.saved is None:
        return fact
    saved = evaluator.ask(site.saved, site.place, route)
    values = as_values(saved)
    accepts = site.writer.accepts
    if accepts is not None and accepts.outside == "wrapped":
        cast = cast_to(values, DTypes.UINT8, site.writer.leaf)
        values = replace(values, wrapped=cast.wrapped)
    verdict = judged(saved, values, accepts, suffix(site))
    if verdict != "integer" and (normalize is not False or ranged):
        verdict = "handled"
    return RangeFact(values, verdict, normalize, ranged, removed, hidden)


def judged(saved: Abstract, values: Values, accepts: Image | None, ending: str) -> Verdict:
    """Return the verdict on values that are saved as they are, in a file with some ending."""
    parts = saved.parts if isinstance(saved, Items) else (values,)
    kinds = _kinds([as_values(part) for part in parts])
    if accepts is not None and _refuses(accepts, kinds, values, ending):
        return "floating" if kinds == {"float"} else "integer"
    if accepts is not None and accepts.range != _UNIT:
        return _judged_as_bytes(values, accepts, ending)
    if kinds and "float" not in kinds:
        return "handled"  # it takes integers as what they are
    if excess(values.reach) > TOLERANCE:
        grey = accepts is not None and accepts.if_coloured and not _has_colours(values)
        return "handled" if grey else "out"
    if values.known:
        return "handled"
    if values.unbounded:
        return "unbounded"
    return "given" if "given" in values.marks else "unknown"


_KINDS = {
    **dict.fromkeys((DTypes.INT8, DTypes.INT16, DTypes.INT32), "int"),
    DTypes.BOOL: "bool",
    DTypes.UINT8: "uint8",
    DTypes.INT64: "long",
}


def _kinds(tensors: Sequence[Values]) -> set[str]:
    """Return the kinds of dtypes that each of the tensors can have; none for plain numbers."""
    if not tensors or any(value.kind == "number" for value in tensors):
        return set()
    dtypes = any_dtype(tensors)
    if dtypes == INTEGER:
        return {"long"}
    return {_KINDS.get(dtype, "float") for dtype in each(dtypes)}


def _refuses(accepts: Image, kinds: set[str], values: Values, ending: str) -> bool:
    """Whether a writer certainly raises for the dtypes that it gets."""
    if not accepts.error or not kinds or not kinds.isdisjoint(accepts.dtypes):
        return False
    if kinds == {"float"} and ending in FLOAT_FORMATS:
        return False
    if accepts.formats and ending not in accepts.formats:
        return False
    return not accepts.if_coloured or _has_colours(values)


def _has_colours(values: Values) -> bool:
    return values.channels is not None and values.channels.origin.proof == "exact"


def _judged_as_bytes(values: Values, accepts: Image, ending: str) -> Verdict:
    """Return the verdict on what a writer of values in [0, 255] gets."""
    reach = values.reach
    truncated = "truncated" in values.marks  # floats that became bytes in Pillow
    floats = within(values.dtypes, DTypes.FLOATS) and values.kind != "number"
    taken = truncated or (floats and accepts.range is not None)
    if reach is None or not taken or ending in FLOAT_FORMATS:
        return "handled"
    if values.known and values.interval.high <= _DARK:
        return "dark"
    if truncated or accepts.outside != "clipped":
        return "handled"
    return "out" if reach.low <= -1 or reach.high >= _OVEREXPOSED else "handled"


def tidy(bound: float) -> float:
    """Return a bound without the digits that rounding added."""
    rounded = round(bound, 4)
    return rounded + 0.0
