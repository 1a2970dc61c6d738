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
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_OWNER = re.compile(r"(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\d+)")
_TEMPORARY = re.compile(rf"\.saveimage-(?P<owner>{_OWNER.pattern})-[0-9a-f]{{8}}\.tmp")
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


def state_and_start(pid: int) -> tuple[str, int]:
    """State of a process and its start in clock ticks after the boot; ("", 0) where unknown."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return "", 0
    fields = text.rpartition(")")[2].split()  # the name before it may hold blanks
    return fields[0], int(fields[19])


@functools.lru_cache(maxsize=2)
def owner_text(pid: int) -> str:
    """Host, number and start of a process: what no other process ever has."""
    return f"{HOST}-{pid}-{state_and_start(pid)[1]}"


def temporary_path(folder: Path) -> Path:
    return folder / f".saveimage-{owner_text(os.getpid())}-{os.urandom(4).hex()}.tmp"


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
    folder: str | os.PathLike[str], *, recursive: bool = False, older_than: float = 86_400.0
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
    made_by = _TEMPORARY.fullmatch(path.name)
    if made_by is not None:
        return _remove_ended(path, made_by["owner"], older_than)
    if not _LOCK.fullmatch(path.name):
        return False
    with _judging(path.parent) as alone:
        return alone and _remove_ended(path, None, older_than)


def _remove_ended(path: Path, owner: str | None, older_than: float) -> bool:
    """Remove a file of this owner, or a lock, whose owner is the text of its link."""
    try:
        status = path.lstat()
        if owner is None and stat.S_ISLNK(status.st_mode):
            owner = str(path.readlink())
            if not _OWNER.fullmatch(owner):
                return False
        elif not stat.S_ISREG(status.st_mode):  # a folder, a pipe: never made here
            return False
        if not _has_ended(owner or "", status.st_mtime, older_than):
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True


@contextlib.contextmanager
def _judging(folder: Path) -> Iterator[bool]:
    """Whether this thread alone judges locks of a folder, so none removes a new lock of another."""
    if fcntl is None:
        yield True
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        alone = True
        with contextlib.suppress(OSError):  # no locks here
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                alone = False
        yield alone
    finally:
        os.close(handle)


def _has_ended(owner: str, written: float, older_than: float) -> bool:
    parts = _OWNER.fullmatch(owner)
    if parts is None or parts["host"] != HOST or os.name == "nt":
        return time.time() - written > older_than
    return not is_running(int(parts["pid"]), int(parts["start"]))


def is_running(pid: int, start: int = 0) -> bool:
    """Whether the process that started then, not a later one of its number, is running."""
    if os.name == "nt":  # there os.kill would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    state, started = state_and_start(pid)
    return state != "Z" and (not start or not started or started == start)
