"""Give a finished file its name, exclusively, on any file system."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

from .leftovers import HOST, discard, temporaries

_NO_LINKS_HERE = {
    errno.EPERM,
    errno.EACCES,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EMLINK,
    errno.EXDEV,
    errno.EINVAL,
}


def publish(temporary: Path, final: Path) -> None:
    """Give the temporary file its name, or raise FileExistsError if the name is taken.

    A hard link is exclusive on every file system that has it, NFS included.
    """
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise
    except (OSError, AttributeError) as problem:
        if isinstance(problem, OSError) and problem.errno not in _NO_LINKS_HERE:
            raise
    else:
        discard(temporary)
        return
    if not _rename_exclusively(temporary, final):
        _rename_under_lock(temporary, final)
    temporaries.discard(temporary)


def _rename_exclusively(temporary: Path, final: Path) -> bool:
    """A rename that refuses to replace, as the kernel offers it; False where it does not."""
    if os.name == "nt":
        temporary.rename(final)
        return True
    rename = _kernel_rename()
    if rename is None:
        return False
    if rename(os.fsencode(temporary), os.fsencode(final)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NO_LINKS_HERE:
        return False
    raise OSError(code, os.strerror(code), str(final))


def _kernel_rename() -> Callable[[bytes, bytes], int] | None:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            renamex = libc.renamex_np
            return lambda old, new: cast("int", renamex(old, new, 4))  # RENAME_EXCL
        renameat2 = libc.renameat2
        here = -100  # AT_FDCWD
        return lambda old, new: cast("int", renameat2(here, old, here, new, 1))  # RENAME_NOREPLACE
    except (OSError, AttributeError):
        return None


def _rename_under_lock(temporary: Path, final: Path) -> None:
    """Rename, as a last resort, while holding the lock file of the name.

    A name whose lock is there counts as taken, so nobody waits, and the lock of a killed process
    costs one number and no more. The final name never shows anything but the whole file.
    """
    digest = hashlib.sha256(os.fsencode(final.name)).hexdigest()[:16]
    lock = final.parent / f".saveimage-{digest}.lock"
    with lock.open("x", encoding="ascii") as handle:
        temporaries.add(lock)
        handle.write(f"{HOST} {os.getpid()}")
    try:
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
        temporary.rename(final)
    finally:
        discard(lock)
