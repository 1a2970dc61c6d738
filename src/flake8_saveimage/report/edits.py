"""Edits of a finding as whole lines, for reports that show lines before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flake8_saveimage.rules.finding import TextEdit


class LineEdit(NamedTuple):
    """Lines ``start`` up to (not including) ``end`` of a file become ``lines``.

    Lines count from 1. ``start == end`` inserts before that line.
    """

    start: int
    end: int
    lines: tuple[str, ...]


def line_edits(edits: Sequence[TextEdit], lines: Sequence[str]) -> list[LineEdit]:
    """Return what edits make of the lines of a file, sorted; none of them overlap."""
    result: list[LineEdit] = []
    for group in _groups(sorted(edits)):
        edit = _as_lines(group, lines)
        if result and result[-1].end == edit.start:
            edit = LineEdit(result[-1].start, edit.end, result.pop().lines + edit.lines)
        result.append(edit)
    return result


def _groups(edits: Sequence[TextEdit]) -> Iterator[list[TextEdit]]:
    """Yield the edits that share lines."""
    group: list[TextEdit] = []
    for edit in edits:
        if group and edit.line > _last_line(group[-1]):
            yield group
            group = []
        group.append(edit)
    if group:
        yield group


def _last_line(edit: TextEdit) -> int:
    """Return the last line of which an edit changes a part."""
    return edit.end_line - (edit.end_column == 1)


def _as_lines(group: Sequence[TextEdit], lines: Sequence[str]) -> LineEdit:
    first, last = group[0].line, max(_last_line(edit) for edit in group)
    text, line, column = "", first, 1
    for edit in group:
        text += _between(lines, (line, column), (edit.line, edit.column)) + edit.text
        line, column = edit.end_line, edit.end_column
    if column > 1:
        text += _between(lines, (line, column), (line, len(lines[line - 1]) + 1))
    else:
        text = text.removesuffix("\n") if text else "\n"
    new = () if text == "\n" else tuple(text.split("\n"))
    return LineEdit(first, max(last + 1, first), new)


def _between(lines: Sequence[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] - 1 : end[1] - 1]
    first = lines[start[0] - 1][start[1] - 1 :]
    middle = lines[start[0] : end[0] - 1]
    last = lines[end[0] - 1][: end[1] - 1] if end[0] <= len(lines) else ""
    return "\n".join([first, *middle, last])
