"""Pixels in planes and the values they came from, and their transfer to the host."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Picture:
    """Pixels in planes (C, H, W), on the tensor's device, and what is needed to judge them."""

    pixels: torch.Tensor  # uint8, for 16 bits int32, for 32 bits float32
    values: torch.Tensor | None  # the numbers that were measured; None if they may have changed
    extremes: torch.Tensor | None  # (2,) lowest and highest value, NaN if any is; None: as given
    bounds: tuple[float, float] | None  # what is not clipped
    total: int
    integers: bool = False
    slack: float = 0.0  # half a level: up to there it is rounding, not clipping
    outside: torch.Tensor | None = None  # int64, how many values are clipped, if counted already

    def count_outside(self) -> torch.Tensor:
        """How many values are clipped. Asked only where there are values and bounds."""
        if self.outside is not None:
            return self.outside
        assert self.values is not None
        assert self.bounds is not None
        low, high = self.bounds
        return ((self.values < low - self.slack) | (self.values > high + self.slack)).sum()

    def counted(self) -> Picture:
        """The same without the values, which the caller may change; does not wait."""
        if self.values is None or self.bounds is None:
            return replace(self, values=None)
        return replace(self, values=None, outside=self.count_outside())

    def clips(self) -> bool:
        """Whether values are outside the bounds. Waits for the device."""
        if self.extremes is None or self.bounds is None:
            return False
        lowest, highest = self.extremes.tolist()
        low, high = self.bounds
        return not (low - self.slack <= lowest and highest <= high + self.slack)

    def pack(self) -> torch.Tensor:
        """Everything in one run of bytes, for one transfer."""
        parts = (self.pixels, self.extremes, self.outside)
        return torch.cat([_bytes_of(part) for part in parts if part is not None])

    def unpack(self, packed: torch.Tensor) -> Picture:
        """The picture with its tensors taken from the bytes of :meth:`pack`."""
        start = 0

        def take(part: torch.Tensor) -> torch.Tensor:
            nonlocal start
            piece = packed[start : start + part.numel() * part.element_size()]
            start += piece.numel()
            aligned = piece if part.element_size() == 1 else piece.clone()
            return aligned.view(part.dtype).view(part.shape)

        return replace(
            self,
            pixels=take(self.pixels),
            extremes=None if self.extremes is None else take(self.extremes),
            outside=None if self.outside is None else take(self.outside),
        )

    def on_host(self) -> Picture:
        return self if self.pixels.device.type == "cpu" else self.unpack(self.pack().cpu())


def _bytes_of(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().view(-1).view(torch.uint8)
