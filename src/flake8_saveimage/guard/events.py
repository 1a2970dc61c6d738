"""What the processes of a run did to files, as read back from the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from flake8_saveimage.guard.journal import records
from flake8_saveimage.guard.pixels import Pixels


@dataclass(frozen=True)
class Writer:
    """A process of the run.

    ``rank`` is the global rank where one is known, ``attempt`` how often the launcher had
    restarted the ranks before.
    """

    pid: int
    rank: int | None = None
    name: str | None = None
    attempt: int = 0

    def __str__(self) -> str:
        process = f"process {self.pid}" if self.name is None else f"{self.name} ({self.pid})"
        return process if self.rank is None else f"rank {self.rank} ({process})"


@dataclass(frozen=True)
class Save:
    """A file that was opened for writing from its start. Times are nanoseconds since the epoch.

    ``end`` is ``begin`` where it is not known when the file was closed. ``state`` is what was at
    ``path`` before (see :mod:`.look`).
    """

    path: str
    function: str
    site: str
    begin: int
    end: int
    state: int
    writer: Writer


@dataclass(frozen=True)
class Move:
    """A file or folder that was given another name. ``is_data``: the new name is not a log's.

    ``is_asked``: the runtime helper replaced a file because it was told to.
    """

    source: str
    path: str
    function: str
    site: str
    begin: int
    state: int
    is_data: bool
    is_asked: bool
    writer: Writer


@dataclass(frozen=True)
class Link:
    """A second name that was given to a file of this run."""

    source: str
    path: str
    begin: int
    writer: Writer


@dataclass(frozen=True)
class Removal:
    """A file of this run that the run removed."""

    path: str
    begin: int
    writer: Writer


@dataclass(frozen=True)
class Backup:
    """An earlier file that the guard moved from ``wanted`` to ``path``, ahead of a save."""

    wanted: str
    path: str
    site: str
    begin: int
    writer: Writer


@dataclass(frozen=True)
class Image:
    """Values that ``save_image`` clipped, or that are not finite. ``path`` None: no file."""

    path: str | None
    site: str
    begin: int
    pixels: Pixels
    writer: Writer


Event: TypeAlias = Save | Move | Link | Removal | Backup


@dataclass
class Log:
    """All that a run's log tells, events in the order in which they began.

    ``other``: files that lose nothing, by kind (see :mod:`.kinds`). ``programs``: names of the
    programs that were started and not watched. ``failure``: why events may be missing.
    """

    events: list[Event] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    other: dict[str, set[str]] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)
    failure: str | None = None


def read(folder: Path) -> Log:
    """Read the log of a run."""
    log = Log()
    for process in records(folder):
        who: dict[str, Any] = {"pid": 0}
        for note in (record for record in process if isinstance(record, dict)):
            # The rank is known only once the script has initialised its process group.
            who = note if "pid" in note else who
            log.failure = log.failure or note.get("failure")
            if "program" in note:
                log.programs.add(note["program"])
            if "other" in note:
                log.other.setdefault(note["other"], set()).add(note["path"])
        lines = [record for record in process if isinstance(record, list)]
        _add(log, lines, Writer(**who))
    log.events.sort(key=lambda event: event.begin)
    log.images.sort(key=lambda image: image.begin)
    return log


_KINDS = {"move": Move, "link": Link, "remove": Removal, "backup": Backup}


def _add(log: Log, lines: list[list[Any]], writer: Writer) -> None:
    ends = {number: end for kind, number, end in _of("end", lines)}
    for _, number, path, function, site, begin, state in _of("save", lines):
        end = ends.get(number, begin)
        log.events.append(Save(path, function, site, begin, end, state, writer))
    for _, path, site, begin, verdict in _of("image", lines):
        log.images.append(Image(path, site, begin, Pixels(*verdict), writer))
    for kind, *values in lines:
        if kind in _KINDS:
            log.events.append(_KINDS[kind](*values, writer))


def _of(kind: str, lines: list[list[Any]]) -> Iterator[list[Any]]:
    return (line for line in lines if line[0] == kind)
