"""Import statements as lines of a file: new ones put in their place, names and lines taken out.

New imports go where isort would have them: into the section of their kind, plain imports first, by
the name of the module.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from flake8_saveimage.fixes.text import Change, Layout
from flake8_saveimage.fixes.unused import Statement
from flake8_saveimage.source.reading import universal_newlines

_FUTURE, _STANDARD, _THIRD_PARTY, _FIRST_PARTY, _LOCAL = range(5)
_REST = re.compile(r"[ \t]*;?[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
_LOST_COMMENT = re.compile(r"(,?)[ \t]*#[^\r\n]*")


class Wanted(NamedTuple):
    """One import: ``import module`` (no name) or ``from module import name as local``."""

    module: str
    name: str | None
    local: str


class ImportLines:
    """Collects the changes of the import statements of one file."""

    def __init__(self, layout: Layout, filename: str) -> None:
        self._layout = layout
        self._text = layout.text
        self._folders = _import_folders(filename)
        self._gone: dict[Statement, set[str]] = {}
        self._bodies: dict[Statement, Sequence[ast.stmt]] = {}
        self._changes: list[Change] = []
        self._refilled: set[Statement] = set()

    def remove(self, node: Statement, name: str, body: Sequence[ast.stmt]) -> None:
        """Take out a name that an import binds; all removals come before all insertions."""
        self._bodies[node] = body
        self._gone.setdefault(node, set()).add(name)

    def silence(self, node: Statement) -> None:
        """Have flake8 and ruff accept an import that is kept although nothing uses it."""
        end = self._layout.of_ast(node)[1]
        if not self._text[end : self._layout.next_line(end)].strip():
            self._changes.append(Change(end, end, "  # noqa: F401"))

    def insert(
        self, body: Sequence[ast.stmt], anchor: Statement | None, wanted: Iterable[Wanted]
    ) -> None:
        """Put imports into a body, beside ``anchor`` or at its start."""
        for kind, statements in _by_kind(wanted, self._folders):
            if anchor is not None and self._is_alone(anchor):
                self._insert_in_section(body, anchor, kind, statements)
            elif anchor is not None:
                self._insert_on_line(anchor, statements)
            else:
                self._insert_at_start(body, statements)

    def changes(self) -> list[Change]:
        """Return all changes."""
        for node in self._gone:
            kept = self._kept(node)
            if kept:
                self._changes.append(self._without_names(node, kept))
            elif self._is_alone(node):
                self._remove_line(node)
            elif node not in self._refilled:
                self._changes.append(self._without_statement(node))
        return self._changes

    # -- insertions ----------------------------------------------------------------------------

    def _insert_on_line(self, anchor: Statement, statements: Sequence[str]) -> None:
        """Put imports on a line of several statements."""
        start, end = self._layout.of_ast(anchor)
        if self._is_gone(anchor):
            self._refilled.add(anchor)
            self._changes.append(Change(start, end, "; ".join(statements)))
        else:
            self._changes.append(Change(end, end, "".join(f"; {s}" for s in statements)))

    def _insert_in_section(
        self, body: Sequence[ast.stmt], anchor: ast.stmt, kind: int, statements: Sequence[str]
    ) -> None:
        sections = self._sections(body)
        home = next(section for section in sections if anchor in section)
        if kind != _THIRD_PARTY:
            same = [section for section in sections if self._kind_of(section) == kind]
            if not same:  # a section of its own where sections of this kind stand
                earlier = [section for section in sections if self._kind_of(section) <= kind]
                last = [home, *earlier][-1]
                self._insert_below(last[-1], statements, blank=not all(map(self._is_gone, last)))
                return
            home = same[-1]
        for statement in statements:
            key = _key(ast.parse(statement).body[0])
            before = [line for line in home if _key(line) <= key]
            if before:
                self._insert_below(before[-1], [statement])
            else:
                self._insert_above(home[0], [statement], past_comments=home[0] is not body[0])

    def _insert_at_start(self, body: Sequence[ast.stmt], statements: Sequence[str]) -> None:
        """Put imports behind the docstring and the imports from ``__future__``."""
        last = None
        for index, statement in enumerate(body):
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            is_future = isinstance(statement, ast.ImportFrom) and _kind(statement, ()) == _FUTURE
            if not is_future and not (is_text and index == 0):
                break
            last = statement
        if last is not None and self._starts_line(last):
            self._insert_below(last, statements)
        elif self._starts_line(body[0]):
            self._insert_above(body[0], statements)
        else:
            start = self._layout.of_ast(body[0])[0]
            self._changes.append(Change(start, start, "".join(f"{s}; " for s in statements)))

    def _insert_below(
        self, line: ast.stmt, statements: Sequence[str], *, blank: bool = False
    ) -> None:
        end = self._layout.of_ast(line)[1]
        offset, newline = self._layout.next_line(end), self._layout.newline(end)
        text = (newline if blank else "") + self._lines(line, statements)
        if offset == len(self._text) and not self._text.endswith(("\n", "\r")):
            text = newline + text[: -len(newline)]
        self._changes.append(Change(offset, offset, text))

    def _insert_above(
        self, line: ast.stmt, statements: Sequence[str], *, past_comments: bool = False
    ) -> None:
        decorators = getattr(line, "decorator_list", ())
        start = min(self._layout.of_ast(node)[0] for node in (line, *decorators))
        offset = self._layout.line_start(start)
        while past_comments and offset:
            above = self._layout.line_start(offset - 1)
            if not self._text[above:offset].lstrip().startswith("#"):
                break
            offset = above
        self._changes.append(Change(offset, offset, self._lines(line, statements)))

    def _lines(self, line: ast.stmt, statements: Sequence[str]) -> str:
        start = self._layout.of_ast(line)[0]
        indent = self._text[self._layout.line_start(start) : start]
        newline = self._layout.newline(start)
        return "".join(f"{indent}{statement}{newline}" for statement in statements)

    def _sections(self, body: Sequence[ast.stmt]) -> list[list[Statement]]:
        """Return the groups of imports of a body without a blank line in them."""
        sections: list[list[Statement]] = []
        end: int | None = None  # of the statement before, if it is an import
        for line in body:
            if not isinstance(line, ast.Import | ast.ImportFrom):
                end = None
                continue
            between = universal_newlines(self._text[end : self._layout.of_ast(line)[0]])
            if end is None or not all(map(str.strip, between.split("\n")[1:-1])):
                sections.append([])
            sections[-1].append(line)
            end = self._layout.of_ast(line)[1]
        return sections

    def _kind_of(self, section: Sequence[Statement]) -> int:
        kinds = [_kind(line, self._folders) for line in section]
        return max(kinds, key=kinds.count)

    # -- removals ------------------------------------------------------------------------------

    def _kept(self, node: Statement) -> list[ast.alias]:
        gone = self._gone.get(node, set())
        return [alias for alias in node.names if _local_name(alias, node) not in gone]

    def _is_gone(self, node: Statement) -> bool:
        return not self._kept(node)

    def _starts_line(self, node: ast.stmt) -> bool:
        start = self._layout.of_ast(node)[0]
        return not self._text[self._layout.line_start(start) : start].strip(" \t\f@")

    def _is_alone(self, node: ast.stmt) -> bool:
        end = self._layout.of_ast(node)[1]
        return self._starts_line(node) and _REST.match(self._text, end) is not None

    def _remove_line(self, node: Statement) -> None:
        """Remove a line; blank lines that would meet become one gap. Comments above it stay."""
        start, end = self._layout.of_ast(node)
        first, last = self._layout.line_start(start), self._layout.next_line(end)
        section = next(s for s in self._sections(self._bodies[node]) if node in s)
        is_refilled = any(first <= change.start <= last for change in self._changes)
        if all(map(self._is_gone, section)) and not is_refilled and node is section[-1]:
            last = self._past_blank_lines(last)
        self._changes.append(Change(first, last, ""))

    def _past_blank_lines(self, offset: int) -> int:
        text = self._text
        while offset < len(text) and not text[offset : self._layout.next_line(offset)].strip():
            offset = self._layout.next_line(offset)
        return offset

    def _without_names(self, node: Statement, kept: Sequence[ast.alias]) -> Change:
        """Return the change to the names that are kept, each with what stands behind it."""
        places = {alias: self._layout.of_ast(alias) for alias in node.names}
        nexts = dict(zip(node.names, node.names[1:], strict=False))
        text = ""
        for alias in kept:
            start, end = places[alias]
            behind = places[nexts[alias]][0] if alias is not kept[-1] else end
            text += self._text[start:behind]
        start, end = places[node.names[0]][0], places[node.names[-1]][1]
        comment = _LOST_COMMENT.match(self._text, end)
        if kept[-1] is not node.names[-1] and comment is not None:
            return Change(start, comment.end(), text + comment[1])
        return Change(start, end, text)

    def _without_statement(self, node: Statement) -> Change:
        """Return the removal of one of several statements of a line, with its semicolon."""
        body = self._bodies[node]
        index = body.index(node)
        start, end = self._layout.of_ast(node)
        following = body[index + 1] if index + 1 < len(body) else None
        if following is not None and not self._starts_line(following):
            return Change(start, self._layout.of_ast(following)[0], "")
        return Change(self._layout.of_ast(body[index - 1])[1], end, "")


def _local_name(alias: ast.alias, node: Statement) -> str:
    if alias.asname is not None:
        return alias.asname
    return alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0]


# -- kinds and order ---------------------------------------------------------------------------


def _by_kind(wanted: Iterable[Wanted], folders: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the import statements for what is wanted, one a module, by kind of module."""
    modules: dict[str, list[Wanted]] = {}
    for item in sorted(wanted, key=lambda item: (item.module, item.name or "", item.local)):
        modules.setdefault(item.module, []).append(item)
    kinds: dict[int, list[str]] = {}
    for module, items in modules.items():
        names = ", ".join(
            item.name if item.local == item.name else f"{item.name} as {item.local}"
            for item in items
            if item.name is not None
        )
        text = f"from {module} import {names}" if names else f"import {module}"
        kinds.setdefault(_kind_of_module(module, folders), []).append(text)
    yield from kinds.items()


