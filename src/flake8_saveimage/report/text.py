"""``path:line:column: CODE message``, flake8's form; with the source line and a caret on demand."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from flake8_saveimage.report import Run, Style
from flake8_saveimage.source.reading import printable

if TYPE_CHECKING:
    from flake8_saveimage.check.runner import CheckedFile
    from flake8_saveimage.rules.finding import Finding
    from flake8_saveimage.source.notebook import Cells


class Located(Protocol):
    """A file with findings: its path, and the cells of a notebook."""

    @property
    def path(self) -> str: ...
    @property
    def cells(self) -> Cells | None: ...


_BOLD, _RED, _CYAN, _DIM, _RESET = "\033[1m", "\033[1;31m", "\033[36m", "\033[2m", "\033[0m"
_TAB, _INDENT, _ELLIPSIS = 4, "    ", "\N{HORIZONTAL ELLIPSIS}"


def render(run: Run, style: Style) -> str:
    """Return the findings, sorted by file, line and column; one excerpt for each call."""
    lines: list[str] = []
    for file in run.files:
        for _, group in groupby(file.findings, key=lambda finding: (finding.line, finding.column)):
            findings = list(group)
            for finding in findings:
                lines += wrapped(file, finding, style)
            if style.show_source and file.text is not None:
                lines += _excerpt(file, findings[0], style)
    return "".join(f"{line}\n" for line in lines)


def wrapped(file: Located, finding: Finding, style: Style) -> list[str]:
    """Return the lines for a finding: path, place, code, ``[*]`` if fixable, message."""
    name, message = printable(file.path), printable(finding.message)
    place = (name, *_place(file, finding), str(finding.column), "")
    plain = f"{':'.join(place)} {finding.code} {'[*] ' if finding.fix == 'safe' else ''}"
    lines = _broken(plain, message, style.width)
    if style.colour:
        where = f"{_CYAN}:{_RESET}".join((f"{_BOLD}{name}{_RESET}", *place[1:]))
        mark = f"[{_CYAN}*{_RESET}] " if finding.fix == "safe" else ""
        lines[0] = f"{where} {_RED}{finding.code}{_RESET} {mark}{lines[0][len(plain) :]}"
    return lines


def _broken(lead: str, message: str, width: int | None) -> list[str]:
    """Return the message behind ``lead``, broken into lines of at most ``width`` columns."""
    if width is None or len(lead) + len(message) <= width:
        return [lead + message]
    import textwrap  # only for terminals

    first, _, rest = message.partition(" ")
    if len(lead) + len(first) > width:
        return [lead.rstrip(), *_broken(_INDENT, message, width)]
    fill = textwrap.TextWrapper(
        width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )
    fill.initial_indent = "x" * len(lead)  # what the first line has no room for
    lines = fill.wrap(f"{first} {rest}")
    return [lead + lines[0][len(lead) :], *lines[1:]]


def _place(file: Located, finding: Finding) -> tuple[str, ...]:
    """Return the line of a finding, in a notebook the cell and its line."""
    if file.cells is None:
        return (str(finding.line),)
    cell, line = file.cells.locate(finding.line)
    return f"cell {cell}", str(line)


def _excerpt(file: CheckedFile, finding: Finding, style: Style) -> list[str]:
    line = (file.text or "").split("\n")[finding.line - 1]
    start = finding.column - 1
    end = finding.end_column - 1 if finding.end_line == finding.line else len(line.rstrip())
    lead, marked = _shown(line[:start]), _shown(line[start:end])
    gutter = f"{_place(file, finding)[-1]:>5} | "
    room = None if style.width is None else style.width - len(gutter)
    lead, marked, tail = _clipped(lead, marked, _shown(line[end:]), room)
    caret = " " * _cells(lead) + "^" * max(1, _cells(marked))
    blank = " " * (len(gutter) - 2) + "| "
    if style.colour:
        gutter, blank = f"{_DIM}{gutter}{_RESET}", f"{_DIM}{blank}{_RESET}"
        caret = f"{_RED}{caret}{_RESET}"
    return [gutter + lead + marked + tail, blank + caret, ""]


def _clipped(lead: str, marked: str, tail: str, room: int | None) -> tuple[str, str, str]:
    """Return the parts of a line, cut so that they take at most ``room`` cells."""
    if room is None or _cells(lead + marked + tail) <= room:
        return lead, marked, tail
    if _cells(lead) > room // 2:
        lead = _ELLIPSIS + lead[-8:]
    marked = _cut(marked, room - _cells(lead))
    return (
        lead,
        marked,
        _cut(tail, room - _cells(lead + marked)) if marked[-1:] != _ELLIPSIS else "",
    )


def _cut(text: str, room: int) -> str:
    if _cells(text) <= room:
        return text
    while text and _cells(text) >= room:
        text = text[:-1]
    return text + _ELLIPSIS if room > 0 else ""


def _shown(part: str) -> str:
    return printable(part.replace("\t", " " * _TAB))


def _cells(text: str) -> int:
    """Return how many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )
