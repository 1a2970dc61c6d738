"""What the processes of one run saved: a folder that all of them share, one file per process.

Every save is one line of JSON in the process's own file, so that processes never wait for each
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
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flake8_saveimage.guard.pixels import Pixels

FRESH = 0
"""Nothing, or an empty file, was at the path."""
IN_RUN = 1
"""A file that is younger than the run was at the path."""
BEFORE_RUN = 2
"""A file from before the run was at the path."""

_SEGMENT = 1 << 18
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True)
class Writer:
    """A process of the run. ``rank`` is the global rank where one is known."""

    pid: int
    rank: int | None = None
    name: str | None = None

    def __str__(self) -> str:
        process = f"process {self.pid}" if self.name is None else f"{self.name} ({self.pid})"
        return process if self.rank is None else f"rank {self.rank} ({process})"


@dataclass(frozen=True)
class Save:
    """One completed save. Times are nanoseconds since the epoch.

    ``path`` is None for a destination that is no file; ``wanted`` is the path that the script
    asked for where the guard chose another one.
    """

    kind: str
    path: str | None
    site: str
    begin: int
    end: int
    state: int
    pixels: Pixels | None
    wanted: str | None
    writer: Writer


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
        """Write a save (a list, see :func:`read`) or a note on this process (a dict)."""
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
        # may share host name and number all the same, and nobody's file or link is written to.
        while True:
            name = f"{_host()}-{self.pid}-{self._segments:06d}.log"
            self._segments += 1
            with suppress(FileExistsError), (self._folder / name).open("x+b") as file:
                file.write(bytes(size))
                file.flush()
                return mmap.mmap(file.fileno(), size)


def read(folder: Path) -> tuple[list[Save], str | None]:
    """All the saves of a run in the order in which they began; why some are missing, if so."""
    processes: dict[str, list[Any]] = {}
    for file in sorted(folder.glob("*.log")):
        processes.setdefault(file.name.rpartition("-")[0], []).extend(_records(file))
    saves: list[Save] = []
    failures: list[str] = []
    for records in processes.values():
        notes = [record for record in records if isinstance(record, dict)]
        who = [note for note in notes if "pid" in note]
        failures.extend(note["failure"] for note in notes if "failure" in note)
        # The rank is known only once the script has initialised its process group.
        writer = Writer(**who[-1]) if who else Writer(0)
        saves.extend(_save(record, writer) for record in records if isinstance(record, list))
    saves.sort(key=lambda save: save.begin)
    return saves, failures[0] if failures else None


def _records(file: Path) -> Iterator[Any]:
    written = file.read_bytes().partition(b"\0")[0]
    # Without its line end, the last record is of a process that was killed while it wrote it.
    complete = written[: written.rfind(b"\n") + 1]
    return map(json.loads, complete.splitlines())


def _save(record: list[Any], writer: Writer) -> Save:
    kind, path, site, begin, end, state, pixels, wanted = record
    verdict = None if pixels is None else Pixels(*pixels)
    return Save(kind, path, site, begin, end, state, verdict, wanted, writer)


def _host() -> str:
    return hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:8] if _POSIX else "host"


_POSIX = hasattr(os, "uname")


def make_folder(launch: str | None) -> Path:
    """The folder of this run: a new one, or the one all local ranks of one launch agree on."""
    if launch is None:
        return Path(tempfile.mkdtemp(prefix="saveimage-guard-"))
    user = os.getuid() if hasattr(os, "getuid") else 0
    key = hashlib.sha256(launch.encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"saveimage-guard-{user}-{key}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()  # one look: a link to a folder of the user's own is not taken either
    if hasattr(os, "getuid") and not (stat.S_ISDIR(found.st_mode) and found.st_uid == user):
        raise PermissionError(f"{folder} belongs to somebody else; pass --run-dir")
    return folder
