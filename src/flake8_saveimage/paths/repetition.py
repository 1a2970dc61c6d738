"""Which loops and calls does the path of a save call depend on, and what does that lose?

The one answer, :class:`PathFact`, is what the rules SVI101 to SVI108 read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import libcst as cst

from flake8_saveimage.paths.dependence import Dependence
from flake8_saveimage.paths.destination import Destination, destination, written
from flake8_saveimage.paths.growing import grows
from flake8_saveimage.paths.guards import every_so_often, exists_guard
from flake8_saveimage.paths.hooks import is_hook
from flake8_saveimage.paths.intent import is_rolling
from flake8_saveimage.paths.labels import display
from flake8_saveimage.paths.once import keeps_distance, runs_once, switched_off_for_good
from flake8_saveimage.paths.renewal import renews
from flake8_saveimage.paths.repeats import Repeat, Repeats
from flake8_saveimage.paths.templates import template
from flake8_saveimage.paths.texts import QUOTIENT, REMAINDER, Source, SymbolicText
from flake8_saveimage.paths.twins import earlier_save
from flake8_saveimage.paths.usage import is_read_back, moved_away, scratch
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import Loop, Place

Repetition = Literal["loop", "outer", "call", "constant"]


@dataclass(frozen=True, slots=True)
class PathFact:
    """What is known about the path of one save call.

    ``repetition`` says when the same file is written again: ``"loop"`` (each iteration of ``loop``,
    the innermost), ``"outer"`` (each iteration of ``loop``, further out), ``"call"`` (each run of
    ``repeat.function``), ``"constant"`` (each run of the program) or ``None`` (not that one could
    see). ``missing_loops`` are all loops that do not change the path, innermost first.
    ``rolling``: the overwriting is intentional. ``weak`` names what makes names repeat although
    they vary. ``template`` are the names in braces of a literal without ``f``. ``twin`` is an
    earlier save in the same suite to the same path.
    """

    name: str = "the file"
    repetition: Repetition | None = None
    missing_loops: tuple[Loop, ...] = ()
    repeat: Repeat | None = None
    rolling: bool = False
    weak: str | None = None
    template: tuple[str, ...] = ()
    template_node: cst.BaseExpression | None = None
    twin: SaveCall | None = None
    destination: Destination | None = None
    value: SymbolicText | None = None

    @property
    def loop(self) -> Loop | None:
        """The innermost loop that does not change the path."""
        return self.missing_loops[0] if self.missing_loops else None


SILENT = PathFact()


def path_fact(site: SaveCall, dependence: Dependence) -> PathFact:
    """Judge the path of a save call."""
    target = destination(site)
    if target is None:
        return SILENT
    value = written(target, site, dependence)
    if value.temporary:
        return SILENT
    fact = repetition_at(target.place, site.place, value, dependence)
    if fact.repetition is not None and is_looked_after(site, dependence, target, value):
        fact = SILENT
    fact = without_kept(fact, site)
    repeat_text = fact.repeat.text if fact.repeat is not None else None
    rolling = fact.rolling or is_rolling(site, target, repeat_text, value.text)
    names, node = template(site, value)
    return replace(
        fact,
        name=display(value, target.path),
        rolling=rolling and fact.repetition in ("loop", "outer", "call"),
        weak=_weakness(site, target, value) if fact.repetition is None else None,
        template=names,
        template_node=node,
        twin=earlier_save(site, dependence, target, value),
        destination=target,
        value=value,
    )


def repetition_at(
    opened: Place, saved: Place, value: SymbolicText, dependence: Dependence
) -> PathFact:
    """Say what repeats a path that is evaluated where the file is ``opened``, and then saved."""
    around = [loop for loop in opened.loops() if not _changes_folder(loop, dependence)]
    loops = [loop for loop in around if not runs_once(saved, loop, dependence)]
    missing = tuple(loop for loop in loops if loop not in value.deps)
    if missing:
        kind: Repetition = "loop" if missing[0] is loops[0] else "outer"
        return PathFact(repetition=kind, missing_loops=missing)
    function = opened.scope.function
    repeat = Repeats(dependence).find(function, value, saved)
    if repeat is not None:
        return PathFact(
            repetition="call", missing_loops=repeat.loops, repeat=repeat, rolling=repeat.rolling
        )
    # Guarded so that it acts once in many calls: a repeat otherwise.
    once = is_hook(function, dependence.flow) or switched_off_for_good(saved, dependence.flow)
    if value.constant and not opened.loops() and not once:
        return PathFact(repetition="constant")
    return SILENT


def without_kept(fact: PathFact, site: SaveCall) -> PathFact:
    """Leave out the loops and calls in which a save holds all that the one before it held."""
    if fact.repetition == "call" and site.writer.rewritten and fact.repeat is not None:
        regions = fact.repeat.loops or (fact.repeat.function,)
        return fact if any(renews(site, region) for region in regions) else SILENT
    losing = tuple(loop for loop in fact.missing_loops if _loses(site, loop))
    if losing == fact.missing_loops:
        return fact
    if not losing:
        return SILENT
    inner = losing[0] is fact.missing_loops[0]
    return replace(fact, repetition=fact.repetition if inner else "outer", missing_loops=losing)


def _loses(site: SaveCall, loop: Loop) -> bool:
    return renews(site, loop) if site.writer.rewritten else not grows(site, loop)


def _changes_folder(loop: Loop, dependence: Dependence) -> bool:
    """``os.chdir`` in the loop: a relative path names another file in each iteration."""
    sites = dependence.flow.calls_named("chdir")
    root = loop.place.scope.root
    return any(
        loop.start <= site.place.order <= loop.end and site.place.scope.root is root
        for site in sites
    )


def is_looked_after(
    site: SaveCall, dependence: Dependence, target: Destination, value: SymbolicText
) -> bool:
    """Say whether nothing is lost: an exists-guard, an atomic replace, a scratch file."""
    path, place = target.path, site.place
    return (
        exists_guard(place)
        or keeps_distance(place, value, dependence)
        or moved_away(path, place, dependence)
        or scratch(path, value.text or "", place, dependence)
        or (site.writer.rewritten and is_read_back(path, site, value, dependence))
    )


def _weakness(site: SaveCall, target: Destination, value: SymbolicText) -> str | None:
    """Say what makes names repeat, if some loop is told apart by nothing better."""
    function = target.place.scope.function
    sources: list[Source] = [*target.place.loops()]
    if not sources and is_hook(function, site.flow):
        sources.append(function)
    if not any(source in value.deps and source not in value.solid for source in sources):
        return None
    reasons = set(value.weak)
    if {REMAINDER, QUOTIENT} <= reasons:
        return None  # row and column of one index
    if QUOTIENT in reasons and every_so_often(site.place):
        return None  # `if step % 100 == 0: save(step // 100)`
    return min(reasons, default=None)
