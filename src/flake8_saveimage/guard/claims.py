"""Who writes which path, at once visible to all processes (for ``raise`` and ``unique``)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple


class Claim(NamedTuple):
    """Who took a path. ``number`` counts how often it was free again; ``site`` is the call's."""

    is_busy: bool
    pid: int
    number: int
    site: str


class Claims:
    """The claims of one run, in files that all its processes share.

    A claim holds the owner's process id and call site, and a mark while the owner is still writing:
    then the target may not exist yet although it is taken. A path that is free again, since its
    file was moved away, has its claim replaced by the next. Who may do so is settled by a file that
    only one can create.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "claims"
        self._folder.mkdir(exist_ok=True)

    def newest(self, path: str) -> Claim | None:
        """Return the claim that stands."""
        try:
            busy, pid, number, site = self._file(path).read_text(encoding="utf-8").split(" ", 3)
        except FileNotFoundError:
            return None
        return Claim(busy == "busy", int(pid), int(number), site)

    def take(self, path: str, site: str, after: Claim | None) -> bool:
        """Claim ``path``, unless another did so since the claim ``after`` was the newest."""
        file = self._file(path)
        number = 0 if after is None else after.number + 1
        turn = file.with_suffix(f".{number}")
        try:
            with turn.open("x", encoding="utf-8") as text:
                text.write(f"busy {os.getpid()} {number} {site}")
        except FileExistsError:
            return False
        # whoever had this turn before us has gone from here to `file`
        if self.newest(path) != after:
            turn.unlink()
            return False
        turn.replace(file)
        return True

    def finish(self, path: str, site: str) -> None:
        """Note that the owner of a claim, or of a name chosen for it, has written its file."""
        file = self._file(path)
        if not file.exists():
            self.take(path, site, None)
        with file.open("r+b") as text:
            text.write(b"done")  # in place of `busy`

    def _file(self, path: str) -> Path:
        return self._folder / hashlib.sha256(os.fsencode(path)).hexdigest()
