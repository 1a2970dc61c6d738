"""Is a file that saves nothing itself worth parsing, because it may call one that does?

By text alone: the modules that it imports from its project, and theirs, hold a save or they do not.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator

from flake8_saveimage.knowledge.writers import Table
from flake8_saveimage.project.modules import module_file
from flake8_saveimage.project.roots import Layout
from flake8_saveimage.source import gate, reading

_MAX_DEPTH = 4  # files between the checked one and the save
_MAX_KEPT = 4096
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n#;]*)|import[ \t]+([^\n#;]+))",
    re.MULTILINE,
)
_NAME = re.compile(rb"[.\w]+|\*")


def may_reach_save(path: str, raw: bytes, layout: Layout, table: Table) -> bool:
    """Say whether modules that a file imports from its project may save."""
    names = tuple(_imported(raw)) if b"import" in raw else ()
    return _any_saves(path, names, layout, table, set(), _MAX_DEPTH)


def _any_saves(
    path: str,
    names: tuple[str, ...],
    layout: Layout,
    table: Table,
    seen: set[str],
    depth: int,
) -> bool:
    for name in names:
        found = module_file(name, path, layout)
        if not found or found in seen:
            continue
        seen.add(found)
        saves, imports = _look_at(found, *_version(found), table)
        if saves or (depth and _any_saves(found, imports, layout, table, seen, depth - 1)):
            return True
    return False


def _version(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@functools.lru_cache(maxsize=_MAX_KEPT)
def _look_at(path: str, _changed: int, size: int, table: Table) -> tuple[bool, tuple[str, ...]]:
    """Return whether a file's text may save, and the names that it imports."""
    if size > reading.MAX_SIZE:
        return False, ()
    try:
        raw = reading.read(path)
    except reading.SourceError:
        return False, ()
    return gate.bytes_may_save(raw, table), tuple(_imported(raw))


def _imported(raw: bytes) -> Iterator[str]:
    """Yield the modules that a file's bytes import, and names that may be modules."""
    for module, names, modules in _IMPORT.findall(raw):
        if modules:
            for item in modules.split(b","):
                yield item.split()[0].decode("latin-1") if item.split() else ""
            continue
        base = module.decode("latin-1")
        yield base
        dot = "" if base.endswith(".") else "."
        for name in _NAME.findall(names):
            if name not in (b"as", b"*"):
                yield f"{base}{dot}{name.decode('latin-1')}"
