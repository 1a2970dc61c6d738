"""Move a file to the next free number, without replacing any other."""

from __future__ import annotations

import os
import re

_DOUBLE_SUFFIX = re.compile(
    r"(.+?)((?:\.[A-Za-z]{1,5})?\.(?:tar|gz|bz2|xz|zst|zip))", re.IGNORECASE
)


def move_away(path: str) -> str:
    """Move a file to ``{stem}_{n}{suffix}`` in its folder and return that path.

    The numbers are those of ``safe_save(if_exists="backup")``: the first file is number 1.

    Raises:
        OSError: the file could not be moved, and is where it was.
    """
    folder, name = os.path.split(path)
    stem, suffix = _split(name)
    taken = 0
    while True:
        free = _first_free(folder, stem, suffix, taken)
        target = os.path.join(folder, f"{stem}_{free}{suffix}")  # noqa: PTH118
        try:
            _rename_exclusively(path, target)
        except FileExistsError:  # another process took this number
            taken = free
        else:
            return target


def _split(name: str) -> tuple[str, str]:
    """Stem and suffix: ``a.png``; ``a.pth.tar`` as one suffix; none for ``v1.5``, a number."""
    double = _DOUBLE_SUFFIX.fullmatch(name)
    if double is not None:
        return double[1], double[2]
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    return (name, "") if suffix[1:].isdigit() else (stem, suffix)


def _first_free(folder: str, stem: str, suffix: str, taken: int) -> int:
    """A number above ``taken`` that is free, found in O(log n) looks."""

    def exists(number: int) -> bool:
        return os.path.lexists(os.path.join(folder, f"{stem}_{number}{suffix}"))  # noqa: PTH118

    stride = 1
    while exists(taken + stride):
        taken += stride
        stride *= 2
    free = taken + stride
    while free - taken > 1:
        middle = (taken + free) // 2
        taken, free = (middle, free) if exists(middle) else (taken, middle)
    return free


def _rename_exclusively(path: str, target: str) -> None:
    """Rename without replacing: a hard link refuses, where the file system has them."""
    if os.name == "nt":
        os.rename(path, target)  # noqa: PTH104
        return
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except OSError:
        # No hard links: an empty file reserves the name.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        os.replace(path, target)  # noqa: PTH105
    else:
        os.unlink(path)  # noqa: PTH108
