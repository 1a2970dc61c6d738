"""Give a new file the name of an old one; the old one gets the next number, and nothing is lost.

Three ways, the first that the file system can do:

1. The new file takes the next number, and an atomic exchange swaps the two names.
2. While the old file is locked, it gets its number as a hard link, and the new file is renamed over
   the name. The lock is the kernel's, on the old file itself, and ends with the process.
3. The old file is moved to its number, and the new one takes the free name. Both steps are
   exclusive, so nothing is lost, but in between the name is free.

After each step every file has a name, so a process that is killed loses nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from .leftovers import discard, temporaries
from .names import Names
from .publishing import LINKS_UNSUPPORTED, exchange, link, publish, publish_by_rename

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_EXCHANGE_UNSUPPORTED = {
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EPERM,  # an older sandbox refuses the system call
}
_LOCKS_UNSUPPORTED = {
    errno.EBADF,
    errno.EINVAL,
    errno.ENOLCK,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
}
_devices_without_exchange: set[int] = set()


def back_up(temporary: Path, names: Names, keep: int | None) -> None:
    """Give the temporary file the plain name; the file that has it moves to the next number.

    With `keep`, only the backups with the `keep` highest numbers stay.
    """
    taken = [] if keep is None else names.continue_highest()
    index = None
    while index is None:
        if _is_published(temporary, names.path):
            return
        index = _take_over(temporary, names)
    names.mark(index)
    if keep is not None:
        names.prune(index - keep, taken)


def _is_published(temporary: Path, final: Path) -> bool:
    """Give the temporary file its name, if that is free."""
    try:
        publish(temporary, final)
    except FileExistsError:
        return False
    return True


def _take_over(temporary: Path, names: Names) -> int | None:
    """Return the number that the old file got, or None if the name became free meanwhile."""
    try:
        old = names.path.lstat()
        if stat.S_ISDIR(old.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(names.path))
        if old.st_dev not in _devices_without_exchange:
            try:
                return _by_exchange(temporary, names)
            except OSError as problem:
                if problem.errno not in _EXCHANGE_UNSUPPORTED:
                    raise
                _devices_without_exchange.add(old.st_dev)
        try:
            return _under_lock(temporary, names)
        except OSError as problem:
            if problem.errno not in LINKS_UNSUPPORTED | _LOCKS_UNSUPPORTED:
                raise
        return _by_moving(temporary, names)
    except FileNotFoundError:
        if not os.path.lexists(temporary):
            raise
        return None


def _by_exchange(temporary: Path, names: Names) -> int:
    """Until the swap the number names the new file, so that no file is ever without a name."""
    linked = True

    def name_new(numbered: Path) -> None:
        nonlocal linked
        try:
            link(temporary, numbered)
        except OSError as problem:
            if problem.errno not in LINKS_UNSUPPORTED:
                raise
            publish_by_rename(temporary, numbered)
            linked = False

    index = names.take_for(name_new)
    numbered = names.at(index)
    try:
        exchange(numbered, names.path)
    except BaseException as problem:
        if linked:
            _remove_second_name(numbered, temporary)
        elif isinstance(problem, OSError):
            numbered.rename(temporary)
        names.give_back(index)
        raise
    discard(temporary)
    return index


def _remove_second_name(numbered: Path, other: Path) -> None:
    """Undo a link; if the names changed after all, the number is the only name and stays."""
    with contextlib.suppress(OSError):
        if os.path.samestat(numbered.lstat(), other.lstat()):
            numbered.unlink()


def _under_lock(temporary: Path, names: Names) -> int:
    with _locked(names.path) as old:
        # more than one name: a process was killed between the two steps
        index = names.index_of(old) if old.st_nlink > 1 else None
        if index is None:
            index = names.take_for(lambda numbered: link(names.path, numbered))
        try:
            temporary.replace(names.path)
        except BaseException:
            _remove_second_name(names.at(index), names.path)
            raise
    temporaries.discard(temporary)
    return index


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[os.stat_result]:
    """Lock the file that has this name, not one that had it when the waiting began."""
    if fcntl is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(path))
    while True:
        handle = os.open(path, os.O_RDWR)  # NFS locks only what may be written
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                status = os.fstat(handle)
                if os.path.samestat(status, path.lstat()):
                    yield status
                    return
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)  # a forked child may hold the handle as well
        finally:
            os.close(handle)


def _by_moving(temporary: Path, names: Names) -> int | None:
    """The only way on Windows. Nothing is replaced, so nothing is lost if others do the same."""
    index = names.take_for(lambda numbered: publish_by_rename(names.path, numbered))
    try:
        while not _is_published(temporary, names.path):
            if os.path.lexists(names.path):  # another process was faster
                return None
            time.sleep(0.001)  # another process holds the lock of the name
    except BaseException:
        with contextlib.suppress(OSError):
            publish_by_rename(names.at(index), names.path)
        raise
    return index
