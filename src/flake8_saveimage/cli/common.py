"""What ``check`` and ``fix`` share: configuration, the files to look at, standard input."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from typing import TYPE_CHECKING, NamedTuple

from flake8_saveimage.cli import CommandError, say
from flake8_saveimage.config import options as config
from flake8_saveimage.source import reading
from flake8_saveimage.source.gate import bytes_may_save

if TYPE_CHECKING:
    from flake8_saveimage.config.noqa import Judge


class Work(NamedTuple):
    """Files to look at, with what is wrong with the other paths; ``stdin`` is read already."""

    options: argparse.Namespace
    files: list[str]
    errors: list[tuple[str, str]]
    stdin: bytes | None
    stdin_name: str


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


def all_refused(arguments: argparse.Namespace, request: config.Request) -> bool:
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


def prepare(arguments: argparse.Namespace, request: config.Request) -> Work:
    """Read the configuration and find the files."""
    from flake8.exceptions import ExecutionError

    from flake8_saveimage.config.noqa import Judge
    from flake8_saveimage.source import discovery

    try:
        options, origin = config.load(request)
        _warn_if_nothing_is_on(Judge(options), origin)
    except (config.ConfigError, ExecutionError) as error:
        raise CommandError(" ".join(str(error).split())) from error
    found = discovery.find(
        arguments.paths,
        exclude=[*options.exclude, *options.extend_exclude],
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


def _is_file_refused(path: str) -> bool:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        return not bytes_may_save(reading.read(path))
    except (OSError, ValueError, reading.SourceError):
        return False


def _warn_if_nothing_is_on(judge: Judge, origin: str | None) -> None:
    if judge.selects_anything():
        return
    where = f"the configuration in {origin}" if origin else "the command line"
    say(f"warning: {where} selects none of the rules; add SVI to select or extend-select")
