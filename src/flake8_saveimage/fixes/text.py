"""Changes of a file's text: where nodes stand in it, and what replaces which part of it.

A change is an offset in the text, the offset of its end, and new text. Changes do not overlap, so
that everything outside of them stays as it is, byte for byte, and a file is fixed in linear time.
"""

from __future__ import annotations

import ast
import bisect
import re
from collections.abc import Iterable
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.rules.finding import TextEdit
from flake8_saveimage.syntax.positions import Positions

_LINE_BREAK = re.compile(r"\r\n|\n|\r")


class Change(NamedTuple):
    """The text from ``start`` up to (not including) ``end`` becomes ``text``."""

    start: int
    end: int
    text: str


class Layout:
    """Where the nodes of a module stand in its text."""

    def __init__(self, text: str, positions: Positions) -> None:
        self.text = text
        self._positions = positions
        self._lines = [0, *(match.end() for match in _LINE_BREAK.finditer(text))]
        self._found: dict[int, tuple[int, int]] = {}
        self._nodes: list[cst.CSTNode] = []  # keeps the ids valid

    def locate(self, nodes: Iterable[cst.CSTNode]) -> None:
        """Look up many nodes at once: it takes as long as for one."""
        wanted = [node for node in nodes if id(node) not in self._found]
        self._nodes += wanted
        for key, span in self._positions.of(wanted).items() if wanted else ():
            start = self._lines[span.line - 1] + span.column - 1
            self._found[key] = (start, self._lines[span.end_line - 1] + span.end_column - 1)

    def of(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return start and end of a located node, without the parentheses around it."""
        return self._found[id(node)]

    def of_ast(self, node: ast.stmt | ast.alias) -> tuple[int, int]:
        """Return start and end of a node of Python's own tree."""
        end = self._offset(node.end_lineno or 0, node.end_col_offset or 0)
        return self._offset(node.lineno, node.col_offset), end

    def _offset(self, line: int, column: int) -> int:
        """Return the offset of a column in bytes of UTF-8."""
        start = self._lines[line - 1]
        return start + len(self.text[start : start + column].encode()[:column].decode())

    def lines_of(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the first and last line of a located node without blank lines at its end."""
        start, end = self._found[id(node)]
        return self.line(start), self.line(start + len(self.text[start:end].rstrip()))

    def line(self, offset: int) -> int:
        """Return the number of the line around ``offset``, from 1."""
        return bisect.bisect_right(self._lines, offset)

    def line_start(self, offset: int) -> int:
        """Return where the line around ``offset`` starts."""
        return self._lines[self.line(offset) - 1]

    def next_line(self, offset: int) -> int:
        """Return where the line below starts: the end of the text if there is none."""
        line = self.line(offset)
        return self._lines[line] if line < len(self._lines) else len(self.text)

    def newline(self, offset: int) -> str:
        """Return the line break at the end of a line, that of the file for its last line."""
        end = self.next_line(offset)
        match = _LINE_BREAK.search(self.text, max(0, end - 2), end)
        return match.group() if match is not None else self._positions.newline

    def edit(self, change: Change) -> TextEdit:
        """Return a change by lines and columns."""
        return TextEdit(*self._place(change.start), *self._place(change.end), change.text)

    def _place(self, offset: int) -> tuple[int, int]:
        return self.line(offset), offset - self.line_start(offset) + 1


def applied(text: str, changes: Iterable[Change]) -> str:
    """Return the text with changes that do not overlap made."""
    parts: list[str] = []
    done = 0
    for start, end, new in sorted(changes):
        parts += (text[done:start], new)
        done = end
    return "".join([*parts, text[done:]])
