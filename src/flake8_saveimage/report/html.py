"""One self-contained page to review a repository with: everything in it, nothing fetched.

What comes from scanned files is data to the page's script, which shows it as text only. A content
security policy allows no script and no style but the page's own, by their hashes, and no request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from importlib import resources
from string import Template
from typing import Any

from flake8_saveimage import __version__
from flake8_saveimage.check.runner import CheckedFile
from flake8_saveimage.report import Run, Style, plain_path
from flake8_saveimage.report.edits import LineEdit, line_edits
from flake8_saveimage.report.highlight import Colour, highlight
from flake8_saveimage.rules import all_rules, documentation
from flake8_saveimage.rules.finding import Finding, Related
from flake8_saveimage.source.reading import printable

# lines of context around a call, the first line of its loop, a line that the message names
_AROUND_CALL, _AROUND_HEADER, _AROUND_NAMED, _AROUND_EDIT = 4, 2, 1, 3
_WHOLE_LOOP = 40  # lines: longer loops are shown with gaps

_Object = dict[str, Any]


def render(run: Run, style: Style) -> str:
    """Return the page."""
    css, js, frame = (_resource(name) for name in ("page.css", "page.js", "page.html"))
    return Template(frame).substitute(
        style_hash=_hash(css),
        script_hash=_hash(js),
        css=css,
        js=js,
        data=_safe_json(_data(run, style)),
    )


def _resource(name: str) -> str:
    return (resources.files(__package__) / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return a hash source for the policy (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _safe_json(data: object) -> str:
    """Return JSON in which nothing can end or open a tag (HTML 4.12.1.3)."""
    text = json.dumps(data, separators=(",", ":"))  # ASCII only
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(run: Run, style: Style) -> _Object:
    errors = [*run.errors, *run.notes]
    found = {finding.code for _, finding in run.findings}
    return {
        "version": __version__,
        "paths": printable(shlex.join(style.paths)),
        "lookedAt": run.looked_at - len(list(run.errors)),
        "rules": {
            rule.code: {"title": rule.title, "doc": documentation(rule.code)}
            for rule in all_rules()
            if rule.code in found
        },
        "files": [_file(file) for file in run.files if file.findings],
        "errors": [[printable(plain_path(path)), printable(message)] for path, message in errors],
    }


def _file(file: CheckedFile) -> _Object:
    text = file.text or ""
    lines = text.split("\n")
    colours = highlight(text)
    edits = [line_edits(finding.edits, lines) for finding in file.findings]
    findings = [_finding(f, e, lines) for f, e in zip(file.findings, edits, strict=True)]
    wanted = {
        number
        for edit, finding in zip(edits, findings, strict=True)
        for start, end in [*finding["shown"], *_around_edits(edit, len(lines))]
        for number in range(start, end + 1)
    }
    return {
        "path": printable(plain_path(file.path)),
        "lines": {
            number: _line(lines[number - 1], colours.get(number, ())) for number in sorted(wanted)
        },
        "findings": findings,
        "cells": None
        if file.cells is None
        else {number: file.cells.locate(number) for number in sorted(wanted)},
    }


def _finding(finding: Finding, edits: Sequence[LineEdit], lines: Sequence[str]) -> _Object:
    return {
        "line": finding.line,
        "column": finding.column,
        "code": finding.code,
        "message": printable(finding.message),
        "fix": finding.fix,
        "reason": printable(finding.reason),
        "marks": list(_marks(finding, lines)),
        "loop": finding.loop,
        "named": [place.line for place in finding.related if not place.file],
        "elsewhere": [_elsewhere(place) for place in finding.related if place.file],
        "shown": _ranges(_shown(finding), len(lines)),
        "edits": [_edit(edit) for edit in edits],
    }


def _elsewhere(place: Related) -> list[Any]:
    line = _line(place.text.strip(), highlight(place.text.strip()).get(1, ()))
    return [printable(plain_path(place.file)), place.line, printable(place.message), *line]


def _edit(edit: LineEdit) -> list[Any]:
    colours = highlight("\n".join(edit.lines) + "\n")
    lines = [_line(line, colours.get(number, ())) for number, line in enumerate(edit.lines, 1)]
    return [edit.start, edit.end, lines]


# -- which lines are shown ---------------------------------------------------------------------


def _shown(finding: Finding) -> Iterator[tuple[int, int]]:
    yield finding.line - _AROUND_CALL, finding.end_line + _AROUND_CALL
    if finding.loop is not None:
        start, end = finding.loop
        if end - start < _WHOLE_LOOP:
            yield start - 1, end
        else:
            yield start - 1, start + _AROUND_HEADER
    for place in finding.related:
        if not place.file:
            yield place.line - _AROUND_NAMED, place.line + _AROUND_NAMED


def _around_edits(edits: Sequence[LineEdit], count: int) -> list[tuple[int, int]]:
    return _ranges(((e.start - _AROUND_EDIT, e.end + _AROUND_EDIT) for e in edits), count)


def _ranges(ranges: Iterator[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Return the ranges within a file of ``count`` lines, sorted, overlapping ones as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        start, end = max(1, start), min(count, end)
        if merged and start <= merged[-1][1] + 2:  # a gap of one line is no shorter than the line
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        elif start <= end:
            merged.append((start, end))
    return merged


# -- lines as they are shown -------------------------------------------------------------------


def _line(line: str, colours: Sequence[Colour]) -> list[Any]:
    """Return the shown text and its colours as start, end, kind, start, ... in UTF-16 units."""
    text = _visible(line)
    flat: list[Any] = []
    for start, end, kind in colours:
        flat += (_offset(line, start), _offset(line, end), kind)
    return [text, flat] if flat else [text]


def _marks(finding: Finding, lines: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield line, start and end of the part of each line that belongs to the call."""
    for number in range(finding.line, finding.end_line + 1):
        line = lines[number - 1]
        start = finding.column - 1 if number == finding.line else len(line) - len(line.lstrip())
        end = finding.end_column - 1 if number == finding.end_line else len(line.rstrip())
        if end > start:
            yield number, _offset(line, start), _offset(line, end)


def _visible(text: str) -> str:
    """Return text whose control and direction characters are seen; tabs stay."""
    return "\t".join(printable(part) for part in text.split("\t"))


def _offset(line: str, column: int) -> int:
    """Return where a column of the source is in the shown text, in JavaScript's units."""
    text = _visible(line[:column])
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
