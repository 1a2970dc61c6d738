"""Host memory that is kept between saves: touching fresh memory costs more than the copy."""

from __future__ import annotations

import threading

import torch

_SMALL = 65_536  # bytes; up to there the allocator keeps the memory itself


class BufferPool:
    """Buffers of exactly the sizes that were asked for before, pinned or not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: dict[tuple[int, bool], list[torch.Tensor]] = {}  # the oldest size first

    def take(self, size: int, pinned: bool = False) -> torch.Tensor:
        """Return a buffer (size,) of uint8 with arbitrary content."""
        with self._lock:
            if self._free.get((size, pinned)):
                return self._free[size, pinned].pop()
        return torch.empty(size, dtype=torch.uint8, device="cpu", pin_memory=pinned)

    def give(self, buffer: torch.Tensor, pinned: bool) -> None:
        """Keep a buffer that is not used any more."""
        if buffer.numel() > _SMALL:
            with self._lock:
                self._free.setdefault((buffer.numel(), pinned), []).append(buffer)

    def trim(self, limit: int) -> None:
        """Drop buffers until those kept have at most `limit` bytes."""
        with self._lock:
            kept = sum(size * len(buffers) for (size, _), buffers in self._free.items())
            for key in list(self._free):
                while kept > limit and self._free[key]:
                    self._free[key].pop()
                    kept -= key[0]
                if not self._free[key]:
                    del self._free[key]
