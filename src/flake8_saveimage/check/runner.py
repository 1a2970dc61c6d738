"""Check many files: gate in one sweep, then the few that pass in parallel processes.

Starting a process and importing libcst in it costs as much as checking a handful of files, so both
sweeps stay in this process until there is enough to do.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from flake8_saveimage.check.following import following_of
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source import reading
from flake8_saveimage.source.gate import bytes_may_save, text_may_save
from flake8_saveimage.source.later import hint
from flake8_saveimage.source.program import Program, admit, is_notebook, load
from flake8_saveimage.syntax.collector import collector_paused

if TYPE_CHECKING:
    from flake8_saveimage.check.analysis import Analysis, Diagnosis
    from flake8_saveimage.config.noqa import Judge
    from flake8_saveimage.source.notebook import Cells

# Adds what reports show of them to the accepted findings of a file, given its name; a function of a
# module, so that it is picklable.
Annotate = Callable[["Analysis", "Sequence[tuple[Diagnosis, Finding]]", str], "list[Finding]"]

Result = TypeVar("Result")

# below these sizes another process costs more than it saves
_GATE_FILES_PER_PROCESS = 3000
_CHECK_BYTES_PER_PROCESS = 150_000
_CHUNKS_PER_PROCESS = 4

_PARSED_ANYWAY = 1_000_000  # bytes, a fifth of a second


class CheckedFile(NamedTuple):
    """What came out for one file: findings and its text, or why it could not be checked.

    ``text`` is ``None`` unless there are findings; its line endings are ``\\n``. ``cells`` tells
    where the cells of a notebook are in it, ``newline`` is the line ending of the file. ``note``
    says why there was nothing to check, ``undetailed`` why the findings lack their details.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    error: str | None = None
    text: str | None = None
    cells: Cells | None = None
    note: str | None = None
    newline: str = "\n"
    undetailed: str | None = None


class WorkerDied(Exception):
    """A worker process ended without an answer."""


