"""Reaching definitions, and what a name means: the questions that paths, ranges and intent ask.

Python's control flow is structured, so no control flow graph is needed: a binding reaches a use
unless another one stands between them that always runs (is in a block around the use). Loops are
the one way back: a binding further down a loop reaches the use in the next pass. ``Reach.loops``
names the loops whose next pass brings it there.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.knowledge.writers import BY_NAME, PACKAGES
from flake8_saveimage.syntax.module import (
    Binding,
    Block,
    CallSite,
    Facts,
    Fork,
    Loop,
    Place,
    Scope,
    dotted,
)

# Functions that the value analysis knows, for `from torchvision.utils import *`.
_ALSO_BY_STAR = frozenset({"torchvision.utils.make_grid"})

# More bindings than this are not followed: the work would grow with the square of their number.
_MAX_REACHES = 32
_MAX_SCANNED = 500


class Reach(NamedTuple):
    """A binding that reaches a use, directly (no loops) or with the next pass of ``loops``."""

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


class Flow:
    """Questions about one file's facts. Answers are remembered."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._callers: dict[int, list[CallSite]] = {}
        self._unknown: list[Binding] = []
        self._lookups: dict[tuple[str, int, int], Lookup] = {}
        self._orders: dict[int, list[int]] = {}
        self._resolved: dict[tuple[str, int, int], str | None] = {}
        self._classes: dict[tuple[str, int, int], Scope | None] = {}
        self._stores: dict[tuple[int, str], list[Binding]] = {}

    # -- reaching definitions ------------------------------------------------------------------

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
                scope = self.facts.scope
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
        return self.facts.scope

    def owner_of(self, name: str, function: Scope) -> Scope | None:
        """Return the scope whose name a function rebinds by ``global`` or ``nonlocal``."""
        return self._declared_owner(function, name) if name in function.declared else None

    def _everywhere(self, owner: Scope, name: str) -> tuple[Reach, ...]:
        bindings = [*owner.bindings.get(name, ()), *owner.shared.get(name, ())]
        return tuple(Reach(binding, ()) for binding in bindings if binding.kind != "del")

    def reaching(self, scope: Scope, name: str, place: Place) -> tuple[tuple[Reach, ...], bool]:
        """Return the bindings of ``name`` in ``scope`` that reach ``place`` in its function.

        The second value says whether one of them has been made on every way there. Where there are
        very many (a counter that hundreds of loops change), the answer is one that nobody knows.
        """
        bindings = scope.bindings[name]
        index = bisect.bisect_left(self._order_of(bindings), place.order)
        found: dict[int, tuple[Binding, list[Loop]]] = {}
        covered: dict[int, set[int]] = {}
        kill: Binding | None = None
        for binding in reversed(bindings[max(0, index - _MAX_SCANNED) : index]):
            if len(found) > _MAX_REACHES:
                break
            if not _goes_straight(binding.place.block, place.block):
                continue
            if binding.kind != "del":
                found[id(binding)] = (binding, [])
            if binding.place.block.anchor.contains(place.block):
                kill = binding
                break
            if _completes_fork(binding.place.block, place.block, covered):
                kill = binding
                break
        for loop in _loops_around(place.block):
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
        self._unknown.append(binding)
        return binding

    def _carried(self, bindings: list[Binding], loop: Loop) -> list[Binding]:
        """Return the bindings in the loop that are still in force when the next pass starts."""
        orders = self._order_of(bindings)
        low = bisect.bisect_left(orders, loop.start)
        high = bisect.bisect_right(orders, loop.end)
        found: list[Binding] = []
        for binding in reversed(bindings[low:high]):
            if len(found) > _MAX_REACHES:
                break
            if _survives_pass(binding.place.block, loop.block) and binding.kind != "del":
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

    # -- meaning -------------------------------------------------------------------------------

    def resolve(self, node: cst.BaseExpression, place: Place) -> str | None:
        """Return the qualified name that ``node`` stands for through imports and aliases.

        ``vutils.save_image`` -> ``torchvision.utils.save_image`` after ``import torchvision.utils
        as vutils``. ``None`` if the name is not (only) an import.
        """
        name = dotted(node)
        return self.resolve_name(name, place) if name is not None else None

    def resolve_name(self, name: str, place: Place, depth: int = 0) -> str | None:
        """Like :meth:`resolve`, for a dotted name."""
        key = (name, id(place.block), place.order)
        if key not in self._resolved:
            self._resolved[key] = None  # an alias of itself ends here
            self._resolved[key] = self._resolve_name(name, place, depth)
        return self._resolved[key]

    def _resolve_name(self, name: str, place: Place, depth: int) -> str | None:
        if depth > 8:
            return None
        base, _, rest = name.partition(".")
        lookup = self.lookup(base, place)
        if lookup.owner is None:
            # not bound here, but by `from utils import *`: it means the package
            return name if base in PACKAGES and rest else self._from_star(name)
        sources: set[str] = set()
        for binding, _loops in lookup.reaches:
            if binding.kind == "import" and binding.source:
                sources.add(binding.source)
            elif _is_none(binding.value) and binding.kind == "assign":
                continue  # `except ImportError: save_image = None`
            elif binding.kind == "assign" and not binding.pattern and binding.value is not None:
                target = dotted(binding.value)
                full = self.resolve_name(target, binding.place, depth + 1) if target else None
                if full is None:
                    return None
                sources.add(full)
            else:
                return None
        if not sources:
            return None
        full_names = {f"{source}.{rest}" if rest else source for source in sources}
        return full_names.pop() if len(full_names) == 1 else None

    def _from_star(self, name: str) -> str | None:
        """A name that nothing binds, under ``from torchvision.utils import *``."""
        full = (f"{module}.{name}" for module in self.facts.star_imports)
        return next((f for f in full if f in BY_NAME or f in _ALSO_BY_STAR), None)

    def definition(self, node: cst.BaseExpression, place: Place, depth: int = 0) -> Scope | None:
        """Return the function or class of this file that ``node`` names, if it is the only one.

        ``f``, ``self.f`` (a method of the same class or of its bases in this file), ``C.f`` and
        ``x.f`` where ``x = C(...)`` are understood.
        """
        if isinstance(node, cst.Name):
            lookup = self.lookup(node.value, place)
            scopes = {id(reach.binding.defined): reach.binding.defined for reach in lookup.reaches}
            return next(iter(scopes.values())) if len(scopes) == 1 else None
        if isinstance(node, cst.Attribute):
            owner = self.class_of(node.value, place, depth)
            return self.method(owner, node.attr.value) if owner is not None else None
        return None

    def class_of(self, node: cst.BaseExpression, place: Place, depth: int = 0) -> Scope | None:
        """Return the class (of this file) of the object that ``node`` names, or that it names."""
        if depth > 4:
            return None
        if isinstance(node, cst.Call):
            if dotted(node.func) == "super":
                owner = enclosing_method(place)
                bases = self.bases(owner.owner_class) if owner and owner.owner_class else []
                return bases[0] if bases else None
            found = self.definition(node.func, place, depth)
            return found if found is not None and found.kind == "class" else None
        name = dotted(node)
        if name is None:
            return None
        key = (name, id(place.block), place.order)
        if key not in self._classes:
            self._classes[key] = None  # `x = x.next()` in a loop ends here
            self._classes[key] = self._class_of_name(name, place, depth)
        return self._classes[key]

    def _class_of_name(self, name: str, place: Place, depth: int) -> Scope | None:
        method = enclosing_method(place)
        if method is not None and name == method.self_name:
            return method.owner_class
        bindings: Sequence[Binding] = [reach.binding for reach in self.lookup(name, place).reaches]
        if not bindings and "." in name:
            bindings = self.attribute_bindings(name, place)
        classes = {id(found): found for found in self._classes_bound(bindings, depth)}
        return next(iter(classes.values())) if len(classes) == 1 else None

    def _classes_bound(self, bindings: Sequence[Binding], depth: int) -> list[Scope | None]:
        found: list[Scope | None] = []
        for binding in bindings:
            if binding.kind == "class":
                found.append(binding.defined)
            elif binding.kind == "assign" and not binding.pattern and binding.value is not None:
                value: cst.BaseExpression = binding.value
                # `Net().to(device)`, `Net(...).cuda()`: still a Net.
                while (
                    isinstance(value, cst.Call)
                    and isinstance(value.func, cst.Attribute)
                    and isinstance(value.func.value, cst.Call)
                ):
                    value = value.func.value
                found.append(self.class_of(value, binding.place, depth + 1))
            else:
                found.append(None)
        return found

    def bases(self, owner: Scope) -> list[Scope]:
        """Return the base classes that this file defines."""
        if not isinstance(owner.node, cst.ClassDef) or owner.outer is None:
            return []
        found = (self.definition(base.value, owner.outer) for base in owner.node.bases)
        return [base for base in found if base is not None and base.kind == "class"]

    def method(self, owner: Scope, name: str) -> Scope | None:
        """Return the method ``name`` of a class, looked up through bases in this file."""
        seen: set[int] = set()
        queue = [owner]
        while queue:
            current = queue.pop(0)
            if id(current) in seen:
                continue
            seen.add(id(current))
            for binding in reversed(current.bindings.get(name, [])):
                if binding.kind == "def":
                    return binding.defined
            queue.extend(self.bases(current))
        return None

    def attribute_bindings(self, name: str, place: Place) -> list[Binding]:
        """Return every binding of an attribute of ``self`` in the class and its bases."""
        method = enclosing_method(place)
        base, _, rest = name.partition(".")
        if method is None or base != method.self_name or method.owner_class is None:
            return []
        return self.class_attribute(method.owner_class, rest)

    def class_attribute(self, owner: Scope, attribute: str) -> list[Binding]:
        """Return every binding of ``self.attribute`` in methods and of the name in the class."""
        key = (id(owner), attribute)
        if key in self._stores:
            return self._stores[key]
        found: list[Binding] = []
        self._stores[key] = found
        for scope in [owner, *self.bases(owner)]:
            found.extend(b for b in scope.bindings.get(attribute, ()) if b.kind == "assign")
            for inner in _scopes_within(scope):
                method = enclosing_method(Place(inner.block, inner.block.start))
                if method is not None and method.self_name is not None:
                    found.extend(inner.bindings.get(f"{method.self_name}.{attribute}", ()))
        return found

    # -- calls ---------------------------------------------------------------------------------

    def callers(self, function: Scope) -> list[CallSite]:
        """Return the calls of a function in this file: ``f()``, ``self.f()``, ``x.f()``."""
        found = self._callers.get(id(function))
        if found is None:
            found = self._callers[id(function)] = self._find_callers(function)
        return found

    def _find_callers(self, function: Scope) -> list[CallSite]:
        name = function.name
        if name == "__init__" and function.owner_class is not None:
            sites = self.facts.calls_by_name.get(function.owner_class.name, [])
            return [s for s in sites if self.class_of(s.node, s.place) is function.owner_class]
        names = [name]
        if name in ("__call__", "forward") and function.owner_class is not None:
            names = list(self.facts.calls_by_name)
        found: list[CallSite] = []
        for candidate in names:
            for site in self.facts.calls_by_name.get(candidate, ()):
                if self.definition(site.node.func, site.place) is function or (
                    candidate != name
                    and self.class_of(site.node.func, site.place) is function.owner_class
                    and self.definition(site.node.func, site.place) is None
                ):
                    found.append(site)
        return found


