"""From the paths of a command line to the files to look at, excluded and matched as flake8 does.

The meaning is flake8's (``exclude``, ``extend-exclude``, ``filename``); the walk is our own because
flake8's matches every name against every pattern in turn, is silent about folders that cannot
be read, and would block on a named pipe.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

STDIN = "-"


class Found(NamedTuple):
    """What a command line's paths lead to.

    ``files`` are sorted and without repeats; ``errors`` are pairs of a path and what is wrong with
    it; ``empty`` are the folders in which no file matched.
    """

    files: list[str]
    errors: list[tuple[str, str]]
    empty: list[str]


def find(
    paths: Sequence[str],
    *,
    exclude: Sequence[str],
    patterns: Sequence[str],
    stdin_name: str = "stdin",
) -> Found:
    """Expand folders into the files below them that match ``patterns`` and are not excluded."""
    excludes, matches = _any_of(exclude), _any_of(patterns or ["*"])

    def excluded(name: str, absolute: str) -> bool:
        return (name not in (".", "..") and excludes(name)) or excludes(absolute)

    files: set[str] = set()
    errors: list[tuple[str, str]] = []
    empty: list[str] = []
    for path in paths:
        if path == STDIN:
            if stdin_name == "stdin" or not _is_excluded(stdin_name, excluded):
                files.add(STDIN)
            continue
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)
        except OSError as error:
            errors.append((path, _unreachable(error)))
            continue
        except ValueError as error:
            errors.append((path, f"cannot be read: {error}"))
            continue
        if _is_excluded(path, excluded):
            continue
        if not is_folder:
            files.add(path)
            continue
        below = set(_walk(path, excluded, matches, errors))
        files |= below
        if not below:
            empty.append(path)
    return Found(sorted(files), sorted(set(errors)), empty)


def _is_excluded(path: str, excluded: Callable[[str, str], bool]) -> bool:
    return excluded(os.path.basename(path), os.path.abspath(path))


def _walk(
    top: str,
    excluded: Callable[[str, str], bool],
    matches: Callable[[str], bool],
    errors: list[tuple[str, str]],
) -> Iterator[str]:
    stack = [(top, os.path.join(os.path.abspath(top), ""))]
    while stack:
        folder, absolute = stack.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            errors.append((folder, _unreachable(error)))
            continue
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if not excluded(name, absolute + name):
                    stack.append((entry.path, f"{absolute}{name}{os.sep}"))
            # a pipe, a device or a link to nowhere holds no code
            elif matches(entry.path) and not excluded(name, absolute + name) and _is_file(entry):
                yield entry.path


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # links that lead in a circle
        return False


def _any_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return the test of a name against glob patterns; case counts where the system says so."""
    normal = os.path.normcase
    pattern = "|".join(fnmatch.translate(normal(p)) for p in patterns) or r"(?!)"
    compiled = re.compile(pattern).match
    if normal("A") == "A":
        return lambda name: compiled(name) is not None
    return lambda name: compiled(normal(name)) is not None


def _unreachable(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    return f"cannot be read: {error.strerror or error}"
