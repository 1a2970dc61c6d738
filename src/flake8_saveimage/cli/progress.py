"""A progress line on a terminal for runs that take a while; nothing when output is piped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 1.0  # seconds before the line appears
_INTERVAL = 0.1
_WIDTH = 30


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """Give the function that is told how many more of ``total`` files are done."""
    done, due, is_shown = 0, time.monotonic() + _PATIENCE, False
    is_watched = bool(total) and sys.stderr.isatty()

    def advance(count: int) -> None:
        nonlocal done, due, is_shown
        done += count
        if is_watched and (now := time.monotonic()) >= due:
            due, is_shown = now + _INTERVAL, True
            filled = _WIDTH * done // total
            bar = "#" * filled + "." * (_WIDTH - filled)
            print(f"\r[{bar}] {done}/{total} files", end="", file=sys.stderr, flush=True)

    try:
        yield advance
    finally:
        if is_shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
