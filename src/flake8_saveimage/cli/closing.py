"""The lines that end a report on a terminal: how much, where, and what to do next."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Iterator

from flake8_saveimage.cli import ALL_PASSED, counted
from flake8_saveimage.cli.common import terminal_width
from flake8_saveimage.report import Run

_MOST_FILES = 10


def closing_lines(result: Run, arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the number of findings by file and in all, and the command that goes on."""
    findings = [finding for _, finding in result.findings]
    unchecked = len(list(result.errors))
    if not findings:
        yield f"{counted(unchecked, 'file')} could not be checked." if unchecked else ALL_PASSED
        return
    by_file = Counter(file.path for file, _ in result.findings)
    if len(by_file) > 1:
        yield from (f"{count:>5}  {path}" for path, count in by_file.most_common(_MOST_FILES))
        if len(by_file) > _MOST_FILES:
            yield f"       and {counted(len(by_file) - _MOST_FILES, 'more file')}"
    missing = f"; {counted(unchecked, 'file')} could not be checked" if unchecked else ""
    yield f"Found {counted(len(findings), 'finding')} in {counted(len(by_file), 'file')}{missing}."
    yield from _next(result, arguments)


def _next(result: Run, arguments: argparse.Namespace) -> Iterator[str]:
    fixable = Counter(finding.fix for _, finding in result.findings)
    paths = shlex.join(arguments.paths)
    if fixable["safe"]:
        more = f" ({fixable['unsafe']} more with --unsafe-fixes)" if fixable["unsafe"] else ""
        lead = f"[*] {fixable['safe']} can be fixed{more}:"
        command = f"flake8-saveimage fix --diff {paths}"
    elif fixable["unsafe"]:
        command = f"flake8-saveimage fix --unsafe-fixes --diff {paths}"
        lead = f"{fixable['unsafe']} can be fixed, but look at the change first:"
    else:
        codes = sorted({finding.code for _, finding in result.findings})
        lead, command = "What they mean:", f"flake8-saveimage explain {' '.join(codes[:3])}"
    fits = not sys.stderr.isatty() or len(f"{lead} {command}") <= terminal_width()
    yield from (f"{lead} {command}",) if fits else (lead, f"    {command}")
