"""A progress line on a terminal for runs that take a while; nothing when output is piped."""

from __future__ import annotations

import sys
import time
from types import TracebackType

_PATIENCE = 1.0  # seconds before the line appears
_INTERVAL = 0.1
_WIDTH = 30


class Progress:
    """Counts files on standard error."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shown = False
        self._next = time.monotonic() + _PATIENCE if sys.stderr.isatty() else float("inf")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def advance(self, count: int) -> None:
        """Note that ``count`` more files are done."""
        self._done += count
        if self._total and (now := time.monotonic()) >= self._next:
            self._next = now + _INTERVAL
            self._shown = True
            filled = _WIDTH * self._done // self._total
            bar = "#" * filled + "." * (_WIDTH - filled)
            sys.stderr.write(f"\r[{bar}] {self._done}/{self._total} files")
            sys.stderr.flush()
