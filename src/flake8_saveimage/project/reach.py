"""Does a call of an imported name reach a save? Decided by text, before anything is parsed."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator, Mapping

from flake8_saveimage.knowledge.ranks import text_may_join
from flake8_saveimage.knowledge.writers import Table
from flake8_saveimage.project.finder import Finder, SourceFile
from flake8_saveimage.project.outline import imported_names
from flake8_saveimage.source.gate import text_may_save
from flake8_saveimage.syntax.imports import Aim

_MAX_DEPTH = 4  # files between the checked one and the save
_ATTRIBUTE = re.compile(r"(\w+)\s*\.\s*(\w+)")
_INSIDE = re.compile(
    r"^[ \t]+((?:from[ \t]+[.\w]+[ \t]+)?import[ \t]*(?:\([^)]*\)|[^\n#;(]+))", re.MULTILINE
)
_CALLED = re.compile(r"(\w+)\s*\(")


class Reach:
    """Follows imported names to text that saves (or joins), within the budget of a finder."""

    def __init__(self, finder: Finder, table: Table) -> None:
        self._finder = finder
        self._table = table
        self._known: dict[tuple[str, str, Aim], bool] = {}

    def from_file(self, path: str, text: str, tree: ast.AST) -> bool:
        """Say whether a file calls a name of another file of its project that may save."""
        return any(self.reaches(qualified, path) for qualified in _imports(tree, text))

    def reaches(self, qualified: str, importing: str, aim: Aim = "save") -> bool:
        """Say whether an imported name may save (or join processes), by text."""
        key = (qualified, importing, aim)
        if key not in self._known:
            self._known[key] = self._search(qualified, importing, aim)
        return self._known[key]

    def _search(self, qualified: str, importing: str, aim: Aim) -> bool:
        level, seen = [(qualified, importing)], set[tuple[str, str]]()
        for _ in range(_MAX_DEPTH + 1):
            below: list[tuple[str, str]] = []
            for name, path in level:
                located = self._finder.locate(name, path)
                if located is None or (located.file.path, located.name) in seen:
                    continue
                seen.add((located.file.path, located.name))
                if _says(located.file, located.name, aim, self._table):
                    return True
                _text, imports = _needed(located.file, located.name)
                below += ((used, located.file.path) for used in imports)
            level = below
        return False


@functools.lru_cache(maxsize=2048)
def _says(file: SourceFile, name: str, aim: Aim, table: Table) -> bool:
    text = _needed(file, name)[0]
    return text_may_save(text, table) if aim == "save" else text_may_join(text)


@functools.lru_cache(maxsize=1024)
def _needed(file: SourceFile, name: str) -> tuple[str, tuple[str, ...]]:
    """Return the text that a name of a file needs, and the qualified names that it imports."""
    statements = file.outline.needed(name, file.binders)
    text = "\n".join(line for s in statements for line in file.outline.lines[s.first - 1 : s.last])
    attributes = _attributes(text)
    pairs = [pair for statement in statements for pair in statement.imports]
    imports = [used for pair in (*pairs, *_inside(text)) for used in _uses(*pair, attributes)]
    imports += [name for s in statements for module in s.stars for name in _starred(module, text)]
    return text, tuple(dict.fromkeys(imports))


def _inside(text: str) -> Iterator[tuple[str, str]]:
    """Yield what functions import: the names and the qualified names."""
    for found in _INSIDE.findall(text) if "import" in text else ():
        try:
            [node] = ast.parse(found).body
        except (SyntaxError, ValueError):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported_names(node)


def _imports(tree: ast.AST, text: str) -> Iterator[str]:
    """Yield the qualified names that a file imports and may call."""
    attributes = _attributes(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for bound, qualified in imported_names(node):
                if bound == "*":
                    yield from _starred(qualified.removesuffix("*").rstrip("."), text)
                else:
                    yield from _uses(bound, qualified, attributes)


def _attributes(text: str) -> dict[str, dict[str, None]]:
    """Return the attributes that a text takes of each name, in its order."""
    found: dict[str, dict[str, None]] = {}
    for name, attribute in _ATTRIBUTE.findall(text):
        found.setdefault(name, {})[attribute] = None
    return found


def _uses(bound: str, qualified: str, attributes: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield a name, and its attributes that a text mentions: it may be a module."""
    yield qualified
    for attribute in attributes.get(bound, ()):
        yield f"{qualified}.{attribute}"


def _starred(module: str, text: str) -> Iterator[str]:
    for name in dict.fromkeys(_CALLED.findall(text)):
        yield f"{module}.{name}"
