"""Raise or warn about values that a picture cannot show."""

from __future__ import annotations

import math

import torch

from .arguments import Look
from .pictures import Picture
from .warning import Site, already_warned, warn_once


def judge(picture: Picture, look: Look, site: Site, label: str) -> None:
    """Raise or warn about values that cannot be shown. Waits for the device."""
    if picture.extremes is None:
        return
    lowest, highest = picture.extremes.tolist()
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise _non_finite(picture.values, label)
    if picture.bounds is None or look.out_of_range == "clamp" or not picture.clips():
        return
    if look.out_of_range == "warn" and already_warned(site, "range"):
        return
    (low, high), total = picture.bounds, picture.total
    outside = int(picture.count_outside())
    finding = (
        f"{outside:,} of {total:,} values ({100 * outside / total:.3g} %) of {label} are outside "
        f"[{low:g}, {high:g}] (lowest {lowest:.6g}, highest {highest:.6g})"
    )
    advice = _advice(lowest, highest, look, picture.integers)
    if look.out_of_range == "raise":
        raise ValueError(f"{finding}; {advice}")
    warn_once(site, "range", f"{finding} and were clipped; {advice}")


def _advice(lowest: float, highest: float, look: Look, integers: bool) -> str:
    if integers:
        return "integers are grey levels; scale them, or pass value_range=(lowest, highest)"
    if look.value_range is None and look.mean is None and -1.001 <= lowest < 0 <= highest <= 1.001:
        return "for images in [-1, 1] pass value_range=(-1, 1)"
    if look.value_range is None and lowest >= 0 and 2 < highest <= 256:
        return "for images in [0, 255] pass value_range=(0, 255)"
    return (
        "pass value_range=(lowest, highest), or mean= and std= to undo a Normalize, "
        'or out_of_range="clamp" if clipping is intended'
    )


def _non_finite(values: torch.Tensor | None, label: str) -> ValueError:
    found = "NaN or infinite values"
    if values is not None:
        nan, infinite = int(values.isnan().sum()), int(values.isinf().sum())
        found = f"{nan:,} NaN and {infinite:,} infinite of {values.numel():,} values"
    return ValueError(
        f"{label}: {found}; an image cannot show them. Look for where they come from, "
        'or pass non_finite="zero" to save them as 0'
    )
