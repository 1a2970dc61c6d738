"""Find the newest whole file of a series, to resume from it."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from .arguments import StrPath
from .destinations import check_path
from .names import Names, check_template

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"


def latest(path: StrPath, *, unique_name: str = "{stem}_{n}{suffix}") -> Path | None:
    """Return the newest whole file among `path` and its numbered names, or None.

    The newest is the one that was written last, whether the series was saved with ``"backup"`` or
    with ``"unique"``. A file that is empty or was cut off (a power cut, a process that was killed
    while it wrote the file itself) is passed over: checkpoints, PNG and JPEG are checked.

    Args:
        path: the path that was given to :func:`safe_save` or :func:`safe_save_image`.
        unique_name: the pattern of the numbered names, if it was given there.

    Raises:
        ValueError: `path` names no local file.
    """
    names = Names(check_path(path), check_template(unique_name), None)
    if not names.folder.is_dir():
        return None
    found = []
    for number in (0, *names.numbers()):
        candidate = names.at(number)
        if candidate.is_file():
            # of files of one instant the plain name is the newest, then the highest number
            found.append((candidate.stat().st_mtime_ns, number == 0, number, candidate))
    for *_, candidate in sorted(found, reverse=True):
        if _is_whole(candidate):
            return candidate
    return None


def _is_whole(path: Path) -> bool:
    with path.open("rb") as handle:
        head = handle.read(8)
        size = handle.seek(0, os.SEEK_END)
        handle.seek(max(size - 64, 0))
        tail = handle.read()
    if head.startswith(b"PK"):
        return zipfile.is_zipfile(path)
    if head == _PNG:
        return tail.endswith(_PNG_END)
    if head.startswith(b"\xff\xd8"):
        return tail.rstrip(b"\0").endswith(b"\xff\xd9")
    return size > 0
