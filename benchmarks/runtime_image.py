"""safe_save_image beside torchvision's save_image on the CPU: time, file size, conversion alone.

    python benchmarks/runtime_image.py [--repeats 15]

The picture is a 16x3x256x256 grid cut from two photographs of scikit-image. CPU time, the minimum
of many, all sides in turns. Limits: default settings at most 0.22 times torchvision's time with a
file at most 1.2 times as large, with isal (if it is installed) at most 0.12 of the time; all but
the file at most 8 times the grid and conversion, which no encoder can go below; these alone at most
torchvision's time. The memory of a 64x3x512x512 grid above its input is at most 180 MiB.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
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

from flake8_saveimage.runtime import png, safe_save_image
from flake8_saveimage.runtime.arguments import Look, Writing
from flake8_saveimage.runtime.encoding import writer_for
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


def peak_memory(save: str) -> float:
    """MiB by which saving a 64x3x512x512 grid raises the peak memory, the least of 3 processes."""
    code = f"""
import sys, torch
from torchvision.utils import save_image
from flake8_saveimage.runtime import safe_save_image
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
{save}(torch.rand(1, 3, 64, 64), sys.argv[1])
batch = torch.rand(64, 3, 512, 512)
before = peak()
{save}(batch, sys.argv[1])
print(peak() - before)
"""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", code, str(Path(folder, "x.png"))]
        runs = [subprocess.run(command, capture_output=True, check=True) for _ in range(3)]
        return min(float(run.stdout) for run in runs)


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

    def pixels() -> torch.Tensor:
        return picture_of(batch, Look()).on_host().pixels

    writer, library = writer_for("x.png", Writing()), png._isal()
    data = Image.open(io.BytesIO(b"".join(writer.encode(pixels(), grayscale=False))))
    assert data.tobytes() == torchvision_image(batch).tobytes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs, quick = (folder / f"{side}.png" for side in ("ours", "theirs", "isal"))

        def with_library(found: object, path: Path) -> None:
            png._isal = lambda: found
            safe_save_image(batch, path, if_exists="replace", durable=False)

        sides: dict[str, Callable[[], object]] = {
            "torchvision": lambda: save_image(batch, theirs),
            "ours": lambda: with_library(None, ours),
            "ours, no file": lambda: writer.encode(pixels(), grayscale=False),
            "ours, backup": lambda: safe_save_image(batch, folder / "backup.png", keep=1),
            "ours, level 6": lambda: safe_save_image(batch, folder / "6.png", compress_level=6),
            "ours, replace and fsync": lambda: safe_save_image(
                batch, folder / "r.png", if_exists="replace"
            ),
        }
        if library is not None:  # last: it is left on
            sides = {"ours, isal": lambda: with_library(library, quick), **sides}
        whole = fastest(sides, options.repeats)
        sizes = {path.stem: path.stat().st_size for path in folder.glob("*.png")}
    part = fastest(
        {"torchvision": lambda: torchvision_image(batch), "ours": pixels}, options.repeats * 4
    )
    for name, took in whole.items():
        print(f"save, {name:24} {took:8.1f}  {took / whole['torchvision']:.2f}")
    for name in ("theirs", "ours", "isal"):
        if name in sizes:
            print(f"bytes, {name:8} {sizes[name]:12,}  {sizes[name] / sizes['theirs']:.2f}")
    for name, took in part.items():
        print(f"grid and conversion, {name:12} {took:8.1f}  {took / part['torchvision']:.2f}")
    print(f"all but the file / grid and conversion: {whole['ours, no file'] / part['ours']:.1f}")
    memory = {side: peak_memory(side) for side in ("save_image", "safe_save_image")}
    for name, grown in memory.items():
        print(f"MiB above the input, {name:16} {grown:8.0f}")
    limits = {
        "memory at most 180 MiB": memory["safe_save_image"] <= 180,
        "time at most 0.22": whole["ours"] <= 0.22 * whole["torchvision"],
        "size at most 1.2": sizes["ours"] <= 1.2 * sizes["theirs"],
        "all but the file at most 8": whole["ours, no file"] <= 8 * part["ours"],
        "conversion at most 1": part["ours"] <= part["torchvision"],
    }
    if library is None:
        print("NOT MEASURED: isal is not installed")
    else:
        limits["isal at most 0.12"] = whole["ours, isal"] <= 0.12 * whole["torchvision"]
    for name, kept in limits.items():
        print(f"{'kept' if kept else 'MISSED'}: {name}")
    raise SystemExit(not all(limits.values()))


if __name__ == "__main__":
    main()
