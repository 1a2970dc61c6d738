"""What ``check`` and ``fix`` share: the files to look at, standard input, errors."""

from __future__ import annotations

import argparse
import sys
from typing import NamedTuple

from flake8.exceptions import ExecutionError

from flake8_saveimage.cli import CommandError, say
from flake8_saveimage.config import options as config
from flake8_saveimage.config.noqa import Judge
from flake8_saveimage.source import discovery

CHECKPOINTS = ".ipynb_checkpoints"  # Jupyter's copies of notebooks


class Work(NamedTuple):
    """Files to look at, with what is wrong with the other paths; ``stdin`` is read already."""

    options: argparse.Namespace
    files: list[str]
    errors: list[tuple[str, str]]
    stdin: bytes | None
    stdin_name: str


def prepare(arguments: argparse.Namespace, request: config.Request) -> Work:
    """Read the configuration and find the files."""
    try:
        options, origin = config.load(request)
        _warn_if_nothing_is_on(Judge(options), origin)
    except (config.ConfigError, ExecutionError) as error:
        raise CommandError(" ".join(str(error).split())) from error
    found = discovery.find(
        arguments.paths,
        exclude=[*options.exclude, *options.extend_exclude, CHECKPOINTS],
        patterns=options.filename,
        stdin_name=arguments.stdin_display_name,
    )
    for folder in found.empty:
        say(f"no Python files in {folder!r}")
    files = [path for path in found.files if path != discovery.STDIN]
    has_stdin = len(files) < len(found.files)
    stdin = sys.stdin.buffer.read() if has_stdin else None
    return Work(options, files, found.errors, stdin, arguments.stdin_display_name)


def report_errors(errors: list[tuple[str, str]]) -> None:
    """Print one line for each file that could not be dealt with."""
    for path, message in sorted(errors):
        say(f"error: {path}: {message}")


def report_notes(notes: list[tuple[str, str]]) -> None:
    """Print one line for each file that holds nothing to check."""
    for path, message in sorted(notes):
        say(f"{path}: {message}")


def _warn_if_nothing_is_on(judge: Judge, origin: str | None) -> None:
    if judge.selects_anything():
        return
    where = f"the configuration in {origin}" if origin else "the command line"
    say(f"warning: {where} selects none of the rules; add SVI to select or extend-select")
