"""Save in background threads, off the training loop."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import torch

from .arguments import (
    Images,
    Look,
    Placing,
    Saving,
    StrPath,
    Writing,
    check_known,
    select,
    target_of,
)
from .batches import batch_of
from .jobs import Job, image_job, object_job
from .objects import lean
from .pixels import ONE_THREAD_CHUNK, picture_of
from .snapshots import fetch, own, snapshot_of
from .warning import SaveImageWarning, call_site

_T = TypeVar("_T")


class SaveQueueError(RuntimeError):
    """Saves of a :class:`SaveQueue` failed and nobody had asked their futures; see `errors`."""

    def __init__(self, errors: Sequence[BaseException]) -> None:
        self.errors = tuple(errors)
        first = errors[0]
        count = "1 queued save" if len(errors) == 1 else f"{len(errors)} queued saves"
        super().__init__(f"{count} failed; the first: {type(first).__name__}: {first}")


class SavedFuture(Future[_T]):
    """A future that knows whether somebody has looked at its outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = False

    def result(self, timeout: float | None = None) -> _T:
        value_or_error = super().exception(timeout)
        self.seen = True
        if value_or_error is not None:
            raise value_or_error
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        problem = super().exception(timeout)
        self.seen = True
        return problem


_queues: weakref.WeakSet[SaveQueue] = weakref.WeakSet()


