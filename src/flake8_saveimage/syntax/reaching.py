"""Reaching definitions: which bindings of a name can a use see?

Python's control flow is structured, so no control flow graph is needed: a binding reaches a use
unless another one stands between them that always runs (is in a block around the use). Loops are
the one way back: a binding further down a loop reaches the use in the next iteration.
``Reach.loops`` names the loops whose next iteration brings it there.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.syntax.scopes import Binding, Block, Facts, Fork, Loop, Place, Scope

# More bindings than this are not followed: the work would grow with the square of their number.
_MAX_REACHES = 32
_MAX_SCANNED = 500


class Reach(NamedTuple):
    """A binding that reaches a use, directly (no loops) or with the next iteration of ``loops``."""

    binding: Binding
    loops: tuple[Loop, ...]


class Lookup(NamedTuple):
    """What a name means at a place.

    ``owner`` is the scope that binds it (``None``: a builtin, or not bound in this file),
    ``local`` says that this is the function of the use (so that order matters), ``complete`` that
    on every way to the use one of the bindings has been made.
    """

    owner: Scope | None
    reaches: tuple[Reach, ...]
    local: bool
    complete: bool = False


class Reaching:
    """Looks names up in the facts of a file. Answers are remembered.

    ``files`` holds the facts of the checked file first, then of those that its imports led to.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.files = [facts]
        self._unseen_bindings: list[Binding] = []
        self._lookups: dict[tuple[str, int, int], Lookup] = {}
        self._orders: dict[int, list[int]] = {}

    def lookup(self, name: str, place: Place) -> Lookup:
        """Find the bindings of ``name`` (possibly dotted) that reach ``place``."""
        key = (name, id(place.block), place.order)
        found = self._lookups.get(key)
        if found is None:
            found = self._lookups[key] = self._lookup(name, place)
        return found

    def _lookup(self, name: str, place: Place) -> Lookup:
        scope: Scope | None = place.scope
        block: Block = place.block
        first = scope
        while scope is not None:
            visible = scope.kind != "class" or scope is first
            if visible and name in scope.bindings:
                # A comprehension runs where it stands: its parent's bindings are still in order.
                local = scope.function is place.scope.function
                if scope.declared.get(name) and not self._bound_before(scope, name, place):
                    owner = self._declared_owner(scope, name)
                    return Lookup(owner, self._everywhere(owner, name), local=False)
                if not local:
                    return Lookup(scope, self._everywhere(scope, name), local=False)
                reaches, complete = self.reaching(scope, name, Place(block, place.order))
                return Lookup(scope, reaches, local=True, complete=complete)
            if scope.declared.get(name) == "global":
                scope = scope.root
                continue
            if scope.kind == "comprehension" and scope.block.parent is not None:
                block = scope.block.parent
            scope = scope.parent
        return Lookup(None, (), local=False)

    def _bound_before(self, scope: Scope, name: str, place: Place) -> bool:
        return any(
            binding.place.order < place.order and binding.place.block.anchor.contains(place.block)
            for binding in scope.bindings[name]
        )

    def _declared_owner(self, scope: Scope, name: str) -> Scope:
        if scope.declared[name] == "nonlocal":
            parent = scope.parent
            while parent is not None:
                if parent.kind != "class" and name in parent.bindings:
                    return parent
                parent = parent.parent
        return scope.root

    def facts_of(self, scope: Scope) -> Facts:
        """Return the facts of the file that a scope is in."""
        root = scope.root
        return next(facts for facts in self.files if facts.scope is root)

    def owner_of(self, name: str, function: Scope) -> Scope | None:
        """Return the scope whose name a function rebinds by ``global`` or ``nonlocal``."""
        return self._declared_owner(function, name) if name in function.declared else None

    def _everywhere(self, owner: Scope, name: str) -> tuple[Reach, ...]:
        bindings = [*owner.bindings.get(name, ()), *owner.shared.get(name, ())]
        return tuple(Reach(binding, ()) for binding in bindings if binding.kind != "del")

    def reaching(self, scope: Scope, name: str, place: Place) -> tuple[tuple[Reach, ...], bool]:
        """Return the bindings of ``name`` in ``scope`` that reach ``place`` in its function.

        The second value says whether one of them has been made on every way there. Where there are
        very many (a counter that hundreds of loops change), the answer is unknown.
        """
        bindings = scope.bindings[name]
        index = bisect.bisect_left(self._order_of(bindings), place.order)
        found: dict[int, tuple[Binding, list[Loop]]] = {}
        covered: dict[int, set[int]] = {}
        kill: Binding | None = None
        for binding in reversed(bindings[max(0, index - _MAX_SCANNED) : index]):
            if len(found) > _MAX_REACHES:
                break
            if not goes_straight(binding.place.block, place.block):
                continue
            if binding.kind != "del":
                found[id(binding)] = (binding, [])
            if binding.place.block.anchor.contains(place.block):
                kill = binding
                break
            if _completes_fork(binding.place.block, place.block, covered):
                kill = binding
                break
        for loop in place.loops():
            if kill is not None and kill.place.order >= loop.start:
                break
            for binding in self._carried(bindings, loop):
                found.setdefault(id(binding), (binding, []))[1].append(loop)
        if len(found) > _MAX_REACHES or (kill is None and index > _MAX_SCANNED):
            return (Reach(self._unseen(scope, name, place), ()),), False
        reaches = tuple(Reach(binding, tuple(loops)) for binding, loops in found.values())
        return reaches, kill is not None

    def _unseen(self, scope: Scope, name: str, place: Place) -> Binding:
        """Return a binding of which nothing is known; kept, so that its identity stays its own."""
        binding = Binding(name, "unseen", place, scope.node)
        self._unseen_bindings.append(binding)
        return binding

    def _carried(self, bindings: list[Binding], loop: Loop) -> list[Binding]:
        """Return the bindings in the loop that are in force when the next iteration starts."""
        orders = self._order_of(bindings)
        low = bisect.bisect_left(orders, loop.start)
        high = bisect.bisect_right(orders, loop.end)
        found: list[Binding] = []
        for binding in reversed(bindings[low:high]):
            if len(found) > _MAX_REACHES:
                break
            if _survives_iteration(binding.place.block, loop.block) and binding.kind != "del":
                found.append(binding)
            if binding.place.block.anchor is loop.block:
                break
        return found

    def _order_of(self, bindings: list[Binding]) -> list[int]:
        orders = self._orders.get(id(bindings))
        if orders is None:
            orders = [binding.place.order for binding in bindings]
            self._orders[id(bindings)] = orders
        return orders


