"""The path of a save that the checked file reaches through functions of other files."""

from __future__ import annotations

from dataclasses import replace

from flake8_saveimage.knowledge.words import function_says_rolling
from flake8_saveimage.paths.arguments import through_call
from flake8_saveimage.paths.best import best_so_far
from flake8_saveimage.paths.dependence import Dependence
from flake8_saveimage.paths.destination import Destination, destination, written
from flake8_saveimage.paths.guards import exists_guard
from flake8_saveimage.paths.intent import is_rolling
from flake8_saveimage.paths.labels import display
from flake8_saveimage.paths.once import (
    keeps_distance,
    runs_once,
    runs_once_in_life,
    switched_off_for_good,
    told_apart,
)
from flake8_saveimage.paths.repetition import (
    SILENT,
    PathFact,
    is_looked_after,
    repetition_at,
    without_kept,
)
from flake8_saveimage.paths.templates import template
from flake8_saveimage.paths.texts import SymbolicText
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.routes import Route
from flake8_saveimage.syntax.saves import SaveCall


def routed_path_fact(site: SaveCall, route: Route, dependence: Dependence) -> PathFact:
    """Judge the path of a save as the outermost call on its route repeats it."""
    target = destination(site)
    if target is None:
        return SILENT
    value = written(target, site, dependence)
    if value.temporary or _is_judged_in_its_file(site, target, value, dependence):
        return SILENT
    if is_looked_after(site, dependence, target, value) or _acts_once(site, route, dependence.flow):
        return SILENT
    texts, restarts = [value.text], False
    place = site.place
    for step in route:
        value = told_apart(value, place, dependence)
        seen = through_call(dependence, value, step.function, step.call.node, step.call.place)
        if seen is None or seen.value.temporary:
            return SILENT
        place = step.call.place
        if keeps_distance(place, seen.value, dependence):
            return SILENT
        value, restarts = seen.value, restarts or seen.restarts
        texts += [seen.hints, seen.value.text]
    rolling = is_rolling(site, target, *texts) or any(
        function_says_rolling(step.function.name) or best_so_far(step.call.place, site.flow)
        for step in route
    )
    fact = repetition_at(place, place, value, dependence)
    if fact.repetition == "loop" and restarts:
        fact = replace(fact, repetition="outer")
    if site.writer.rewritten:
        fact = without_kept(fact, site)
    name = display(value, target.path)
    return replace(
        fact, name=name, rolling=rolling or fact.rolling, destination=target, value=value
    )


def _is_judged_in_its_file(
    site: SaveCall, target: Destination, value: SymbolicText, dependence: Dependence
) -> bool:
    """Say whether its own loops repeat the path, or a missing ``f``: no matter of the call."""
    missing = any(
        loop not in value.deps and not runs_once(site.place, loop, dependence)
        for loop in target.place.loops()
    )
    return missing or bool(template(site, value)[0])


def _acts_once(site: SaveCall, route: Route, flow: Flow) -> bool:
    """Say whether tests on the way let few of many calls through."""
    places = [site.place, *(step.call.place for step in route)]
    return any(map(exists_guard, places)) or any(
        runs_once_in_life(place) or switched_off_for_good(place, flow) for place in places[:-1]
    )
