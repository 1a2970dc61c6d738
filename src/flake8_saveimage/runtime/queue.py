"""Save in background threads, off the training loop."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

import torch

from .arguments import (
    ImageOptions,
    Images,
    Look,
    Numbers,
    ObjectOptions,
    Placing,
    Saving,
    StrPath,
    Writing,
    check_known,
    is_file,
    select,
    target_of,
)
from .batches import batch_of
from .buffers import BufferPool
from .destinations import check_path
from .ending import drain_on_sigterm, forget, watch
from .futures import SaveQueueError
from .jobs import ImageJob, Job, image_job, object_job
from .objects import lean, storage_bytes, tensors_in
from .pictures import Picture
from .pixels import picture_of
from .snapshots import Snapshot, copy_object, fetch, image_bytes, own
from .warning import SaveImageWarning, call_site, held_warnings
from .workers import Task, Workers

if TYPE_CHECKING:
    from typing_extensions import Unpack

_File = TypeVar("_File", bound=IO[bytes])


@dataclass(frozen=True)
class _Limits:
    """The arguments of a :class:`SaveQueue`."""

    workers: int
    max_pending: int
    max_pending_bytes: int | None
    drain_on_sigterm: bool

    def check(self) -> None:
        for name in ("workers", "max_pending", "max_pending_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value} must be at least 1")


class SaveQueue:
    """Saves in background threads; what is queued is a snapshot, so training may go on.

    ::

        with SaveQueue(workers=2, max_pending=8) as queue:
            for step, batch in enumerate(loader):
                queue.save_image(model(batch), "out/sample.png")
                if step % 1000 == 0:
                    queue.save(model.state_dict(), "last.pt", if_exists="replace")

    :meth:`save_image` and :meth:`save` take the arguments of :func:`safe_save_image` and
    :func:`safe_save` and return a :class:`concurrent.futures.Future` of the path. A relative path
    and a link to its folder mean what they mean at the call. Saves to one file happen in the order
    of the calls, and so do the numbers of unique names.

    Leaving the block, also by an exception, finishes every save; errors that no future was asked
    about are then raised as :class:`SaveQueueError` (warned about, if another exception is under
    way). A queue that is never closed finishes at the end of the process, which then reports what
    failed on standard error and ends with a status other than 0.

    A forked process (a DataLoader worker) starts with an empty queue of its own, and a pickled
    queue arrives as a new one, so a queue may be part of a dataset.

    Args:
        workers: threads that convert, encode and write.
        max_pending: saves that wait or run; the next call blocks until one is done.
        max_pending_bytes: bytes of the snapshots of those saves. A larger one is taken alone.
        drain_on_sigterm: SIGTERM waits until everything that was queued is written; then it ends
            the process, or is handled as before. Only in the main thread.

    Raises:
        ValueError: a limit is less than 1, or `drain_on_sigterm` outside the main thread.
    """

    __module__ = __name__.rpartition(".")[0]  # where users import it from

    def __init__(
        self,
        workers: int = 2,
        max_pending: int = 8,
        *,
        max_pending_bytes: int | None = None,
        drain_on_sigterm: bool = False,
    ) -> None:
        self._limits = _Limits(workers, max_pending, max_pending_bytes, drain_on_sigterm)
        self._limits.check()
        self.workers = workers
        self.max_pending = max_pending
        self._start()

    def _start(self) -> None:
        limits = self._limits
        self._pool = BufferPool()
        self._streams: dict[torch.device, Any] = {}
        self._running = Workers(
            limits.workers, limits.max_pending, limits.max_pending_bytes, self._pool.trim
        )
        if limits.drain_on_sigterm:
            drain_on_sigterm(self._running)
        watch(self._running)
        # errors of a queue that is garbage-collected are told at the end of the process
        weakref.finalize(self, self._running.retire).atexit = False

    def __reduce__(self) -> tuple[Callable[..., SaveQueue], tuple[type[SaveQueue], _Limits]]:
        return _unpickled, (type(self), self._limits)

    def __enter__(self) -> SaveQueue:
        return self

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except SaveQueueError as failure:
            if problem is None:
                raise
            warnings.warn(str(failure), SaveImageWarning, stacklevel=2)

    @overload
    def save_image(
        self,
        tensor: Images,
        path: StrPath,
        format: str | None = ...,
        **options: Unpack[ImageOptions],
    ) -> Future[Path]: ...
    @overload
    def save_image(
        self, tensor: Images, path: _File, format: str | None = ..., **options: Unpack[ImageOptions]
    ) -> Future[_File]: ...
    @overload
    def save_image(
        self,
        tensor: Images,
        *,
        fp: StrPath,
        format: str | None = ...,
        **options: Unpack[ImageOptions],
    ) -> Future[Path]: ...
    @overload
    def save_image(
        self,
        tensor: Images,
        *,
        fp: _File,
        format: str | None = ...,
        **options: Unpack[ImageOptions],
    ) -> Future[_File]: ...
    def save_image(
        self,
        tensor: Images,
        path: StrPath | IO[bytes] | None = None,
        format: str | None = None,
        *,
        fp: StrPath | IO[bytes] | None = None,
        **options: Any,
    ) -> Future[Any]:
        """As :func:`safe_save_image`; the tensor may be changed as soon as this returns.

        A CPU tensor is copied. Of a CUDA tensor the pixels are made at once, on the device, and
        copied to pinned memory on a stream of their own, which no later kernel waits for.

        Raises:
            RuntimeError: the queue is closed.
            TypeError, ValueError: arguments or a tensor that :func:`safe_save_image` refuses, a
                closed file, and ``ranks="zero"``. NaN, clipping that raises and errors of the file
                system come with the future.
        """
        site = call_site("SaveQueue.save_image")
        check_known("SaveQueue.save_image", options, Look, Writing, Placing)
        target = _open_target("SaveQueue.save_image", path, "fp", fp)
        options["format"] = format
        look, writing = select(Look, options), select(Writing, options)
        look = replace(look, mean=_kept(look.mean), std=_kept(look.std))
        job = image_job(site, target, look, writing, select(Placing, options))

        job = _pinned(job)

        def prepare(snapshot: Snapshot) -> _Steps:
            self._copy_image(tensor, job, snapshot)

            def encode() -> list[bytes]:
                pieces = job.encode(_picture_in(snapshot, job))
                snapshot.release()
                return pieces

            return encode, job.put_pieces

        return self._submit(job, image_bytes(tensor), prepare)

    def _copy_image(self, images: Images, job: ImageJob, snapshot: Snapshot) -> None:
        """Copy images of the CPU, or start the transfer of the pixels of others."""
        batch = batch_of(images)
        if batch.device.type == "cpu":
            snapshot.content = own(batch, images, snapshot)
            return
        picture = picture_of(batch, job.look).counted()
        if batch.is_cuda:
            snapshot.content = picture, fetch(picture.pack(), self._streams, snapshot)
        else:
            snapshot.content = picture.on_host()

    @overload
    def save(
        self, obj: object, path: StrPath, **options: Unpack[QueueObjectOptions]
    ) -> Future[Path]: ...
    @overload
    def save(
        self, obj: object, path: _File, **options: Unpack[QueueObjectOptions]
    ) -> Future[_File]: ...
    @overload
    def save(
        self, obj: object, *, f: StrPath, **options: Unpack[QueueObjectOptions]
    ) -> Future[Path]: ...
    @overload
    def save(
        self, obj: object, *, f: _File, **options: Unpack[QueueObjectOptions]
    ) -> Future[_File]: ...
    def save(
        self,
        obj: object,
        path: StrPath | IO[bytes] | None = None,
        *,
        f: StrPath | IO[bytes] | None = None,
        **options: Any,
    ) -> Future[Any]:
        """As :func:`safe_save`; the object may be changed as soon as this returns.

        Tensors are copied to the CPU (and are CPU tensors in the file), those in modules and other
        objects too; whatever else is in the object is copied with :func:`copy.deepcopy`. What was
        shared stays shared.

        Raises:
            RuntimeError: the queue is closed.
            TypeError, ValueError: arguments that :func:`safe_save` refuses, a closed file, and
                ``ranks="zero"``. Errors of the file system come with the future.
        """
        site = call_site("SaveQueue.save")
        check_known("SaveQueue.save", options, Saving, Placing)
        target = _open_target("SaveQueue.save", path, "f", f)
        job = object_job(site, target, select(Saving, options), select(Placing, options))
        job = _pinned(job)
        tensors = tensors_in(obj, inside_objects=True)

        def prepare(snapshot: Snapshot) -> _Steps:
            lighter = lean(obj, job.saving.compact, site, job.label)
            found = tensors if lighter is obj else tensors_in(lighter, inside_objects=True)
            snapshot.content = copy_object(lighter, found, snapshot)

            def put(_: object, index: int | None) -> Path:
                snapshot.wait()
                return job.write(snapshot.content, index)

            return None, put

        return self._submit(job, storage_bytes(tensors), prepare)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything that was queued is written.

        Raises:
            SaveQueueError: saves failed whose futures were not asked; each is raised once.
            TimeoutError: not everything was written after `timeout` seconds; it goes on.
        """
        self._current().flush(timeout)

    def close(self) -> None:
        """:meth:`flush`, which may raise, and end the threads."""
        running = self._current()
        try:
            running.flush()
        except SaveQueueError:
            self._end(running)
            raise
        self._end(running)

    def _end(self, running: Workers) -> None:
        running.close()
        forget(running)

    def _current(self) -> Workers:
        """Threads do not survive a fork; the saves of the parent are the parent's."""
        if self._running.pid != os.getpid():
            self._start()
        return self._running

    def _submit(self, job: Job, size: int, prepare: Callable[[Snapshot], _Steps]) -> Future[Any]:
        running = self._current()
        if job.ranks == "zero":
            raise ValueError(
                'ranks="zero" makes every rank wait for rank 0, which a queue must not; '
                "queue on rank 0 only, or call safe_save_image or safe_save"
            )
        snapshot = Snapshot(self._pool)
        task = Task(_key_of(job, None), size, snapshot.release)
        try:
            running.admit(task)
            with held_warnings(task.warnings):
                encode, put = prepare(snapshot)
            index = None if job.place is None else job.place.reserve()
            task.key = _key_of(job, index)
            task.steps = _steps(job, encode, put, index)
            running.start(task)
        except BaseException:
            running.withdraw(task)
            raise
        return task.future


