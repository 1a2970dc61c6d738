"""``flake8-saveimage fix``: fix findings in place, or print the patch."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TextIO

from flake8_saveimage.check.runner import WorkerDied, job_count, sweep
from flake8_saveimage.cli import (
    ALL_PASSED,
    FAILURE,
    FINDINGS,
    OK,
    CommandError,
    announce,
    colour_wanted,
    counted,
    is_watched,
    say,
)
from flake8_saveimage.cli.common import (
    Work,
    configure,
    prepare,
    print_settings,
    report_errors,
    report_notes,
    terminal_width,
)
from flake8_saveimage.cli.git import require_clean, require_tracked
from flake8_saveimage.cli.progress import progress
from flake8_saveimage.config.options import Request
from flake8_saveimage.fixes import vendoring
from flake8_saveimage.fixes.fixer import FixedFile, Fixer
from flake8_saveimage.fixes.patch import coloured, unified
from flake8_saveimage.fixes.vendoring import ModuleChange
from flake8_saveimage.report import Style
from flake8_saveimage.report.text import wrapped
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.rules.index import entries
from flake8_saveimage.source import writing
from flake8_saveimage.source.reading import printable


class Vendored:
    """The copy of the runtime helper in the user's repository: there before it is imported."""

    def __init__(self, path: str, *, diff: bool, force: bool) -> None:
        self._path = path
        self._force = force
        self._diff = diff
        self._done = False

    def provide(self) -> None:
        """Write the copy, or bring it up to date, or print the patch that does so; once."""
        if self._done:
            return
        self._done = True
        try:
            if self._diff:
                self._print_patch(vendoring.changes(self._path, force=self._force))
            elif (what := vendoring.install(self._path, force=self._force)) != "unchanged":
                say(
                    f"{what} the folder {vendoring.folder_of(self._path)}, which needs Python"
                    f" {vendoring.PYTHON} or newer"
                )
        except vendoring.VendorError as error:
            raise CommandError(f"--vendor: {error}") from error

    def refresh(self) -> None:
        """Bring a copy that is there up to date, even if no file needed it in this run."""
        if os.path.isdir(self._path.removesuffix(".py")):
            self.provide()

    def _print_patch(self, changes: list[ModuleChange]) -> None:
        for change in changes:
            _print_bytes(unified(change.path, change.before, change.after))


@dataclass
class _Tally:
    """What happened so far."""

    fixed: list[tuple[FixedFile, Finding]] = field(default_factory=list)
    changed: int = 0
    imports_helper: bool = False
    left: list[tuple[FixedFile, Finding]] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def run(arguments: argparse.Namespace, request: Request) -> int:
    """Fix the paths and return the exit status."""
    loaded = configure(arguments, request)
    if arguments.show_settings:
        print_settings(loaded)
        return OK
    if arguments.check_clean:
        require_clean([path for path in arguments.paths if path != "-"])
    work = prepare(arguments, loaded)
    fixer = _fixer(work, arguments)
    tally = _Tally(errors=list(work.errors))
    if work.stdin is not None:
        _fix_stdin(work.stdin_name, work.stdin, fixer, tally, arguments)
    helper = None
    if arguments.vendor:
        helper = Vendored(arguments.vendor, diff=arguments.diff, force=arguments.force)
    results: Iterable[FixedFile] = _fixed(work, fixer)
    if arguments.check_clean:
        results = list(results)
        require_tracked([result.path for result in results if result.after is not None])
    for result in results:
        if helper is not None and result.after is not None:
            helper.provide()
        _settle(result, tally, arguments)
    if tally.changed and not arguments.diff and work.stdin is None:
        _look_again(tally, _fixer(work, arguments))
    if helper is not None:
        helper.refresh()
    stream = sys.stderr if arguments.diff or work.stdin is not None else sys.stdout
    if not arguments.fix:  # else ``check`` reports what is left
        _print_left(tally, stream)
        report_errors(tally.errors)
        report_notes(tally.notes, arguments)
    if arguments.show_fixes:
        _print_fixed(tally, stream)
    _summarise(tally, arguments, has_files=bool(work.files) or work.stdin is not None)
    return _status(tally, arguments)


def _fixer(work: Work, arguments: argparse.Namespace) -> Fixer:
    return Fixer(
        work.options,
        unsafe=arguments.unsafe_fixes,
        vendor=arguments.vendor,
        prefers_names=arguments.prefer == "names",
    )


def _look_again(tally: _Tally, fixer: Fixer) -> None:
    """Drop what is left of findings that the fix of another file has made void."""
    files = {file.path: file for file, _ in tally.left if os.path.isfile(file.path)}
    tally.left = [left for left in tally.left if left[0].path not in files]
    for path in files:
        result = fixer(path)
        tally.left += [(result, finding) for finding in result.left]


