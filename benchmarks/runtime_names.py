"""What a name costs: the 100,000th save under one name beside the first.

    python benchmarks/runtime_names.py [--files 100000] [--if-exists backup]

Each measurement is a whole safe_save_image of a 3x64x64 image under the same name, CPU time, the
minimum over a window of saves. The files between the two windows are empty ones. Limit: the last
window costs at most 1.2 times the first. Beside it the way that probes x_1, x_2, ... from the
start, and what a new process pays among all the files.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from flake8_saveimage.runtime import names, safe_save_image

WINDOW = 300


def window(image: torch.Tensor, path: Path, if_exists: Any) -> tuple[float, float]:
    """Minimum and median milliseconds of CPU time of some saves."""
    took = []
    for _ in range(WINDOW):
        start = time.process_time()
        safe_save_image(image, path, if_exists=if_exists)
        took.append(1000 * (time.process_time() - start))
    return min(took), statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--if-exists", choices=("backup", "unique"), default="backup")
    options = parser.parse_args()
    if_exists = options.if_exists
    torch.set_num_threads(1)
    image = torch.rand(3, 64, 64)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x.png"
        safe_save_image(image, Path(name) / "warm up.png")
        first = window(image, path, if_exists)
        for number in range(WINDOW, options.files - WINDOW):
            path.with_name(f"x_{number}.png").touch()
        last = window(image, path, if_exists)
        count = sum(1 for _ in Path(name).iterdir()) - 1
        names._next_index.clear()
        start = time.process_time()
        fresh = safe_save_image(image, path, if_exists=if_exists)
        new_process = 1000 * (time.process_time() - start)
        start = time.process_time()
        n = 1
        while (Path(name) / f"x_{n}.png").exists():
            n += 1
        probing = 1000 * (time.process_time() - start)
    print(f"{count:,} files; CPU ms of one save, minimum and median of {WINDOW}")
    print(f"first saves       {first[0]:8.3f} {first[1]:8.3f}")
    print(f"last saves        {last[0]:8.3f} {last[1]:8.3f}")
    print(f"ratio             {last[0] / first[0]:8.2f} {last[1] / first[1]:8.2f}")
    print(f"new process, one  {new_process:8.3f}          ({fresh.name})")
    print(f"probing from 1    {probing:8.0f}")
    kept = last[0] <= 1.2 * first[0]
    print(f"{'kept' if kept else 'MISSED'}: ratio at most 1.2")
    raise SystemExit(not kept)


if __name__ == "__main__":
    main()
