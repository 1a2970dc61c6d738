"""Temporary files: their names, and the removal of those that killed processes left."""

from __future__ import annotations

import atexit
import contextlib
import errno
import functools
import hashlib
import os
import re
import socket
import stat
import time
from pathlib import Path

from .arguments import StrPath

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(
    r"\.saveimage-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\d+)-[0-9a-f]{8}\.tmp"
)
_LOCK = re.compile(r"\.saveimage-[0-9a-f]{16}\.lock")
temporaries: set[Path] = set()  # of this process, removed at exit


def _host() -> str:
    """Names the process table: machine, boot and container, where a number means one process."""
    identity = [socket.gethostname()]
    with contextlib.suppress(OSError):
        identity.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
    with contextlib.suppress(OSError):
        identity.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256(" ".join(identity).encode()).hexdigest()[:8]


HOST = _host()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=temporaries.clear)  # they are the parent's


def _state_and_start(pid: int) -> tuple[str, int]:
    """State of a process and its start in clock ticks after the boot; ("", 0) where unknown."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return "", 0
    fields = text.rpartition(")")[2].split()  # the name before it may hold blanks
    return fields[0], int(fields[19])


@functools.lru_cache(maxsize=4)
def owner_text(pid: int, separator: str) -> str:
    """Host, number and start of a process: what no other process ever has."""
    return separator.join((HOST, str(pid), str(_state_and_start(pid)[1])))


def temporary_path(folder: Path) -> Path:
    return folder / f".saveimage-{owner_text(os.getpid(), '-')}-{os.urandom(4).hex()}.tmp"


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
    or, if it was made on another machine, before a reboot or in another container, when it was last
    written more than `older_than` seconds ago. Files of running processes stay, so this may run at
    any time.

    Raises:
        NotADirectoryError: `folder` is no folder.
        OSError: a file could not be removed; those before it are gone.
    """
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "remove_leftovers needs a folder", str(root))
    found = sorted(root.glob("**/.saveimage-*" if recursive else ".saveimage-*"))
    return [path for path in found if remove_left_over(path, older_than)]


def remove_left_over(path: Path, older_than: float) -> bool:
    """Remove a temporary file or a lock if its process has ended."""
    if _LOCK.fullmatch(path.name):
        return _remove_lock(path, older_than)
    made_by = _TEMPORARY.fullmatch(path.name)
    if made_by is None:
        return False
    try:
        status = path.lstat()
        # a folder or a link of such a name is never made here
        if not stat.S_ISREG(status.st_mode):
            return False
        owner = made_by["host"], int(made_by["pid"]), int(made_by["start"])
        if not _has_ended(owner, status, older_than):
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _remove_lock(path: Path, older_than: float) -> bool:
    """Remove a lock of a process that ended, and never the new one of another process.

    The file is locked while it is judged, so of several that judge it one removes it.
    """
    # Whoever swaps the file for a link or a pipe meanwhile must not be followed or waited for.
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, os.O_RDONLY | flags)
    except OSError:
        return False
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or not _try_lock(handle):
            return False
        if not _has_ended(_owner(os.read(handle, 64)), status, older_than):
            return False
        if not os.path.samestat(status, path.lstat()):
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    finally:
        os.close(handle)
    return True


def _try_lock(handle: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        return True
    return True


def _owner(content: bytes) -> tuple[str, int, int]:
    """Host, number and start of the process that wrote a lock; nobody if it is not readable."""
    parts = content.decode("ascii", "replace").split()
    if len(parts) != 3 or not (parts[1].isdigit() and parts[2].isdigit()):
        return "", 0, 0
    return parts[0], int(parts[1]), int(parts[2])


def _has_ended(owner: tuple[str, int, int], status: os.stat_result, older_than: float) -> bool:
    host, pid, start = owner
    if host != HOST:
        return time.time() - status.st_mtime > older_than
    return not is_running(pid, start)


def is_running(pid: int, start: int) -> bool:
    """Whether the process that started then, not a later one of its number, is running."""
    if os.name == "nt":  # there os.kill would end the process
        return pid == os.getpid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    state, started = _state_and_start(pid)
    return state != "Z" and (not start or not started or started == start)
