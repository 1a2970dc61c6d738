"""Calls that save through a function of another file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.saves import SaveCall, save_call
from flake8_saveimage.syntax.scopes import CallSite, Scope

_MAX_DEPTH = 5  # calls between the checked file and the save
_MAX_SAVES = 40  # saves that one call is followed to


class Step(NamedTuple):
    """A call on the way to a save, and the function that it enters."""

    function: Scope
    call: CallSite


Route = tuple[Step, ...]
"""The calls that lead to a save, from the save outward: the last one is in the checked file."""


class RoutedSave(NamedTuple):
    """A save in another file and the way on which the checked file reaches it."""

    site: SaveCall
    route: Route


def routed_saves(flow: Flow) -> list[RoutedSave]:
    """Return the saves that the checked file reaches by calls of functions of other files."""
    return list(_Routes(flow).find())


class _Routes:
    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._saving = flow.narrowed("save")
        self._known: dict[int, list[RoutedSave]] = {}

    def find(self) -> Iterator[RoutedSave]:
        for call in self.flow.facts.calls:
            function = self._entered(call)
            if function is not None and function.root is not self.flow.facts.scope:
                for save in self._saves_in(function, _MAX_DEPTH):
                    yield save._replace(route=(*save.route, Step(function, call)))

    def _entered(self, call: CallSite) -> Scope | None:
        """Return the function that a call runs: a constructor, or ``__call__`` of an object."""
        qualified = self.flow.resolve(call.node.func, call.place)
        if qualified is not None and not self.flow.reaches(qualified, call.place, "save"):
            return None  # decided by text, before anything is parsed
        defined = self._saving.definition(call.node.func, call.place)
        if defined is None:
            called = self._saving.class_of(call.node.func, call.place)
            return self._saving.method(called, "__call__") if called is not None else None
        return self._saving.method(defined, "__init__") if defined.kind == "class" else defined

    def _saves_in(self, function: Scope, depth: int) -> list[RoutedSave]:
        known = self._known.get(id(function))
        if known is None:
            known = self._known[id(function)] = []  # a function that calls itself ends here
            if depth and function.root is not self.flow.facts.scope:
                known += self._saves_below(function, depth)
        return known

    def _saves_below(self, function: Scope, depth: int) -> list[RoutedSave]:
        found: list[RoutedSave] = []
        for call in function.calls:
            site = save_call(self.flow, call)
            if site is not None:
                found.append(RoutedSave(site, ()))
                continue
            entered = self._entered(call)
            if entered is not None:
                step = Step(entered, call)
                below = self._saves_in(entered, depth - 1)
                found += [save._replace(route=(*save.route, step)) for save in below]
            if len(found) > _MAX_SAVES:
                return []
        return found
