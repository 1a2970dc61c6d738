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
from flake8_saveimage.cli import OK, CommandError
from flake8_saveimage.config import options as config
from flake8_saveimage.report import Style, make_run, render
from flake8_saveimage.source import reading
from flake8_saveimage.source.gate import bytes_may_save
from flake8_saveimage.source.program import is_notebook
from flake8_saveimage.source.writing import WriteError, write_new


def run(arguments: argparse.Namespace) -> int:
    """Run ``check`` or ``fix`` and return the exit status."""
    request = request_of(arguments)
    if not are_all_refused(arguments, request):
        command = importlib.import_module(f"flake8_saveimage.cli.{arguments.command}")
        status: int = command.run(arguments, request)
        return status
    if arguments.command == "check":
        write_report(render(arguments.format, make_run([]), Style()), arguments.output_file)
    return OK


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
    """Return what the command line says about configuration; refuses unknown codes."""
    try:
        for option, value in arguments.codes:
            config.check_codes(value.replace(",", " ").split(), option)
    except config.ConfigError as error:
        raise CommandError(str(error)) from error
    return config.Request(
        arguments.isolated,
        arguments.config,
        tuple(arguments.append_config),
        tuple(arguments.forwarded),
    )


def are_all_refused(arguments: argparse.Namespace, request: config.Request) -> bool:
    """Say whether the gate refuses every path, so that flake8 need not even be imported.

    Only for paths that are files: which files of a folder count, the configuration says. The
    table of pyproject.toml is read all the same, for its mistakes.
    """
    if not all(_is_file_refused(path) for path in arguments.paths):
        return False
    try:
        config.table_for(request)
    except config.ConfigError as error:
        raise CommandError(str(error)) from error
    return not request.config and not request.append_config


def _is_file_refused(path: str) -> bool:
    if is_notebook(path):  # only its cells show what it holds
        return False
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        raw = reading.read(path)
        return not bytes_may_save(raw) and not Following().is_worth_a_look(path, raw)
    except (OSError, ValueError, reading.SourceError):
        return False
