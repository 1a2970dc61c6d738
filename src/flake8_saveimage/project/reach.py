"""Does a call of an imported name reach a save? Decided by text, before anything is parsed."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator

from flake8_saveimage.knowledge.writers import Table
from flake8_saveimage.project.finder import Finder
from flake8_saveimage.project.library import SourceFile
from flake8_saveimage.project.outline import imported_names
from flake8_saveimage.source.gate import text_may_save

_MAX_DEPTH = 4  # files between the checked one and the save


class Reach:
    """Follows imported names to text that saves, within the budget of a finder."""

    def __init__(self, finder: Finder, table: Table) -> None:
        self._finder = finder
        self._table = table
        self._known: dict[tuple[str, str], bool] = {}

    def from_file(self, path: str, text: str, tree: ast.AST) -> bool:
        """Say whether a file calls a name of another file of its project that may save."""
        return any(self.reaches(qualified, path) for qualified in _imports(tree, text))

    def reaches(self, qualified: str, importing: str) -> bool:
        """Say whether a name that a file imports may save."""
        return self._reaches(qualified, importing, _MAX_DEPTH)

    def _reaches(self, qualified: str, importing: str, depth: int) -> bool:
        located = self._finder.locate(qualified, importing)
        if located is None:
            return False
        file, name, _rest = located
        key = (file.path, name)
        if key not in self._known:
            self._known[key] = False  # files that import each other end here
            self._known[key] = self._definition_reaches(file, name, depth)
        return self._known[key]

    def _definition_reaches(self, file: SourceFile, name: str, depth: int) -> bool:
        text, imports = _needed(file, name)
        if text_may_save(text, self._table):
            return True
        return depth > 0 and any(self._reaches(i, file.path, depth - 1) for i in imports)


@functools.lru_cache(maxsize=1024)
def _needed(file: SourceFile, name: str) -> tuple[str, tuple[str, ...]]:
    """Return the text that a name of a file needs, and the qualified names that it imports."""
    statements = file.outline.needed(name, file.binders)
    text = "\n".join(line for s in statements for line in file.outline.lines[s.first - 1 : s.last])
    imports = [
        used
        for statement in statements
        for bound, qualified in statement.imports.items()
        for used in _uses(bound, qualified, text)
    ]
    return text, tuple(dict.fromkeys(imports))


def _imports(tree: ast.AST, text: str) -> Iterator[str]:
    """Yield the qualified names that a file imports and may call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for bound, qualified in imported_names(node):
                if bound == "*":
                    yield from _starred(qualified.removesuffix("*").rstrip("."), text)
                else:
                    yield from _uses(bound, qualified, text)


def _uses(bound: str, qualified: str, text: str) -> Iterator[str]:
    """Yield a name, and its attributes that a text mentions: it may be a module."""
    yield qualified
    for attribute in set(re.findall(rf"\b{re.escape(bound)}\.(\w+)", text)):
        yield f"{qualified}.{attribute}"


def _starred(module: str, text: str) -> Iterator[str]:
    for name in set(re.findall(r"(\w+)\s*\(", text)):
        yield f"{module}.{name}"
