"""What the guard adds to one save and to one `open` that reads (CPU time, median of many).

    python benchmarks/guard_overhead.py

The difference of two series of PNG encodings drowns in their noise, so the guard's share of a save
is taken inside one and the same call: the CPU time of the guarded call less that of the library
function within it, plus that of the audit hook inside the function. `open` alone is fast enough for
guarded and unguarded rounds that alternate. Limits: 1 % of a save of 20 ms and more, 0.15 ms for a
smaller one, 2 microseconds for an `open` that only reads. Needs torch, torchvision and
scikit-image.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from skimage import data
from torchvision.utils import save_image

from flake8_saveimage.guard import guard, hook
from flake8_saveimage.guard.intercept import COMPILED, SAVE_IMAGE, TORCH_SAVE, Handler

SHARE, SMALL, READ = 0.01, 150e-6, 2e-6
LARGE = 20e-3


class Meter:
    """CPU seconds of the library functions themselves, and of the guard's work inside of them."""

    def __init__(self) -> None:
        self.library = 0.0
        self.inside = 0.0

    def stand_next_to_library(
        self, call: Callable[..., Any], args: tuple[Any, ...], kwargs: Any
    ) -> Any:
        """Measure `torch.save` or `save_image` itself."""
        start = time.process_time()
        try:
            return call(*args, **kwargs)
        finally:
            self.library += time.process_time() - start

    def around_listener(self, listen: hook.Listener) -> hook.Listener:
        """Measure a listener of the audit hook."""

        def measured(args: tuple[Any, ...]) -> None:
            start = time.process_time()
            listen(args)
            self.inside += time.process_time() - start

        return measured

    def around_handler(self, handler: Handler) -> Handler:
        """Measure a handler in front of a compiled function, less the function itself."""

        def measured(call: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
            compiled = Meter()
            start = time.process_time()
            try:
                return handler(
                    lambda *a, **k: compiled.stand_next_to_library(call, a, k), args, kwargs
                )
            finally:
                self.inside += time.process_time() - start - compiled.library

        return measured


@contextlib.contextmanager
def measured(meter: Meter) -> Iterator[None]:
    """Let the meter stand around all that the guard which has just begun listens to."""
    listeners = dict(hook._listeners)
    handlers = {watched: list(watched._handlers) for watched in COMPILED.values()}
    for event, of_event in listeners.items():
        hook._listeners[event] = tuple(map(meter.around_listener, of_event))
    for watched, of_function in handlers.items():
        watched._handlers[:] = map(meter.around_handler, of_function)
    try:
        yield
    finally:
        hook._listeners.update(listeners)
        for watched, of_function in handlers.items():
            watched._handlers[:] = of_function


def shares(save: Callable[[str], object], rounds: int, mode: Any) -> tuple[float, float]:
    """Median CPU seconds of the save itself, and of what the guard adds to it."""
    meter = Meter()
    alone: list[float] = []
    added: list[float] = []
    for watched in (TORCH_SAVE, SAVE_IMAGE):
        watched.add(meter.stand_next_to_library)  # first added, innermost
    with guard(output=None, on_overwrite=mode), measured(meter):
        for number in range(rounds + 1):
            meter.library = meter.inside = 0.0
            start = time.process_time()
            save(f"{mode}{number % 8}")
            total = time.process_time() - start
            if number:  # the first opens the log
                alone.append(meter.library - meter.inside)
                added.append(total - alone[-1])
    for watched in (TORCH_SAVE, SAVE_IMAGE):
        watched.remove(meter.stand_next_to_library)
    return statistics.median(alone), statistics.median(added)


def plain_writes() -> tuple[float, float]:
    """Seconds of writing a small file with `open`, alone and what the guard adds; alternating."""

    def once(count: int = 200) -> float:
        start = time.process_time()
        for number in range(count):
            Path(f"plain{number % 8}.bin").write_bytes(b"x")
        return (time.process_time() - start) / count

    alone, added = [], []
    for _ in range(30):
        alone.append(once())
        with guard(output=None):
            added.append(once() - alone[-1])
    return statistics.median(alone), statistics.median(added)


def reading() -> float:
    """Seconds that a guard adds to an `open` that reads: alternating, the median difference."""
    Path("read.txt").write_text("x")

    def once(count: int = 2000) -> float:
        start = time.process_time()
        for _ in range(count):
            os.close(os.open("read.txt", os.O_RDONLY))
        return (time.process_time() - start) / count

    differences = []
    for _ in range(40):
        plain = once()
        with guard(output=None):
            differences.append(once() - plain)
    return statistics.median(differences)


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


def show(name: str, alone: float, added: float) -> None:
    limit = SHARE * alone if alone >= LARGE else SMALL
    verdict = "" if added <= limit else "  over the limit"
    print(f"{name:36}{alone * 1e6:>9.0f} us{added * 1e6:>9.0f} us{verdict}", flush=True)


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{'':36}{'save':>12}{'guard':>12}")
    with tempfile.TemporaryDirectory() as folder:
        here = Path.cwd()
        os.chdir(folder)
        for name, (save, rounds) in cases().items():
            show(name, *shares(save, rounds, "report"))
        show("write_bytes of a small file", *plain_writes())
        print("with --on-overwrite=backup (no limit):")
        for name in ("torch.save 1 MB tensor", "torch.save of a number"):
            save, rounds = cases()[name]
            alone, added = shares(save, rounds, "backup")
            print(f"{name:36}{alone * 1e6:>9.0f} us{added * 1e6:>9.0f} us", flush=True)
        read = reading()
        verdict = "" if read <= READ else "  over the limit"
        print(f"{'open that reads':48}{read * 1e6:>9.2f} us{verdict}")
        os.chdir(here)


if __name__ == "__main__":
    main()
