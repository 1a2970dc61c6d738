"""Give a finished file its name, exclusively, or swap two names, on any file system."""

from __future__ import annotations

import ctypes
import errno
import functools
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

from .leftovers import discard, owner_text, remove_left_over, temporaries

LINKS_UNSUPPORTED = {
    errno.EPERM,
    errno.EACCES,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EMLINK,
    errno.EXDEV,
    errno.EINVAL,
}
_LOCK_IS_STALE = 60.0  # seconds; a lock is held for two system calls


def publish(temporary: Path, final: Path) -> None:
    """Give the temporary file its name, or raise FileExistsError if the name is taken.

    A hard link is exclusive on every file system that has it, NFS included.
    """
    try:
        link(temporary, final)
    except OSError as problem:
        if problem.errno not in LINKS_UNSUPPORTED:
            raise
        publish_by_rename(temporary, final)
    else:
        discard(temporary)


def link(path: Path, name: Path) -> None:
    """Give a file a second name, or raise FileExistsError if the name is taken."""
    if not hasattr(os, "link"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(name))
    try:
        os.link(path, name)
    except FileExistsError:
        # NFS repeats a request whose reply was lost, and then finds the link that it made
        status = path.lstat()
        if status.st_nlink == 1 or not os.path.samestat(status, name.lstat()):
            raise


def publish_by_rename(path: Path, final: Path) -> None:
    """Move a file to a name, or raise FileExistsError if the name is taken."""
    if not _rename_exclusively(path, final):
        _rename_under_lock(path, final)
    temporaries.discard(path)


def _rename_exclusively(path: Path, final: Path) -> bool:
    """A rename that refuses to replace, as the kernel offers it; False where it does not."""
    if os.name == "nt":
        path.rename(final)
        return True
    rename = _kernel_rename()
    if rename is None:
        return False
    if rename(os.fsencode(path), os.fsencode(final)) == 0:
        return True
    code = ctypes.get_errno()
    if code in LINKS_UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(final))


def exchange(first: Path, second: Path) -> None:
    """Swap the names of two files in one step.

    Raises:
        OSError: ENOSYS or another code of a system or file system that cannot, or ENOENT.
    """
    swap = _kernel_exchange()
    if swap is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(second))
    if swap(os.fsencode(first), os.fsencode(second)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(second))


def _kernel_rename() -> Callable[[bytes, bytes], int] | None:
    return _rename_with(4 if sys.platform == "darwin" else 1)  # RENAME_EXCL, RENAME_NOREPLACE


def _kernel_exchange() -> Callable[[bytes, bytes], int] | None:
    return _rename_with(2)  # RENAME_SWAP, RENAME_EXCHANGE


@functools.cache
def _rename_with(flag: int) -> Callable[[bytes, bytes], int] | None:
    """The kernel's rename with a flag: renamex_np of macOS or renameat2 of Linux."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            renamex = libc.renamex_np
            return lambda old, new: cast("int", renamex(old, new, flag))
        renameat2 = libc.renameat2
        here = -100  # AT_FDCWD
        return lambda old, new: cast("int", renameat2(here, old, here, new, flag))
    except (OSError, AttributeError, TypeError):
        return None


def _rename_under_lock(path: Path, final: Path) -> None:
    """Rename, as a last resort, while holding the lock file of the name.

    A name whose lock is there counts as taken, so there is no waiting. The lock of a process that
    was killed is removed. The final name never shows anything but the whole file.
    """
    digest = hashlib.sha256(os.fsencode(final.name)).hexdigest()[:16]
    lock = final.parent / f".saveimage-{digest}.lock"
    try:
        _make_lock(lock)
    except FileExistsError:
        if not remove_left_over(lock, _LOCK_IS_STALE):
            raise
        _make_lock(lock)
    temporaries.add(lock)
    try:
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
        path.rename(final)
    finally:
        discard(lock)


def _make_lock(lock: Path) -> None:
    """A link, whose text names the owner from the first moment, else a file, judged by its age."""
    try:
        lock.symlink_to(owner_text(os.getpid()))
    except FileExistsError:
        raise
    except OSError:
        lock.touch(exist_ok=False)
