"""The formats of ``check``: one small module each, all with one signature.

A format module has ``render(run: Run, style: Style) -> str``: the whole output for standard output,
with its final line break. A further format is a module here and its name in ``FORMATS``.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from flake8_saveimage.rules.index import opt_in_codes

if TYPE_CHECKING:
    from flake8_saveimage.check.runner import CheckedFile
    from flake8_saveimage.rules.finding import Finding

__all__ = ["FORMATS", "Run", "Style", "level", "make_run", "plain_path", "render"]

FORMATS = ("text", "concise", "full", "json", "sarif", "github", "html")


class Style(NamedTuple):
    """How to show findings to a reader; formats for programs take no notice of it.

    ``paths`` are those of the command line, for the commands that a report proposes.
    """

    colour: bool = False
    show_source: bool = False
    width: int | None = None  # columns, of a terminal
    paths: tuple[str, ...] = (".",)


class Run(NamedTuple):
    """What one run found: files with findings or errors, sorted by path; how many it looked at."""

    files: tuple[CheckedFile, ...]
    looked_at: int

    @property
    def findings(self) -> Iterator[tuple[CheckedFile, Finding]]:
        """Every finding with its file."""
        return ((file, finding) for file in self.files for finding in file.findings)

    @property
    def errors(self) -> Iterator[tuple[str, str]]:
        """Path and message of every file that could not be checked."""
        return ((file.path, file.error) for file in self.files if file.error is not None)

    @property
    def notes(self) -> Iterator[tuple[str, str]]:
        """Path and message of every file whose findings lack their details."""
        return ((f.path, f.undetailed) for f in self.files if f.undetailed is not None)


def make_run(files: Sequence[CheckedFile], looked_at: int | None = None) -> Run:
    """Collect the results of a run over ``looked_at`` files, by default just these."""
    number = len(files) if looked_at is None else looked_at
    return Run(tuple(sorted(files, key=lambda file: file.path)), number)


def render(name: str, run: Run, style: Style) -> str:
    """Return a run in the format called ``name``; ``concise`` and ``full`` are styles of text."""
    name = "text" if name in ("concise", "full") else name
    text: str = importlib.import_module(f"{__name__}.{name}").render(run, style)
    return text


def level(code: str) -> Literal["error", "warning"]:
    """Return how SARIF and GitHub call a finding: opt-in rules only warn."""
    return "warning" if code in opt_in_codes() else "error"


def plain_path(path: str) -> str:
    """Return a path as the user gave it, without ``./`` and with ``/`` between its parts."""
    return os.path.normpath(path).replace(os.sep, "/")
