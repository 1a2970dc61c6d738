"""The threads of a queue: which save runs when, how many wait, and what became of them.

The caller may be interrupted by Ctrl-C between any two instructions. So all state that it changes
is changed by single operations on dicts and sets, and a thread that has to wait does so on a lock
of its own (a gate), with no other lock held.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from .futures import SavedFuture, SaveQueueError
from .warning import Site, give_warnings, held_warnings

_Gate = Any  # threading.Lock() returns one, but is no type before Python 3.13


@dataclass(eq=False)
class Task:
    """One save: steps of which the last one writes, in the order of the calls of its file."""

    key: Hashable
    size: int  # bytes of its snapshot
    release: Callable[[], None] = lambda: None
    steps: list[Callable[[Any], Any]] = field(default_factory=list)
    state: Literal["called", "ready", "running", "between"] = "called"
    value: Any = None  # of the step before
    warnings: list[tuple[Site, str, str]] = field(default_factory=list)
    caller: int = field(default_factory=threading.get_ident)
    future: SavedFuture[Any] = field(default_factory=SavedFuture)


class Workers:
    """Threads, made when they are needed, and the saves that they carry out."""

    def __init__(
        self, count: int, max_pending: int, max_bytes: int | None, trim: Callable[[int], None]
    ) -> None:
        self.pid = os.getpid()
        self.is_draining = False  # nothing new is taken
        self.is_closed = False
        self._limits = count, max_pending, max_bytes
        self._trim = trim  # drops free buffers until so many bytes are left
        self._most = 0  # bytes that were pending at one time
        self._lock = threading.Lock()
        self._gates: set[_Gate] = set()
        self._tasks: dict[Task, None] = {}  # in the order of the calls
        self._unfinished: dict[Task, None] = {}  # the same until their futures are done
        self._failed: list[SavedFuture[Any]] = []
        self._threads: list[threading.Thread] = []

    def admit(self, task: Task) -> None:
        """Wait until there is room, and give the task its place in the order.

        Raises:
            RuntimeError: the queue is closed.
        """
        task.future = SavedFuture(lambda: self._withdraw_unstarted(task))
        while True:
            with self._lock:
                if self.is_closed:
                    raise RuntimeError("the SaveQueue is closed")
                if self._has_room(task.size):
                    self._unfinished[task] = None
                    self._tasks[task] = None
                    self._most = max(self._most, self._pending_bytes())
                    return
                gate = self._new_gate()
            self._wait_or_work(gate, None)

    def start(self, task: Task) -> None:
        """Let the threads carry out an admitted task."""
        task.state = "ready"
        with self._lock:
            self._trim(self._most - self._pending_bytes())  # of other sizes than this one's
            self._start_threads()
        self._wake()

    def withdraw(self, task: Task) -> None:
        """Take back a task, unless it was started; may be called at any time."""
        if task.state == "called":
            self._tasks.pop(task, None)
            self._unfinished.pop(task, None)
            task.release()
        self._wake()

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every task is done.

        Raises:
            SaveQueueError: tasks failed whose futures were not asked; each is raised once.
            TimeoutError: not all were done after `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                left = sum(map(_is_awaited, self._unfinished))
                if not left:
                    break
                gate = self._new_gate()
            if end is not None and time.monotonic() >= end:
                self._gates.discard(gate)
                raise TimeoutError(f"{left} queued saves are not written after {timeout:g} seconds")
            self._wait_or_work(gate, end)
        errors = [e for f in list(self._failed) if not f.seen and (e := f.exception()) is not None]
        self._failed.clear()
        if errors:
            raise SaveQueueError(errors) from errors[0]

    def close(self) -> None:
        """End the threads once nothing is left to do."""
        self.retire()
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join()
        self._trim(0)

    def retire(self) -> None:
        """Take nothing more. Without a lock: the garbage collector calls it at any time."""
        self.is_closed = True
        self._wake()

    def resume(self) -> None:
        """Take new tasks again after draining."""
        self.is_draining = False
        self._wake()

    def _has_room(self, size: int) -> bool:
        _, max_pending, max_bytes = self._limits
        if not self._tasks:
            return not self.is_draining  # one that is too large alone is taken alone
        if self.is_draining or len(self._tasks) >= max_pending:
            return False
        return max_bytes is None or self._pending_bytes() + size <= max_bytes

    def _pending_bytes(self) -> int:
        return sum(task.size for task in self._tasks)

    def _new_gate(self) -> _Gate:
        gate = threading.Lock()
        gate.acquire()
        self._gates.add(gate)
        return gate

    def _wake(self) -> None:
        """Let all who wait look again; those who are not waiting yet do so anyway."""
        for gate in tuple(self._gates):
            with contextlib.suppress(RuntimeError):  # open already
                gate.release()

    def _wait_or_work(self, gate: _Gate, end: float | None) -> None:
        """Wait at a gate; where no thread can be started, work here."""
        try:
            if any(thread.is_alive() for thread in self._threads):
                gate.acquire(timeout=-1 if end is None else max(end - time.monotonic(), 0))
                return
            with self._lock:
                task = self._pick()
            if task is not None:
                self._carry_out(task)
            else:
                gate.acquire(timeout=0.05)  # another caller works
        finally:
            self._gates.discard(gate)

    def _start_threads(self) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        for _ in range(min(self._limits[0], len(self._tasks)) - len(self._threads)):
            thread = threading.Thread(target=self._work, name="SaveQueue", daemon=True)
            with contextlib.suppress(RuntimeError):  # the interpreter is ending
                thread.start()
                self._threads.append(thread)

    def _work(self) -> None:
        while True:
            with self._lock:
                task = self._pick()
                if task is None:
                    if self.is_closed and not self._tasks:
                        self._trim(0)
                        return
                    gate = self._new_gate()
            if task is None:
                gate.acquire()
                self._gates.discard(gate)
            else:
                self._carry_out(task)

    def _pick(self) -> Task | None:
        """The first task that may go on. Only the last step waits for earlier saves of the file."""
        earlier: set[Hashable] = set()
        for task in self._tasks:
            may_go_on = len(task.steps) > 1 or task.key not in earlier
            if task.state in ("ready", "between") and may_go_on:
                if task.state == "ready":
                    task.future.set_running_or_notify_cancel()
                task.state = "running"
                return task
            earlier.add(task.key)
        return None

    def _withdraw_unstarted(self, task: Task) -> bool:
        with self._lock:
            if task.state != "ready":
                return False
            task.state = "called"
        self.withdraw(task)
        return True

    def _carry_out(self, task: Task) -> None:
        """Do the next step of a task."""
        problem: BaseException | None = None
        try:
            with held_warnings(task.warnings):
                task.value = task.steps[0](task.value)
            del task.steps[0]
            if task.steps:
                task.state = "between"
                self._wake()
                return
            give_warnings(task.warnings)
        except BaseException as caught:
            problem = caught
        self._finish(task, problem)
        if isinstance(problem, KeyboardInterrupt):  # in the main thread, at the end of the process
            raise problem

    def _finish(self, task: Task, problem: BaseException | None) -> None:
        value, task.value = task.value, None
        task.steps.clear()
        for error in _chain(problem):
            traceback.clear_frames(error.__traceback__)  # they hold the snapshot
        task.release()
        with self._lock:
            if problem is not None:
                self._failed = [future for future in self._failed if not future.seen]
                self._failed.append(task.future)
            self._tasks.pop(task, None)
            self._trim(self._most - self._pending_bytes())
        self._wake()
        if problem is not None:
            task.future.set_exception(problem)
        else:
            task.future.set_result(value)
        self._unfinished.pop(task, None)
        self._wake()


def _is_awaited(task: Task) -> bool:
    """Not what an interrupt left of this thread's own call, nor a save whose callback waits."""
    if task.future.done():
        return False
    return task.state != "called" or task.caller != threading.get_ident()


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    """An error and those it came from."""
    seen: set[int] = set()
    waiting = [problem]
    while waiting:
        error = waiting.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            yield error
            waiting += [error.__cause__, error.__context__]
