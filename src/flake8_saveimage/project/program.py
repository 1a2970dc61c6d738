"""Follow the imports of a checked file: the definitions of other files, parsed when needed."""

from __future__ import annotations

import functools

import libcst as cst

from flake8_saveimage.knowledge.writers import Table
from flake8_saveimage.project.finder import Finder, SourceFile
from flake8_saveimage.project.reach import Reach
from flake8_saveimage.project.readers import Readers, readers_in
from flake8_saveimage.syntax.imports import Aim, Foreign, TextPlace
from flake8_saveimage.syntax.reaching import without_fallbacks
from flake8_saveimage.syntax.reader import read_facts
from flake8_saveimage.syntax.scopes import Facts

MAX_LINES = 6_000  # parsed for one checked file
_MAX_PASSED_ON = 8  # `from x import y`, one after the other
_MAX_KEPT = 128  # parts of files, for the next file that is checked


class ProjectImporter:
    """Finds definitions in the other files of a project, within the budget of one checked file.

    What cannot be found, read or parsed, or would take too long, is unknown.
    """

    def __init__(self, finder: Finder, table: Table) -> None:
        self._finder = finder
        self._reach = Reach(finder, table)
        self._lines = 0
        self._readers: Readers | None = None

    def library_name(self, qualified: str, importing: Facts) -> str | None:
        """Return a library's own name for one that files of the project only pass on."""
        name, path = qualified, importing.path
        for _ in range(_MAX_PASSED_ON if path else 0):
            located = self._finder.locate(name, path)
            if located is None:
                return name if name != qualified and not name.startswith(".") else None
            file, own, rest = located
            binders = [file.outline.statements[i] for i in file.binders.get(own, ())]
            sources = {q for s in binders for bound, q in s.imports if bound == own}
            is_only = len(sources) == 1 and not any(own in s.binds for s in binders)
            source = sources.pop() if is_only else None
            if source is None:
                return None
            name, path = ".".join((source, *rest)), file.path
        return None

    def reaches(self, qualified: str, importing: Facts, aim: Aim) -> bool:
        """Say by text whether a call of a name that a file imports may do something."""
        return bool(importing.path) and self._reach.reaches(qualified, importing.path, aim)

    def reader(self, name: str, checked: Facts) -> TextPlace | None:
        """Return a call that reads a file of this name, in the checked file or the project."""
        if self._readers is None:
            self._readers = readers_in(self._finder.root, checked.path, checked.text)
        return self._readers.get(name)

    def find(self, qualified: str, importing: Facts) -> Foreign | None:
        """Return what a qualified name, as the file ``importing`` uses it, means elsewhere."""
        if not importing.path:
            return None
        for path, name, rest in self._finder.candidates(qualified, importing.path):
            found = self._in_file(path, name, _MAX_PASSED_ON)
            if found is not None:
                return Foreign(found.bindings, found.facts, (*found.rest, *rest))
        return None

    def _in_file(self, path: str, name: str, more: int) -> Foreign | None:
        file = self._finder.open(path)
        if file is None:
            return None
        if name not in file.binders:
            return self._through_star(file, name, more)
        facts = self._parsed(file, name)
        if facts is None or not facts.scope.bindings.get(name):
            return None
        bindings = without_fallbacks(
            facts.scope.bindings[name],
            lambda b: self._finder.locate(b.source or "", path) is not None,
        )
        source = bindings[0].source if len(bindings) == 1 else None
        found = self._passed_on(source, facts, more) if source is not None and more else None
        return found or Foreign(bindings, facts)

    def _passed_on(self, source: str, facts: Facts, more: int) -> Foreign | None:
        for path, name, rest in self._finder.candidates(source, facts.path):
            found = self._in_file(path, name, more - 1)
            if found is not None:
                return Foreign(found.bindings, found.facts, (*found.rest, *rest))
        return None

    def _through_star(self, file: SourceFile, name: str, more: int) -> Foreign | None:
        """Look for a name in the modules from which a file imports everything."""
        starred = self._finder.starring(file, name) if more else None
        return self._in_file(starred.path, name, more - 1) if starred is not None else None

    def _parsed(self, file: SourceFile, name: str) -> Facts | None:
        statements = file.outline.needed(name, file.binders)
        lines = sum(statement.last - statement.first + 1 for statement in statements)
        if self._lines + lines > MAX_LINES:
            return None
        self._lines += lines
        return _facts(file, tuple((s.first, s.last) for s in statements))


@functools.lru_cache(maxsize=_MAX_KEPT)
def _facts(file: SourceFile, parts: tuple[tuple[int, int], ...]) -> Facts | None:
    """Return the facts of some lines of a file; ``None`` if libcst cannot parse them."""
    numbers = sorted({line for first, last in parts for line in range(first, last + 1)})
    text = "".join(f"{file.outline.lines[number - 1]}\n" for number in numbers)
    try:
        module = cst.parse_module(text)
    except (cst.ParserSyntaxError, RecursionError):
        return None
    return read_facts(module, path=file.path, text=text, lines=numbers)
