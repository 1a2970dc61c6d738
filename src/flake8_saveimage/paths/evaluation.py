"""What does the value of an expression depend on? Names are followed to their reaching definitions.

A :class:`~flake8_saveimage.paths.texts.SymbolicText` says from what an expression gets its value:

- a :class:`~flake8_saveimage.syntax.scopes.Loop`: it differs between iterations of that loop;
- a function's :class:`~flake8_saveimage.syntax.scopes.Scope`: it differs from one run of that
  function to the next, through something that cannot be seen from here;
- a parameter's :class:`~flake8_saveimage.syntax.scopes.Binding`: whatever the caller passes.

What is not understood is :meth:`Evaluation.opaque`: it may differ each time it is evaluated, that
is in every iteration of the loops around it and in every run of its function. A false alarm costs
more than a miss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, TypeAlias

import libcst as cst

from flake8_saveimage.paths.hooks import is_hook
from flake8_saveimage.paths.texts import (
    Source,
    Sources,
    SymbolicText,
    join,
    union,
    unknown,
    varying,
)
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import last_part
from flake8_saveimage.syntax.reaching import Lookup, Reach
from flake8_saveimage.syntax.scopes import Binding, CallSite, Change, Loop, Place, Scope

_MAX_DEPTH = 60
_MAX_CALLS = 4
# Steps for one question: variables of a loop that all depend on each other have no end of ways.
_FUEL = 5_000
_NO_CYCLE = 1 << 30

NodeHandler: TypeAlias = Callable[["Evaluation", Any, Place], SymbolicText]
BindingHandler: TypeAlias = Callable[["Evaluation", Binding], SymbolicText]


class _Pending(NamedTuple):
    """A value that lacks what the binding at index ``root`` of the active ones will add."""

    value: SymbolicText
    root: int


class Evaluation:
    """Evaluates expressions of one file to :class:`SymbolicText`; answers are remembered.

    ``by_node`` and ``by_binding`` are the tables of what evaluates a kind of node or of binding.
    """

    by_node: ClassVar[Mapping[type[cst.CSTNode], NodeHandler]]
    by_binding: ClassVar[Mapping[str, BindingHandler]]

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._mutations: dict[str, list[tuple[Scope, Change]]] = {}
        self._read_files = 0
        self.uses: dict[tuple[int, frozenset[str]], list[CallSite]] = {}  # see usage.py
        self._evaluated: dict[tuple[int, int, int], SymbolicText] = {}
        self._bindings: dict[int, SymbolicText] = {}
        # What is being evaluated, from the outside in, and the loops that carried it there.
        self._active: dict[int, tuple[Loop, ...]] = {}
        # Evaluated, but part of a cycle whose first binding is still active.
        self._pending: dict[int, _Pending] = {}
        self._cycle_floor = _NO_CYCLE
        self._calls: list[Scope] = []
        self._depth = 0
        self._fuel = _FUEL

    def evaluate(self, node: cst.BaseExpression, place: Place) -> SymbolicText:
        """Return what ``node``, evaluated at ``place``, depends on."""
        if self._depth:
            return self._evaluate(node, place)
        key = (id(node), id(place.block), place.order)
        known = self._evaluated.get(key)
        if known is None:
            self._fuel = _FUEL
            known = self._evaluated[key] = self._evaluate(node, place)
        return known

    def _evaluate(self, node: cst.BaseExpression, place: Place) -> SymbolicText:
        handler = self.by_node.get(type(node))
        self._fuel -= 1
        if handler is None or self._depth > _MAX_DEPTH or self._fuel < 0:
            return self.opaque(place)
        self._depth += 1
        try:
            return handler(self, node, place)
        finally:
            self._depth -= 1

    def opaque(self, place: Place, hint: str = "") -> SymbolicText:
        """Return the value of something that may differ each time it is evaluated at ``place``."""
        return varying([*place.loops(), place.scope.function], unknown(hint))

    def returned(self, function: Scope) -> SymbolicText | None:
        """Return what a function returns, in its own terms; ``None`` if that cannot be told."""
        if function.yields or not function.returns or function in self._calls:
            return None
        if len(self._calls) > _MAX_CALLS:
            return None
        self._calls.append(function)
        try:
            values = [self.evaluate(node, place) for node, place in function.returns]
        finally:
            self._calls.pop()
        return join(values, function.name)

    # -- names ---------------------------------------------------------------------------------

    def name(self, name: str, place: Place, key: str | None = None) -> SymbolicText:
        """Return the value of a variable; ``key`` is the literal by which it is subscripted."""
        lookup = self.flow.lookup(name, place)
        if lookup.owner is None:
            starred = self.elsewhere(self.flow.resolve_name(name, place), place, key)
            value = starred or SymbolicText(text=unknown(name))
            return self.mutated(value, name, lookup, place, key)
        reaches = lookup.reaches
        if not reaches:
            reaches = tuple(Reach(b, ()) for b in lookup.owner.bindings.get(name, ()))
        value = join([self._reaching(reach, place, key) for reach in reaches], name)
        rebound = self._rebound(name, lookup, place)
        if rebound:
            value = union([value, *rebound], unknown(name))
        return self.mutated(value, name, lookup, place, key)

    def _reaching(self, reach: Reach, place: Place, key: str | None) -> SymbolicText:
        imported = reach.binding.source if reach.binding.kind == "import" else None
        return self.elsewhere(imported, place, key) or self.binding(reach, place)

    def elsewhere(
        self, qualified: str | None, place: Place, key: str | None = None
    ) -> SymbolicText | None:
        """Return the value of a name that another file of the project defines."""
        found = self.flow.foreign(qualified, place) if qualified is not None else None
        if found is None or found.rest:
            return None
        name = last_part(qualified)
        if self.flow.is_assigned_through_module(name):
            return self.opaque(place, name)
        values = [self.binding(Reach(binding, ()), binding.place) for binding in found.bindings]
        there = Lookup(found.facts.scope, (), local=False)
        return self.mutated(join(values, name), name, there, place, key)

    def _rebound(self, name: str, lookup: Lookup, place: Place) -> list[SymbolicText]:
        """Return what the functions add that rebind a name through ``global`` or ``nonlocal``."""
        here = place.scope.function
        owner = self.flow.owner_of(name, here) or lookup.owner
        found: list[SymbolicText] = []
        own = False
        for binding in owner.shared.get(name, ()) if owner is not None else ():
            if binding.place.scope.function is not here:
                found.append(self.assigned_elsewhere(binding, place))
            elif not own and not (lookup.local and lookup.complete):
                own = True  # what an earlier run of this function or an earlier iteration left
                reaches, _complete = self.flow.reaching(here, name, place)
                found.append(varying([here]))
                found += [self.binding(reach, place) for reach in reaches]
        return found

    def mutated(
        self, value: SymbolicText, name: str, lookup: Lookup, place: Place, key: str | None = None
    ) -> SymbolicText:
        """Add the loops and runs in which the object behind ``name`` is changed in place."""
        changes = self._mutations_of(name)
        owner = lookup.owner or place.scope.root
        if not changes or name == owner.self_name:
            return value  # `self.step()` changes attributes, which are looked at one by one
        found: set[Source] = set()
        here = place.loops()
        for scope, (where, changed, _value) in changes:
            if not _is_within(scope, owner):
                continue
            if key is not None and changed is not None and changed != key:
                continue  # config["epoch"] = epoch leaves config["out"] alone
            if scope.function is place.scope.function:
                around = where.loops()
                found.update(loop for loop in here if loop in around)
                passed_in = any(reach.binding.kind == "param" for reach in lookup.reaches)
                if passed_in or where.order < place.order:  # by this run or by an earlier one
                    found.add(scope.function)
            else:
                found.update([*here, place.scope.function])
        if not found:
            return value
        if self.flow.class_of(cst.parse_expression(name), place) is not None:
            return value  # nor does a method of a class of the project, whatever it is called
        grown = frozenset(found)
        return replace(
            value, deps=value.deps | grown, solid=value.solid | grown, text=unknown(name)
        )

    def is_changed(self, name: str) -> bool:
        """Say whether code changes the object behind a name in place."""
        return bool(self._mutations_of(name))

    def _mutations_of(self, name: str) -> Sequence[tuple[Scope, Change]]:
        """Return the changes of the objects behind a name, in the files read so far."""
        for facts in self.flow.files[self._read_files :]:
            for scope in facts.scopes:
                for changed, changes in scope.mutations.items():
                    self._mutations.setdefault(changed, []).extend((scope, c) for c in changes)
        self._read_files = len(self.flow.files)
        return self._mutations.get(name, ())

    # -- bindings ------------------------------------------------------------------------------

    def binding(self, reach: Reach, place: Place) -> SymbolicText:
        """Return what a binding's value depends on when it is used at ``place``."""
        key = id(reach.binding)
        value = self._bindings.get(key)
        if value is None:
            if key in self._active:  # its own value of an earlier iteration: `i += 1`
                return self._around_again(reach, list(self._active).index(key))
            pending = self._pending.get(key)
            if pending is None:
                value = self._evaluate_binding(reach)
            else:  # in a cycle with something that is still being evaluated
                value = union([pending.value, self._around_again(reach, pending.root)])
                value = replace(value, text=pending.value.text)
        if not value.deps:
            return value
        return self._after_loops(_settled_before(value, reach.binding, place), place)

    def _around_again(self, reach: Reach, index: int) -> SymbolicText:
        """Return what a cycle adds that closes at ``index``: the loops that carry it around."""
        self._cycle_floor = min(self._cycle_floor, index)
        passed = [loop for loops in list(self._active.values())[index + 1 :] for loop in loops]
        return varying([*passed, *reach.loops], unknown(reach.binding.name))

    def _evaluate_binding(self, reach: Reach) -> SymbolicText:
        """Evaluate a binding; those of one cycle are settled together, when its first one is."""
        index = len(self._active)
        if index > _MAX_DEPTH:
            return self.opaque(reach.binding.place)
        key = id(reach.binding)
        outer_floor, self._cycle_floor = self._cycle_floor, _NO_CYCLE
        self._active[key] = reach.loops
        try:
            value = self.by_binding[reach.binding.kind](self, reach.binding)
        finally:
            del self._active[key]
        if self._cycle_floor < index:
            self._pending[key] = _Pending(value, self._cycle_floor)
            self._cycle_floor = min(self._cycle_floor, outer_floor)
            return value
        self._cycle_floor = outer_floor
        self._bindings[key] = value
        self._settle_cycle(value, index)
        return value

    def _settle_cycle(self, value: SymbolicText, index: int) -> None:
        for member, pending in list(self._pending.items()):
            if pending.root >= index:
                self._bindings[member] = replace(
                    pending.value,
                    deps=pending.value.deps | value.deps,
                    solid=pending.value.solid | value.solid,
                )
                del self._pending[member]

    def _after_loops(self, value: SymbolicText, place: Place) -> SymbolicText:
        """Leave out the loops that are over at ``place``; add what decides how they ended.

        ``while os.path.exists(p): n += 1`` leaves with another ``n`` each time.
        """
        function = place.scope.function
        here = place.loops()
        over = [
            source
            for source in value.deps
            if isinstance(source, Loop) and source not in here and source.is_in(function)
        ]
        if not over:
            return value
        value = value.without(over)
        extra = [
            self.opaque(loop.place)
            for loop in over
            if loop.breaks or isinstance(loop.node, cst.While)
        ]
        return union([value, *extra], value.text) if extra else value

    # -- runs of functions ---------------------------------------------------------------------

    def assigned_elsewhere(self, binding: Binding, place: Place) -> SymbolicText:
        """Return how a variable that another function assigns differs at ``place``."""
        changes = self.changes_with(binding)
        return varying(changes) if changes else self.opaque(place)

    def changes_with(self, binding: Binding) -> Sources | None:
        """Return the loops and functions whose iterations and runs make an assignment anew."""
        runs = self._runs(binding.place.scope.function)
        return runs and runs | frozenset(binding.place.loops())

    def _runs(self, function: Scope) -> Sources | None:
        """Return the loops around the calls of a function and of its callers, and all of these.

        ``None`` if that cannot be told.
        """
        found: set[Source] = set()
        queue = [function]
        for current in queue:
            if current.kind != "function" or is_hook(current, self.flow):
                return None
            found.add(current)
            for site in self.flow.callers(current):
                found.update(site.place.loops())
                caller = site.place.scope.function
                if caller.kind == "function" and caller not in queue:
                    queue.append(caller)
        return frozenset(found)


def _settled_before(value: SymbolicText, binding: Binding, place: Place) -> SymbolicText:
    """A value bound outside of a loop is the same in all its iterations, whatever it comes from."""
    if binding.place.scope.function is not place.scope.function:
        return value
    around = binding.place.loops()
    return value.without([loop for loop in place.loops() if loop not in around])


def _is_within(scope: Scope, owner: Scope) -> bool:
    current: Scope | None = scope
    while current is not None:
        if current is owner:
            return True
        current = current.parent
    return False
