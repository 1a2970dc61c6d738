"""What names mean in one file: the functions and classes behind them, attributes and callers.

:class:`Flow` answers all questions that paths, values and intent ask about names: reaching
definitions (:mod:`.reaching`), qualified names (:mod:`.names`) and definitions (here).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import libcst as cst

from flake8_saveimage.knowledge.writers import DEFAULT, Table
from flake8_saveimage.syntax.arguments import bind, positional_parameters, written_arguments
from flake8_saveimage.syntax.imports import Aim, Importer, Narrowed, NoImporter
from flake8_saveimage.syntax.names import Resolution
from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.scopes import Binding, CallSite, Facts, Place, Scope

_MAX_CALLERS = 8


class Flow(Resolution):
    """Questions about the facts of a file and of those that it imports. Answers are remembered."""

    def __init__(
        self, facts: Facts, importer: Importer | None = None, writers: Table = DEFAULT
    ) -> None:
        super().__init__(facts, importer or NoImporter(), writers)
        self._callers: dict[int, list[CallSite]] = {}
        self._classes: dict[tuple[str, int, int], Scope | None] = {}
        self._stores: dict[tuple[int, str], list[Binding]] = {}
        self._narrowed: dict[Aim, Flow] = {}

    def narrowed(self, aim: Aim) -> Flow:
        """Return a flow that looks only into those other files that may do something."""
        if not self.follows_imports:
            return self
        if aim not in self._narrowed:
            narrowed = self._narrowed[aim] = Flow(
                self.facts, Narrowed(self._importer, aim), self.writers
            )
            narrowed.files = self.files
        return self._narrowed[aim]

    def definition(self, node: cst.BaseExpression, place: Place, depth: int = 0) -> Scope | None:
        """Return the function or class of the program that ``node`` names, if it is the only one.

        ``f``, ``self.f`` (a method of the same class or of its bases), ``C.f``, ``x.f`` where
        ``x = C(...)``, and ``utils.f`` of another file are understood.
        """
        if isinstance(node, cst.Name):
            lookup = self.lookup(node.value, place)
            scopes = {id(reach.binding.defined): reach.binding.defined for reach in lookup.reaches}
            only = next(iter(scopes.values())) if len(scopes) == 1 else None
            return only or self._defined_elsewhere(node, place)
        if isinstance(node, cst.Attribute):
            owner = self.class_of(node.value, place, depth)
            if owner is not None:
                return self.method(owner, node.attr.value)
            return self._defined_elsewhere(node, place)
        return None

    def _defined_elsewhere(self, node: cst.BaseExpression, place: Place) -> Scope | None:
        qualified = self.resolve(node, place)
        found = self.foreign(qualified, place) if qualified is not None else None
        if found is None or len(found.rest) > 1:
            return None
        if not found.rest:
            return found.defined
        owner = replace(found, rest=()).defined  # `models.Net.build`
        is_class = owner is not None and owner.kind == "class"
        return self.method(owner, found.rest[0]) if owner is not None and is_class else None

    def class_of(self, node: cst.BaseExpression, place: Place, depth: int = 0) -> Scope | None:
        """Return the class of the object that ``node`` names, or the class that it names."""
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
        if not bindings:
            qualified = self.resolve_name(name, place)  # `config.Settings`, `from x import *`
            elsewhere = self.foreign(qualified, place) if qualified is not None else None
            bindings = elsewhere.bindings if elsewhere is not None and not elsewhere.rest else ()
        classes = {id(found): found for found in self._classes_bound(bindings, depth)}
        return next(iter(classes.values())) if len(classes) == 1 else None

    def _classes_bound(self, bindings: Sequence[Binding], depth: int) -> list[Scope | None]:
        found: list[Scope | None] = []
        for binding in bindings:
            if binding.kind == "class":
                found.append(binding.defined)
            elif binding.kind == "import":
                elsewhere = self.foreign(binding.source or "", binding.place)
                defined = elsewhere.defined if elsewhere is not None else None
                found.append(defined if defined and defined.kind == "class" else None)
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
            elif binding.kind == "param":
                found += self._classes_passed(binding, depth)
            else:
                found.append(None)
        return found

    def _classes_passed(self, parameter: Binding, depth: int) -> list[Scope | None]:
        """Return the classes of what a parameter is annotated with, or what callers pass for it."""
        node, function = parameter.node, parameter.place.scope
        if isinstance(node, cst.Param) and node.annotation is not None and function.outer:
            annotated = self.definition(node.annotation.annotation, function.outer, depth + 1)
            return [annotated if annotated and annotated.kind == "class" else None]
        if function.kind != "function":
            return [None]
        names = positional_parameters(function.node)
        found: list[Scope | None] = []
        for site in self.callers(function)[:_MAX_CALLERS]:
            own = names[1:] if function.self_name is not None else names
            given = bind(own, written_arguments(site.node)).given.get(parameter.name)
            found.append(self.class_of(given.value, site.place, depth + 1) if given else None)
        return found or [None]

    def bases(self, owner: Scope) -> list[Scope]:
        """Return the base classes that the program defines."""
        if not isinstance(owner.node, cst.ClassDef) or owner.outer is None:
            return []
        found = (self.definition(base.value, owner.outer) for base in owner.node.bases)
        return [base for base in found if base is not None and base.kind == "class"]

    def method(self, owner: Scope, name: str) -> Scope | None:
        """Return the method ``name`` of a class, looked up through its bases."""
        for current in self._lineage(owner):
            for binding in reversed(current.bindings.get(name, [])):
                if binding.kind == "def":
                    return binding.defined
        return None

    def _lineage(self, owner: Scope) -> Iterator[Scope]:
        """Yield a class and its bases, the nearest first."""
        seen: set[int] = set()
        queue = [owner]
        while queue:
            current = queue.pop(0)
            if id(current) not in seen:
                seen.add(id(current))
                yield current
                queue.extend(self.bases(current))

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
        for scope in self._lineage(owner):
            found.extend(b for b in scope.bindings.get(attribute, ()) if b.kind == "assign")
            for inner in _scopes_within(scope):
                method = enclosing_method(Place(inner.block, inner.block.start))
                if method is not None and method.self_name is not None:
                    found.extend(inner.bindings.get(f"{method.self_name}.{attribute}", ()))
        return found

    # -- calls ---------------------------------------------------------------------------------

    def callers(self, function: Scope) -> list[CallSite]:
        """Return the calls of a function in the files read: ``f()``, ``self.f()``, ``x.f()``."""
        found = self._callers.get(id(function))
        if found is None:
            found = self._callers[id(function)] = self._find_callers(function)
        return found

    def _find_callers(self, function: Scope) -> list[CallSite]:
        name = function.name
        if name == "__init__" and function.owner_class is not None:
            sites = self.calls_named(function.owner_class.name)
            return [s for s in sites if self.class_of(s.node, s.place) is function.owner_class]
        names: Iterable[str] = [name]
        if name in ("__call__", "forward") and function.owner_class is not None:
            names = {called for facts in list(self.files) for called in facts.calls_by_name}
        found: list[CallSite] = []
        for candidate in names:
            for site in self.calls_named(candidate):
                if self.definition(site.node.func, site.place) is function or (
                    candidate != name
                    and self.class_of(site.node.func, site.place) is function.owner_class
                    and self.definition(site.node.func, site.place) is None
                ):
                    found.append(site)
        return found

    def attribute_stores(self, attribute: str) -> list[Binding]:
        """Return the assignments to ``x.attribute`` of any ``x``, in the files read."""
        return [b for facts in self.files for b in facts.attribute_stores.get(attribute, ())]

    def is_assigned_through_module(self, name: str) -> bool:
        """Say whether a file assigns a variable of another one: ``config.OUT = path``."""
        return any(
            reach.binding.kind == "import"
            for store in self.attribute_stores(name)
            if store.name.count(".") == 1
            for reach in self.lookup(store.name.partition(".")[0], store.place).reaches
        )

    def calls_named(self, name: str) -> list[CallSite]:
        """Return the calls of anything whose last part is ``name``, in the files read."""
        return [site for facts in self.files for site in facts.calls_by_name.get(name, ())]


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
