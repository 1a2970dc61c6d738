"""Check many files: gate in one sweep, then the few that pass in parallel processes.

Starting a process and importing libcst in it costs as much as checking a handful of files, so both
sweeps stay in this process until there is enough to do.
"""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from flake8_saveimage import sources
from flake8_saveimage.findings import Finding
from flake8_saveimage.gate import text_may_save, tree_may_save

if TYPE_CHECKING:
    from flake8_saveimage.noqa import Judge

Result = TypeVar("Result")

# below these sizes another process costs more than it saves
_GATE_FILES_PER_PROCESS = 3000
_CHECK_BYTES_PER_PROCESS = 150_000
_CHUNKS_PER_PROCESS = 4


class CheckedFile(NamedTuple):
    """What came out for one file: findings and its text, or why it could not be checked.

    ``text`` is ``None`` unless there are findings; its line endings are ``\\n``.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    error: str | None = None
    text: str | None = None


class WorkerDied(Exception):
    """A worker process ended without an answer."""


def may_save(raw: bytes) -> bool:
    """Say whether a file's bytes pass the text gate; every coding line keeps ASCII as it is."""
    return text_may_save(raw.decode("latin-1"))


def check_files(
    paths: Sequence[str],
    options: argparse.Namespace,
    *,
    advance: Callable[[int], None] | None = None,
) -> list[CheckedFile]:
    """Check files and return those with findings or errors, in the order of ``paths``."""
    results = sweep(paths, Checker(options), job_count(options), advance=advance)
    return [checked for checked in results if checked.findings or checked.error]


def sweep(
    paths: Sequence[str],
    work: Callable[[str], Result],
    jobs: int,
    *,
    advance: Callable[[int], None] | None = None,
) -> Iterator[Result]:
    """Yield ``work(path)`` for each path that passes the text gate, in order.

    ``work`` must be picklable and raise nothing; ``advance`` is told how many paths are done.
    """
    gate_jobs = min(jobs, len(paths) // _GATE_FILES_PER_PROCESS)
    sizes = spread(paths, _gate, gate_jobs)
    passed = [(path, size) for path, size in zip(paths, sizes, strict=True) if size >= 0]
    if advance is not None:
        advance(len(paths) - len(passed))
    work_jobs = min(jobs, len(passed), sum(n for _, n in passed) // _CHECK_BYTES_PER_PROCESS)
    for result in spread([path for path, _ in passed], work, work_jobs):
        yield result
        if advance is not None:
            advance(1)


def spread(items: Sequence[str], work: Callable[[str], Result], jobs: int) -> Iterator[Result]:
    """Yield ``work(item)`` in order, from ``jobs`` processes (below 2: from this one)."""
    if jobs < 2:
        yield from map(work, items)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    chunk = max(1, len(items) // (jobs * _CHUNKS_PER_PROCESS))
    executor = ProcessPoolExecutor(jobs, initializer=_ignore_interrupt)
    try:
        yield from executor.map(work, items, chunksize=chunk)
    except BrokenProcessPool as error:
        raise WorkerDied(
            "a worker process died (out of memory?); --jobs 1 shows at which file"
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def job_count(options: argparse.Namespace) -> int:
    """Return the number of processes that ``jobs`` allows: the cores at hand for ``auto``."""
    if not options.jobs.is_auto:
        return int(options.jobs.n_jobs)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Checker:
    """Checks one path, or one source under a display name; whatever goes wrong is in the result."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    def __reduce__(self) -> tuple[type[Checker], tuple[argparse.Namespace]]:
        return type(self), (self.options,)  # a judge holds what cannot be pickled

    @functools.cached_property
    def judge(self) -> Judge:
        """flake8's decisions, made when the first file needs them."""
        from flake8_saveimage.noqa import Judge

        return Judge(self.options)

    def __call__(self, path: str) -> CheckedFile:
        """Check the file at ``path``."""
        try:
            raw = sources.read(path)
        except sources.SourceError as error:
            return CheckedFile(path, error=str(error))
        return self.check(path, raw)

    def check(self, name: str, raw: bytes) -> CheckedFile:
        """Check the bytes of a source."""
        try:
            text, found = self._findings(name, raw)
            shown = tuple(self.judge.reported(name, text, found))
        except sources.SourceError as error:
            skipped = self.judge.skips(name, raw.decode("latin-1"))
            return CheckedFile(name, error=None if skipped else str(error))
        except Exception as error:
            return CheckedFile(name, error=internal_error(error))
        return CheckedFile(name, shown, text=text if shown else None)

    def _findings(self, name: str, raw: bytes) -> tuple[str, list[Finding]]:
        text = sources.universal_newlines(sources.decode(raw).text)
        if not tree_may_save(sources.parse(text)):
            return text, []
        codes = self.judge.codes_for(name)
        if not codes:
            return text, []
        from flake8_saveimage.analysis import Unparsable, analyse

        try:
            hooks = frozenset(self.options.saveimage_hooks)
            return text, analyse(text, hooks=hooks, codes=codes)
        except Unparsable as error:
            raise sources.SourceError(
                f"cannot be parsed by libcst: {error.message} "
                f"(line {error.line}, column {error.column})"
            ) from error
        except RecursionError as error:
            raise sources.SourceError("cannot be checked: nested too deeply") from error


def internal_error(error: Exception) -> str:
    """Describe a defect of this tool in one line."""
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"was not checked because of a defect of flake8-saveimage ({text} at {where})"


def _gate(path: str) -> int:
    """Return the size in bytes of a file that passes the gate or cannot be read, else -1."""
    try:
        raw = sources.read(path)
    except sources.SourceError:
        return 0
    return len(raw) if may_save(raw) else -1


def _ignore_interrupt() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