class QueueObjectOptions(ObjectOptions, total=False):
    """The keywords of :meth:`SaveQueue.save`."""

    pickle_module: Any
    pickle_protocol: int


_Steps: TypeAlias = tuple[Callable[[], Any] | None, Callable[[Any, int | None], Path]]
_AnyJob = TypeVar("_AnyJob", bound=Job)


def _unpickled(kind: type[SaveQueue], limits: _Limits) -> SaveQueue:
    return kind(**vars(limits))


def _kept(numbers: Numbers | None) -> Numbers | None:
    """Numbers that the caller cannot change."""
    if isinstance(numbers, torch.Tensor):
        return numbers.detach().clone()
    return numbers if numbers is None or isinstance(numbers, (int, float)) else tuple(numbers)


def _picture_in(snapshot: Snapshot, job: ImageJob) -> Picture:
    content = snapshot.content
    if isinstance(content, torch.Tensor):
        return picture_of(content, job.look)
    if isinstance(content, Picture):
        return content
    picture, packed = content
    snapshot.wait()
    unpacked: Picture = picture.unpack(packed)
    return unpacked


def _open_target(function: str, path: Any, alias: str, other: Any) -> Any:
    target = target_of(function, path, alias, other)
    if is_file(target) and getattr(target, "closed", False):
        raise ValueError(f"{function} needs an open file; this one is closed")
    return target