def _fixed(work: Work, fixer: Fixer) -> Iterator[FixedFile]:
    files = list({os.path.realpath(path): path for path in reversed(work.files)}.values())
    jobs = job_count(work.options)
    try:
        with progress(len(files)) as advance:
            yield from sweep(sorted(files), fixer, jobs, advance=advance)
    except WorkerDied as error:
        raise CommandError(str(error)) from error


def _fix_stdin(
    name: str, raw: bytes, fixer: Fixer, tally: _Tally, arguments: argparse.Namespace
) -> None:
    """Write the fixed source to standard output, unchanged if nothing is to be done."""
    result = fixer.on_source(name, raw)
    _count(result, tally)
    if arguments.diff or result.error:
        _print_patch(result, arguments)
    else:
        _print_bytes(raw if result.after is None else result.after)


def _settle(result: FixedFile, tally: _Tally, arguments: argparse.Namespace) -> None:
    """Print or write what was fixed in one file."""
    if arguments.diff:
        _print_patch(result, arguments)
    elif result.after is not None:
        try:
            writing.replace(result.path, result.before, result.after)
        except writing.WriteError as error:
            tally.errors.append((result.path, str(error)))
            return
    _count(result, tally)


def _count(result: FixedFile, tally: _Tally) -> None:
    tally.fixed += [(result, finding) for finding in result.fixed]
    tally.changed += result.after is not None
    tally.imports_helper = tally.imports_helper or result.imports_helper
    tally.left += [(result, finding) for finding in result.left]
    if result.note is not None:
        tally.notes.append((result.path, result.note))
    if result.error is not None:
        tally.errors.append((result.path, result.error))


def _print_patch(result: FixedFile, arguments: argparse.Namespace) -> None:
    if result.after is not None:
        patch = unified(result.path, result.before, result.after, result.blocks)
        wanted = colour_wanted(sys.stdout, arguments.color)
        _print_bytes(coloured(patch) if wanted else patch)


def _print_bytes(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _print_left(tally: _Tally, stream: TextIO) -> None:
    """Print what is left, each with the reason in one phrase."""
    style = Style(width=terminal_width() if stream.isatty() else None)
    for file, finding in sorted(tally.left, key=lambda left: (left[0].path, left[1])):
        why = "unsafe" if finding.fix == "unsafe" else "no fix"
        left = replace(finding, message=f"{finding.message} [{why}: {finding.reason}]")
        print(*wrapped(file, left, style), sep="\n", file=stream)


def _print_fixed(tally: _Tally, stream: TextIO) -> None:
    """Print how many findings of each rule were fixed, by file."""
    counts = Counter((file.path, finding.code) for file, finding in tally.fixed)
    last = None
    for (path, code), count in sorted(counts.items()):
        if path != last:
            print(f"{printable(path)}:", file=stream)
        print(f"    {count} x {code} ({entries()[code].name})", file=stream)
        last = path


def _summarise(tally: _Tally, arguments: argparse.Namespace, *, has_files: bool) -> None:
    """Say what was done; a run that had nothing to do is silent unless it is watched."""
    if arguments.quiet:
        return
    if tally.fixed or (tally.left and not arguments.fix):
        _announce_numbers(tally, arguments)
    elif has_files and not (tally.left or tally.errors or arguments.fix) and is_watched(arguments):
        announce(ALL_PASSED)
    if tally.imports_helper:
        text = (
            "Machines that run this code need 'pip install flake8-saveimage', or a copy of the"
            " helper in the project: fix --vendor PATH"
        )
        for line in textwrap.wrap(text, terminal_width()) if sys.stderr.isatty() else [text]:
            announce(line)


def _announce_numbers(tally: _Tally, arguments: argparse.Namespace) -> None:
    fixed, left = len(tally.fixed), len(tally.left)
    verb = "Would fix" if arguments.diff else "Fixed"
    number = counted(fixed, "finding") if not left else f"{fixed} of {fixed + left} findings"
    place = f" in {counted(tally.changed, 'file')}" if fixed else ""
    unsafe = sum(finding.fix == "unsafe" for _, finding in tally.left)
    more = "" if not unsafe or arguments.unsafe_fixes else f"; {unsafe} more with --unsafe-fixes"
    announce(f"{verb} {number}{place}{more}.")


def _status(tally: _Tally, arguments: argparse.Namespace) -> int:
    if tally.errors:
        return FAILURE
    to_do = bool(tally.left) or (arguments.diff and tally.changed > 0)
    return FINDINGS if to_do and not arguments.exit_zero else OK
