"""From the name of a module to its file, as Python would find it."""

from __future__ import annotations

import functools
import os
import sys

from flake8_saveimage.project.roots import Layout, import_folders, is_inside

# What every script may import without a thought of the project.
_NOT_OF_THE_PROJECT = sys.stdlib_module_names


def module_file(
    name: str, importing: str, layout: Layout, added: tuple[str, ...] = ()
) -> str | None:
    """Return the file of a module, as the file ``importing`` names it.

    ``added`` are further folders in which absolute imports start. A package is its
    ``__init__.py``; a folder without one (a namespace package) has no file and gives ``""``.
    ``None`` if the project has no such module, or if the standard library has.
    """
    if name.startswith("."):
        return _relative(name, importing, layout.root)
    parts = tuple(name.split("."))
    if parts[0] in _NOT_OF_THE_PROJECT:
        return None
    folders = _folders(os.path.dirname(importing), layout)
    return next(
        (
            found
            for folder in (*folders, *added)
            if _holds(folder, parts[0])
            and (found := _below(folder, parts, layout.root)) is not None
        ),
        None,
    )


@functools.lru_cache(maxsize=1024)
def _folders(folder: str, layout: Layout) -> tuple[str, ...]:
    return tuple(dict.fromkeys(import_folders(os.path.join(folder, "_"), layout)))


def _holds(folder: str, name: str) -> bool:
    """Say whether a folder holds a module or package: most names are those of libraries."""
    try:
        names = _listed(folder, os.stat(folder).st_mtime_ns)
    except OSError:
        return False
    return name in names or f"{name}.py" in names


@functools.lru_cache(maxsize=1024)
def _listed(folder: str, _changed: int) -> frozenset[str]:
    return frozenset(os.listdir(folder))


def _relative(name: str, importing: str, root: str) -> str | None:
    """Return the file of a module named with leading dots."""
    rest = name.lstrip(".")
    folder = os.path.dirname(importing)
    for _ in range(len(name) - len(rest) - 1):
        folder = os.path.dirname(folder)
    return _below(folder, tuple(rest.split(".")) if rest else (), root)


def _below(folder: str, parts: tuple[str, ...], root: str) -> str | None:
    base = os.path.join(folder, *parts)
    if not is_inside(base, root):
        return None
    for path in (os.path.join(base, "__init__.py"), *([base + ".py"] if parts else ())):
        if os.path.isfile(path):
            return path if is_inside(os.path.realpath(path), root) else None
    return "" if parts and os.path.isdir(base) else None
