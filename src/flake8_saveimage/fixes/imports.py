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
from functools import cached_property

import libcst as cst

from flake8_saveimage.check.analysis import Analysis
from flake8_saveimage.fixes.import_lines import ImportLines, Wanted
from flake8_saveimage.fixes.names import Names
from flake8_saveimage.fixes.project import NO_PROJECT, Project
from flake8_saveimage.fixes.text import Change
from flake8_saveimage.fixes.unused import ImportFacts, Statement
from flake8_saveimage.rules.save import Save
from flake8_saveimage.source import reading
from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.scopes import Binding, Place

HELPER_MODULE = "flake8_saveimage.runtime"
# Functions that look names up by their text.
_REFLECTION = ("globals", "eval", "exec", "vars")


@dataclass
class _Home:
    """What is to be imported in one body, and the import there beside which it goes."""

    body: Sequence[ast.stmt]
    anchor: Statement | None = None
    wanted: set[Wanted] = field(default_factory=set)


class Imports:
    """Plans the imports of one file while its calls are edited."""

    def __init__(
        self,
        analysis: Analysis,
        names: Names,
        facts: ImportFacts,
        *,
        module: str = HELPER_MODULE,
        filename: str = "",
        project: Project = NO_PROJECT,
    ) -> None:
        self._flow = analysis.flow
        self._names = names
        self._facts = facts
        self._module = module
        self._filename = filename
        self._project = project
        self._homes: dict[int, _Home] = {}
        self._left: dict[int, Binding] = {}
        self._edited: list[cst.CSTNode] = []
        self._rewritten: set[int] = set()

    # -- asked for by the edits of calls -------------------------------------------------------

    def helper(self, save: Save, name: str) -> str:
        """Have the helper function ``name`` imported for a call, and return its local name."""
        self._edited.append(save.call.func)
        bindings = self._sources(save)
        self._left.update((id(binding), binding) for binding in bindings)
        there = self._already_there(f"{self._module}.{name}", save.place)
        if there is not None:
            return there
        local = self._free_name(name)
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
        self._edited.append(save.call.func)
        self._left.update((id(binding), binding) for binding in bindings)
        if self._already_there(package, save.place) is None:
            self._want(save, bindings, Wanted(package, None, package))
        return writer.name

    def is_conditional(self, save: Save) -> bool:
        """Say whether the module runs without the import of a call that it makes itself."""
        if self._names.function_of(save.call) is not None:
            return False
        return any(self._body_of(binding) is None for binding in self._sources(save))

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
                    if not self._facts.is_for_types(binding.node):
                        found[id(binding)] = binding
                elif binding.value is not None:
                    queue.append((dotted(binding.value), binding.place, depth + 1))
        return list(found.values())

    def _already_there(self, source: str, place: Place) -> str | None:
        """Return the name under which ``source`` is imported where ``place`` can see it."""
        for name in self._names_of_sources.get(source, ()):
            reaches = self._flow.lookup(name, place).reaches
            if reaches and all(
                b.source == source and not self._facts.is_for_types(b.node) for b, _loops in reaches
            ):
                return name
        return None

    def _free_name(self, name: str) -> str:
        """Return a name by which the file means nothing but, perhaps, the helper itself."""
        source = f"{self._module}.{name}"
        numbered = (f"runtime_{name}_{number}" for number in itertools.count(2))
        for local in itertools.chain((name, f"runtime_{name}"), numbered):
            bindings = self._bindings.get(local, ())
            if all(b.source == source for b in bindings) and (
                bindings or local not in self._names.identifiers
            ):
                break
        return local

    @cached_property
    def _bindings(self) -> dict[str, list[Binding]]:
        found: dict[str, list[Binding]] = {}
        for scope in self._flow.facts.scopes:
            for name, bindings in scope.bindings.items():
                found.setdefault(name, []).extend(bindings)
        return found

    @cached_property
    def _names_of_sources(self) -> dict[str, list[str]]:
        found: dict[str, dict[str, None]] = {}
        for name, bindings in self._bindings.items():
            for binding in bindings:
                if binding.source is not None:
                    found.setdefault(binding.source, {})[name] = None
        return {source: list(names) for source, names in found.items()}

    def _body_of(self, binding: Binding) -> list[ast.stmt] | None:
        return self._facts.direct_body(self._facts.statement(binding.node))

    def _want(self, save: Save, bindings: Sequence[Binding], wanted: Wanted) -> None:
        """Have something imported beside the imports that a call used, or in its function."""
        anchors = [self._facts.statement(binding.node) for binding in bindings]
        anchors = anchors or self._facts.star_imports()
        bodies = {id(body): body for body in map(self._facts.direct_body, anchors)}
        body = next(iter(bodies.values())) if len(bodies) == 1 else None
        anchor = anchors[-1] if body is not None else None
        if body is None:
            body = self._facts.function_body(self._facts.layout.of(save.call)[0])
        home = self._homes.setdefault(id(body), _Home(body, anchor))
        home.anchor = home.anchor or anchor
        home.wanted.add(wanted)

    # -- what is not used any more -------------------------------------------------------------

    @property
    def _looks_names_up(self) -> bool:
        """Whether the file may look its names up by text: ``globals()``, ``eval``, ``vars()``."""
        calls = self._flow.facts.calls_by_name
        return any(
            isinstance(call.node.func, cst.Name) and not (name == "vars" and call.node.args)
            for name in _REFLECTION
            for call in calls.get(name, ())
        )

    def _unused(self) -> Iterator[Binding]:
        """Yield the bindings that nothing in this file uses any more."""
        tables = self._facts.tables(self._edited)
        names = {(id(left.place.scope), left.name): left for left in self._left.values()}
        for left in names.values():
            for binding in left.place.scope.bindings[left.name]:
                if binding.kind == "import" and id(binding) not in self._rewritten:
                    statement = self._facts.statement(binding.node)
                    if self._facts.is_unused(statement, binding.name, tables):
                        yield binding

    def _stays(self, binding: Binding) -> bool:
        """Say whether an import stays for its effect (in a branch) or for other files."""
        is_global = binding.place.scope is self._flow.facts.scope
        elsewhere = is_global and self._project.imports(self._filename, binding.name)
        return elsewhere or self._body_of(binding) is None

    # -- changes -------------------------------------------------------------------------------

    def changes(self, *, removing: bool = True) -> list[Change]:
        """Return the changes of the import statements; ``removing``: unused ones go."""
        lines = ImportLines(self._facts.layout, self._filename)
        gone = [binding for key, binding in self._left.items() if key in self._rewritten]
        is_offered = self._filename.endswith("__init__.py") or self._looks_names_up
        for binding in self._unused() if removing and not is_offered else ():
            if self._stays(binding):
                lines.silence(self._facts.statement(binding.node))
            else:
                gone.append(binding)
        for binding in gone:
            statement = self._facts.statement(binding.node)
            lines.remove(statement, binding.name, self._facts.body(statement))
        for home in self._homes.values():
            lines.insert(home.body, home.anchor, home.wanted)
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
