"""What ``check`` and ``fix`` share: configuration, the files to look at, progress, errors."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from flake8.exceptions import ExecutionError

from flake8_saveimage.check.runner import FileWork, Result, WorkerDied, job_count, sweep
from flake8_saveimage.cli import CommandError, say
from flake8_saveimage.config import options as config
from flake8_saveimage.config.noqa import Judge
from flake8_saveimage.source import discovery
from flake8_saveimage.source.reading import printable

_CHECKPOINTS = ".ipynb_checkpoints"  # Jupyter's copies of notebooks
_MAX_WIDTH = 100  # columns: longer lines are hard to read
_PATIENCE, _INTERVAL = 1.0, 0.1  # seconds before the progress line appears and changes
_WIDTH = 30


class Work(NamedTuple):
    """Files to look at, with what is wrong with the other paths; ``stdin`` is read already."""

    options: argparse.Namespace
    files: list[str]
    errors: list[tuple[str, str]]
    stdin: bytes | None
    stdin_name: str

    @property
    def total(self) -> int:
        """The number of files, standard input included."""
        return len(self.files) + (self.stdin is not None)


class Answer(Protocol):
    """What came out for a file."""

    @property
    def path(self) -> str: ...
    @property
    def error(self) -> str | None: ...
    @property
    def note(self) -> str | None: ...


def prepare(arguments: argparse.Namespace, request: config.Request) -> Work | None:
    """Read the configuration and standard input, and find the files.

    ``None`` if only the settings were asked for: they are printed.
    """
    try:
        loaded = config.load(request)
        judge = Judge(loaded.options)
    except (config.ConfigError, ExecutionError) as error:
        raise CommandError(" ".join(str(error).split())) from error
    options, origin = loaded.options, loaded.path or "none"
    if not arguments.quiet:
        for warning in loaded.warnings:
            say(f"warning: {warning}")
        if not judge.selects_anything():
            where = f"the configuration in {loaded.path}" if loaded.path else "the command line"
            say(f"warning: {where} selects none of the rules; add SVI to select or extend-select")
    excluded = [*options.exclude, *options.extend_exclude, _CHECKPOINTS]
    if arguments.show_settings:
        settings = {
            "configuration": origin,
            "rules": " ".join(sorted(judge.codes_for("stdin"))) or "none",
            "per-file-ignores": " ".join(f"{name}:{c}" for name, c in options.per_file_ignores),
            "filename": " ".join(options.filename),
            "exclude": " ".join(excluded),
            "disable-noqa": str(bool(options.disable_noqa)).lower(),
            "saveimage-hooks": " ".join(options.saveimage_hooks),
            "jobs": str(options.jobs),
        }
        for name, value in settings.items():
            print(f"{name}: {printable(value)}".rstrip())
        return None
    if arguments.verbose:
        say(f"configuration: {origin}")
    name = arguments.stdin_display_name
    found = discovery.find(
        arguments.paths, exclude=excluded, patterns=options.filename, stdin_name=name
    )
    for folder in found.empty:
        say(f"no Python files in {folder!r}")
    files = [path for path in found.files if path != discovery.STDIN]
    stdin = sys.stdin.buffer.read() if len(files) < len(found.files) else None
    return Work(options, files, found.errors, stdin, name)


def swept(files: Sequence[str], worker: FileWork[Result]) -> Iterator[Result]:
    """Yield what a worker makes of each file, in order; a terminal shows the progress."""
    try:
        with _progress(len(files)) as advance:
            yield from sweep(files, worker, job_count(worker.options), advance=advance)
    except WorkerDied as error:
        raise CommandError(str(error)) from error


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Give the function that is told how many more of ``total`` files are done."""
    done, due, is_shown = 0, time.monotonic() + _PATIENCE, False
    is_watched = bool(total) and sys.stderr.isatty()

    def advance(count: int) -> None:
        nonlocal done, due, is_shown
        done += count
        if is_watched and (now := time.monotonic()) >= due:
            due, is_shown = now + _INTERVAL, True
            filled = _WIDTH * done // total
            bar = "#" * filled + "." * (_WIDTH - filled)
            print(f"\r[{bar}] {done}/{total} files", end="", file=sys.stderr, flush=True)

    try:
        yield advance
    finally:
        if is_shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def terminal_width() -> int:
    """Return the columns that lines on this terminal may take."""
    return min(shutil.get_terminal_size().columns, _MAX_WIDTH)


def report(files: Iterable[Answer], arguments: argparse.Namespace) -> None:
    """Print one line for each file that could not be dealt with, or holds nothing to check."""
    ordered = sorted(files, key=lambda file: (file.path, file.error or ""))
    for file in ordered:
        if file.error is not None:
            say(f"error: {file.path}: {file.error}")
    for file in ordered:
        if file.note is not None and not arguments.quiet:
            say(f"{file.path}: {file.note}")
