"""This process's part of the log: who it is, and that a failure here never reaches the script."""

from __future__ import annotations

import os
import sys
import time
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any

from flake8_saveimage.guard.journal import Journal
from flake8_saveimage.guard.ranks import attempt, initialized_rank, launched_rank


class Logbook:
    """Records of one process; a forked child finds its parent's and opens another journal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journal: Journal | None = None
        self._rank = launched_rank()
        self._who: dict[str, Any] = {}
        self._has_failed = False

    def append(self, record: list[Any] | dict[str, Any]) -> None:
        """Write a record."""
        try:
            self._own_journal().append(record)
        except Exception as error:
            self.fail(error)

    def save(
        self, number: int, path: str, function: str, site: str, begin: int, state: int
    ) -> None:
        """Write that a save begins. Fast, as :meth:`end`, because every save does it."""
        texts = f"{quoted(path)},{quoted(function)},{quoted(site)}"
        self._line(f'["save",{number},{texts},{begin},{state}]\n')

    def end(self, number: int) -> None:
        """Write that the save of this number has ended."""
        if self._journal is not None and self._journal.pid == os.getpid():
            self._line(f'["end",{number},{time.time_ns()}]\n')

    def _line(self, text: str) -> None:
        try:
            self._own_journal().append_line(text.encode("ascii"))
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Note why the log is incomplete. The script must not suffer from its guard."""
        if self._has_failed:
            return
        self._has_failed = True
        text = f"{type(error).__name__}: {error}"
        try:
            self._own_journal().append({"failure": text})
        except Exception:
            print(f"flake8_saveimage.guard: cannot keep its log: {text}", file=sys.stderr)

    def flush(self) -> None:
        """See :meth:`Journal.flush`."""
        if self._journal is not None:
            self._journal.flush()

    def _own_journal(self) -> Journal:
        if self._journal is None or self._journal.pid != os.getpid():
            self._journal = Journal(self._folder)
            self._who = {}
        # The script initialises its process group, and multiprocessing its child, at any time.
        rank = self._rank if self._rank is not None else initialized_rank()
        who = {"pid": self._journal.pid, "rank": rank, "name": _process_name()}
        if who != self._who:
            self._who = who
            self._journal.append({**who, "attempt": attempt()})
        return self._journal


def _process_name() -> str | None:
    module = sys.modules.get("multiprocessing.process")
    if module is None or module.parent_process() is None:
        return None
    return str(module.current_process().name)
