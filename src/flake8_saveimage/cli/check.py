"""``flake8-saveimage check``: report findings, count them, or silence them all."""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flake8_saveimage.check.runner import (
    CheckedFile,
    Checker,
    WorkerDied,
    check_files,
)
from flake8_saveimage.cli import (
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
)
from flake8_saveimage.cli.closing import closing_lines
from flake8_saveimage.cli.common import (
    Work,
    configure,
    prepare,
    print_settings,
    report_errors,
    report_notes,
    terminal_width,
)
from flake8_saveimage.cli.progress import progress
from flake8_saveimage.cli.start import write_report
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


def run(arguments: argparse.Namespace, request: Request) -> int:
    """Check the paths and return the exit status."""
    start = time.monotonic()
    loaded = configure(arguments, request)
    if arguments.show_settings:
        print_settings(loaded)
        return OK
    work = prepare(arguments, loaded)
    result = _check(work, with_edits=arguments.format in _WITH_EDITS)
    if arguments.add_noqa:
        return _add_noqa(result, work)
    if arguments.baseline is not None:
        result = baseline.filtered(
            result, arguments.baseline, work.files, Judge(work.options).codes_for("stdin")
        )
    style = _style(arguments, work.options)
    write_report(render(arguments.format, result, style), arguments.output_file)
    if arguments.format in _TEXTS:
        report_errors(list(result.errors))
        report_notes([(file.path, file.note) for file in result.files if file.note], arguments)
    _print_counts(result, work, arguments)
    if arguments.verbose:
        say(f"checked {counted(result.looked_at, 'file')} in {time.monotonic() - start:.1f} s")
    if arguments.format in _TEXTS and result.looked_at and is_watched(arguments):
        for line in closing_lines(result, arguments):
            announce(line)
    return _status(result, exit_zero=arguments.exit_zero)


def _check(work: Work, *, with_edits: bool) -> Run:
    annotate = functools.partial(_annotated, work.options, with_edits)
    checker = Checker(work.options, annotate=annotate)
    try:
        with progress(len(work.files)) as advance:
            checked = check_files(work.files, checker, advance=advance)
    except WorkerDied as error:
        raise CommandError(str(error)) from error
    checked += [CheckedFile(path, error=message) for path, message in work.errors]
    if work.stdin is not None:
        checked.append(checker.on_source(work.stdin_name, work.stdin))
    return make_run(checked, len(work.files) + (work.stdin is not None))


def _annotated(
    options: argparse.Namespace,
    with_edits: bool,
    analysis: Analysis,
    accepted: Sequence[tuple[Diagnosis, Finding]],
    name: str,
) -> list[Finding]:
    from flake8_saveimage.fixes import Policy, annotated  # libcst

    return annotated(analysis, accepted, name, Policy.of(options), with_edits=with_edits)


def _status(result: Run, *, exit_zero: bool) -> int:
    """A file that could not be checked is a failure: the report is incomplete."""
    if any(result.errors):
        return FAILURE
    return FINDINGS if any(result.findings) and not exit_zero else OK


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


def _add_noqa(result: Run, work: Work) -> int:
    """Silence every finding in its file; what cannot be silenced is an error."""
    if work.stdin is not None:
        raise CommandError("--add-noqa needs files: standard input cannot be written to")
    judge = Judge(work.options)
    errors = list(result.errors)
    files = lines = 0
    for file in result.files:
        if file.findings:
            error = _silence_file(file.path, file.findings, judge)
            if error:
                errors.append((file.path, error))
            else:
                files += 1
                lines += len({finding.line for finding in file.findings})
    report_errors(errors)
    say(f"added '# noqa' to {counted(lines, 'line')} in {counted(files, 'file')}")
    return FAILURE if errors else OK


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
