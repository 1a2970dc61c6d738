"""Import statements as lines of a file: new ones put in their place, names and lines taken out.

New imports go where isort would have them: into the section of their kind, plain imports first, by
the name of the module.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import libcst as cst

from flake8_saveimage.fixes.names import IMPORT, Line, Names
from flake8_saveimage.fixes.text import Change, Layout
from flake8_saveimage.syntax.nodes import dotted

Small: TypeAlias = cst.Import | cst.ImportFrom
Suite: TypeAlias = cst.Module | cst.BaseSuite

_FUTURE, _STANDARD, _THIRD_PARTY, _FIRST_PARTY, _LOCAL = range(5)


class Wanted(NamedTuple):
    """One import: ``import module`` (no name) or ``from module import name as local``."""

    module: str
    name: str | None
    local: str


class ImportLines:
    """Collects the changes of the import statements of one file."""

    def __init__(self, names: Names, layout: Layout, filename: str) -> None:
        self._names = names
        self._layout = layout
        self._folders = _import_folders(filename)
        self._gone: dict[int, set[str]] = {}
        self._nodes: dict[int, Small] = {}
        self._changes: list[Change] = []
        self._refilled: set[int] = set()
        aliases = (
            alias
            for node in names.imports
            for alias in (node.names if not isinstance(node.names, cst.ImportStar) else ())
        )
        layout.locate([*names.imports, *aliases])

    def remove(self, node: Small, name: str) -> None:
        """Take out a name that an import binds; all removals come before all insertions."""
        self._nodes[id(node)] = node
        self._gone.setdefault(id(node), set()).add(name)

    def silence(self, node: Small) -> None:
        """Have flake8 and ruff accept an import that is kept although nothing uses it."""
        line = self._names.parents[id(node)]
        if isinstance(line, cst.SimpleStatementLine) and line.trailing_whitespace.comment is None:
            end = self._layout.of(line.body[-1])[1]
            self._changes.append(Change(end, end, "  # noqa: F401"))

    def insert(self, suite: Suite, anchor: Small | None, wanted: Iterable[Wanted]) -> None:
        """Put imports into a suite, beside ``anchor`` or at its start."""
        for kind, statements in _by_kind(wanted, self._folders):
            line = self._names.parents[id(anchor)] if anchor is not None else None
            if anchor is not None and not _is_alone(line):
                self._insert_on_line(anchor, statements)
            elif isinstance(suite, cst.SimpleStatementSuite):
                start = self._start_of(suite.body[0])
                self._changes.append(Change(start, start, "".join(f"{s}; " for s in statements)))
            elif isinstance(line, cst.SimpleStatementLine):
                self._insert_in_section(suite, line, kind, statements)
            else:
                self._insert_at_start(suite, statements)

    def changes(self) -> list[Change]:
        """Return all changes."""
        for node in self._nodes.values():
            if self._is_alone_and_gone(node):
                self._remove_line(node)
            elif id(node) not in self._refilled:
                self._changes += _joined(self._removal(node))
        return self._changes

    # -- insertions ----------------------------------------------------------------------------

    def _insert_on_line(self, anchor: Small, statements: Sequence[str]) -> None:
        """Put imports on a line of several statements."""
        start, end = self._layout.of(anchor)
        if not self._kept(anchor):
            self._refilled.add(id(anchor))
            self._changes.append(Change(start, end, "; ".join(statements)))
        else:
            self._changes.append(Change(end, end, "".join(f"; {s}" for s in statements)))

    def _insert_in_section(
        self, suite: Suite, anchor: Line, kind: int, statements: Sequence[str]
    ) -> None:
        sections = self._names.sections(suite)
        home = next(s for s in sections if any(line is anchor for line in s))
        if kind != _THIRD_PARTY:
            same = [s for s in sections if self._kind_of(s) == kind]
            if not same:
                self._insert_section(sections, home, kind, statements)
                return
            home = same[-1]
        for statement in statements:
            self._insert_line(home, statement)

    def _insert_line(self, section: Sequence[Line], statement: str) -> None:
        """Put a line into a section, in order if it is sorted."""
        key = _key(cst.parse_statement(statement))
        before = [line for line in section if (other := _key(line)) and key and other <= key]
        if before:
            self._insert_below(before[-1], [statement])
        else:
            offset = self._above(section[0])
            self._changes.append(Change(offset, offset, self._lines(section[0], [statement])))

    def _insert_section(
        self,
        sections: Sequence[Sequence[Line]],
        beside: Sequence[Line],
        kind: int,
        statements: Sequence[str],
    ) -> None:
        """Put a section of its own where sections of this kind stand."""
        last = beside
        for section in sections:
            if self._kind_of(section) <= kind:
                last = section
        if all(self._is_line_gone(line) for line in last):
            self._insert_below(last[-1], statements)
        else:
            self._insert_below(last[-1], statements, blank=True)

    def _insert_below(self, line: Line, statements: Sequence[str], *, blank: bool = False) -> None:
        end = self._layout.of(line.body[-1])[1]
        offset, newline = self._layout.next_line(end), self._layout.newline(end)
        text = (newline if blank else "") + self._lines(line, statements)
        if offset == len(self._layout.text) and not self._layout.text.endswith(("\n", "\r")):
            text = newline + text[: -len(newline)]
        self._changes.append(Change(offset, offset, text))

    def _insert_at_start(self, suite: Suite, statements: Sequence[str]) -> None:
        """Put imports behind the docstring and the imports from ``__future__``."""
        body = list(getattr(suite, "body", ()))
        last: Line | None = None
        for index, line in enumerate(body):
            small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
            is_docstring = index == 0 and isinstance(small, cst.Expr) and isinstance(
                small.value, cst.SimpleString | cst.ConcatenatedString
            )  # fmt: skip
            is_future = isinstance(small, cst.ImportFrom) and _kind(small, ()) == _FUTURE
            if not is_docstring and not is_future:
                break
            last = line
        if last is not None:
            self._layout.locate(last.body)
            self._insert_below(last, statements)
            return
        start = self._start_of(body[0])
        offset = self._layout.line_start(start)
        indent, newline = self._layout.text[offset:start], self._layout.newline(start)
        text = "".join(f"{indent}{statement}{newline}" for statement in statements)
        self._changes.append(Change(offset, offset, text))

    def _start_of(self, statement: cst.CSTNode) -> int:
        """Return where a statement starts, its decorators included."""
        node = statement
        if isinstance(statement, cst.SimpleStatementLine):
            node = statement.body[0]
        elif isinstance(statement, cst.FunctionDef | cst.ClassDef) and statement.decorators:
            node = statement.decorators[0].decorator
            self._layout.locate([node])
            return self._layout.text.rindex("@", 0, self._layout.of(node)[0])
        self._layout.locate([node])
        return self._layout.of(node)[0]

    def _lines(self, line: Line, statements: Sequence[str]) -> str:
        start = self._layout.of(line.body[0])[0]
        indent = self._layout.text[self._layout.line_start(start) : start]
        newline = self._layout.newline(start)
        return "".join(f"{indent}{statement}{newline}" for statement in statements)

    def _above(self, line: Line) -> int:
        """Return where the comments directly above a line start."""
        comments = 0
        for empty in reversed(line.leading_lines):
            if empty.comment is None:
                break
            comments += 1
        return self._layout.line_start(self._layout.of(line.body[0])[0], comments)

    def _kind_of(self, section: Sequence[Line]) -> int:
        kinds = [_kind(small, self._folders) for line in section for small in line.body]
        return max(kinds, key=kinds.count)

    # -- removals ------------------------------------------------------------------------------

    def _kept(self, node: Small) -> list[cst.ImportAlias]:
        assert not isinstance(node.names, cst.ImportStar)
        gone = self._gone.get(id(node), set())
        return [alias for alias in node.names if _local_name(alias, node) not in gone]

    def _is_alone_and_gone(self, node: Small) -> bool:
        return _is_alone(self._names.parents[id(node)]) and not self._kept(node)

    def _is_line_gone(self, line: Line) -> bool:
        return all(
            isinstance(small, IMPORT) and id(small) in self._gone and not self._kept(small)
            for small in line.body
        )

    def _remove_line(self, node: Small) -> None:
        """Remove a line; blank lines that would meet become one gap. Comments above it stay."""
        start, end = self._layout.of(node)
        first, last = self._layout.line_start(start), self._layout.next_line(end)
        line = self._names.parents[id(node)]
        sections = self._names.sections(self._names.parents[id(line)])
        section = next(s for s in sections if any(other is line for other in s))
        is_lost = all(self._is_line_gone(other) for other in section)
        is_refilled = any(first <= change.start <= last for change in self._changes)
        if is_lost and not is_refilled and line is section[-1]:
            last = self._past_blank_lines(last)
        self._changes.append(Change(first, last, ""))

    def _past_blank_lines(self, offset: int) -> int:
        text = self._layout.text
        while offset < len(text) and not text[offset : self._layout.next_line(offset)].strip():
            offset = self._layout.next_line(offset)
        return offset

    def _removal(self, node: Small) -> Iterator[Change]:
        """Yield what takes names out of an import of which something is left on the line."""
        assert not isinstance(node.names, cst.ImportStar)
        kept, aliases = self._kept(node), list(node.names)
        if not kept:
            yield self._without_statement(node)
            return
        for index, alias in enumerate(aliases):
            if alias in kept:
                continue
            start, end = self._layout.of(alias)
            whole = self._whole_lines(start, end)
            if whole is not None:
                yield whole
            elif index + 1 < len(aliases) and any(a in kept for a in aliases[:index]) is False:
                yield Change(start, self._layout.of(aliases[index + 1])[0], "")
            else:
                yield Change(self._layout.of(aliases[index - 1])[1], end, "")

    def _whole_lines(self, start: int, end: int) -> Change | None:
        """Return the removal of the lines that hold only this name, its comma and a comment."""
        text, first, last = self._layout.text, self._layout.line_start(start), end
        last = self._layout.next_line(end)
        rest = text[end:last].lstrip(" \t")
        if text[first:start].strip(" \t") or not rest.startswith(","):
            return None
        rest = rest[1:].strip(" \t\r\n")
        return Change(first, last, "") if not rest or rest.startswith("#") else None

    def _without_statement(self, node: Small) -> Change:
        """Return the removal of one of several statements of a line, with its semicolon."""
        line = self._names.parents[id(node)]
        smalls = list(getattr(line, "body", ()))
        self._layout.locate(smalls)
        index = next(index for index, small in enumerate(smalls) if small is node)
        start, end = self._layout.of(node)
        if index + 1 < len(smalls):
            return Change(start, self._layout.of(smalls[index + 1])[0], "")
        return Change(self._layout.of(smalls[index - 1])[1], end, "")


def _joined(removals: Iterable[Change]) -> list[Change]:
    """Return removals of which none overlap."""
    joined: list[Change] = []
    for removal in sorted(removals):
        if joined and removal.start < joined[-1].end:
            joined[-1] = joined[-1]._replace(end=max(removal.end, joined[-1].end))
        else:
            joined.append(removal)
    return joined


def _is_alone(line: cst.CSTNode | None) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1


def _local_name(alias: cst.ImportAlias, node: Small) -> str:
    if alias.asname is not None:
        return dotted(alias.asname.name) or ""
    name = dotted(alias.name) or ""
    return name if isinstance(node, cst.ImportFrom) else name.partition(".")[0]


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


def _kind(small: cst.CSTNode, folders: Sequence[str]) -> int:
    """Return the section that isort and ruff put an import into."""
    if isinstance(small, cst.ImportFrom):
        return _kind_of_module("." * len(small.relative) + (dotted(small.module) or ""), folders)
    if isinstance(small, cst.Import):
        return _kind_of_module(dotted(small.names[0].name) or "", folders)
    return _STANDARD


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


def _key(line: cst.CSTNode) -> tuple[bool, int, str] | None:
    """Return by what isort orders an import in its section; ``None`` for other statements."""
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
    if isinstance(small, cst.Import):
        return (False, 0, (dotted(small.names[0].name) or "").lower())
    if isinstance(small, cst.ImportFrom):
        return (True, -len(small.relative), (dotted(small.module) or "").lower())
    return None
