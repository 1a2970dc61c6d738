"""Who wrote which path last, at once visible to all processes (for ``raise`` and ``backup``)."""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Claim(NamedTuple):
    """Who opens a path, or wrote it. ``number`` counts the claims of that path.

    ``is_opening``: the file may not exist yet although the path is taken.
    """

    is_opening: bool
    pid: int
    thread: int
    number: int
    site: str

    @property
    def is_own(self) -> bool:
        """Whether this process made the claim."""
        return self.pid == os.getpid()

    @property
    def is_of_this_thread(self) -> bool:
        """Whether the current thread made the claim."""
        return self.is_own and self.thread == threading.get_ident()


class Claims:
    """The claims of one run, in files that all its processes share.

    A claim is replaced by the next one for the same path. Who may do so is settled by a file that
    only one process can create.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "claims"
        self._folder.mkdir(exist_ok=True)

    def newest(self, path: str) -> Claim | None:
        """Return the claim that stands."""
        try:
            return _parse(self._file(path).read_bytes())
        except FileNotFoundError:
            return None

    def age(self, path: str) -> float:
        """How many seconds ago the newest claim was made."""
        try:
            return time.time() - self._file(path).stat().st_mtime
        except FileNotFoundError:
            return math.inf

    def take(self, path: str, site: str, after: Claim | None) -> bool:
        """Claim ``path``, unless another did so since the claim ``after`` was the newest."""
        file = self._file(path)
        number = 0 if after is None else after.number + 1
        turn = file.with_suffix(f".{number}")
        try:
            with turn.open("x", encoding="utf-8") as text:
                text.write(f"opening {os.getpid()} {threading.get_ident()} {number} {site}")
        except FileExistsError:
            return False
        # whoever had this turn before us has gone from here to `file`
        if self.newest(path) != after:
            turn.unlink()
            return False
        turn.replace(file)
        return True

    def opened(self, path: str) -> None:
        """Note that this thread has opened the file that it claimed."""
        with suppress(FileNotFoundError), self._file(path).open("r+b") as text:
            # A claim that another has made since is another file: this one is not written to.
            if _parse(text.read()).is_of_this_thread:
                text.seek(0)
                text.write(b"opened_")

    def _file(self, path: str) -> Path:
        return self._folder / hashlib.sha256(os.fsencode(path)).hexdigest()


def _parse(text: bytes) -> Claim:
    state, pid, thread, number, site = text.decode("utf-8").split(" ", 4)
    return Claim(state == "opening", int(pid), int(thread), int(number), site)
