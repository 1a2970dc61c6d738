"""The imports that go with edited calls: the helper's in, what nobody uses any more out.

The helper is imported where the original was: in the same suite (of the module, a function, a
``try``), next to it. An import goes only if no name of the file can mean it any more; ``__all__``,
``import x as x``, ``__init__.py``, ``# noqa`` on the import and ``globals()`` keep it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from flake8_saveimage.check.analysis import Analysis
from flake8_saveimage.fixes.edits import Edits
from flake8_saveimage.fixes.import_lines import (
    IMPORT,
    ImportLines,
    Small,
    Wanted,
    statements,
    without,
)
from flake8_saveimage.fixes.names import Names
from flake8_saveimage.fixes.unused import ImportUses
from flake8_saveimage.rules.save import Save
from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.scopes import Binding, Place, Scope

HELPER_MODULE = "flake8_saveimage.runtime"


@dataclass
class _Suite:
    """What is to be imported in one suite, and the imports there that brought the originals."""

    anchors: list[Small] = field(default_factory=list)
    wanted: set[Wanted] = field(default_factory=set)


class Imports:
    """Plans the imports of one file while its calls are edited."""

    def __init__(
        self, analysis: Analysis, names: Names, *, module: str, is_init: bool = False
    ) -> None:
        self._flow = analysis.flow
        self._names = names
        self._uses = ImportUses(analysis.flow, names)
        self._module = module
        self._is_init = is_init
        self._suites: dict[int, _Suite] = {}
        self._left: dict[int, Binding] = {}
        self._edited: list[cst.BaseExpression] = []
        self._rewritten: set[int] = set()
        self._on_top: set[Wanted] = set()

    # -- asked for by the edits of calls -------------------------------------------------------

    def helper(self, save: Save, name: str) -> str:
        """Have the helper function ``name`` imported for a call, and return its local name."""
        self._edited.append(save.call.func)
        bindings = self._sources(save)
        self._left.update((id(binding), binding) for binding in bindings)
        there = self._already_there(f"{self._module}.{name}", save.place)
        if there is not None:
            return there
        local = name if self._is_free(name) else self._other_name(name)
        self._want(bindings, Wanted(self._module, name, local))
        return local

    def existing(self, save: Save) -> str | None:
        """Have the writer's package imported for a call of a function that does not exist.

        Returns what to call, or ``None`` if the import alone has to change.
        """
        bindings = self._sources(save)
        writer = save.site.writer
        module, _, leaf = writer.name.rpartition(".")
        package = writer.name.partition(".")[0]
        direct = [b for b in bindings if b.source in writer.missing]
        if direct:
            for binding in direct:
                local = binding.name
                self._left[id(binding)] = binding
                self._rewritten.add(id(binding))
                self._want([binding], Wanted(module, leaf, local))
            return None
        self._edited.append(save.call.func)
        self._left.update((id(binding), binding) for binding in bindings)
        if self._already_there(package, save.place) is None:
            self._want(bindings, Wanted(package, None, package))
        return writer.name

    # -- what is known -------------------------------------------------------------------------

    def _sources(self, save: Save) -> list[Binding]:
        """Return the import bindings through which the callee is reached."""
        found: dict[int, Binding] = {}
        queue: list[tuple[str | None, Place, int]] = [(dotted(save.call.func), save.place, 0)]
        while queue:
            name, place, depth = queue.pop()
            if name is None or depth > 8:
                continue
            lookup = self._flow.lookup(name.partition(".")[0], place)
            for binding, _loops in lookup.reaches:
                if binding.kind == "import":
                    if not self._uses.for_types_only(binding.node):
                        found[id(binding)] = binding
                elif binding.value is not None:
                    queue.append((dotted(binding.value), binding.place, depth + 1))
        return list(found.values())

    def _already_there(self, source: str, place: Place) -> str | None:
        """Return the name under which ``source`` is imported where ``place`` can see it."""
        scope: Scope | None = place.scope
        while scope is not None:
            for name, bindings in scope.bindings.items():
                if any(b.kind == "import" and b.source == source for b in bindings):
                    lookup = self._flow.lookup(name, place)
                    if lookup.reaches and all(
                        reach.binding.source == source
                        and not self._uses.for_types_only(reach.binding.node)
                        for reach in lookup.reaches
                    ):
                        return name
            scope = scope.parent
        return None

    def _is_free(self, name: str) -> bool:
        """Say whether the file means nothing by ``name`` but, perhaps, the helper itself."""
        bindings = [
            binding for scope in self._flow.facts.scopes for binding in scope.bindings.get(name, ())
        ]
        if not bindings:
            return name not in self._names.identifiers()
        return all(binding.source == f"{self._module}.{name}" for binding in bindings)

    def _other_name(self, name: str) -> str:
        taken = self._names.identifiers() | {
            name for scope in self._flow.facts.scopes for name in scope.bindings
        }
        other, number = f"runtime_{name}", 1
        while other in taken:
            bound = [b for s in self._flow.facts.scopes for b in s.bindings.get(other, ())]
            if bound and all(b.source == f"{self._module}.{name}" for b in bound):
                break
            number += 1
            other = f"runtime_{name}_{number}"
        return other

    def _want(self, bindings: Sequence[Binding], wanted: Wanted) -> None:
        anchors = [binding.node for binding in bindings if isinstance(binding.node, IMPORT)]
        if not anchors:
            anchors = self._star_imports[-1:]
        if not anchors:
            self._on_top.add(wanted)
        for anchor in anchors:
            suite = self._names.suite_of(anchor)
            entry = self._suites.setdefault(id(suite), _Suite())
            if not any(anchor is other for other in entry.anchors):
                entry.anchors.append(anchor)
            entry.wanted.add(wanted)

    @property
    def _star_imports(self) -> list[Small]:
        """The star imports of the module, one of which brings what no other import binds."""
        lines = (x for x in self._flow.facts.module.body if isinstance(x, cst.SimpleStatementLine))
        return [
            small
            for line in lines
            for small in line.body
            if isinstance(small, cst.ImportFrom) and isinstance(small.names, cst.ImportStar)
        ]

    # -- what is not used any more -------------------------------------------------------------

    def _unused(self) -> dict[int, list[Binding]]:
        """Return the bindings to remove, by the id of their import statement."""
        found: dict[int, list[Binding]] = {}
        if self._is_init or self._uses.looks_names_up:
            bindings = [b for b in self._left.values() if id(b) in self._rewritten]
        else:
            bindings = [
                binding
                for binding in self._candidates()
                if id(binding) in self._rewritten or self._uses.is_unused(binding, self._edited)
            ]
        for binding in bindings:
            found.setdefault(id(binding.node), []).append(binding)
        return found

    def _candidates(self) -> Iterator[Binding]:
        seen: set[int] = set()
        for left in self._left.values():
            for binding in left.place.scope.bindings.get(left.name, ()):
                if binding.kind == "import" and id(binding) not in seen:
                    seen.add(id(binding))
                    yield binding

    # -- edits ---------------------------------------------------------------------------------

    def plan(self, edits: Edits) -> None:
        """Add the edits of the import statements."""
        gone = self._unused()
        lines = ImportLines(self._names, edits)
        if self._on_top:
            lines.on_top(self._flow.facts.module, statements(self._on_top))
        new: dict[int, list[Small]] = {}
        touched: dict[int, Small] = {}
        for entry in self._suites.values():
            anchor = lines.host(entry.anchors, gone)
            new[id(anchor)] = statements(entry.wanted)
            touched[id(anchor)] = anchor
        for bindings in gone.values():
            for binding in bindings:
                assert isinstance(binding.node, IMPORT)
                touched[id(binding.node)] = binding.node
        for key, node in touched.items():
            lines.replace(node, without(node, gone.get(key, [])), new.get(key, []))
        lines.finish()
