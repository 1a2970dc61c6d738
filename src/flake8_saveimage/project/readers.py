"""Where the project reads a file back by its name: one text search, when there is a finding."""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Iterator, Mapping

from flake8_saveimage.knowledge.readers import READ_NAMES
from flake8_saveimage.source import reading
from flake8_saveimage.syntax.imports import TextPlace

_MAX_BYTES = 20_000_000  # searched for one checked file
_MAX_FILES = 2_000
_MAX_KEPT = 2048
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})

_CALL = re.compile(
    rf"(?<!\w)((?:[A-Za-z_]\w*\.)*(?:{'|'.join(sorted(READ_NAMES))}))[ \t]*\((.*)", re.DOTALL
)
_LITERAL = re.compile(r"[\"']((?:[^\"'\n\\]*/)?([^\"'/\n\\{}]+\.\w+))[\"']")
_WRITES = re.compile(r",\s*(?:mode\s*=\s*)?[\"'][wax]|[\"'][rb]*\+")

Readers = Mapping[str, TextPlace]


def readers_in(root: str, path: str, text: str) -> Readers:
    """Return the first call that reads each file name: in the checked file, then in the others.

    ``path`` and ``text`` are the checked file. In a large project the search ends early.
    """
    found = dict(_readers(path, text))
    left = _MAX_BYTES
    for other in _python_files(root):
        try:
            status = os.stat(other)
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode):
            continue  # a pipe would wait for ever
        left -= status.st_size
        if left < 0:
            break
        if os.path.realpath(other) != path:
            for name, place in _kept(other, status.st_mtime_ns, status.st_size).items():
                found.setdefault(name, place)
    return found


@functools.lru_cache(maxsize=16)
def _python_files(root: str) -> tuple[str, ...]:
    """Return the Python files below a folder, sorted; none if there are more than 2,000.

    Hidden folders, environments and links are left out.
    """
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _LEFT_OUT
            and not name.startswith(".")
            and not os.path.islink(os.path.join(folder, name))
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )
        found += (os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))
        if len(found) > _MAX_FILES:
            return ()
    return tuple(found)


@functools.lru_cache(maxsize=_MAX_KEPT)
def _kept(path: str, _changed: int, size: int) -> Readers:
    if size > reading.MAX_SIZE:
        return {}
    try:
        return dict(_readers(path, reading.skim(reading.read(path))))
    except reading.SourceError:
        return {}


def _readers(path: str, text: str) -> Iterator[tuple[str, TextPlace]]:
    """Yield the names of files that literals in calls of readers give, with the first call."""
    seen: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        call = _CALL.search(line) if "(" in line and "." in line else None
        if call is None or _WRITES.search(call[2]) or line.lstrip().startswith("#"):
            continue
        for _whole, name in _LITERAL.findall(call[2]):
            if name not in seen:
                seen.add(name)
                yield name, TextPlace(path, number, line.rstrip("\r"), call[1])
