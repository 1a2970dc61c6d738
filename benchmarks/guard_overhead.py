"""What the guard adds to one save, as a ratio of the save itself (CPU time, median of many).

    python benchmarks/guard_overhead.py

The guard's own share is taken inside one and the same call (the CPU time of the guarded call less
that of the function within it), because the difference of two series of PNG encodings drowns
in their noise. The limit is 1 % of a save. Needs torch, torchvision and scikit-image.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from skimage import data
from torchvision.utils import save_image

from flake8_saveimage.guard import guard
from flake8_saveimage.guard.intercept import SAVE_IMAGE, TORCH_SAVE

LIMIT = 0.01


class Inner:
    """Stands next to the function itself and takes its CPU time."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return call(*args, **kwargs)
        finally:
            self.seconds = time.process_time() - start


def shares(save: Callable[[str], object], rounds: int) -> tuple[float, float]:
    """Median CPU seconds of the save itself, and of what the guard does around it."""
    inner = Inner()
    alone: list[float] = []
    added: list[float] = []
    for watched in (TORCH_SAVE, SAVE_IMAGE):
        watched.add(inner)  # first added, innermost
    with guard(output=None):
        for number in range(rounds):
            start = time.process_time()
            save(f"{number % 8}")
            total = time.process_time() - start
            alone.append(inner.seconds)
            added.append(total - inner.seconds)
    for watched in (TORCH_SAVE, SAVE_IMAGE):
        watched.remove(inner)
    return statistics.median(alone), statistics.median(added)


def cases() -> dict[str, tuple[Callable[[str], object], int]]:
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 255
    crops = [photo[:, shift : shift + 256, shift : shift + 256] for shift in range(0, 128, 8)]
    grid = torch.stack(crops)
    outside = grid * 2 - 1
    channels_last = grid.contiguous(memory_format=torch.channels_last)
    half = grid.bfloat16()
    one, small = grid[0, :, :224, :224].contiguous(), grid[0, :, 64:128, 64:128].contiguous()
    weights = {f"layer{n}": torch.rand(512, 512) for n in range(24)}
    return {
        "save_image 16x3x256x256 float32": (lambda n: save_image(grid, n + ".png"), 8),
        "save_image 16x3x256x256, clipped": (lambda n: save_image(outside, n + ".png"), 8),  # noqa: SVI201
        "save_image 16x3x256x256 bfloat16": (lambda n: save_image(half, n + ".png"), 8),  # noqa: SVI207
        "save_image channels_last": (lambda n: save_image(channels_last, n + ".png"), 8),
        "save_image 3x224x224": (lambda n: save_image(one, n + ".png"), 40),
        "save_image 3x64x64": (lambda n: save_image(small, n + ".png"), 200),
        "torch.save 25 MB state dict": (lambda n: torch.save(weights, n + ".pt"), 20),
        "torch.save 1 MB tensor": (lambda n: torch.save(weights["layer0"], n + ".pt"), 100),
        "torch.save of a number": (lambda n: torch.save(1, n + ".pt"), 1000),
    }


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{'':36}{'save':>12}{'guard':>12}{'ratio':>9}")
    with tempfile.TemporaryDirectory() as folder:
        here = Path.cwd()
        os.chdir(folder)
        for name, (save, rounds) in cases().items():
            alone, added = shares(save, rounds)
            verdict = "" if added <= LIMIT * alone else "  over the limit"
            times = f"{alone * 1e6:>9.0f} us{added * 1e6:>9.0f} us"
            print(f"{name:36}{times}{added / alone:>9.2%}{verdict}", flush=True)
        os.chdir(here)


if __name__ == "__main__":
    main()
