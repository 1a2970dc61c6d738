"""``flake8-saveimage check``: report findings, count them, or silence them all."""

from __future__ import annotations

import argparse
import functools
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flake8_saveimage.check.runner import CheckedFile, Checker
from flake8_saveimage.cli import (
    ALL_PASSED,
    FAILURE,
    FINDINGS,
    OK,
    CommandError,
    announce,
    baseline,
    colour_wanted,
    counted,
    is_watched,
    say,
    write_report,
)
from flake8_saveimage.cli.common import Work, prepare, report, swept, terminal_width
from flake8_saveimage.config.noqa import Judge, silence
from flake8_saveimage.report import Run, Style, make_run, render
from flake8_saveimage.rules import rule
from flake8_saveimage.source import reading, writing
from flake8_saveimage.source.program import load

if TYPE_CHECKING:
    from flake8_saveimage.check.analysis import Analysis, Diagnosis
    from flake8_saveimage.config.options import Request
    from flake8_saveimage.rules.finding import Finding

_TEXTS = ("text", "concise", "full")
_WITH_EDITS = ("sarif", "html")
_MOST_FILES = 10


def run(arguments: argparse.Namespace, request: Request) -> int:
    """Check the paths and return the exit status."""
    start = time.monotonic()
    work = prepare(arguments, request)
    if work is None:
        return OK
    result = _check(work, with_edits=arguments.format in _WITH_EDITS)
    if arguments.add_noqa:
        return _add_noqa(result, work, arguments)
    if arguments.baseline is not None:
        result = baseline.filtered(
            result, arguments.baseline, work.files, Judge(work.options).codes_for("stdin")
        )
    style = _style(arguments, work.options)
    write_report(render(arguments.format, result, style), arguments.output_file)
    is_text = arguments.format in _TEXTS
    if is_text:
        report(result.files, arguments)
    _print_counts(result, work, arguments)
    if arguments.verbose:
        say(f"checked {counted(result.looked_at, 'file')} in {time.monotonic() - start:.1f} s")
    if is_text and result.looked_at and is_watched(arguments):
        for line in _closing_lines(result, arguments):
            announce(line)
    if any(result.errors):  # the report is incomplete
        return FAILURE
    return FINDINGS if any(result.findings) and not arguments.exit_zero else OK


def _check(work: Work, *, with_edits: bool) -> Run:
    annotate = functools.partial(_annotated, work.options, with_edits)
    checker = Checker(work.options, annotate=annotate)
    found = swept(work.files, checker)
    checked = [file for file in found if file.findings or file.error or file.note]
    checked += [CheckedFile(path, error=message) for path, message in work.errors]
    if work.stdin is not None:
        checked.append(checker.on_source(work.stdin_name, work.stdin))
    return make_run(checked, work.total)


def _annotated(
    options: argparse.Namespace,
    with_edits: bool,
    analysis: Analysis,
    accepted: Sequence[tuple[Diagnosis, Finding]],
    name: str,
) -> list[Finding]:
    from flake8_saveimage.fixes import Policy, annotated  # libcst

    return annotated(analysis, accepted, name, Policy.of(options), with_edits=with_edits)


def _style(arguments: argparse.Namespace, options: argparse.Namespace) -> Style:
    """Return how text is shown; on a terminal with source lines and in the terminal's width."""
    on_terminal = arguments.output_file is None and sys.stdout.isatty()
    wants_colour = arguments.color == "always"
    if arguments.output_file is None:
        wants_colour = colour_wanted(sys.stdout, arguments.color)
    return Style(
        wants_colour,
        _shows_source(arguments, options, on_terminal),
        terminal_width() if on_terminal else None,
        tuple(arguments.paths),
    )


def _shows_source(
    arguments: argparse.Namespace, options: argparse.Namespace, on_terminal: bool
) -> bool:
    if arguments.show_source is not None:
        return bool(arguments.show_source)
    if arguments.format != "text":
        return bool(arguments.format == "full")
    return bool(options.show_source) or on_terminal


def _print_counts(result: Run, work: Work, arguments: argparse.Namespace) -> None:
    stream = sys.stdout if arguments.format in _TEXTS else sys.stderr
    counts = Counter(finding.code for _, finding in result.findings)
    if work.options.statistics:
        for code, count in sorted(counts.items()):
            print(f"{count:<5} {code} {rule(code).title}", file=stream)
    if arguments.count:
        print(counts.total(), file=stream)


def _add_noqa(result: Run, work: Work, arguments: argparse.Namespace) -> int:
    """Silence every finding in its file; what cannot be silenced is an error."""
    if work.stdin is not None:
        raise CommandError("--add-noqa needs files: standard input cannot be written to")
    judge = Judge(work.options)
    found = [file for file in result.files if file.findings]
    errors = [_silence_file(file.path, file.findings, judge) for file in found]
    done = [file for file, error in zip(found, errors, strict=True) if error is None]
    lines = sum(len({finding.line for finding in file.findings}) for file in done)
    failed = [CheckedFile(f.path, error=e) for f, e in zip(found, errors, strict=True) if e]
    failed += [CheckedFile(path, error=error) for path, error in result.errors]
    report(failed, arguments)
    say(f"added '# noqa' to {counted(lines, 'line')} in {counted(len(done), 'file')}")
    return FAILURE if failed else OK


def _silence_file(path: str, findings: Sequence[Finding], judge: Judge) -> str | None:
    """Return why the findings of a file could not be silenced, ``None`` if they were."""
    try:
        program = load(path, reading.read(path))
        silenced = silence(program.text, findings, judge, path)
        if silenced is None:
            return "the findings cannot be silenced by a comment"
        writing.replace(path, program.raw, program.encoded(silenced))
    except (reading.SourceError, writing.WriteError) as error:
        return str(error)
    return None


def _closing_lines(result: Run, arguments: argparse.Namespace) -> Iterator[str]:
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
