"""The files of a project, read when asked for and kept while the process lives."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flake8_saveimage.project.outline import Outline, outline_of
from flake8_saveimage.project.roots import added_folders
from flake8_saveimage.source import reading

_MAX_KEPT = 256


@dataclass(frozen=True, slots=True, eq=False)
class SourceFile:
    """A file that was read.

    ``binders`` are the indices of the statements that bind or change each name.
    """

    path: str
    outline: Outline
    binders: Mapping[str, Sequence[int]]


def source_file(path: str) -> SourceFile | None:
    """Return a file of the project; ``None`` if it cannot be read or parsed, or is too large."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    if status.st_size > reading.MAX_SIZE:
        return None
    return _read(path, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=_MAX_KEPT)
def _read(path: str, _changed: int, _size: int) -> SourceFile | None:
    try:
        text = reading.universal_newlines(reading.decode(reading.read(path)).text)
        outline = outline_of(text, reading.parse(text))
        return SourceFile(path, outline, outline.binders())
    except (reading.SourceError, RecursionError):
        return None


def folders_added_by(path: str, text: str) -> tuple[str, ...]:
    """Return the folders that a file adds to ``sys.path``. Raises ``SourceError``."""
    if "sys.path" not in text:
        return ()
    return tuple(added_folders(reading.parse(text), path))
