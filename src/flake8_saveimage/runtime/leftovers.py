"""Temporary files: their names, and the removal of those that killed processes left."""

from __future__ import annotations

import atexit
import contextlib
import errno
import hashlib
import os
import re
import socket
import stat
import time
from pathlib import Path

from .arguments import StrPath

_TEMPORARY = re.compile(r"\.saveimage-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.tmp")
_LOCK = re.compile(r"\.saveimage-[0-9a-f]{16}\.lock")
temporaries: set[Path] = set()  # of this process, removed at exit


def _host() -> str:
    """Names the machine and its process table: where a process number means the same process."""
    try:
        processes = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        processes = ""
    return hashlib.sha256(f"{socket.gethostname()} {processes}".encode()).hexdigest()[:8]


HOST = _host()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=temporaries.clear)  # they are the parent's


def temporary_path(folder: Path) -> Path:
    return folder / f".saveimage-{HOST}-{os.getpid()}-{os.urandom(4).hex()}.tmp"


@atexit.register
def _remove_own_temporaries() -> None:
    """Remove temporary files left by an interrupt."""
    for path in list(temporaries):
        discard(path)


def discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
    temporaries.discard(path)


def remove_leftovers(
    folder: StrPath, *, recursive: bool = False, older_than: float = 86_400.0
) -> list[Path]:
    """Remove the temporary files that killed processes left in `folder`; returns their paths.

    A temporary file (``.saveimage-*.tmp``, ``.saveimage-*.lock``) goes when its process has ended,
    or, if it was made on another machine or in another container, when it was last written more
    than `older_than` seconds ago. Files of running processes stay, so this may run at any time.

    Raises:
        NotADirectoryError: `folder` is no folder.
        OSError: a file could not be removed; those before it are gone.
    """
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "remove_leftovers needs a folder", str(root))
    removed = []
    for path in sorted(root.glob("**/.saveimage-*" if recursive else ".saveimage-*")):
        if remove_left_over(path, older_than):
            removed.append(path)
    return removed


def remove_left_over(path: Path, older_than: float) -> bool:
    """Remove a temporary file or a lock if its process has ended."""
    if not _is_left_over(path, older_than):
        return False
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        return True
    return False


def _is_left_over(path: Path, older_than: float) -> bool:
    try:
        status = path.lstat()
        # a folder or a link of such a name is never made here
        owner = _owner(path) if stat.S_ISREG(status.st_mode) else None
    except OSError:
        return False
    if owner is None:
        return False
    host, pid = owner
    if host != HOST:
        return time.time() - status.st_mtime > older_than
    return not is_running(pid)


def _owner(path: Path) -> tuple[str, int] | None:
    """Host and process that made a temporary file; None for another file."""
    if match := _TEMPORARY.fullmatch(path.name):
        return match["host"], int(match["pid"])
    if _LOCK.fullmatch(path.name):
        # Whoever swaps the file for a link or a pipe meanwhile must not be followed or waited for.
        flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, os.O_RDONLY | flags), "rb") as handle:
            host, _, pid = handle.read(64).decode("ascii", "replace").partition(" ")
        return (host, int(pid)) if pid.isdigit() else ("", 0)
    return None


def is_running(pid: int) -> bool:
    if os.name == "nt":  # there os.kill would end the process
        return pid == os.getpid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
