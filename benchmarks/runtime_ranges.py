"""Random value ranges: the pixels of safe_save_image beside torchvision's and exact arithmetic.

    python benchmarks/runtime_ranges.py [--ranges 1000000]

Each range is a random interval, at least 1e-5 wide and not too small for its distance from 0, with
its two ends, values next to them and values between. 8 bits are compared with torchvision's
arithmetic bit for bit, 8 and 16 bits with fractions. Limits: no value is further from the exact one
than its rounding allows, and larger values are never darker.
"""

from __future__ import annotations

import argparse
import random
from fractions import Fraction

import torch

from flake8_saveimage.runtime.arguments import Look
from flake8_saveimage.runtime.pixels import picture_of


def random_range(generator: random.Random) -> tuple[float, float]:
    """A range about 1e-4 to 1e4 wide; its ends are numbers of float32, or not."""
    width = 10 ** generator.uniform(-4, 4)
    low = generator.choice((-1, 1)) * 10 ** generator.uniform(-1, 5) * width
    if generator.random() < 0.5:
        return low, low + width
    first, last = torch.tensor([low, low + width]).tolist()
    return first, last


def values_of(low: float, high: float, generator: random.Random) -> torch.Tensor:
    """Sorted values of float32: the ends, their neighbours, some between, or some outside too."""
    ends = torch.tensor([low, high])
    inside = torch.tensor([generator.uniform(low, high) for _ in range(8)])
    outside = torch.tensor([low - 0.001 * (high - low), high + 0.0019 * (high - low), 2 * high])
    if generator.random() < 0.5:
        return torch.cat([ends, inside]).sort().values
    towards = torch.tensor([-1e30, 1e30])
    near = torch.cat([torch.nextafter(ends, towards), torch.nextafter(ends, towards.flip(0))])
    return torch.cat([ends, near, inside, outside]).sort().values


def pixels_of(values: torch.Tensor, bounds: tuple[float, float], bits: int) -> list[int]:
    look = Look(value_range=bounds, bits=bits, out_of_range="clamp")
    return list(picture_of(values.view(1, 1, -1), look).pixels.flatten().tolist())


def torchvisions(values: torch.Tensor, bounds: tuple[float, float]) -> list[int]:
    """The arithmetic of make_grid(normalize=True, value_range=) and save_image."""
    low, high = bounds
    normalized = values.clamp(min=low, max=high).sub_(low).div_(max(high - low, 1e-5))
    return list(normalized.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8).tolist())


def problems(bounds: tuple[float, float], generator: random.Random) -> list[str]:
    """What is wrong with the pixels of one range."""
    low, high = bounds
    values = values_of(low, high, generator)
    found = []
    for bits in (8, 16):
        levels = 2**bits - 1
        pixels = pixels_of(values, bounds, bits)
        if bits == 8 and pixels != torchvisions(values, bounds):
            found.append("differs from torchvision")
        if pixels != sorted(pixels) or pixels[-1] > levels:
            found.append(f"{bits} bits: not in order: {pixels}")
        # beside half a level: float32's steps, and what it loses of a value that is far from 0
        error = (1 + max(abs(low), abs(high)) / (high - low)) * 2.0**-22 * levels
        for value, pixel in zip(values.tolist(), pixels, strict=True):
            exact = (Fraction(value) - Fraction(low)) / (Fraction(high) - Fraction(low)) * levels
            if abs(min(max(exact, Fraction(0)), Fraction(levels)) - pixel) > 0.5 + error:
                found.append(f"{bits} bits: {value} is {pixel}, exactly {float(exact)}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ranges", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator = random.Random(options.seed)
    wrong = 0
    for _ in range(options.ranges):
        bounds = random_range(generator)
        for problem in problems(bounds, generator):
            wrong += 1
            print(f"{bounds}: {problem}")
    print(f"{options.ranges:,} ranges, {wrong:,} problems")
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    main()
