"""Functions that run again with the same path: the callers of the function around a save."""

from __future__ import annotations

from typing import NamedTuple

from flake8_saveimage.paths.arguments import through_call
from flake8_saveimage.paths.best import best_so_far
from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.guards import exists_guard
from flake8_saveimage.paths.hooks import is_hook
from flake8_saveimage.paths.once import (
    runs_once,
    runs_once_in_life,
    switched_off_for_good,
    told_apart,
)
from flake8_saveimage.paths.switches import switched_off
from flake8_saveimage.paths.texts import Source, SymbolicText
from flake8_saveimage.syntax.scopes import Binding, CallSite, Loop, Place, Scope


class Repeat(NamedTuple):
    """A function that runs again and again: because ``call`` stands in ``loops``, or as a hook.

    ``loops`` are those around the call that do not change the path, innermost first. ``text`` is
    what the callers know of the path; ``rolling`` says that one of them saves the best so far.
    """

    function: Scope
    call: CallSite | None
    loops: tuple[Loop, ...]
    text: str
    rolling: bool

    @property
    def loop(self) -> Loop | None:
        """The innermost of the loops."""
        return self.loops[0] if self.loops else None


# Functions on the way to a loop; a longer way is no help to the reader of a finding.
_MAX_CALLERS = 50


class Repeats:
    """Looks for callers that run the function around a save again with the same path."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.flow = evaluation.flow
        self.seen: set[int] = set()

    def find(self, function: Scope, value: SymbolicText, place: Place) -> Repeat | None:
        if len(self.seen) > _MAX_CALLERS:
            return None
        if function.kind == "module" or function in value.deps or id(function) in self.seen:
            return None
        self.seen.add(id(function))
        text = value.text or ""
        if is_hook(function, self.flow):
            others = [source for source in value.deps if _other_parameter(source, function)]
            if not others and not runs_once_in_life(place):
                return Repeat(function, None, (), text, rolling=False)
            return None
        value = told_apart(value, place, self.evaluation)
        if function in value.deps or switched_off_for_good(place, self.flow):
            return None
        for call in self.flow.callers(function):
            if switched_off(place, function, call.node):
                continue
            found = self._through(function, call, value)
            if found is not None:
                return found
        return None

    def _through(self, function: Scope, call: CallSite, value: SymbolicText) -> Repeat | None:
        place = call.place
        if place.scope.function is function or exists_guard(place):
            return None
        seen = through_call(self.evaluation, value, function, call.node, place)
        if seen is None or seen.value.temporary:
            return None
        hints = seen.hints
        loops = [loop for loop in place.loops() if not runs_once(place, loop, self.evaluation)]
        missing = tuple(loop for loop in loops if loop not in seen.value.deps)
        rolling = best_so_far(place, self.flow)
        if missing:
            return Repeat(function, call, missing, hints, rolling)
        further = self.find(place.scope.function, seen.value, place)
        if further is None:
            return None
        return further._replace(text=further.text + hints, rolling=rolling or further.rolling)


def _other_parameter(source: Source, function: Scope) -> bool:
    """Say whether ``source`` is a parameter other than the object itself."""
    return isinstance(source, Binding) and source.name != function.self_name
