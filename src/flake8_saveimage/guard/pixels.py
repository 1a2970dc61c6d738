"""Which values of an image does ``save_image`` clip, and which are not finite?

``save_image`` writes ``clamp(x * 255 + 0.5, 0, 255)`` truncated to uint8 (torchvision/utils.py).
A value loses something only if rounding alone would leave 0..255, so x is clipped where
``x < -0.5 / 255`` or ``x >= 255.5 / 255``; an overshoot below half a grey level is no news.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LOWEST = -0.5 / 255
HIGHEST = 255.5 / 255

# Small enough for a mask and its values to stay in the second-level cache of a core.
_CHUNK = 1 << 17


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
    """The extreme values of what ``save_image`` is about to write.

    The reduction is queued on the tensor's device before the save, and read after it: by then
    the save itself has waited for the device, so reading costs one copy of two numbers.
    """

    def __init__(self, images: Any, *, normalize: bool) -> None:
        self._tensors = _floating(images)
        self._normalize = normalize
        self._bounds = _bounds(self._tensors)

    def read(self) -> Pixels | None:
        """The verdict, or None where every value survives (the usual case)."""
        if self._bounds is None:
            return None
        low, high = self._bounds.tolist()
        finite = math.isfinite(low) and math.isfinite(high)
        if finite and (self._normalize or (low >= LOWEST and high < HIGHEST)):
            return None
        non_finite = 0 if finite else sum(map(_count_non_finite, self._tensors))
        clipped = 0 if self._normalize else sum(map(_count_outside, self._tensors))
        infinite = 0 if finite or self._normalize else sum(map(_count_infinite, self._tensors))
        total = sum(tensor.numel() for tensor in self._tensors)
        return Pixels((clipped - infinite) / total, non_finite / total, low, high)


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


def _bounds(tensors: list[torch.Tensor]) -> torch.Tensor | None:
    import torch

    if not tensors:
        return None
    extremes = [torch.aminmax(tensor) for tensor in tensors]
    if len(extremes) == 1:
        return torch.stack(tuple(extremes[0]))
    # amin and amax hand a NaN on, as aminmax does.
    low = torch.stack([e.min for e in extremes]).amin()
    return torch.stack((low, torch.stack([e.max for e in extremes]).amax()))


def _count_outside(tensor: torch.Tensor) -> int:
    """How many values ``save_image`` clips, infinities included.

    Most images of a run are bad once one is, so this is on the hot path: numpy on pieces that
    stay in cache takes a fifth of the time of torch's comparisons on the CPU.
    """
    if tensor.device.type != "cpu":
        return int(((tensor < LOWEST) | (tensor >= HIGHEST)).count_nonzero())
    import numpy as np  # type: ignore[import-not-found, unused-ignore]

    count = 0
    flat = tensor.reshape(-1)
    for start in range(0, flat.numel(), _CHUNK):
        part = flat[start : start + _CHUNK]
        values = (part.float() if part.element_size() < 4 else part).numpy()
        count += np.count_nonzero(values < LOWEST) + np.count_nonzero(values >= HIGHEST)
    return int(count)


def _count_non_finite(tensor: torch.Tensor) -> int:
    return int(tensor.isfinite().logical_not_().count_nonzero())


def _count_infinite(tensor: torch.Tensor) -> int:
    return int(tensor.isinf().count_nonzero())
