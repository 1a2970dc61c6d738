"""A free name beside a taken one, reserved so that no other process takes it."""

from __future__ import annotations

import os
from pathlib import Path

_LONGEST_NAME = 255
"""Bytes, on every common file system."""

_LAST: dict[str, int] = {}


def reserve(path: str) -> str:
    """Create ``{stem}_{n}{suffix}`` as an empty file and return its path.

    The search starts after the last number this process took for ``path``; a process that is new
    to the folder doubles the number until one is free and then halves the gap.
    """
    number = _LAST.get(path, 0) + 1
    if number == 1:
        number = _first_free(path)
    while True:
        candidate = _numbered(path, number)
        try:
            os.close(os.open(candidate, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            number += 1
            continue
        _LAST[path] = number
        return candidate


def _first_free(path: str) -> int:
    taken, free = 0, 1
    while Path(_numbered(path, free)).exists():
        taken, free = free, free * 2
    while free - taken > 1:
        middle = (taken + free) // 2
        if Path(_numbered(path, middle)).exists():
            taken = middle
        else:
            free = middle
    return free


def _numbered(path: str, number: int) -> str:
    file = Path(path)
    stem = file.stem
    while len(os.fsencode(f"{stem}_{number}{file.suffix}")) > _LONGEST_NAME:
        stem = stem[:-1]
    return str(file.with_name(f"{stem}_{number}{file.suffix}"))
