"""The saves of a run -> what was lost, what was clipped, who wrote whose file. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flake8_saveimage.guard.journal import BEFORE_RUN, FRESH, Save, Writer
from flake8_saveimage.guard.pixels import Pixels
from flake8_saveimage.guard.rolling import is_rolling


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
    rolling: bool

    @property
    def writers(self) -> tuple[Writer, ...]:
        return tuple(dict.fromkeys(writes.writer for writes in self.writes))


@dataclass(frozen=True)
class ImageReport:
    """An image with values that ``save_image`` clipped, or that are NaN or infinite."""

    path: str | None
    site: str
    writer: Writer
    pixels: Pixels


@dataclass(frozen=True)
class OldFileReport:
    """A file from before the run that the run overwrote."""

    path: str
    site: str


@dataclass(frozen=True)
class RenamedReport:
    """A save that the guard sent to ``path`` because ``wanted`` was taken."""

    wanted: str
    path: str
    site: str


@dataclass(frozen=True)
class Report:
    """All that is known of a run.

    ``overwritten``: one process saved over its own file. ``shared``: several processes or ranks
    saved one file. ``rolling``: rewritten by one process under a name that says that this is
    meant (best, last, latest, checkpoint). ``before``: from an earlier run.
    """

    saves: int
    files: int
    overwritten: tuple[FileReport, ...]
    shared: tuple[FileReport, ...]
    rolling: tuple[FileReport, ...]
    before: tuple[OldFileReport, ...]
    images: tuple[ImageReport, ...]
    renamed: tuple[RenamedReport, ...]
    failure: str | None = None

    @property
    def worth_telling(self) -> bool:
        """Whether there is more to say than that all went well."""
        return bool(self.problems or self.before or self.renamed or self.failure)

    @property
    def problems(self) -> int:
        """How many files of this run were overwritten and images damaged."""
        return len(self.overwritten) + len(self.shared) + len(self.images)


def audit(saves: Sequence[Save], failure: str | None = None) -> Report:
    """Judge the saves of a run, given in the order in which they began."""
    by_path: dict[str, list[Save]] = {}
    for save in saves:
        if save.path is not None:
            by_path.setdefault(save.path, []).append(save)
    rewritten = [report for path, of in by_path.items() if (report := _judge(path, of))]
    shared = [report for report in rewritten if len(report.writers) > 1]
    alone = [report for report in rewritten if len(report.writers) == 1]
    return Report(
        saves=len(saves),
        files=len(by_path),
        overwritten=tuple(r for r in alone if not r.rolling),
        shared=tuple(shared),
        rolling=tuple(r for r in alone if r.rolling),
        before=tuple(
            OldFileReport(path, of[0].site)
            for path, of in by_path.items()
            if of[0].state == BEFORE_RUN
        ),
        images=tuple(
            ImageReport(save.path, save.site, save.writer, save.pixels)
            for save in saves
            if save.pixels is not None
        ),
        renamed=tuple(
            RenamedReport(save.wanted, save.path, save.site)
            for save in saves
            if save.wanted is not None and save.path is not None
        ),
        failure=failure,
    )


def _judge(path: str, saves: list[Save]) -> FileReport | None:
    """None unless a save of this run was overwritten by a later one.

    A file that was moved away or deleted in between is gone when the next save begins, and that
    save says so (``FRESH``). Two saves that overlap in time both find nothing, yet one is lost.
    """
    generations: list[list[Save]] = []
    end = 0
    for save in saves:
        if generations and (save.state != FRESH or save.begin < end):
            generations[-1].append(save)
        else:
            generations.append([save])
        end = max(end, save.end)
    rewritten = [saves for saves in generations if len(saves) > 1]
    if not rewritten:
        return None
    involved = [save for saves in rewritten for save in saves]
    lost = len(involved) - len(rewritten)
    return FileReport(path, len(saves), lost, _count_writes(involved), is_rolling(path))


def _count_writes(saves: Iterable[Save]) -> tuple[Writes, ...]:
    counts = Counter((save.site, save.kind, save.writer) for save in saves)
    return tuple(Writes(site, kind, who, n) for (site, kind, who), n in counts.items())
