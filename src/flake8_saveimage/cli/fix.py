"""``flake8-saveimage fix``: fix findings in place, or print the patch."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TextIO

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
from flake8_saveimage.cli.common import Work, prepare, report, swept, terminal_width
from flake8_saveimage.cli.git import require_clean, require_tracked
from flake8_saveimage.config.options import Request
from flake8_saveimage.fixes import vendoring
from flake8_saveimage.fixes.fixer import FixedFile, Fixer
from flake8_saveimage.fixes.patch import coloured, unified
from flake8_saveimage.report import Style
from flake8_saveimage.report.text import wrapped
from flake8_saveimage.rules.index import entries
from flake8_saveimage.source import writing
from flake8_saveimage.source.reading import printable


def run(arguments: argparse.Namespace, request: Request) -> int:
    """Fix the paths and return the exit status."""
    work = prepare(arguments, request)
    if work is None:
        return OK
    if arguments.check_clean:
        require_clean([path for path in arguments.paths if path != "-"])
    results = [FixedFile(path, error=message) for path, message in work.errors]
    if work.stdin is not None:
        results.append(_fix_stdin(work, arguments))
    results += _fix_files(work, arguments)
    is_diff = arguments.diff or work.stdin is not None
    if not is_diff and any(result.after is not None for result in results):
        fixer = _fixer(work, arguments)
        results = [_looked_at_again(result, fixer) for result in results]
    stream = sys.stderr if is_diff else sys.stdout
    if not arguments.fix:  # else ``check`` reports what is left
        _print_left(results, stream)
        report(results, arguments)
    if arguments.show_fixes:
        _print_fixed(results, stream)
    _summarise(results, arguments, has_files=bool(work.total))
    if any(result.error for result in results):
        return FAILURE
    to_do = any(result.left or (arguments.diff and result.after is not None) for result in results)
    return FINDINGS if to_do and not arguments.exit_zero else OK


def _fixer(work: Work, arguments: argparse.Namespace) -> Fixer:
    return Fixer(
        work.options,
        unsafe=arguments.unsafe_fixes,
        vendor=arguments.vendor,
        prefers_names=arguments.prefer == "names",
    )


def _fix_files(work: Work, arguments: argparse.Namespace) -> list[FixedFile]:
    """Print or write what is fixed in each file; the helper is there before it is imported."""
    files = list({os.path.realpath(path): path for path in reversed(work.files)}.values())
    results: Iterable[FixedFile] = swept(sorted(files), _fixer(work, arguments))
    if arguments.check_clean:
        results = list(results)
        require_tracked([result.path for result in results if result.after is not None])
    vendor, settled = arguments.vendor, []
    for result in results:
        if vendor and result.after is not None:
            _provide_helper(arguments)
            vendor = None
        settled.append(_settled(result, arguments))
    if vendor and os.path.isdir(vendor.removesuffix(".py")):  # it may be out of date
        _provide_helper(arguments)
    return settled


def _provide_helper(arguments: argparse.Namespace) -> None:
    """Write the copy of the runtime helper, or bring it up to date, or print the patch for it."""
    path, force = arguments.vendor, arguments.force
    try:
        if arguments.diff:
            for change in vendoring.changes(path, force=force):
                _print_bytes(unified(change.path, change.before, change.after))
        elif (what := vendoring.install(path, force=force)) != "unchanged":
            folder = vendoring.folder_of(path)
            say(f"{what} the folder {folder}, which needs Python {vendoring.PYTHON} or newer")
    except vendoring.VendorError as error:
        raise CommandError(f"--vendor: {error}") from error


def _fix_stdin(work: Work, arguments: argparse.Namespace) -> FixedFile:
    """Write the fixed source to standard output, unchanged if nothing is to be done."""
    raw = work.stdin or b""
    result = _fixer(work, arguments).on_source(work.stdin_name, raw)
    if arguments.diff or result.error:
        _print_patch(result, arguments)
    else:
        _print_bytes(raw if result.after is None else result.after)
    return result


def _settled(result: FixedFile, arguments: argparse.Namespace) -> FixedFile:
    """Print or write what was fixed in one file."""
    if arguments.diff:
        _print_patch(result, arguments)
    elif result.after is not None:
        try:
            writing.replace(result.path, result.before, result.after)
        except writing.WriteError as error:
            return FixedFile(result.path, error=str(error))
    return result


def _looked_at_again(result: FixedFile, fixer: Fixer) -> FixedFile:
    """Drop what is left of findings that the fix of another file has made void."""
    if not result.left or not os.path.isfile(result.path):
        return result
    return result._replace(left=fixer(result.path).left)


def _print_patch(result: FixedFile, arguments: argparse.Namespace) -> None:
    if result.after is not None:
        patch = unified(result.path, result.before, result.after)
        wanted = colour_wanted(sys.stdout, arguments.color)
        _print_bytes(coloured(patch) if wanted else patch)


def _print_bytes(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _print_left(results: Sequence[FixedFile], stream: TextIO) -> None:
    """Print what is left, each with the reason in one phrase."""
    style = Style(width=terminal_width() if stream.isatty() else None)
    for file in sorted(results, key=lambda result: result.path):
        for finding in sorted(file.left):
            why = "unsafe" if finding.fix == "unsafe" else "no fix"
            left = replace(finding, message=f"{finding.message} [{why}: {finding.reason}]")
            print(*wrapped(file, left, style), sep="\n", file=stream)


def _print_fixed(results: Sequence[FixedFile], stream: TextIO) -> None:
    """Print how many findings of each rule were fixed, by file."""
    for file in sorted(results, key=lambda result: result.path):
        if file.fixed:
            print(f"{printable(file.path)}:", file=stream)
        for code, count in sorted(Counter(finding.code for finding in file.fixed).items()):
            print(f"    {count} x {code} ({entries()[code].name})", file=stream)


def _summarise(
    results: Sequence[FixedFile], arguments: argparse.Namespace, *, has_files: bool
) -> None:
    """Say what was done; a run that had nothing to do is silent unless it is watched."""
    if arguments.quiet:
        return
    fixed = sum(len(result.fixed) for result in results)
    left = [finding for result in results for finding in result.left]
    if fixed or (left and not arguments.fix):
        verb = "Would fix" if arguments.diff else "Fixed"
        number = f"{fixed} of {fixed + len(left)} findings" if left else counted(fixed, "finding")
        changed = counted(sum(result.after is not None for result in results), "file")
        unsafe = 0 if arguments.unsafe_fixes else sum(f.fix == "unsafe" for f in left)
        more = f"; {unsafe} more with --unsafe-fixes" if unsafe else ""
        announce(f"{verb} {number}{f' in {changed}' if fixed else ''}{more}.")
    elif (
        has_files
        and not (left or arguments.fix or any(result.error for result in results))
        and is_watched(arguments)
    ):
        announce(ALL_PASSED)
    if any(result.imports_helper for result in results):
        text = (
            "Machines that run this code need 'pip install flake8-saveimage', or a copy of the"
            " helper in the project: fix --vendor PATH"
        )
        for line in textwrap.wrap(text, terminal_width()) if sys.stderr.isatty() else [text]:
            announce(line)