def enclosing_method(place: Place) -> Scope | None:
    """Return the method around a place: of nested functions, the one that has the ``self``."""
    scope: Scope | None = place.scope.function
    while scope is not None:
        if scope.owner_class is not None:
            return scope
        scope = scope.parent.function if scope.parent is not None else None
    return None


def _scopes_within(owner: Scope) -> list[Scope]:
    """Return the methods of a class and everything nested in them, inner classes left out."""
    found: list[Scope] = []
    stack = [scope for scope in owner.scopes if scope.kind != "class"]
    while stack:
        scope = stack.pop()
        found.append(scope)
        stack.extend(inner for inner in scope.scopes if inner.kind != "class")
    found.sort(key=lambda scope: scope.block.start)
    return found


def _loops_around(block: Block) -> list[Loop]:
    return [outer.loop for outer in block.chain() if outer.loop is not None]


def _is_none(node: cst.CSTNode | None) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def _goes_straight(source: Block, use: Block) -> bool:
    """Say whether code in ``source`` (earlier) can be followed by ``use`` without a new pass."""
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
    for outer in block.chain():
        if outer.loop is not None:
            return outer.contains(use)
    return False


def _handles(handler: Block, tried: Block) -> bool:
    """Say whether one is an ``except`` arm of the other, the ``try`` suite."""
    return isinstance(handler.node, cst.ExceptHandler | cst.ExceptStarHandler) and isinstance(
        tried.node, cst.Try | cst.TryStar
    )


def _survives_pass(block: Block, loop: Block) -> bool:
    """Say whether code in ``block`` can be followed by another pass of ``loop``."""
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