def goes_straight(source: Block, use: Block) -> bool:
    """Say whether ``use`` can follow ``source`` (earlier) within one iteration."""
    around = {id(block) for block in use.chain()}
    arms = {id(block.fork): block for block in use.chain() if block.fork is not None}
    left_loop = False
    for block in source.chain():
        if id(block) in around:
            return True
        if block.exit in ("return", "raise") or (block.exit == "continue" and not left_loop):
            inside = block.loop is None and _common_loop(block, use)
            if block.exit != "continue" or inside:
                return False
        if block.exit == "break" and _common_loop(block, use):
            return False
        other = arms.get(id(block.fork)) if block.fork is not None else None
        if other is not None and not _handles(other, block):
            return False
        left_loop = left_loop or block.loop is not None
    return True


def _common_loop(block: Block, use: Block) -> bool:
    """Say whether the innermost loop around ``block`` is also around ``use``."""
    loop = _innermost_loop(block)
    return loop is not None and loop.contains(use)


def _handles(handler: Block, tried: Block) -> bool:
    """Say whether one is an ``except`` arm of the other, the ``try`` suite."""
    return isinstance(handler.node, cst.ExceptHandler | cst.ExceptStarHandler) and isinstance(
        tried.node, cst.Try | cst.TryStar
    )


def without_fallbacks(
    bindings: Sequence[Binding], is_found: Callable[[Binding], bool]
) -> list[Binding]:
    """Leave out what ``except ImportError:`` binds instead of an import that works."""
    if len(bindings) < 2:
        return list(bindings)
    tried = [b.place.block for b in bindings if b.kind == "import" and is_found(b)]
    return [b for b in bindings if not any(_replaces(b.place.block, block) for block in tried)]


def _replaces(handling: Block, tried: Block) -> bool:
    return any(
        block.fork is not None and block.fork is tried.fork and _handles(block, tried)
        for block in handling.chain()
    )


def _survives_iteration(block: Block, loop: Block) -> bool:
    """Say whether code in ``block`` can be followed by another iteration of ``loop``."""
    for outer in block.chain():
        if outer is loop:
            return True
        if outer.exit in ("return", "raise"):
            return False
        if outer.exit == "break" and _innermost_loop(outer) is loop:
            return False
    return True


def _innermost_loop(block: Block) -> Block | None:
    return next((outer for outer in block.chain() if outer.loop is not None), None)


def _completes_fork(source: Block, use: Block, covered: dict[int, set[int]]) -> bool:
    """Note that ``source``'s arm binds the name; say whether now every way to ``use`` does."""
    block = source.anchor
    while True:
        fork: Fork | None = block.fork
        if fork is None or not fork.complete:
            return False
        arms = covered.setdefault(id(fork), set())
        arms.add(id(block))
        for arm in fork.arms:
            if id(arm) not in arms and arm.exit is None:
                return False
        block = fork.block.anchor
        if block.contains(use):
            return True
