"""From a name that a file imports to the file and the top-level name behind it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flake8_saveimage.project.modules import module_file
from flake8_saveimage.project.outline import Outline, outline_of
from flake8_saveimage.project.roots import Layout, added_folders
from flake8_saveimage.source import reading

MAX_FILES = 40  # opened for one checked file
_MAX_KEPT = 256  # while the process lives


@dataclass(frozen=True, slots=True, eq=False)
class SourceFile:
    """A file that was read.

    ``binders`` are the indices of the statements that bind or change each name.
    """

    path: str
    outline: Outline
    binders: Mapping[str, Sequence[int]]


def _source_file(path: str) -> SourceFile | None:
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


def finder_for(path: str, text: str, layout: Layout) -> Finder:
    """Return the finder for a checked file and its text."""
    try:
        added = tuple(added_folders(reading.parse(text), path)) if "sys.path" in text else ()
    except reading.SourceError:
        added = ()
    return Finder(layout, added)


class Located(NamedTuple):
    """A name at the top level of a file, and the attributes that are taken of it."""

    file: SourceFile
    name: str
    rest: list[str]


class Finder:
    """Looks into the files of a project, within the budget of one checked file.

    ``added`` are folders in which absolute imports start, beside those of the layout.
    """

    def __init__(self, layout: Layout, added: Sequence[str] = ()) -> None:
        self._layout = layout
        self._added = tuple(added)
        self._opened: set[str] = set()
        self._located: dict[tuple[str, str], Located | None] = {}
        self._modules: dict[tuple[str, str], str | None] = {}

    @property
    def root(self) -> str:
        """The folder that bounds the project."""
        return self._layout.root

    def locate(self, qualified: str, importing: str) -> Located | None:
        """Return where a name that a file imports is bound."""
        key = (qualified, importing)
        if key not in self._located:
            self._located[key] = self._locate(qualified, importing)
        return self._located[key]

    def _locate(self, qualified: str, importing: str) -> Located | None:
        for path, name, rest in self.candidates(qualified, importing):
            file = self.open(path)
            if file is not None and name in file.binders:
                return Located(file, name, rest)
            starred = self.starring(file, name) if file is not None else None
            if starred is not None:
                return Located(starred, name, rest)
        return None

    def candidates(self, qualified: str, importing: str) -> Iterator[tuple[str, str, list[str]]]:
        """Yield a file, a name in it and the attributes of that, for the longest module first."""
        stem = qualified.lstrip(".")
        dots = qualified[: len(qualified) - len(stem)]
        parts = stem.split(".")
        for count in range(len(parts) - 1, -1 if dots else 0, -1):
            path = self.module(dots + ".".join(parts[:count]), importing)
            if path:
                yield path, parts[count], parts[count + 1 :]
                return

    def module(self, name: str, importing: str) -> str | None:
        """Return the file of a module, as a file names it."""
        key = (name, os.path.dirname(importing))
        if key not in self._modules:
            self._modules[key] = module_file(name, importing, self._layout, self._added)
        return self._modules[key]

    def starring(self, file: SourceFile, name: str) -> SourceFile | None:
        """Return the file that brings a name by ``import *``, directly."""
        for statement in file.outline.statements:
            for module in statement.stars:
                path = self.module(module, file.path)
                starred = self.open(path) if path else None
                if starred is not None and starred.outline.exports(name):
                    stars = any(s.stars for s in starred.outline.statements)
                    if name in starred.binders or stars:
                        return starred
        return None

    def open(self, path: str) -> SourceFile | None:
        """Return a file, within the budget."""
        if path not in self._opened:
            if len(self._opened) >= MAX_FILES:
                return None
            self._opened.add(path)
        return _source_file(path)
