"""Follow the imports of a checked file: the definitions of other files, parsed when needed."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from flake8_saveimage.project.library import SourceFile, source_file
from flake8_saveimage.project.modules import module_path, relative_path
from flake8_saveimage.project.roots import import_folders, project_root
from flake8_saveimage.syntax.imports import Foreign
from flake8_saveimage.syntax.reader import read_facts
from flake8_saveimage.syntax.scopes import Facts

MAX_FILES = 40  # opened for one checked file
MAX_LINES = 6_000  # parsed of them
_MAX_PASSED_ON = 8  # `from x import y`, one after the other
_MAX_KEPT = 128  # parts of files, for the next file that is checked


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a project is: its root, and the folders that the configuration adds to ``sys.path``."""

    root: str
    source_folders: tuple[str, ...] = ()


def importer_for(path: str, fallback: str, source_folders: Sequence[str] = ()) -> ProjectImporter:
    """Return the importer for a checked file.

    ``fallback`` bounds the project where there is no repository; ``source_folders`` are the
    folders of the configuration in which absolute imports start.
    """
    layout = Layout(project_root(path, fallback), tuple(source_folders))
    checked = source_file(path)
    return ProjectImporter(layout, checked.added if checked is not None else ())


class ProjectImporter:
    """Finds definitions in the other files of a project, within the budget of one checked file.

    What cannot be found, read or parsed, or would take too long, is unknown.
    """

    def __init__(self, layout: Layout, added: Sequence[str] = ()) -> None:
        self._layout = layout
        self._added = tuple(added)
        self._opened: set[str] = set()
        self._lines = 0
        self._folders: dict[str, tuple[str, ...]] = {}

    def find(self, qualified: str, importing: Facts) -> Foreign | None:
        """Return what a qualified name, as the file ``importing`` uses it, means elsewhere."""
        if not importing.path:
            return None
        for path, name, rest in self._candidates(qualified, importing.path):
            found = self._in_file(path, name, _MAX_PASSED_ON)
            if found is not None:
                return Foreign(found.bindings, found.facts, (*found.rest, *rest))
        return None

    def locate(self, qualified: str, importing: str) -> tuple[SourceFile, str] | None:
        """Return the file and the name at its top level for a name that a file imports."""
        for path, name, _rest in self._candidates(qualified, importing):
            file = self._open(path)
            if file is not None and name in file.binders:
                return file, name
            starred = self._starring(file, name) if file is not None else None
            if starred is not None:
                return starred, name
        return None

    def _candidates(self, qualified: str, importing: str) -> Iterator[tuple[str, str, list[str]]]:
        """Yield a file, a name in it and the attributes of that, for the longest module first."""
        stem = qualified.lstrip(".")
        dots = qualified[: len(qualified) - len(stem)]
        parts = stem.split(".")
        for count in range(len(parts) - 1, -1 if dots else 0, -1):
            path = self._module(dots + ".".join(parts[:count]), importing)
            if path:
                yield path, parts[count], parts[count + 1 :]
                return

    def _module(self, name: str, importing: str) -> str | None:
        root = self._layout.root
        if name.startswith("."):
            return relative_path(name, importing, root)
        return module_path(name, self._folders_of(importing), root)

    def _folders_of(self, importing: str) -> tuple[str, ...]:
        folder = os.path.dirname(importing)
        if folder not in self._folders:
            layout = self._layout
            found = (*import_folders(importing, layout.root, layout.source_folders), *self._added)
            self._folders[folder] = tuple(dict.fromkeys(found))
        return self._folders[folder]

    def _in_file(self, path: str, name: str, more: int) -> Foreign | None:
        file = self._open(path)
        if file is None:
            return None
        if name not in file.binders:
            return self._through_star(file, name, more)
        facts = self._parsed(file, name)
        bindings = facts.scope.bindings.get(name, ()) if facts is not None else ()
        if facts is None or not bindings:
            return None
        sources = [binding.source for binding in bindings if binding.kind == "import"]
        if len(sources) == len(bindings) == 1 and sources[0] is not None and more:
            return self._passed_on(sources[0], facts, more) or Foreign(bindings, facts)
        return Foreign(bindings, facts)

    def _passed_on(self, source: str, facts: Facts, more: int) -> Foreign | None:
        for path, name, rest in self._candidates(source, facts.path):
            found = self._in_file(path, name, more - 1)
            if found is not None:
                return Foreign(found.bindings, found.facts, (*found.rest, *rest))
        return None

    def _through_star(self, file: SourceFile, name: str, more: int) -> Foreign | None:
        """Look for a name in the modules from which a file imports everything."""
        starred = self._starring(file, name) if more else None
        return self._in_file(starred.path, name, more - 1) if starred is not None else None

    def _starring(self, file: SourceFile, name: str) -> SourceFile | None:
        """Return the file that brings a name by ``import *``, directly."""
        for statement in file.outline.statements:
            for module in statement.stars:
                path = self._module(module, file.path)
                starred = self._open(path) if path else None
                if starred is not None and starred.outline.exports(name):
                    stars = any(s.stars for s in starred.outline.statements)
                    if name in starred.binders or stars:
                        return starred
        return None

    def _open(self, path: str) -> SourceFile | None:
        if path not in self._opened:
            if len(self._opened) >= MAX_FILES:
                return None
            self._opened.add(path)
        return source_file(path)

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
    return read_facts(module, path=file.path, lines=numbers)
