"""``flake8-saveimage check``: report findings, count them, or silence them all."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from flake8_saveimage.check.runner import (
    CheckedFile,
    Checker,
    WorkerDied,
    check_files,
)
from flake8_saveimage.cli import FAILURE, FINDINGS, OK, CommandError, colour_wanted, counted, say
from flake8_saveimage.cli.common import Work, prepare, report_errors, report_notes
from flake8_saveimage.cli.progress import Progress
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


def run(arguments: argparse.Namespace, request: Request) -> int:
    """Check the paths and return the exit status."""
    work = prepare(arguments, request)
    result = _check(work, fixes=arguments.format != "text" or sys.stderr.isatty())
    if arguments.add_noqa:
        return _add_noqa(result, work)
    style = Style(_colour(arguments), _show_source(arguments, work.options))
    write_report(render(arguments.format, result, style), arguments.output_file)
    if work.options.statistics:
        _print_statistics(result, sys.stdout if arguments.format == "text" else sys.stderr)
    if arguments.format == "text":
        report_errors(list(result.errors))
        report_notes([(file.path, file.note) for file in result.files if file.note])
        if sys.stderr.isatty():
            _summarise(result)
    return _status(result, exit_zero=arguments.exit_zero)


def _check(work: Work, *, fixes: bool) -> Run:
    checker = Checker(work.options, annotate=_annotated if fixes else None)
    try:
        with Progress(len(work.files)) as progress:
            checked = check_files(work.files, checker, advance=progress.advance)
    except WorkerDied as error:
        raise CommandError(str(error)) from error
    checked += [CheckedFile(path, error=message) for path, message in work.errors]
    if work.stdin is not None:
        checked.append(checker.on_source(work.stdin_name, work.stdin))
    return make_run(checked)


def _annotated(
    analysis: Analysis, accepted: Sequence[tuple[Diagnosis, Finding]], name: str
) -> list[Finding]:
    from flake8_saveimage.fixes import annotated  # libcst

    return annotated(analysis, accepted, name)


def _status(result: Run, *, exit_zero: bool) -> int:
    """A file that could not be checked is a failure: the report is incomplete."""
    if any(result.errors):
        return FAILURE
    return FINDINGS if any(result.findings) and not exit_zero else OK


def _colour(arguments: argparse.Namespace) -> bool:
    if arguments.color != "auto":
        return bool(arguments.color == "always")
    return arguments.output_file is None and colour_wanted(sys.stdout)


def _show_source(arguments: argparse.Namespace, options: argparse.Namespace) -> bool:
    if arguments.show_source is not None:
        return bool(arguments.show_source)
    return bool(options.show_source) or _on_terminal(arguments)


def _on_terminal(arguments: argparse.Namespace) -> bool:
    return arguments.output_file is None and sys.stdout.isatty()


def _print_statistics(result: Run, stream: TextIO) -> None:
    counts = Counter(finding.code for _, finding in result.findings)
    for code, count in sorted(counts.items()):
        print(f"{count:<5} {code} {rule(code).title}", file=stream)


def _summarise(result: Run) -> None:
    findings = [finding for _, finding in result.findings]
    if not findings:
        return
    files = sum(1 for file in result.files if file.findings)
    line = f"{counted(len(findings), 'finding')} in {counted(files, 'file')}"
    fixable = Counter(finding.fix for finding in findings)
    if fixable["safe"] or fixable["unsafe"]:
        line += f"; 'flake8-saveimage fix' can fix {fixable['safe']}"
        if fixable["unsafe"]:
            line += f" ({fixable['unsafe']} more with --unsafe-fixes)"
    say(line)


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
