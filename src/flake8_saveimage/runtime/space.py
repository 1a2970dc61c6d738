"""Free space: looked at before a checkpoint is written."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .arguments import IfFull
from .objects import storage_bytes, tensors_in

_T = TypeVar("_T")
_log = logging.getLogger(__name__.rpartition(".")[0])
_pause = 5.0  # seconds between two looks
_FULL = (errno.ENOSPC, errno.EDQUOT)


def bytes_of(obj: Any) -> int:
    """The bytes of the tensors in an object: the least that a file takes."""
    return storage_bytes(tensors_in(obj, inside_objects=True))


def write_with_space(
    write: Callable[[], _T], needed: int, target: Path, if_full: IfFull | None
) -> _T:
    """Write if at least `needed` bytes are free; else raise, or wait until they are."""
    if if_full is None:
        return write()
    told = False
    while True:
        problem = _shortage(needed, target)
        if problem is None:
            try:
                return write()
            except OSError as caught:
                problem = caught
        if if_full == "raise" or problem.errno not in _FULL:
            raise problem
        if not told:
            _log.warning("%s is not saved yet: %s; waiting", target, problem.strerror)
            told = True
        time.sleep(_pause)


def _shortage(needed: int, target: Path) -> OSError | None:
    folder = target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return None
    if disk.total == 0 or disk.free >= needed:  # some file systems report nothing
        return None
    reason = (
        f"{os.strerror(errno.ENOSPC)}: {needed:,} bytes are needed, {disk.free:,} are free "
        "(nothing was written under this name; what was there before is intact)"
    )
    return OSError(errno.ENOSPC, reason, str(target))
