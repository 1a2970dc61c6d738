"""Room on Python's stack: what is found must not depend on how deep the caller's own stack is."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

_FRAMES = 2_000  # the evaluators stop at 60 nested expressions, some 20 calls each


@contextlib.contextmanager
def stack_room() -> Iterator[None]:
    """Allow a fixed number of nested calls more than there are; leaves the limit as it was."""
    limit = sys.getrecursionlimit()
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(max(limit, depth + _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
