"""The events of a run -> what was lost, what was clipped, who wrote whose file. Pure functions."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from flake8_saveimage.guard.events import (
    Backup,
    Event,
    Image,
    Link,
    Log,
    Move,
    Removal,
    Save,
    Writer,
)
from flake8_saveimage.guard.look import BEFORE_RUN, EMPTY, FRESH, IN_RUN, SCRATCH
from flake8_saveimage.guard.settings import Settings
from flake8_saveimage.knowledge.words import is_rolling_file


@dataclass(frozen=True)
class Writes:
    """``count`` saves of one file from one line of one process."""

    site: str
    function: str
    writer: Writer
    count: int


@dataclass(frozen=True)
class FileReport:
    """A file that was saved more than once; ``lost`` saves are no longer on the disk."""

    path: str
    saves: int
    lost: int
    writes: tuple[Writes, ...]

    @property
    def writers(self) -> tuple[Writer, ...]:
        return tuple(dict.fromkeys(writes.writer for writes in self.writes))


@dataclass(frozen=True)
class OldFileReport:
    """A file that the run overwrote and that nothing in the run was seen to save."""

    path: str
    site: str


@dataclass(frozen=True)
class Report:
    """All that is known of a run.

    ``overwritten``: one process saved over its own file. ``shared``: several processes or ranks
    saved one file. ``rolling``: rewritten by one process under a name that says that this is
    intentional (best, last, latest, checkpoint), under a pattern of ``allow``, or by the runtime
    helper with ``if_exists="replace"``. ``before``: from an earlier run. ``unseen``: made during
    the run by something that was not seen. ``moved``: earlier files that the guard moved away.
    ``deleted``: how many saves the run deleted itself. ``missing``: saved files that are gone at
    the end. ``other``: how many logs, caches, locks, text files and files in append or update
    mode. ``programs``: started by the run; the files that they write are not seen.
    """

    saves: int
    files: int
    overwritten: tuple[FileReport, ...]
    shared: tuple[FileReport, ...]
    rolling: tuple[FileReport, ...]
    before: tuple[OldFileReport, ...]
    unseen: tuple[OldFileReport, ...]
    images: tuple[Image, ...]
    moved: tuple[Backup, ...]
    deleted: int
    missing: tuple[str, ...]
    other: dict[str, int]
    programs: tuple[str, ...]
    failure: str | None = None

    @property
    def worth_telling(self) -> bool:
        """Whether there is more to say than that all went well."""
        rest = self.before or self.unseen or self.moved or self.missing or self.failure
        return bool(self.problems or rest)

    @property
    def lost(self) -> int:
        """How many saves were overwritten that should have been kept."""
        return sum(file.lost for file in (*self.overwritten, *self.shared))

    @property
    def problems(self) -> int:
        """How many files of this run were overwritten and images damaged."""
        return len(self.overwritten) + len(self.shared) + len(self.images)


def audit(log: Log, settings: Settings, exists: Callable[[str], bool] | None = None) -> Report:
    """Judge a run. With ``exists``, files that should be there now are looked for."""
    disk = _Disk()
    for event in log.events:
        disk.apply(event)
    shared, rolling, overwritten = [], [], []
    for path, generations in disk.generations.items():
        report = _file_report(path, generations)
        if report is None:
            continue
        if settings.is_allowed(path):
            rolling.append(report)
        elif len(report.writers) > 1:
            shared.append(report)
        elif is_rolling_file(path) or path in disk.asked:
            rolling.append(report)
        else:
            overwritten.append(report)
    return Report(
        saves=disk.saves,
        files=len(disk.generations),
        overwritten=tuple(overwritten),
        shared=tuple(shared),
        rolling=tuple(rolling),
        before=tuple(disk.before),
        unseen=tuple(disk.unseen),
        images=tuple(log.images),
        moved=tuple(event for event in log.events if isinstance(event, Backup)),
        deleted=disk.deleted,
        missing=tuple(p for p in disk.live if exists is not None and not exists(p)),
        other={kind: len(paths) for kind, paths in sorted(log.other.items())},
        programs=tuple(sorted(log.programs)),
        failure=log.failure,
    )


@dataclass
class _Disk:
    """The files of the run, as its events leave them.

    A generation is a series of saves of one path, each of which overwrote the one before; only
    the last is on the disk. ``live`` has the generation that a path holds now.
    """

    generations: dict[str, list[list[Save]]] = field(default_factory=lambda: defaultdict(list))
    live: dict[str, list[Save]] = field(default_factory=dict)
    linked: set[int] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    before: list[OldFileReport] = field(default_factory=list)
    unseen: list[OldFileReport] = field(default_factory=list)
    saves: int = 0
    deleted: int = 0

    def apply(self, event: Event) -> None:
        """Carry out one event. A backup is followed by the save that it made way for."""
        match event:
            case Save():
                self.saves += 1
                self._put(event)
            case Move():
                self._move(event)
            case Link():
                self._link(event)
            case Removal():
                self._remove(event)
            case Backup():
                self._take(event.wanted, event.path)

    def _put(self, save: Save) -> None:
        """A save begins at ``save.path``."""
        generation = self.live.get(save.path)
        if generation is None or save.writer.attempt > generation[-1].writer.attempt:
            self._overwrite_unknown(save, is_earlier_attempt=generation is not None)
            self._start(save)
            return
        last = generation[-1]
        if save.state == EMPTY and last.writer == save.writer and save.begin >= last.end:
            # the earlier one only reserved the name
            generation[-1] = replace(save, state=last.state)
            self.saves -= 1
        elif save.state not in (FRESH, SCRATCH) or save.begin < last.end:
            generation.append(save)
        else:  # moved away or deleted by something that was not seen
            self._start(save)

    def _overwrite_unknown(self, save: Save, *, is_earlier_attempt: bool) -> None:
        if save.state not in (IN_RUN, BEFORE_RUN):
            return
        is_before = is_earlier_attempt or save.state == BEFORE_RUN
        (self.before if is_before else self.unseen).append(OldFileReport(save.path, save.site))

    def _start(self, save: Save) -> None:
        self.live[save.path] = [save]
        self.generations[save.path].append(self.live[save.path])

    def _move(self, move: Move) -> None:
        inside = [path for path in self.live if path.startswith(move.source + os.sep)]
        for path in inside:
            self._take(path, move.path + path[len(move.source) :])
        if inside:
            return
        save = self._leave(move.source)
        if not move.is_data:
            return
        if move.is_asked:
            self.asked.add(move.path)
        if save is None:  # written by something that was not seen, or before the run
            self.saves += 1
            begin, state = move.begin, move.state
            save = Save(move.path, move.function, move.site, begin, begin, state, move.writer)
        else:
            save = replace(save, path=move.path, state=move.state, begin=move.begin, end=move.begin)
        self._put(save)

    def _take(self, source: str, path: str) -> None:
        """A file gets another name where nothing was."""
        save = self._leave(source)
        if save is not None:
            self._start(replace(save, path=path))

    def _leave(self, path: str) -> Save | None:
        """The file at ``path`` is no longer there; its last save."""
        generation = self.live.pop(path, None)
        if generation is None:
            return None
        if len(generation) == 1:  # nothing happened to the file under this name
            others = [known for known in self.generations[path] if known is not generation]
            self.generations[path] = others
            if not others:
                del self.generations[path]
        return generation[-1]

    def _link(self, link: Link) -> None:
        if link.source in self.live:
            save = self.live[link.source][-1]
            self.linked.add(id(save))
            self._start(replace(save, path=link.path))

    def _remove(self, removal: Removal) -> None:
        save = self._leave(removal.path)
        if save is not None and save.state == SCRATCH:
            self.saves -= 1
        elif save is not None and id(save) not in self.linked:
            self.deleted += 1


def _file_report(path: str, generations: list[list[Save]]) -> FileReport | None:
    """None unless a save of this run was overwritten by a later one."""
    rewritten = [saves for saves in generations if len(saves) > 1]
    if not rewritten:
        return None
    involved = [save for saves in rewritten for save in saves]
    lost = len(involved) - len(rewritten)
    return FileReport(path, sum(map(len, generations)), lost, _count_writes(involved))


def _count_writes(saves: Iterable[Save]) -> tuple[Writes, ...]:
    counts = Counter((save.site, save.function, save.writer) for save in saves)
    return tuple(Writes(site, function, who, n) for (site, function, who), n in counts.items())
