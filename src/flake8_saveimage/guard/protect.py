"""What ``raise`` and ``backup`` do before a file of this run would be overwritten."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from flake8_saveimage.guard.backup import move_away
from flake8_saveimage.guard.claims import Claim, Claims
from flake8_saveimage.guard.look import EMPTY, FRESH, state_of, status

_TO_OPEN = 10.0  # seconds that another thread or process has to open the file it has claimed
_PATIENCE = 5.0  # seconds for another process to finish taking a claim


class OverwriteError(FileExistsError):
    """A save was about to overwrite a file that this run had saved before."""


class Protection:
    """Keeps the files of one run. ``moved`` is told of each backup: from, to, call site."""

    def __init__(
        self, folder: Path, *, raises: bool, moved: Callable[[str, str, str], None]
    ) -> None:
        self._claims = Claims(folder)
        self._raises = raises
        self._moved = moved
        self._rolling: dict[tuple[str, int], str] = {}

    def before_write(self, path: str, site: str, *, rolling: bool) -> None:
        """Claim ``path`` for a save from ``site``; move the earlier file away or raise.

        A rolling file may be overwritten by the process that wrote it.

        Raises:
            OverwriteError: the mode is ``raise``, and this run has saved the file.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            holder = self._claims.newest(path)
            if holder is not None and not self._is_free(path, holder):
                if self._raises and not (rolling and holder.is_own):
                    raise _overwrites(path, holder, site)
                keep = not (rolling and holder.is_own)
            else:
                keep = False
            if self._claims.take(path, site, holder) or time.monotonic() > deadline:
                break
            time.sleep(0.001)
        if keep and holder is not None:
            self._keep(path, holder, site, rolling=rolling)

    def opened(self, path: str) -> None:
        """Note that the file that this thread claimed is open: it exists if it is not lost."""
        self._claims.opened(path)

    def _is_free(self, path: str, holder: Claim) -> bool:
        """Whether the file of a claim is gone, or was only made to reserve the name."""
        while (state := state_of(status(path), 0)) in (FRESH, EMPTY):
            if holder.is_of_this_thread:
                return True
            is_old = self._claims.age(path) > _TO_OPEN
            if not holder.is_opening or is_old or not _is_alive(holder.pid):
                return state == FRESH
            time.sleep(0.001)
            holder = self._claims.newest(path) or holder
        return False

    def _keep(self, path: str, holder: Claim, site: str, *, rolling: bool) -> None:
        """Move the earlier file away. Of a rolling file, one of each process is kept."""
        known = self._rolling.get((path, holder.pid)) if rolling else None
        try:
            if known is None:
                kept = move_away(path)
            else:
                os.replace(path, known)  # noqa: PTH105
                kept = known
        except FileNotFoundError:  # moved by the run itself in the meantime
            return
        if rolling:
            self._rolling[path, holder.pid] = kept
        self._moved(path, kept, site)


def _overwrites(path: str, holder: Claim, site: str) -> OverwriteError:
    who = "" if holder.is_own else f" by process {holder.pid}"
    return OverwriteError(
        errno.EEXIST,
        f"this run has already saved the file{who} ({holder.site}) and {site} would overwrite it; "
        "put what varies into the name, or run with --on-overwrite=backup",
        path,
    )


def _is_alive(pid: int) -> bool:
    if pid == os.getpid() or os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
