"""The end of a process: queues are finished, failed saves are told, SIGTERM can wait for them."""

from __future__ import annotations

import _thread
import atexit
import multiprocessing
import os
import signal
import sys
import threading
from typing import Any

from .futures import SaveQueueError
from .workers import Workers

_open: set[Workers] = set()  # also those whose queue was garbage-collected
_draining: set[Workers] = set()
_handler_before: Any = None


def watch(workers: Workers) -> None:
    """Finish these workers when the process ends, and report what failed."""
    if not _open and multiprocessing.parent_process() is not None:
        from multiprocessing.util import Finalize

        # A forked child does not call atexit; the lowest priority runs last.
        Finalize(None, _finish_child, exitpriority=-100)
    _open.add(workers)


def forget(workers: Workers) -> None:
    """Undo :func:`watch` and :func:`drain_on_sigterm` for workers that were closed."""
    _open.discard(workers)
    _draining.discard(workers)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and not _draining and signal.getsignal(signal.SIGTERM) is _on_sigterm:
        signal.signal(signal.SIGTERM, _handler_before)


if hasattr(os, "register_at_fork"):  # they are the parent's
    os.register_at_fork(after_in_child=_open.clear)


class _FailingAtEnd:
    """A stream whose flush fails, which is how the end of the interpreter gets a status (120)."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def flush(self) -> None:
        self._stream.flush()
        raise OSError("queued saves failed")


@atexit.register
def _finish_process() -> None:
    if _finish_all():
        sys.stderr = _FailingAtEnd(sys.stderr)


def _finish_child() -> None:
    if _finish_all():
        raise SystemExit(1)


def _finish_all() -> bool:
    """Finish all queues; whether saves failed, which is reported on standard error."""
    failed = False
    while _open:
        failed |= _finish(_open.pop())
    return failed


def _finish(workers: Workers) -> bool:
    try:
        workers.flush()
    except SaveQueueError as failure:
        print(failure.report(), file=sys.stderr, flush=True)
        return True
    return False


def drain_on_sigterm(workers: Workers) -> None:
    """Let SIGTERM end the process, or reach its handler, only after these workers are done.

    Raises:
        ValueError: this is not the main thread.
    """
    global _handler_before
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("drain_on_sigterm=True is possible in the main thread only")
    before = signal.getsignal(signal.SIGTERM)
    if before is signal.SIG_IGN:
        return
    _draining.add(workers)
    if before is not _on_sigterm:
        _handler_before = signal.SIG_DFL if before is None else before
        signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(number: int, frame: object) -> None:
    """Leave the waiting to another thread: the main thread may hold what the workers need."""
    signal.signal(number, _handler_before)
    waiting = [workers for workers in _draining if workers.pid == os.getpid()]
    for workers in waiting:
        workers.is_draining = True
    _thread.start_new_thread(_drain, (waiting,))


def _drain(waiting: list[Workers]) -> None:
    for workers in waiting:
        _finish(workers)
    if callable(_handler_before):
        for workers in waiting:
            workers.resume()
    os.kill(os.getpid(), signal.SIGTERM)