def _pinned(job: _AnyJob) -> _AnyJob:
    """The job with its folder as it is now: links are followed, relative paths end."""
    place = job.place
    if place is None or not place.has_disk:
        return job
    folder = os.path.realpath(place.path.parent)
    return replace(job, place=replace(place, path=Path(folder, place.path.name)))


def _key_of(job: Job, index: int | None) -> Hashable:
    """What saves to one file have in common."""
    place = job.place
    if place is None:
        return id(job.target)
    if not place.has_disk:
        return place.label
    if index is not None:
        return str(place.numbers().at(index))
    return os.path.realpath(place.path)


def _steps(
    job: Job,
    encode: Callable[[], Any] | None,
    put: Callable[[Any, int | None], Path],
    index: int | None,
) -> list[Callable[[Any], Any]]:
    """First what may run beside other saves of the file, at last what has to wait for them."""
    has_disk = job.place is not None and job.place.has_disk
    folder = check_path(job.target).parent.absolute() if has_disk else None

    def write(data: Any, encode: Callable[[], Any] | None = None) -> Any:
        path = job.early()
        if path is None:
            path = put(data if encode is None else encode(), index)
        return path if folder is None else folder / path.name

    if encode is None:
        return [write]
    if job.place is not None and job.place.if_exists in ("skip", "error"):
        return [lambda _: write(None, encode)]  # an image that is not written is not computed
    return [lambda _: encode(), write]
