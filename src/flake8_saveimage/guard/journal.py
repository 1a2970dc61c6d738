"""The log of one run: a folder that all its processes share, with files of each process.

Every event is one line of JSON in the process's own file, so that processes never wait for each
other. The file is a memory map: a record costs no system call, outlives a killed process, and
cannot end in a file of the script that was given our descriptor's number after
``os.closerange``. The blocks are written in advance, because a map over a hole kills the process
when the disk is full.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import stat
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

_SEGMENT = 1 << 18
_PREFIX = "saveimage-guard-"
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Journal:
    """Appends records for this process. After a fork, open a new one."""

    def __init__(self, folder: Path) -> None:
        self.pid = os.getpid()
        self._folder = folder
        self._lock = threading.Lock()
        self._segments = 0
        self._map: mmap.mmap | None = None
        self._end = 0

    def append(self, record: list[Any] | dict[str, Any]) -> None:
        """Write an event (a list, see :mod:`.events`) or a note on this process (a dict)."""
        line = _encode(record).encode("ascii") + b"\n"
        with self._lock:
            if self._map is None or self._end + len(line) > len(self._map):
                self._map = self._next_segment(max(_SEGMENT, len(line)))
                self._end = 0
            start, self._end = self._end, self._end + len(line)
            self._map[start : self._end] = line

    def flush(self) -> None:
        """For a run folder on a network file system; elsewhere other processes see it anyway."""
        if self._map is not None:
            self._map.flush()

    def _next_segment(self, size: int) -> mmap.mmap:
        # A host name, because a shared folder holds processes of several machines; two containers
        # may share host name and number all the same, and no existing file or link is written to.
        while True:
            name = f"{_host()}-{self.pid}-{self._segments:06d}.log"
            self._segments += 1
            with suppress(FileExistsError), (self._folder / name).open("x+b") as file:
                file.write(bytes(size))
                file.flush()
                return mmap.mmap(file.fileno(), size)


def records(folder: Path) -> list[list[Any]]:
    """The records of each process of a run, in the order in which it wrote them."""
    processes: dict[str, list[Any]] = {}
    for file in sorted(folder.glob("*.log")):
        written = file.read_bytes().partition(b"\0")[0]
        # Without its line end, the last record is of a process that was killed while it wrote it.
        complete = written[: written.rfind(b"\n") + 1]
        own = processes.setdefault(file.name.rpartition("-")[0], [])
        own.extend(map(json.loads, complete.splitlines()))
    return list(processes.values())


def _host() -> str:
    return hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:8] if _POSIX else "host"


_POSIX = hasattr(os, "uname")


def make_folder(launch: str | None) -> Path:
    """The folder of this run: a new one, or the one all local ranks of one launch agree on."""
    if launch is None:
        return Path(tempfile.mkdtemp(prefix=_PREFIX))
    user = os.getuid() if hasattr(os, "getuid") else 0
    key = hashlib.sha256(launch.encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{user}-{key}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if not _is_own_folder(folder):
        raise PermissionError(f"{folder} belongs to somebody else; pass --run-dir")
    return folder


def _is_own_folder(folder: Path) -> bool:
    if not hasattr(os, "getuid"):
        return folder.is_dir()
    found = folder.lstat()  # a link to a folder of the user's own is not taken either
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def newest_folder() -> Path | None:
    """The log of the last run of this user that ended without a report."""
    folders = [f for f in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if _is_own_folder(f)]
    return max(folders, key=lambda folder: folder.stat().st_mtime_ns, default=None)
