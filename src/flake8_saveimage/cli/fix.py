"""``flake8-saveimage fix``: fix findings in place, or print the patch."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

from flake8_saveimage.check.runner import WorkerDied, job_count, sweep
from flake8_saveimage.cli import FAILURE, FINDINGS, OK, CommandError, counted, say
from flake8_saveimage.cli.common import Work, prepare, report_errors, report_notes
from flake8_saveimage.cli.git import require_clean
from flake8_saveimage.cli.progress import Progress
from flake8_saveimage.config.options import Request
from flake8_saveimage.fixes import vendoring
from flake8_saveimage.fixes.fixer import FixedFile, Fixer
from flake8_saveimage.fixes.patch import unified
from flake8_saveimage.fixes.vendoring import Change
from flake8_saveimage.report.text import headline
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source import writing


class Vendored:
    """The copy of the runtime helper in the user's repository: there before it is imported."""

    def __init__(self, path: str, *, diff: bool) -> None:
        self._path = path
        self._diff = diff
        self._done = False

    def provide(self) -> None:
        """Write the copy, or bring it up to date, or print the patch that does so; once."""
        if self._done:
            return
        self._done = True
        try:
            if self._diff:
                self._print_patch(vendoring.changes(self._path))
            elif (what := vendoring.install(self._path)) != "unchanged":
                say(f"{what} the folder {vendoring.folder_of(self._path)}")
        except vendoring.VendorError as error:
            raise CommandError(f"--vendor: {error}") from error

    def refresh(self) -> None:
        """Bring a copy that is there up to date, even if no file needed it in this run."""
        if os.path.isdir(self._path.removesuffix(".py")):
            self.provide()

    def _print_patch(self, changes: list[Change]) -> None:
        for change in changes:
            _print_bytes(unified(change.path, change.before, change.after))


@dataclass
class _Tally:
    """What happened so far."""

    fixed: int = 0
    changed: int = 0
    left: list[tuple[FixedFile, Finding]] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def run(arguments: argparse.Namespace, request: Request) -> int:
    """Fix the paths and return the exit status."""
    if arguments.check_clean:
        require_clean([path for path in arguments.paths if path != "-"])
    work = prepare(arguments, request)
    fixer = Fixer(work.options, unsafe=arguments.unsafe_fixes, vendor=arguments.vendor)
    tally = _Tally(errors=list(work.errors))
    if work.stdin is not None:
        _fix_stdin(work.stdin_name, work.stdin, fixer, tally, diff=arguments.diff)
    helper = Vendored(arguments.vendor, diff=arguments.diff) if arguments.vendor else None
    for result in _fixed(work, fixer):
        if helper is not None and result.after is not None:
            helper.provide()
        _settle(result, tally, diff=arguments.diff)
    if helper is not None:
        helper.refresh()
    _print_left(tally, sys.stderr if arguments.diff or work.stdin is not None else sys.stdout)
    report_errors(tally.errors)
    report_notes(tally.notes)
    _summarise(tally, arguments, len(work.files) + (work.stdin is not None))
    return _status(tally, arguments)


def _fixed(work: Work, fixer: Fixer) -> Iterator[FixedFile]:
    files = list({os.path.realpath(path): path for path in reversed(work.files)}.values())
    jobs = job_count(work.options)
    try:
        with Progress(len(files)) as progress:
            yield from sweep(sorted(files), fixer, jobs, advance=progress.advance)
    except WorkerDied as error:
        raise CommandError(str(error)) from error


def _fix_stdin(name: str, raw: bytes, fixer: Fixer, tally: _Tally, *, diff: bool) -> None:
    """Write the fixed source to standard output, unchanged if nothing is to be done."""
    result = fixer.on_source(name, raw)
    _count(result, tally)
    if diff or result.error:
        _print_patch(result)
    else:
        _print_bytes(raw if result.after is None else result.after)


def _settle(result: FixedFile, tally: _Tally, *, diff: bool) -> None:
    """Print or write what was fixed in one file."""
    if diff:
        _print_patch(result)
    elif result.after is not None:
        try:
            writing.replace(result.path, result.before, result.after)
        except writing.WriteError as error:
            tally.errors.append((result.path, str(error)))
            return
    _count(result, tally)


def _count(result: FixedFile, tally: _Tally) -> None:
    tally.fixed += result.fixed
    tally.changed += result.after is not None
    tally.left += [(result, finding) for finding in result.left]
    if result.note is not None:
        tally.notes.append((result.path, result.note))
    if result.error is not None:
        tally.errors.append((result.path, result.error))


def _print_patch(result: FixedFile) -> None:
    if result.after is not None:
        _print_bytes(unified(result.path, result.before, result.after))


def _print_bytes(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _print_left(tally: _Tally, stream: TextIO) -> None:
    for file, finding in sorted(tally.left, key=lambda left: (left[0].path, left[1])):
        hint = " [fix: --unsafe-fixes]" if finding.fix == "unsafe" else ""
        print(headline(file, finding) + hint, file=stream)


def _summarise(tally: _Tally, arguments: argparse.Namespace, looked_at: int) -> None:
    """Say what was done; a run that had nothing to do is silent unless on a terminal."""
    if not (tally.changed or tally.left or tally.errors or sys.stderr.isatty()):
        return
    would = "would fix" if arguments.diff else "fixed"
    unsafe = sum(finding.fix == "unsafe" for _, finding in tally.left)
    hint = " with --unsafe-fixes" if unsafe and not arguments.unsafe_fixes else ""
    say(
        f"{counted(looked_at, 'file')}: {would} {counted(tally.fixed, 'finding')} in "
        f"{counted(tally.changed, 'file')}, {len(tally.left)} left ({unsafe} unsafe{hint}), "
        f"{counted(len(tally.errors), 'error')}"
    )


def _status(tally: _Tally, arguments: argparse.Namespace) -> int:
    if tally.errors:
        return FAILURE
    to_do = bool(tally.left) or (arguments.diff and tally.changed > 0)
    return FINDINGS if to_do and not arguments.exit_zero else OK
