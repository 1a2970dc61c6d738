"""What ``check`` and ``fix`` share: the files to look at, standard input, errors."""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import NamedTuple

from flake8.exceptions import ExecutionError

from flake8_saveimage.cli import CommandError, say
from flake8_saveimage.config import options as config
from flake8_saveimage.config.noqa import Judge
from flake8_saveimage.source import discovery
from flake8_saveimage.source.reading import printable

CHECKPOINTS = ".ipynb_checkpoints"  # Jupyter's copies of notebooks
_MAX_WIDTH = 100  # columns: longer lines are hard to read


class Work(NamedTuple):
    """Files to look at, with what is wrong with the other paths; ``stdin`` is read already."""

    options: argparse.Namespace
    files: list[str]
    errors: list[tuple[str, str]]
    stdin: bytes | None
    stdin_name: str


def configure(arguments: argparse.Namespace, request: config.Request) -> config.Config:
    """Read the configuration; its oddities are warnings."""
    try:
        loaded = config.load(request)
        judge = Judge(loaded.options)
    except (config.ConfigError, ExecutionError) as error:
        raise CommandError(" ".join(str(error).split())) from error
    if not arguments.quiet:
        for warning in loaded.warnings:
            say(f"warning: {warning}")
        _warn_if_nothing_is_on(judge, loaded.path)
    return loaded


def print_settings(loaded: config.Config) -> None:
    """Print what a run with these options would look for, and where."""
    options = loaded.options
    rules = sorted(Judge(options).codes_for("stdin"))
    settings = {
        "configuration": loaded.path or "none",
        "rules": " ".join(rules) or "none",
        "per-file-ignores": " ".join(f"{name}:{code}" for name, code in options.per_file_ignores),
        "filename": " ".join(options.filename),
        "exclude": " ".join([*options.exclude, *options.extend_exclude, CHECKPOINTS]),
        "disable-noqa": str(bool(options.disable_noqa)).lower(),
        "saveimage-hooks": " ".join(options.saveimage_hooks),
        "jobs": str(options.jobs),
    }
    for name, value in settings.items():
        print(f"{name}: {printable(value)}".rstrip())


def prepare(arguments: argparse.Namespace, loaded: config.Config) -> Work:
    """Find the files, and read standard input."""
    options = loaded.options
    if arguments.verbose:
        say(f"configuration: {loaded.path or 'none'}")
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


def terminal_width() -> int:
    """Return the columns that lines on this terminal may take."""
    return min(shutil.get_terminal_size().columns, _MAX_WIDTH)


def report_errors(errors: list[tuple[str, str]]) -> None:
    """Print one line for each file that could not be dealt with."""
    for path, message in sorted(errors):
        say(f"error: {path}: {message}")


def report_notes(notes: list[tuple[str, str]], arguments: argparse.Namespace) -> None:
    """Print one line for each file that holds nothing to check."""
    for path, message in [] if arguments.quiet else sorted(notes):
        say(f"{path}: {message}")


def _warn_if_nothing_is_on(judge: Judge, origin: str | None) -> None:
    if judge.selects_anything():
        return
    where = f"the configuration in {origin}" if origin else "the command line"
    say(f"warning: {where} selects none of the rules; add SVI to select or extend-select")
