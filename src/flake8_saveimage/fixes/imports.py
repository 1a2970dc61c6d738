"""The imports that go with edited calls: the helper's in, what is no longer used out.

The helper is imported beside the import of the original, if that stands directly in the module or
in a function. It never goes into a ``try`` or a branch: where it cannot be imported, nothing would
be saved, silently. Functions that save import it themselves in that case.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from flake8_saveimage.check.analysis import Analysis
from flake8_saveimage.fixes.import_lines import ImportLines, Small, Suite, Wanted
from flake8_saveimage.fixes.names import IMPORT, Names
from flake8_saveimage.fixes.project import NO_PROJECT, Project
from flake8_saveimage.fixes.text import Change, Layout
from flake8_saveimage.fixes.unused import ImportUses
from flake8_saveimage.rules.save import Save
from flake8_saveimage.source import reading
from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.scopes import Binding, Place

HELPER_MODULE = "flake8_saveimage.runtime"


@dataclass
class _Home:
    """What is to be imported in one suite, and the import there beside which it goes."""

    suite: Suite
    anchor: Small | None = None
    wanted: set[Wanted] = field(default_factory=set)


class Imports:
    """Plans the imports of one file while its calls are edited."""

    def __init__(
        self,
        analysis: Analysis,
        names: Names,
        *,
        module: str = HELPER_MODULE,
        filename: str = "",
        project: Project = NO_PROJECT,
    ) -> None:
        self._flow = analysis.flow
        self._module_node = analysis.module
        self._names = names
        self._uses = ImportUses(analysis.flow, names)
        self._module = module
        self._filename = filename
        self._project = project
        self._homes: dict[int, _Home] = {}
        self._left: dict[int, Binding] = {}
        self._edited: set[int] = set()
        self._rewritten: set[int] = set()

    # -- asked for by the edits of calls -------------------------------------------------------

    def helper(self, save: Save, name: str) -> str:
        """Have the helper function ``name`` imported for a call, and return its local name."""
        self._edited.add(id(save.call.func))
        bindings = self._sources(save)
        self._left.update((id(binding), binding) for binding in bindings)
        there = self._already_there(f"{self._module}.{name}", save.place)
        if there is not None:
            return there
        local = name if self._is_free(name) else self._other_name(name)
        self._want(save, bindings, Wanted(self._module, name, local))
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
                self._left[id(binding)] = binding
                self._rewritten.add(id(binding))
                self._want(save, [binding], Wanted(module, leaf, binding.name))
            return None
        self._edited.add(id(save.call.func))
        self._left.update((id(binding), binding) for binding in bindings)
        if self._already_there(package, save.place) is None:
            self._want(save, bindings, Wanted(package, None, package))
        return writer.name

    def is_conditional(self, save: Save) -> bool:
        """Say whether the module runs without the import of a call that it makes itself."""
        if self._function_of(save) is not None:
            return False
        anchors = [b.node for b in self._sources(save)]
        return any(self._direct_suite(anchor) is None for anchor in anchors)

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
        for name in self._names.imported.get(source, ()):
            lookup = self._flow.lookup(name, place)
            if lookup.reaches and all(
                reach.binding.source == source and not self._uses.for_types_only(reach.binding.node)
                for reach in lookup.reaches
            ):
                return name
        return None

    def _is_free(self, name: str) -> bool:
        """Say whether the file means nothing by ``name`` but, perhaps, the helper itself."""
        bindings = self._bindings(name)
        if not bindings:
            return name not in self._names.identifiers()
        return all(binding.source == f"{self._module}.{name}" for binding in bindings)

    def _other_name(self, name: str) -> str:
        other, number = f"runtime_{name}", 1
        while bound := self._bindings(other) or other in self._names.identifiers():
            if isinstance(bound, list) and all(
                binding.source == f"{self._module}.{name}" for binding in bound
            ):
                break
            number += 1
            other = f"runtime_{name}_{number}"
        return other

    def _bindings(self, name: str) -> list[Binding]:
        return [b for scope in self._flow.facts.scopes for b in scope.bindings.get(name, ())]

    # -- where it goes -------------------------------------------------------------------------

    def _want(self, save: Save, bindings: Sequence[Binding], wanted: Wanted) -> None:
        anchors = [b.node for b in bindings if isinstance(b.node, IMPORT)] or self._star_imports
        suites = {id(suite): suite for suite in map(self._direct_suite, anchors)}
        suite = next(iter(suites.values())) if len(suites) == 1 else None
        anchor: Small | None = anchors[-1] if suite is not None else None
        if suite is None:
            function = self._function_of(save)
            suite = function.body if function is not None else self._module_node
        home = self._homes.setdefault(id(suite), _Home(suite, anchor))
        home.anchor = home.anchor or anchor
        home.wanted.add(wanted)

    def _direct_suite(self, node: cst.CSTNode) -> Suite | None:
        """Return the body of the module or function in which an import directly stands."""
        suite = self._names.suite_of(node)
        if isinstance(suite, cst.Module):
            return suite
        is_body = isinstance(self._names.parents[id(suite)], cst.FunctionDef)
        return suite if is_body and isinstance(suite, cst.BaseSuite) else None

    def _function_of(self, save: Save) -> cst.FunctionDef | None:
        for outer in self._names.ancestors(save.call):
            if isinstance(outer, cst.FunctionDef):
                return outer
        return None

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

    def _unused(self, *, removing: bool) -> tuple[list[Binding], list[Binding]]:
        """Return the bindings to remove, and those that stay although this file does not use them.

        Those are in a ``try`` or branch, for their effect, or used by other files.
        """
        gone, kept = [], []
        stay = self._filename.endswith("__init__.py") or self._uses.looks_names_up or not removing
        for binding in self._candidates():
            if id(binding) in self._rewritten:
                gone.append(binding)
            elif stay or not self._uses.is_unused(binding, self._edited):
                continue
            elif self._direct_suite(binding.node) is None or self._is_imported_elsewhere(binding):
                kept.append(binding)
            else:
                gone.append(binding)
        return gone, kept

    def _is_imported_elsewhere(self, binding: Binding) -> bool:
        is_global = binding.place.scope is self._flow.facts.scope
        return is_global and self._project.imports(self._filename, binding.name)

    def _candidates(self) -> Iterator[Binding]:
        seen: set[int] = set()
        for left in self._left.values():
            for binding in left.place.scope.bindings.get(left.name, ()):
                if binding.kind == "import" and id(binding) not in seen:
                    seen.add(id(binding))
                    yield binding

    # -- changes -------------------------------------------------------------------------------

    def changes(self, layout: Layout, *, removing: bool = True) -> list[Change]:
        """Return the changes of the import statements; ``removing``: unused ones go."""
        lines = ImportLines(self._names, layout, self._filename)
        gone, kept = self._unused(removing=removing)
        for binding in kept:
            assert isinstance(binding.node, IMPORT)
            lines.silence(binding.node)
        for binding in gone:
            assert isinstance(binding.node, IMPORT)
            lines.remove(binding.node, binding.name)
        for home in self._homes.values():
            lines.insert(home.suite, home.anchor, home.wanted)
        return lines.changes()


def moved_imports(code: str, old: str, new: str) -> Iterator[Change]:
    """Yield the changes that import from the module ``new`` what a file imports from ``old``."""
    lines = code.split("\n")
    offsets = list(itertools.accumulate((len(line) + 1 for line in lines), initial=0))
    for node in ast.walk(reading.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module == old and not node.level:
            line = lines[node.lineno - 1].encode()[: node.col_offset]
            start = offsets[node.lineno - 1] + len(line.decode())
            start = code.index(old, start)
            yield Change(start, start + len(old), new)
