"""What is at a path now: whether it may be written, and what of it survives a replacement."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from pathlib import Path

# Why a file cannot be replaced although it may be written: it is bind-mounted, or its folder is not
# writable.
NOT_REPLACEABLE = {errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV}
_DESCRIPTOR = re.compile(r"/dev/(stdin|stdout|stderr|fd/\d+)|/proc/[^/]+/fd/\d+")


def is_special(path: Path) -> bool:
    """Whether bytes are written into what is there: a device, a pipe, a socket, an open file."""
    if _DESCRIPTOR.fullmatch(str(path)):
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def check_writable(path: Path) -> os.stat_result | None:
    """Return the status of a file, or None if there is none; raise as opening it to write would."""
    try:
        status = path.stat()
        if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            os.close(os.open(path, os.O_WRONLY))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status


def adopt(handle: int, old: os.stat_result) -> None:
    """Give an open file the mode and, as far as that is allowed, the owner of an old one."""
    if os.name == "nt":
        return
    own = os.fstat(handle)
    if (own.st_uid, own.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(handle, old.st_uid, old.st_gid)
        except OSError:
            with contextlib.suppress(OSError):
                os.fchown(handle, -1, old.st_gid)
    if stat.S_IMODE(own.st_mode) != stat.S_IMODE(old.st_mode):
        with contextlib.suppress(OSError):  # file systems without modes
            os.fchmod(handle, stat.S_IMODE(old.st_mode))


def write_over(source: Path, final: Path, durable: bool) -> None:
    """Copy a file into one that cannot be replaced."""
    with source.open("rb") as content, final.open("r+b") as handle:
        shutil.copyfileobj(content, handle, 1 << 20)
        handle.truncate()
        if durable:
            handle.flush()
            os.fsync(handle.fileno())
