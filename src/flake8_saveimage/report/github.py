"""GitHub's workflow commands: each finding becomes an annotation of its line in a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.report import Run, Style, level, plain_path
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source.reading import printable

if TYPE_CHECKING:
    from flake8_saveimage.check.runner import CheckedFile


def render(run: Run, style: Style) -> str:
    """Return one command a line: findings, then the files that could not be checked."""
    lines = [_annotation(file, finding) for file, finding in run.findings]
    lines += [
        f"::error file={_property(plain_path(path))},title=flake8-saveimage::{_data(message)}"
        for path, message in run.errors
    ]
    return "".join(f"{line}\n" for line in lines)


def _annotation(file: CheckedFile, finding: Finding) -> str:
    title = _property(finding.code)
    place = f"file={_property(plain_path(file.path))},line={finding.line}"
    if file.cells is not None:  # the line of the file, and the cell in words
        cell, line = file.cells.locate(finding.line)
        title = _property(f"{finding.code} (cell {cell}, line {line})")
        place = f"file={_property(plain_path(file.path))},"
        place += f"line={file.cells.line_in_file(finding.line)}"
    elif finding.end_line == finding.line:
        place += f",endLine={finding.end_line},col={finding.column},endColumn={finding.end_column}"
    else:  # GitHub takes an end column only on the line of the column
        place += f",col={finding.column}"
    return f"::{level(finding.code)} {place},title={title}::{_data(finding.message)}"


def _data(text: str) -> str:
    """Escape the text of a command, which ends with its line; no reader sees a control character.

    Source: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    """
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    """Escape a value between ``=`` and ``,``."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