def sweep(
    paths: Sequence[str],
    work: FileWork[Result],
    jobs: int,
    *,
    advance: Callable[[int], None] | None = None,
) -> Iterator[Result]:
    """Yield ``work(path)`` for each path that passes the text gate, in order.

    What the gate refuses is worked on, too, if it is little: so that files that are no Python are
    reported. Nothing can be found in them, and to parse a large tree takes long.

    ``work`` must be picklable and raise nothing; ``advance`` is told how many paths are done.
    """
    gate_jobs = min(jobs, len(paths) // _GATE_FILES_PER_PROCESS)
    sizes = spread(paths, work.gate, gate_jobs)
    sized = list(zip(paths, sizes, strict=True))
    passed = [path for path, size in sized if size >= 0]
    work_jobs = min(
        jobs, len(passed), sum(size for _, size in sized if size > 0) // _CHECK_BYTES_PER_PROCESS
    )
    if sum(-size for _, size in sized if size < 0) <= _PARSED_ANYWAY:
        passed = list(paths)
    if advance is not None:
        advance(len(paths) - len(passed))
    for result in spread(passed, work, work_jobs):
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
    executor = ProcessPoolExecutor(jobs, initializer=_end_at_interrupt)
    try:
        with _interrupts_ignored():  # the workers start with it; this process answers Ctrl-C
            results = executor.map(work, items, chunksize=chunk)
        yield from results
    except BrokenProcessPool as error:
        raise WorkerDied(
            "a worker process died (out of memory?); --jobs 1 shows at which file"
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _end_at_interrupt() -> None:
    """Let Ctrl-C end a worker at once and silently: it has no file open to write."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def job_count(options: argparse.Namespace) -> int:
    """Return the number of processes that ``jobs`` allows: the cores at hand for ``auto``."""
    if not options.jobs.is_auto:
        return int(options.jobs.n_jobs)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class FileWork(Generic[Result]):
    """Work on one path, or on a source under a display name, that answers instead of raising.

    ``result`` makes the answer for a file that was not analysed: ``error`` says why it could not
    be, ``note`` why there was no need to.
    """

    result: Callable[..., Result]

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.following = following_of(options)

    def __getstate__(self) -> dict[str, Any]:
        # a judge holds what cannot be pickled; each process makes its own
        return {name: value for name, value in self.__dict__.items() if name != "judge"}

    @functools.cached_property
    def judge(self) -> Judge:
        """flake8's decisions, made when the first file needs them."""
        from flake8_saveimage.config.noqa import Judge  # flake8

        return Judge(self.options)

    def __call__(self, path: str) -> Result:
        """Work on the file at ``path``."""
        try:
            raw = reading.read(path)
        except reading.SourceError as error:
            return self.unchecked(path, str(error))
        return self.on_source(path, raw)

    def gate(self, path: str) -> int:
        """Return the size in bytes of a file, negative if the gate refuses it; 0 if unreadable."""
        try:
            raw = reading.read(path)
        except reading.SourceError:
            return 0
        passes = is_notebook(path) or bytes_may_save(raw, self.following.table)
        passes = passes or self.following.is_worth_a_look(path, raw)
        return len(raw) if passes else -len(raw)

    @collector_paused()
    def on_source(self, name: str, raw: bytes) -> Result:
        """Work on the bytes of a source, if they pass the gate and a rule is on for them."""
        try:
            program = admit(name, raw, self.following.table) or self.following.admit(name, raw)
            if program is None or not self.judge.codes_for(name):
                return self.unchecked(name)
            return self.work(name, program)
        except reading.NothingToCheck as error:
            return self.unchecked(name, note=str(error))
        except reading.NotPython as error:
            return self._read_by_libcst(name, raw, error)
        except reading.SourceError as error:
            lines = reading.skim(raw)
            line = error.line if isinstance(error, reading.Unparsable) else 0
            return self._broken(name, lines, f"{error}{_later_syntax(line, lines)}")
        except RecursionError:
            return self.unchecked(name, "cannot be checked: nested too deeply")
        except Exception as error:
            return self.unchecked(name, reading.defect(error))

    def _read_by_libcst(self, name: str, raw: bytes, error: reading.NotPython) -> Result:
        """Work on a source that only a later Python accepts, if libcst reads it."""
        from flake8_saveimage.check.analysis import parse  # libcst

        lines = reading.skim(raw)
        advice = _later_syntax(error.line, lines)
        if not advice:
            return self._broken(name, lines, error)
        try:
            program = load(name, raw)
            parse(program.lines)
            if not text_may_save(program.lines, self.following.table):
                return self.unchecked(name)
            return self.work(name, program)
        except reading.SourceError:
            return self._broken(name, lines, f"{error}{advice}")
        except Exception as defect:
            return self.unchecked(name, reading.defect(defect))

    def _broken(self, name: str, lines: str, error: object) -> Result:
        """Return the result for a broken file; flake8 is silent about one that opts out."""
        skipped = self.judge.file(name, lines).skips_all
        return self.unchecked(name, None if skipped else str(error))

    def work(self, name: str, program: Program) -> Result:
        """Work on a program that passed the gate; may raise anything."""
        raise NotImplementedError

    def unchecked(self, name: str, error: str | None = None, note: str | None = None) -> Result:
        """Return the result for a file that was not analysed, and why."""
        return self.result(name, error=error, note=note)


class Checker(FileWork[CheckedFile]):
    """Finds what flake8 would show for a file; ``annotate`` adds what reports show of it."""

    result = CheckedFile

    def __init__(self, options: argparse.Namespace, *, annotate: Annotate | None = None) -> None:
        super().__init__(options)
        self._annotate = annotate

    def work(self, name: str, program: Program) -> CheckedFile:
        from flake8_saveimage.check.analysis import located  # libcst

        text = program.lines
        analysis = self.following.diagnose(name, text, self.judge.codes_for(name))
        if not analysis.diagnoses:
            return CheckedFile(name)
        accepts = self.judge.file(name, text).accepts
        pairs = zip(analysis.diagnoses, located(analysis, program.name_line), strict=True)
        accepted = [(diagnosis, finding) for diagnosis, finding in pairs if accepts(finding)]
        if not accepted:
            return CheckedFile(name)
        findings, undetailed = [finding for _, finding in accepted], None
        if self._annotate is not None:
            try:
                findings = self._annotate(analysis, accepted, name)
            except Exception as error:
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                undetailed = f"no details of the findings ({reason})"
        return CheckedFile(
            name,
            tuple(sorted(findings)),
            text=text,
            cells=program.cells,
            newline=_newline(program),
            undetailed=undetailed,
        )


def _newline(program: Program) -> str:
    """Return the line ending of a file, ``\\n`` if it is mixed."""
    for newline in ("\r\n", "\r"):
        if newline in program.text and program.lines.replace("\n", newline) == program.text:
            return newline
    return "\n"


def _later_syntax(line: int, text: str) -> str:
    return hint(text.split("\n")[line - 1]) if line else ""
