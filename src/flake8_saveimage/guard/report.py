"""The report of a run as text for people and as JSON for programs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Literal

from flake8_saveimage.guard.audit import FileReport, OldFileReport, Report, Writes
from flake8_saveimage.guard.events import Image, Writer
from flake8_saveimage.guard.kinds import APPENDED, CACHE, LOCK, LOG, TEXT

Format = Literal["text", "json"]

_SHOWN = 20


def render(report: Report, format: Format, base: str) -> str:
    """The whole report, ending in a newline. Text shows paths relative to ``base``."""
    if format == "json":
        return json.dumps(_as_json(report), indent=2) + "\n"
    return "".join(f"{_printable(line)}\n" for line in _Text(base).lines(report))


class _Text:
    def __init__(self, base: str) -> None:
        self._base = base + os.sep

    def lines(self, report: Report) -> Iterator[str]:
        yield self._summary(report)
        yield from self._files(
            report.shared,
            "written by several processes, each overwrites the others",
            "save on rank 0 only, or put the rank into the name",
        )
        yield from self._files(
            report.overwritten,
            "overwritten within this run",
            "put what varies into the name, or run with --on-overwrite=backup",
        )
        yield from self._images(report.images)
        yield from self._files(report.rolling, "rewritten, as the name or --allow says", None)
        yield from self._old(report.before, "from before this run overwritten")
        yield from self._old(report.unseen, "overwritten that something unseen made in this run")
        yield from self._moved(report)
        yield from self._missing(report)
        yield from self._not_seen(report)
        if report.failure is not None:
            yield f"  incomplete: not every save could be observed ({report.failure})"

    def _summary(self, report: Report) -> str:
        what = [
            f"{_number(report.lost, 'save')} lost" if report.lost else "",
            f"{_number(len(report.images), 'image')} with damaged values" if report.images else "",
        ]
        verdict = ", ".join(filter(None, what)) or _all_well(report)
        seen = f"{_number(report.saves, 'save')}, {_number(report.files, 'file')}"
        deleted = f"; {_number(report.deleted, 'save')} deleted by the run" * bool(report.deleted)
        return f"flake8-saveimage guard: {seen}: {verdict}{deleted}"

    def _files(self, files: Sequence[FileReport], title: str, advice: str | None) -> Iterator[str]:
        if not files:
            return
        yield f"  {_number(len(files), 'file')} {title}" + (f" ({advice}):" if advice else ":")
        for file in files[:_SHOWN]:
            yield f"    {self._path(file.path)}: saved {file.saves} times, {file.lost} lost"
            several = len(file.writers) > 1
            yield from (f"      {self._writes(w, several)}" for w in file.writes[:_SHOWN])
            yield from _more(file.writes, "      ")
        yield from _more(files, "    ")

    def _writes(self, writes: Writes, several: bool) -> str:
        line = f"{writes.count}x {self._path(writes.site)} {writes.function}"
        return f"{line}, {writes.writer}" if several else line

    def _images(self, images: Sequence[Image]) -> Iterator[str]:
        if not images:
            return
        yield (
            f"  {_number(len(images), 'image')} with values that save_image clips to [0, 1] or "
            "that are not finite:"
        )
        by_site = sorted(images, key=lambda image: image.site)
        for site, of_site in groupby(by_site, key=lambda image: image.site):
            yield f"    {self._path(site)}: {self._damage(list(of_site))}"

    def _damage(self, images: list[Image]) -> str:
        clipped = [image for image in images if image.pixels.clipped]
        broken = [image for image in images if image.pixels.non_finite]
        parts = []
        if clipped:
            worst = max(clipped, key=lambda image: image.pixels.clipped)
            of = worst.pixels
            parts.append(
                f"{_number(len(clipped), 'image')} clipped, at worst {_percent(of.clipped)} of "
                f"the values of {self._image(worst)} (they reach from {of.low:.4g} to "
                f"{of.high:.4g}; denormalise, or pass normalize=True with value_range=)"
            )
        if broken:
            worst = max(broken, key=lambda image: image.pixels.non_finite)
            parts.append(
                f"{_number(len(broken), 'image')} with NaN or infinity, at worst "
                f"{_percent(worst.pixels.non_finite)} of the values of {self._image(worst)}"
            )
        return "; ".join(parts)

    def _image(self, image: Image) -> str:
        return "a file object" if image.path is None else self._path(image.path)

    def _old(self, files: Sequence[OldFileReport], what: str) -> Iterator[str]:
        if not files:
            return
        yield f"  {_number(len(files), 'file')} {what}:"
        for file in files[:_SHOWN]:
            yield f"    {self._path(file.path)}: {self._path(file.site)}"
        yield from _more(files, "    ")

    def _moved(self, report: Report) -> Iterator[str]:
        if not report.moved:
            return
        yield f"  {_number(len(report.moved), 'earlier file')} moved to a free number:"
        for file in report.moved[:_SHOWN]:
            name = os.path.basename(file.path)  # noqa: PTH119
            yield f"    {self._path(file.wanted)} -> {name}: {self._path(file.site)}"
        yield from _more(report.moved, "    ")

    def _missing(self, report: Report) -> Iterator[str]:
        if not report.missing:
            return
        yield (
            f"  {_number(len(report.missing), 'saved file')} gone at the end "
            "(moved or deleted by something that was not seen):"
        )
        yield from (f"    {self._path(path)}" for path in report.missing[:_SHOWN])
        yield from _more(report.missing, "    ")

    def _not_seen(self, report: Report) -> Iterator[str]:
        other = [
            f"{_number(report.other[kind], name)}{note}"
            for kind, name, note in _OTHER
            if kind in report.other
        ]
        if other:
            yield f"  written, and not counted above: {', '.join(other)}"
        if report.programs:
            yield f"  files that these programs wrote were not seen: {', '.join(report.programs)}"

    def _path(self, path: str) -> str:
        return path.removeprefix(self._base)


_OTHER = (
    (LOG, "log", ""),
    (TEXT, "text file", ""),
    (APPENDED, "file", " opened to append or update"),
    (LOCK, "lock file", ""),
    (CACHE, "cache file", ""),
)


def _all_well(report: Report) -> str:
    """What is known to be well: no more than was seen."""
    if not report.saves:
        return "no save was seen"
    if report.missing or report.failure is not None:
        return "no overwritten file was seen"
    return "nothing lost"


def _printable(line: str) -> str:
    """Return a line whose names of files can neither forge other lines nor steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _more(items: Sequence[Any], indent: str) -> Iterator[str]:
    if len(items) > _SHOWN:
        yield f"{indent}and {len(items) - _SHOWN} more (--format json lists all)"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _percent(fraction: float) -> str:
    return f"{fraction:.1%}" if fraction >= 0.001 else f"{fraction:.1g}".replace("e-0", "e-")


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "version": 2,
        "saves": report.saves,
        "files": report.files,
        "problems": report.problems,
        "overwritten": _files_json(report.overwritten),
        "shared": _files_json(report.shared),
        "rolling": _files_json(report.rolling),
        "before_run": [{"path": f.path, **_site(f.site)} for f in report.before],
        "unseen": [{"path": f.path, **_site(f.site)} for f in report.unseen],
        "images": [_image_json(image) for image in report.images],
        "moved": [{"from": m.wanted, "to": m.path, **_site(m.site)} for m in report.moved],
        "deleted": report.deleted,
        "missing": list(report.missing),
        "other": report.other,
        "programs": list(report.programs),
        "incomplete": report.failure,
    }


def _files_json(files: Iterable[FileReport]) -> list[dict[str, Any]]:
    return [
        {
            "path": file.path,
            "saves": file.saves,
            "lost": file.lost,
            "writes": [
                {
                    **_site(writes.site),
                    "function": writes.function,
                    "count": writes.count,
                    **_writer(writes.writer),
                }
                for writes in file.writes
            ],
        }
        for file in files
    ]


def _image_json(image: Image) -> dict[str, Any]:
    pixels = image.pixels
    return {
        "path": image.path,
        **_site(image.site),
        "clipped": pixels.clipped,
        "non_finite": pixels.non_finite,
        "low": pixels.low if math.isfinite(pixels.low) else None,
        "high": pixels.high if math.isfinite(pixels.high) else None,
        **_writer(image.writer),
    }


def _site(site: str) -> dict[str, Any]:
    file, _, line = site.rpartition(":")
    return {"file": file, "line": int(line)} if line.isdigit() else {"file": site, "line": None}


def _writer(writer: Writer) -> dict[str, Any]:
    return {"pid": writer.pid, "rank": writer.rank, "process": writer.name}
