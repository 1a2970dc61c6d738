"""Which values of an image does ``save_image`` clip, and which are not finite?

``save_image`` writes ``clamp(x * 255 + 0.5, 0, 255)`` truncated to uint8 (torchvision/utils.py).
A value loses something only if rounding alone would leave 0..255, so x is clipped where
``x < -0.5 / 255`` or ``x >= 255.5 / 255``; an overshoot below half a grey level is no news.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LOWEST = -0.5 / 255
HIGHEST = 255.5 / 255

# Small enough for the values to stay in cache, and for torch's conversion to stay in one thread.
_CHUNK = 1 << 15

# The bits of 1.0, by the name of the dtype.
_ONE = {
    "torch.float16": 0x3C00,
    "torch.bfloat16": 0x3F80,
    "torch.float32": 0x3F80_0000,
    "torch.float64": 0x3FF0_0000_0000_0000,
}


@dataclass(frozen=True)
class Pixels:
    """What is wrong with the values of one saved image.

    ``clipped`` and ``non_finite`` are fractions (0 to 1) of the values passed to ``save_image``;
    ``low`` and ``high`` are the smallest and largest value (NaN if any value is NaN).
    """

    clipped: float
    non_finite: float
    low: float
    high: float


class Probe:
    """The values that ``save_image`` is about to write.

    On a device the extremes are queued before the save and read after it: by then the save
    itself has waited for the device, so that reading costs one copy of two numbers.
    """

    def __init__(self, images: Any, *, normalize: bool) -> None:
        tensors = _floating(images)
        self._normalize = normalize
        self._verdict: Pixels | None = None
        self._queued: list[torch.Tensor] = []
        if tensors and tensors[0].device.type == "cpu":
            if normalize or not all(map(_within_zero_and_one, tensors)):
                self._verdict = self._judge(tensors, *_survey_on_cpu(tensors))
        elif tensors:
            self._queued = tensors
            self._bounds = _bounds(tensors)

    def read(self) -> Pixels | None:
        """The verdict, or None where every value survives (the usual case)."""
        if not self._queued:
            return self._verdict
        low, high = self._bounds.tolist()
        if low >= LOWEST and high < HIGHEST:
            return None
        return self._judge(self._queued, low, high, sum(map(_count_outside, self._queued)))

    def _judge(
        self, tensors: list[torch.Tensor], low: float, high: float, outside: int
    ) -> Pixels | None:
        finite = math.isfinite(low) and math.isfinite(high)
        outside = 0 if self._normalize else outside
        if finite and not outside:
            return None
        non_finite = 0 if finite else sum(map(_count_non_finite, tensors))
        infinite = 0 if finite or self._normalize else sum(map(_count_infinite, tensors))
        total = sum(tensor.numel() for tensor in tensors)
        return Pixels((outside - infinite) / total, non_finite / total, low, high)


def _within_zero_and_one(tensor: torch.Tensor) -> bool:
    """Whether all values are in [0, 1], by one pass over their bits.

    Read as unsigned integers, floats in [0, 1] are those up to the bits of 1.0: negative numbers
    have the highest bit set, and infinity and NaN are larger (IEEE 754). numpy, because torch's
    reductions wake a second thread, whose waiting costs more than the work.
    """
    one = _ONE.get(str(tensor.dtype))
    if one is None:
        return False
    import torch

    signed = {2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.element_size()]
    bits = tensor.reshape(-1).view(signed).numpy().view(f"u{tensor.element_size()}")
    # an image that is clipped somewhere nearly always shows it early on
    return all(
        int(bits[start : start + _CHUNK].max()) <= one for start in range(0, len(bits), _CHUNK)
    )


def _chunks(tensor: torch.Tensor) -> Iterator[Any]:
    """The values as numpy arrays of float32 or float64, piece by piece."""
    flat: Any = tensor.reshape(-1)
    if is_wide := tensor.element_size() >= 4:
        flat = flat.numpy()
    for start in range(0, len(flat), _CHUNK):
        part = flat[start : start + _CHUNK]
        yield part if is_wide else part.float().numpy()


def _survey_on_cpu(tensors: list[torch.Tensor]) -> tuple[float, float, int]:
    """Smallest and largest value (NaN if any is NaN), and how many ``save_image`` clips."""
    import numpy as np  # type: ignore[import-not-found, unused-ignore]

    lows: list[float] = []
    highs: list[float] = []
    outside = 0
    for values in itertools.chain.from_iterable(map(_chunks, tensors)):
        low, high = float(values.min()), float(values.max())
        lows.append(low)
        highs.append(high)
        # written so that NaN, which compares with nothing, is looked for as well
        outside += 0 if low >= LOWEST else int(np.count_nonzero(values < LOWEST))
        outside += 0 if high < HIGHEST else int(np.count_nonzero(values >= HIGHEST))
    if any(map(math.isnan, lows)):
        return math.nan, math.nan, outside
    return min(lows), max(highs), outside


def _floating(images: Any) -> list[torch.Tensor]:
    import torch

    tensors = list(images) if isinstance(images, (list, tuple)) else [images]
    return [
        _dense(t.detach())
        for t in tensors
        if isinstance(t, torch.Tensor) and t.is_floating_point() and t.numel()
    ]


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    """The same values with the axes in the order of memory: four times as fast to reduce."""
    if tensor.is_contiguous():
        return tensor
    strides = tensor.stride()
    return tensor.permute(sorted(range(tensor.dim()), key=strides.__getitem__, reverse=True))


def _bounds(tensors: list[torch.Tensor]) -> torch.Tensor:
    import torch

    extremes = [torch.aminmax(tensor) for tensor in tensors]
    if len(extremes) == 1:
        return torch.stack(tuple(extremes[0]))
    # amin and amax hand a NaN on, as aminmax does.
    low = torch.stack([e.min for e in extremes]).amin()
    return torch.stack((low, torch.stack([e.max for e in extremes]).amax()))


def _count_outside(tensor: torch.Tensor) -> int:
    """How many values ``save_image`` clips, infinities included."""
    return int(((tensor < LOWEST) | (tensor >= HIGHEST)).count_nonzero())


def _count_non_finite(tensor: torch.Tensor) -> int:
    return int(tensor.isfinite().logical_not_().count_nonzero())


def _count_infinite(tensor: torch.Tensor) -> int:
    return int(tensor.isinf().count_nonzero())
