"""``path:line:column: CODE message``, flake8's form; with the source line and a caret on demand."""

from __future__ import annotations

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
_TAB = 4


def render(run: Run, style: Style) -> str:
    """Return a line for each finding, sorted by file, line and column."""
    lines: list[str] = []
    for file, finding in run.findings:
        lines.append(headline(file, finding, style.colour))
        if style.show_source and file.text is not None:
            lines += _excerpt(file, finding, style.colour)
    return "".join(f"{line}\n" for line in lines)


def headline(file: Located, finding: Finding, colour: bool = False) -> str:
    """Return the line for a finding: path, place, code and message."""
    name, message = printable(file.path), printable(finding.message)
    place = (*_place(file, finding), str(finding.column), "")
    if not colour:
        return f"{':'.join((name, *place))} {finding.code} {message}"
    where = f"{_CYAN}:{_RESET}".join((f"{_BOLD}{name}{_RESET}", *place))
    return f"{where} {_RED}{finding.code}{_RESET} {message}"


def _place(file: Located, finding: Finding) -> tuple[str, ...]:
    """Return the line of a finding, in a notebook the cell and its line."""
    if file.cells is None:
        return (str(finding.line),)
    cell, line = file.cells.locate(finding.line)
    return f"cell {cell}", str(line)


def _excerpt(file: CheckedFile, finding: Finding, colour: bool) -> list[str]:
    line = (file.text or "").split("\n")[finding.line - 1]
    start = finding.column - 1
    end = finding.end_column - 1 if finding.end_line == finding.line else len(line.rstrip())
    lead, marked = _shown(line[:start]), _shown(line[start:end])
    caret = " " * _cells(lead) + "^" * max(1, _cells(marked))
    shown = lead + marked + _shown(line[end:])
    gutter = f"{_place(file, finding)[-1]:>5} | "
    blank = " " * (len(gutter) - 2) + "| "
    if colour:
        return [f"{_DIM}{gutter}{_RESET}{shown}", f"{_DIM}{blank}{_RESET}{_RED}{caret}{_RESET}", ""]
    return [gutter + shown, blank + caret, ""]


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
