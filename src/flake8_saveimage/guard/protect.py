"""What ``raise`` and ``backup`` do before a file of this run would be overwritten."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from flake8_saveimage.guard.claims import Claim, Claims
from flake8_saveimage.guard.look import EMPTY, FRESH, state_of, status
from flake8_saveimage.runtime.leftovers import is_running
from flake8_saveimage.runtime.names import Names
from flake8_saveimage.runtime.publishing import publish

_TO_OPEN = 10.0  # seconds that another thread or process has to open the file it has claimed
_PATIENCE = 5.0  # seconds for others to take their claims


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
            holder = self._await_open(path)
            keep = holder is not None and not (
                _is_free(path, holder) or (rolling and holder.is_own)
            )
            if keep and self._raises and holder is not None:
                raise _overwrites(path, holder, site)
            if self._claims.take(path, site, holder) or time.monotonic() > deadline:
                break
            time.sleep(0.001)
        if keep and holder is not None:
            self._keep(path, holder, site, rolling=rolling)

    def opened(self, path: str) -> None:
        """Note that the file that this thread claimed is open: it exists if it is not lost."""
        self._claims.opened(path)

    def _await_open(self, path: str) -> Claim | None:
        """The newest claim, once its owner has moved the earlier file and opened the new one."""
        while (holder := self._claims.newest(path)) is not None and holder.is_opening:
            gone = not is_running(holder.pid) or self._claims.age(path) > _TO_OPEN
            if gone or holder.is_of_this_thread:
                break
            time.sleep(0.001)
        return holder

    def _keep(self, path: str, holder: Claim, site: str, *, rolling: bool) -> None:
        """Move the earlier file away. Of a rolling file, one of each process is kept."""
        known = self._rolling.get((path, holder.pid)) if rolling else None
        try:
            if known is None:
                kept = _move_away(path)
            else:
                os.replace(path, known)  # noqa: PTH105
                kept = known
        except FileNotFoundError:  # moved by the run itself in the meantime
            return
        if rolling:
            self._rolling[path, holder.pid] = kept
        self._moved(path, kept, site)


def _is_free(path: str, holder: Claim) -> bool:
    """Whether the file of a claim is gone, or was only made to reserve the name."""
    state = state_of(status(path), 0)
    return state == FRESH or (state == EMPTY and holder.is_of_this_thread)


def _overwrites(path: str, holder: Claim, site: str) -> OverwriteError:
    who = "" if holder.is_own else f" by process {holder.pid}"
    return OverwriteError(
        errno.EEXIST,
        f"this run has already saved the file{who} ({holder.site}) and {site} would overwrite it; "
        "put what varies into the name, or run with --on-overwrite=backup",
        path,
    )


def _move_away(path: str) -> str:
    """Move a file to the next free number, as the helper's ``if_exists="backup"`` does."""
    names = Names(Path(path), "{stem}_{n}{suffix}", None)
    return str(names.at(names.take_for(lambda numbered: publish(names.path, numbered))))