def _kind(line: Statement, folders: Sequence[str]) -> int:
    """Return the section that isort and ruff put an import into."""
    if isinstance(line, ast.ImportFrom):
        return _kind_of_module("." * line.level + (line.module or ""), folders)
    return _kind_of_module(line.names[0].name, folders)


def _kind_of_module(module: str, folders: Sequence[str]) -> int:
    if module.startswith("."):
        return _LOCAL
    root = module.partition(".")[0]
    if root == "__future__":
        return _FUTURE
    if root in sys.stdlib_module_names:
        return _STANDARD
    is_own = any(
        os.path.isdir(os.path.join(folder, root))
        or os.path.isfile(os.path.join(folder, f"{root}.py"))
        for folder in folders
    )
    return _FIRST_PARTY if is_own else _THIRD_PARTY


def _import_folders(filename: str) -> tuple[str, ...]:
    """Return the folders whose modules are first-party: the root of the project, and ``src``."""
    if not os.path.isfile(filename):
        return ()
    root = os.path.dirname(os.path.realpath(filename))
    while not any(
        os.path.exists(os.path.join(root, mark)) for mark in ("pyproject.toml", "ruff.toml", ".git")
    ):
        if root == os.path.dirname(root):
            return (os.getcwd(), os.path.join(os.getcwd(), "src"))
        root = os.path.dirname(root)
    return (root, os.path.join(root, "src"))


def _key(line: ast.stmt) -> tuple[bool, int, str]:
    """Return by what isort orders an import in its section."""
    if isinstance(line, ast.ImportFrom):
        return (True, -line.level, (line.module or "").lower())
    assert isinstance(line, ast.Import)
    return (False, 0, line.names[0].name.lower())
