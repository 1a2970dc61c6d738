"""safe_save_image beside torchvision's save_image on the CPU: time, file size, conversion alone.

    python benchmarks/runtime_image.py [--repeats 15]

The picture is a 16x3x256x256 grid cut from two photographs of scikit-image. CPU time, the minimum
of many, both sides in turns. Limits: default settings at most 0.6 times torchvision's time with a
file at most 1.25 times as large; grid and conversion alone at most torchvision's time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import PIL
import torch
import torchvision
from PIL import Image
from skimage import data
from torchvision.utils import make_grid, save_image

from flake8_saveimage.runtime import safe_save_image
from flake8_saveimage.runtime.arguments import Look
from flake8_saveimage.runtime.encoding import pillow_image
from flake8_saveimage.runtime.pixels import picture_of


def photographs() -> torch.Tensor:
    """(16, 3, 256, 256) float32 in [0, 1], different crops of two photographs."""
    crops = []
    for photograph in (data.astronaut(), data.coffee()):
        image = torch.from_numpy(photograph).permute(2, 0, 1).float() / 255
        height, width = image.shape[1:]
        for y in torch.linspace(0, height - 256, 2).long().tolist():
            for x in torch.linspace(0, width - 256, 4).long().tolist():
                crops.append(image[:, y : y + 256, x : x + 256])
    return torch.stack(crops)


def fastest(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Milliseconds of CPU time of each side, all threads, the minimum; the sides take turns."""
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats):
        for name, side in sides.items():
            start = time.process_time()
            side()
            best[name] = min(best[name], 1000 * (time.process_time() - start))
    return best


def torchvision_image(batch: torch.Tensor) -> Image.Image:
    """The steps of torchvision.utils.save_image before the file."""
    grid = make_grid(batch)
    array = grid.mul(255).add_(0.5).clamp_(0, 255).permute(1, 2, 0).to("cpu", torch.uint8).numpy()
    return Image.fromarray(array)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1, help="torch's threads, for both sides")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    batch = photographs()
    print(
        f"torch {torch.__version__}, torchvision {torchvision.__version__}, "
        f"Pillow {PIL.__version__}, {options.threads} thread(s); "
        f"CPU ms, minimum of {options.repeats}"
    )

    def ours_image() -> Image.Image:
        picture = picture_of(batch, Look()).on_host()
        return pillow_image(picture.pixels, grayscale=False)

    assert ours_image().tobytes() == torchvision_image(batch).tobytes()
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Path(name) / "ours.png", Path(name) / "theirs.png"
        whole = fastest(
            {
                "torchvision": lambda: save_image(batch, theirs),
                "ours": lambda: safe_save_image(batch, ours),
                "ours, level 6": lambda: safe_save_image(batch, ours, compress_level=6),
                "ours, replace and fsync": lambda: safe_save_image(
                    batch, theirs.with_name("r.png"), if_exists="replace"
                ),
            },
            options.repeats,
        )
        sizes = ours.stat().st_size, theirs.stat().st_size
    part = fastest(
        {"torchvision": lambda: torchvision_image(batch), "ours": ours_image}, options.repeats * 4
    )
    for name, took in whole.items():
        print(f"save, {name:24} {took:8.1f}  {took / whole['torchvision']:.2f}")
    print(f"file size, bytes: ours {sizes[0]:,}, torchvision {sizes[1]:,}", end="  ")
    print(f"{sizes[0] / sizes[1]:.2f}")
    for name, took in part.items():
        print(f"grid and conversion, {name:9} {took:8.1f}  {took / part['torchvision']:.2f}")
    limits = {
        "time at most 0.6": whole["ours"] <= 0.6 * whole["torchvision"],
        "size at most 1.25": sizes[0] <= 1.25 * sizes[1],
        "conversion at most 1": part["ours"] <= part["torchvision"],
    }
    for name, kept in limits.items():
        print(f"{'kept' if kept else 'MISSED'}: {name}")
    raise SystemExit(not all(limits.values()))


if __name__ == "__main__":
    main()
