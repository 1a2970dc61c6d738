"""From the name of a module to its file, as Python would find it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from flake8_saveimage.project.roots import is_inside

# What every script may import without a thought of the project.
_NOT_OF_THE_PROJECT = sys.stdlib_module_names


def module_path(name: str, folders: Sequence[str], root: str) -> str | None:
    """Return the file of an absolute module in the first folder that has it.

    A package is its ``__init__.py``; a folder without one (a namespace package) has no file and
    gives ``""``. ``None`` if the project has no such module, or if the standard library has.
    """
    parts = name.split(".")
    if parts[0] in _NOT_OF_THE_PROJECT:
        return None
    for folder in folders:
        found = _below(folder, parts, root)
        if found is not None:
            return found
    return None


def relative_path(name: str, importing: str, root: str) -> str | None:
    """Return the file of a module named with leading dots, as seen from the file ``importing``."""
    rest = name.lstrip(".")
    folder = os.path.dirname(importing)
    for _ in range(len(name) - len(rest) - 1):
        folder = os.path.dirname(folder)
    if not is_inside(folder, root):
        return None
    return _below(folder, rest.split(".") if rest else [], root)


def _below(folder: str, parts: Sequence[str], root: str) -> str | None:
    base = os.path.join(folder, *parts)
    for path in (os.path.join(base, "__init__.py"), *([base + ".py"] if parts else ())):
        if os.path.isfile(path):
            return path if is_inside(os.path.realpath(path), root) else None
    return "" if parts and os.path.isdir(base) else None
