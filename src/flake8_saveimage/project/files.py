"""The Python files of a project, for the one search that has to look into all of them."""

from __future__ import annotations

import functools
import os

_MAX_FILES = 2_000
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})


@functools.lru_cache(maxsize=16)
def python_files(root: str) -> tuple[str, ...]:
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
