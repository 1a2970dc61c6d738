"""The verdict on one save call: in range, out of range, an integer tensor, or nothing known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from flake8_saveimage.syntax.routes import Route
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.values.domain import (
    UNKNOWN,
    Abstract,
    Items,
    Values,
    as_values,
    excess,
    truth,
)
from flake8_saveimage.values.dtypes import DTypes, dtype_class, within
from flake8_saveimage.values.evaluate import Evaluator

Verdict = Literal["handled", "out", "integer", "unbounded", "given", "unknown"]

# One level of 256: what lies that close to [0, 1] is rounding, not a wrong range.
TOLERANCE = 1 / 255


@dataclass(frozen=True, slots=True)
class RangeFact:
    """What is known of the values that one ``save_image`` call gets.

    ``verdict``: ``"out"`` (values visibly leave [0, 1]), ``"integer"`` (an integer or bool tensor:
    torchvision raises), ``"unbounded"`` (nothing bounds them), ``"given"`` (the calls in other
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
        """The bounds to name: what the code visibly fills, or what surely holds if that is rounder.

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
    if route and fact.verdict in ("out", "integer", "unbounded"):
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
    verdict = judged(saved, values)
    if verdict != "integer" and (normalize is not False or ranged):
        verdict = "handled"
    return RangeFact(values, verdict, normalize, ranged, removed, hidden)


def judged(saved: Abstract, values: Values) -> Verdict:
    """Return the verdict on values that are saved as they are."""
    parts = saved.parts if isinstance(saved, Items) else (values,)
    tensors = [as_values(part) for part in parts]
    if tensors and all(_integer(part) for part in tensors):
        return "integer"
    if excess(values.reach) > TOLERANCE:
        return "out"
    if values.known:
        return "handled"
    if values.unbounded:
        return "unbounded"
    return "given" if "given" in values.marks else "unknown"


def _integer(value: Values) -> bool:
    whole = within(value.dtypes, DTypes.INTEGERS | DTypes.BOOL)
    return value.kind != "number" and whole


def tidy(bound: float) -> float:
    """Return a bound without the digits that rounding added."""
    rounded = round(bound, 4)
    return rounded + 0.0
