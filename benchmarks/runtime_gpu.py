"""Device time of safe_save_image beside torchvision's save_image, on a CUDA device.

    python benchmarks/runtime_gpu.py [--repeats 30]

From the tensor on the device to its bytes on the host, without the file; CUDA events, minimum of
many, both sides in turns. Beside it the limit of the machine: the bytes of the input over the
measured bandwidth, plus a pinned copy of the result. Wanted: at most half of torchvision's.
Without a CUDA device it says so and measures nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from torchvision.utils import make_grid

from flake8_saveimage.runtime.arguments import Look
from flake8_saveimage.runtime.pixels import picture_of

SHAPES = [(64, 3, 256, 256), (8, 3, 1024, 1024)]


def fastest(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Milliseconds between two CUDA events around each side, the minimum."""
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats):
        for name, side in sides.items():
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            torch.cuda.synchronize()
            start.record()
            side()
            end.record()
            end.synchronize()
            best[name] = min(best[name], start.elapsed_time(end))
    return best


def torchvision_bytes(batch: torch.Tensor) -> torch.Tensor:
    grid = make_grid(batch)
    return grid.mul(255).add_(0.5).clamp_(0, 255).permute(1, 2, 0).to("cpu", torch.uint8)


def measure(batch: torch.Tensor, repeats: int) -> dict[str, float]:
    pixels = torchvision_bytes(batch)
    device_bytes = pixels.cuda().contiguous()
    pinned = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=True)
    large = torch.empty(2**28, dtype=torch.uint8, device="cuda")
    twin = torch.empty_like(large)
    sides = {
        "torchvision": lambda: torchvision_bytes(batch),
        "ours": lambda: picture_of(batch, Look()).on_host(),
        "pinned copy": lambda: pinned.copy_(device_bytes, non_blocking=True),
        "bandwidth": lambda: twin.copy_(large),
    }
    took = fastest(sides, repeats)
    bandwidth = 2 * large.numel() / took.pop("bandwidth")  # bytes a millisecond, read and written
    took["limit"] = batch.numel() * batch.element_size() / bandwidth + took.pop("pinned copy")
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("no CUDA device: nothing was measured")
        return
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; ms, minimum")
    print("| batch | dtype | torchvision | ours | ratio | limit |\n|---|---|---|---|---|---|")
    for shape in SHAPES:
        for dtype in (torch.float32, torch.bfloat16):
            batch = torch.rand(shape, device="cuda").to(dtype)
            took = measure(batch, options.repeats)
            print(
                f"| {'x'.join(map(str, shape))} | {str(dtype).removeprefix('torch.')} "
                f"| {took['torchvision']:.3f} | {took['ours']:.3f} "
                f"| {took['ours'] / took['torchvision']:.2f} | {took['limit']:.3f} |"
            )


if __name__ == "__main__":
    main()