class SaveQueue:
    """Saves in background threads; what is queued is a snapshot, so training may go on.

    ::

        with SaveQueue(workers=2, max_pending=8) as queue:
            for step, batch in enumerate(loader):
                queue.save_image(model(batch), "out/sample.png")
                if step % 1000 == 0:
                    queue.save(model.state_dict(), "last.pt", if_exists="replace")

    :meth:`save_image` and :meth:`save` take the arguments of :func:`safe_save_image` and
    :func:`safe_save` and return a :class:`concurrent.futures.Future` of the path. At most
    `max_pending` saves wait or run; then the next call blocks until one is done, so memory stays
    bounded. Numbers of unique names follow the order of the calls, and saves to one path happen in
    that order. Leaving the block, also by an exception, finishes every save; errors that no future
    was asked about are then raised as :class:`SaveQueueError` (warned about, if another exception
    is under way). A queue that is never closed finishes at the exit of the interpreter.

    A forked process (a DataLoader worker) starts with an empty queue of its own, and a pickled
    queue arrives as a new one, so a queue may be part of a dataset.

    Raises:
        ValueError: `workers` or `max_pending` is less than 1.
    """

    def __init__(self, workers: int = 2, max_pending: int = 8) -> None:
        for name, value in (("workers", workers), ("max_pending", max_pending)):
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        self.workers = workers
        self.max_pending = max_pending
        self._start()
        _queues.add(self)

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(self.max_pending)
        self._pool: ThreadPoolExecutor | None = None
        self._pending: set[SavedFuture[Any]] = set()
        self._failed: list[SavedFuture[Any]] = []
        self._last: dict[Path, SavedFuture[Any]] = {}
        self._streams: dict[torch.device, Any] = {}
        self._closed = False

    def __reduce__(self) -> tuple[type[SaveQueue], tuple[int, int]]:
        return type(self), (self.workers, self.max_pending)

    def __enter__(self) -> SaveQueue:
        return self

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except SaveQueueError as failure:
            if problem is None:
                raise
            warnings.warn(str(failure), SaveImageWarning, stacklevel=2)

    def save_image(
        self,
        tensor: Images,
        path: StrPath | IO[bytes] | None = None,
        format: str | None = None,
        *,
        fp: StrPath | IO[bytes] | None = None,
        **options: Any,
    ) -> Future[Path]:
        """As :func:`safe_save_image`; the tensor may be changed as soon as this returns.

        A CPU tensor is copied. Of a CUDA tensor the pixels are made at once, on the device, and
        copied to pinned memory on a stream of their own, which no later kernel waits for.

        Raises:
            RuntimeError: the queue is closed.
            TypeError, ValueError: arguments or a tensor that :func:`safe_save_image` refuses, and
                ``ranks="zero"``. NaN, clipping that raises and errors of the file system come with
                the future.
        """
        site = call_site("SaveQueue.save_image")
        check_known("SaveQueue.save_image", options, Look, Writing, Placing)
        target = target_of("SaveQueue.save_image", path, "fp", fp)
        options["format"] = format
        look, writing = select(Look, options), select(Writing, options)
        job = image_job(site, target, look, writing, select(Placing, options))

        def snapshot() -> Callable[[int | None], Path]:
            batch = batch_of(tensor)
            if batch.device.type == "cpu":
                kept = own(batch, tensor)
                return lambda index: job.finish(picture_of(kept, job.look, ONE_THREAD_CHUNK), index)
            picture = picture_of(batch, job.look).counted()
            if batch.is_cuda:
                arrive = fetch(picture, self._streams)
                return lambda index: job.finish(arrive(), index)
            host = picture.on_host()
            return lambda index: job.finish(host, index)

        return self._submit(job, snapshot)

    def save(
        self,
        obj: object,
        path: StrPath | IO[bytes] | None = None,
        *,
        f: StrPath | IO[bytes] | None = None,
        **options: Any,
    ) -> Future[Path]:
        """As :func:`safe_save`; the object may be changed as soon as this returns.

        Tensors are copied to the CPU (and are CPU tensors in the file), shared storages stay
        shared; whatever else is in the object is copied with :func:`copy.deepcopy`.

        Raises:
            RuntimeError: the queue is closed.
            TypeError, ValueError: arguments that :func:`safe_save` refuses, and ``ranks="zero"``.
                Errors of the file system come with the future.
        """
        site = call_site("SaveQueue.save")
        check_known("SaveQueue.save", options, Saving, Placing)
        target = target_of("SaveQueue.save", path, "f", f)
        job = object_job(site, target, select(Saving, options), select(Placing, options))

        def snapshot() -> Callable[[int | None], Path]:
            lighter = lean(obj, job.saving.compact, site, job.label)
            copied, arrive = snapshot_of(lighter)

            def finish(index: int | None) -> Path:
                arrive()
                return job.write(copied, index)

            return finish

        return self._submit(job, snapshot)

    def flush(self) -> None:
        """Wait until everything that was queued is written.

        Raises:
            SaveQueueError: saves failed whose futures nobody has asked; each is raised once.
        """
        self._join_fork()
        while True:
            with self._lock:
                pending = list(self._pending)
            if not pending:
                break
            wait(pending)
        with self._lock:
            failed = [future for future in self._failed if not future.seen]
            self._failed.clear()
        errors = [problem for future in failed if (problem := future.exception()) is not None]
        if errors:
            raise SaveQueueError(errors) from errors[0]

    def close(self) -> None:
        """:meth:`flush`, which may raise, and end the threads."""
        try:
            self.flush()
        finally:
            self._closed = True
            if self._pool is not None:
                self._pool.shutdown(wait=True)
                self._pool = None

    def _join_fork(self) -> None:
        """Threads do not survive a fork; the saves of the parent are the parent's."""
        if self._pid != os.getpid():
            self._start()

    def _submit(
        self, job: Job, snapshot: Callable[[], Callable[[int | None], Path]]
    ) -> Future[Path]:
        self._join_fork()
        if self._closed:
            raise RuntimeError("the SaveQueue is closed")
        if job.ranks == "zero":
            raise ValueError(
                'ranks="zero" makes every rank wait for rank 0, which a queue must not; '
                "queue on rank 0 only, or call safe_save_image or safe_save"
            )
        self._room.acquire()
        future: SavedFuture[Path] = SavedFuture()
        try:
            finish = snapshot()
            with self._lock:
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(self.workers, "SaveQueue")
                index = None if job.place is None else job.place.reserve()
                before = self._follow(job, future)
                self._pending.add(future)
                self._pool.submit(self._run, future, job, finish, index, before)
        except BaseException:
            self._pending.discard(future)
            self._room.release()
            raise
        return future

    def _follow(self, job: Job, future: SavedFuture[Path]) -> SavedFuture[Any] | None:
        """The save that must be done before, because it writes the same path."""
        if job.place is None or job.place.if_exists == "unique":
            return None
        key = job.place.path.absolute()
        before = self._last.get(key)
        self._last[key] = future
        return before

    def _run(
        self,
        future: SavedFuture[Path],
        job: Job,
        finish: Callable[[int | None], Path],
        index: int | None,
        before: SavedFuture[Any] | None,
    ) -> None:
        future.set_running_or_notify_cancel()
        problem: BaseException | None = None
        result: Path | None = None
        try:
            if before is not None:
                wait([before])
            result = job.early()
            if result is None:
                result = finish(index)
        except BaseException as caught:
            problem = caught
        with self._lock:
            self._pending.discard(future)
            if problem is not None:
                self._failed.append(future)
            if job.place is not None and self._last.get(job.place.path.absolute()) is future:
                del self._last[job.place.path.absolute()]
        self._room.release()
        if problem is not None:
            future.set_exception(problem)
        else:
            future.set_result(cast("Path", result))


@atexit.register
def _report_unclosed_queues() -> None:
    """Threads are joined before; what they could not save must not go unsaid."""
    for queue in list(_queues):
        if queue._pid != os.getpid():
            continue
        try:
            queue.flush()
        except SaveQueueError as failure:
            print(f"flake8_saveimage.runtime: {failure}", file=sys.stderr)
