"""The command ``flake8-saveimage``: ``check``, ``fix`` and ``explain``.

Exit status: 0 nothing to report, 1 findings, 2 something could not be done (the reason is on
standard error), 130 interrupted. Modules are imported when a command needs them, because most runs
end at the gate and should cost next to nothing.
"""

from __future__ import annotations

import argparse
import importlib
import os
import stat
import sys
from collections.abc import Sequence
from typing import TextIO

from flake8_saveimage.check.following import Following
from flake8_saveimage.cli.arguments import parse
from flake8_saveimage.config import options as config
from flake8_saveimage.report import Style, make_run, render
from flake8_saveimage.source import reading
from flake8_saveimage.source.gate import bytes_may_save
from flake8_saveimage.source.program import is_notebook
from flake8_saveimage.source.reading import printable
from flake8_saveimage.source.writing import WriteError, write_new

OK, FINDINGS, FAILURE, INTERRUPTED = 0, 1, 2, 130
ALL_PASSED = "All checks passed!"


class CommandError(Exception):
    """The command cannot run; the message says why and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = parse(sys.argv[1:] if argv is None else list(argv))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(arguments)
        sys.stdout.flush()
        return status
    except CommandError as error:
        say(f"error: {error}")
        return FAILURE
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # the reader (head, a pager) has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINDINGS


def _run(arguments: argparse.Namespace) -> int:
    """Run a command; most runs of a hook end before flake8 is imported."""
    if arguments.command == "explain":
        return _run_module("explain", arguments)
    request = _request(arguments)
    asks = arguments.verbose or arguments.show_settings or arguments.baseline
    if asks or not _are_all_refused(arguments, request):
        is_diff = arguments.command == "check" and arguments.diff
        names = ["fix"] if arguments.fix or is_diff or arguments.command == "fix" else []
        if arguments.command == "check" and not is_diff:
            names.append("check")  # with --fix: what is left
        return max(_run_module(name, arguments, request) for name in names)
    if arguments.command == "check" and not arguments.diff:
        write_report(
            render(arguments.format, make_run([], len(arguments.paths)), Style()),
            arguments.output_file,
        )
    if is_watched(arguments):
        announce(ALL_PASSED)
    return OK


def _run_module(name: str, *arguments: object) -> int:
    status: int = importlib.import_module(f"{__name__}.{name}").run(*arguments)
    return status


def say(message: str) -> None:
    """Print one line on standard error, whatever names of files are in it."""
    print(f"flake8-saveimage: {printable(message)}", file=sys.stderr)


def announce(text: str) -> None:
    """Print a line of a closing summary on standard error, behind what is on standard output."""
    sys.stdout.flush()
    print(printable(text), file=sys.stderr)


def is_watched(arguments: argparse.Namespace) -> bool:
    """Say whether a summary is wanted: someone looks at the terminal, or asked for it."""
    if arguments.quiet:
        return False
    return bool(arguments.verbose) or sys.stderr.isatty()


def counted(number: int, noun: str) -> str:
    """Return ``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def colour_wanted(stream: TextIO, choice: str = "auto") -> bool:
    """Follow the choice, NO_COLOR and FORCE_COLOR, else whether the stream is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def write_report(text: str, path: str | None) -> None:
    """Write a report to a file, or to standard output."""
    if path is None:
        sys.stdout.write(text)
        return
    try:
        write_new(path, text.encode("utf-8", "backslashreplace"))
    except WriteError as error:
        raise CommandError(f"{path}: {error}") from error


def _request(arguments: argparse.Namespace) -> config.Request:
    """Return what the command line says about configuration; refuses unknown rules."""
    try:
        chosen = [
            f"{option}={','.join(config.rule_codes(value.replace(',', ' ').split(), option))}"
            for option, value in arguments.rules
        ]
    except config.ConfigError as error:
        raise CommandError(str(error)) from error
    return config.Request(
        arguments.isolated,
        arguments.config,
        tuple(arguments.append_config),
        (*arguments.forwarded, *chosen),
    )


def _are_all_refused(arguments: argparse.Namespace, request: config.Request) -> bool:
    """Say whether the gate refuses every path, so that flake8 need not even be imported.

    Only for paths that are files: which files of a folder count, the configuration says. The
    table of pyproject.toml is read all the same, for its mistakes.
    """
    try:
        if config.may_choose_writers(request):
            return False
    except config.ConfigError as error:
        raise CommandError(str(error)) from error
    if request.config or request.append_config:
        return False
    return all(_is_file_refused(path) for path in arguments.paths)


def _is_file_refused(path: str) -> bool:
    if is_notebook(path):  # only its cells show what it holds
        return False
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        raw = reading.read(path)
        if bytes_may_save(raw) or Following().is_worth_a_look(path, raw):
            return False
        reading.validate(raw)
        return True
    except (OSError, ValueError, reading.SourceError):
        return False
