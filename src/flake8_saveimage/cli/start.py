"""``check`` and ``fix`` before flake8 is imported: most runs of a hook end here.

The modules of the two commands are imported once a file passes the gate.
"""

from __future__ import annotations

import argparse
import importlib
import os
import stat
import sys

from flake8_saveimage.check.following import Following
from flake8_saveimage.cli import ALL_PASSED, OK, CommandError, announce, is_watched
from flake8_saveimage.config import options as config
from flake8_saveimage.report import Style, make_run, render
from flake8_saveimage.source import reading
from flake8_saveimage.source.gate import bytes_may_save
from flake8_saveimage.source.program import is_notebook
from flake8_saveimage.source.writing import WriteError, write_new


def run(arguments: argparse.Namespace) -> int:
    """Run ``check`` or ``fix`` and return the exit status."""
    request = request_of(arguments)
    asks = arguments.verbose or arguments.show_settings or arguments.baseline
    if asks or not are_all_refused(arguments, request):
        return max(_run(name, arguments, request) for name in _steps(arguments))
    if arguments.command == "check" and not arguments.diff:
        write_report(
            render(arguments.format, make_run([], len(arguments.paths)), Style()),
            arguments.output_file,
        )
    if is_watched(arguments):
        announce(ALL_PASSED)
    return OK


def _steps(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the commands to run: ``check --fix`` fixes, and then reports what is left."""
    if arguments.command == "check" and arguments.diff:
        return ("fix",)
    return ("fix", "check") if arguments.fix else (arguments.command,)


def _run(name: str, arguments: argparse.Namespace, request: config.Request) -> int:
    status: int = importlib.import_module(f"flake8_saveimage.cli.{name}").run(arguments, request)
    return status


def write_report(text: str, path: str | None) -> None:
    """Write a report to a file, or to standard output."""
    if path is None:
        sys.stdout.write(text)
        return
    try:
        write_new(path, text.encode("utf-8", "backslashreplace"))
    except WriteError as error:
        raise CommandError(f"{path}: {error}") from error


def request_of(arguments: argparse.Namespace) -> config.Request:
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


def are_all_refused(arguments: argparse.Namespace, request: config.Request) -> bool:
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
