"""Convert tensors to the pixels of a grid, on the tensor's device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from .arguments import Images, Look, Numbers
from .batches import batch_of
from .pictures import Picture

CPU_CHUNK = 262_144  # values; 1 MiB of float32 stays in the second-level cache between the steps
ONE_THREAD_CHUNK = 32_768  # values; up to there torch starts no threads of its own


def picture_of(images: Images, look: Look, chunk: int = CPU_CHUNK) -> Picture:
    """From tensors to a grid of pixels on the same device, without waiting for the device."""
    with torch.no_grad():
        batch = batch_of(images)
        bits = look.bits or (16 if batch.dtype is getattr(torch, "uint16", None) else 8)
        levels = 2**bits - 1
        asks = look.normalize or look.value_range is not None
        if look.mean is not None or look.std is not None:
            if not batch.is_floating_point():
                raise TypeError(
                    f"mean= and std= undo a Normalize of floats; this tensor is {batch.dtype}"
                )
            batch = _denormalize(batch, look)
        if bits == 32:
            return _unscaled(_floats(batch).float(), look)
        if batch.is_floating_point() or asks:
            return _from_floats(_floats(batch), look, levels, chunk)
        return _from_integers(batch, look, levels)


def _unscaled(values: torch.Tensor, look: Look) -> Picture:
    """Float32 as it is; only what is not finite is judged."""
    if look.non_finite == "zero":
        values = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    extremes = torch.stack(torch.aminmax(values))
    pixels = arrange(values, look, look.pad_value)
    return Picture(pixels, values, extremes, None, values.numel())


def _floats(batch: torch.Tensor) -> torch.Tensor:
    """Integers as the floating type that holds them; floats as they are, but for 8 bits."""
    if batch.is_floating_point():
        return batch.float() if batch.element_size() == 1 else batch
    wide = batch.dtype in (torch.int32, torch.int64) or _unsigned(batch) in ("uint32", "uint64")
    return batch.to(torch.float64 if wide and batch.device.type != "mps" else torch.float32)


def _per_channel(name: str, value: Numbers, batch: torch.Tensor) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        value = torch.tensor(value, dtype=batch.dtype, device="cpu")
    numbers = value.to(batch.device, batch.dtype).reshape(-1)
    if numbers.numel() not in (1, batch.size(1)):
        raise ValueError(
            f"{name} has {numbers.numel()} values, the image has {batch.size(1)} channels"
        )
    return numbers.view(1, -1, 1, 1)


def _denormalize(batch: torch.Tensor, look: Look) -> torch.Tensor:
    """``x * std + mean``, the inverse of torchvision.transforms.Normalize, in float32 or wider."""
    batch = batch.to(_compute_dtype(batch))
    if look.std is not None:
        batch = batch * _per_channel("std", look.std, batch)
    if look.mean is not None:
        batch = batch + _per_channel("mean", look.mean, batch)
    return batch


def _compute_dtype(tensor: torch.Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype is torch.float64 else torch.float32


def _from_floats(batch: torch.Tensor, look: Look, levels: int, chunk: int) -> Picture:
    """Torchvision's arithmetic, in its order, so that valid input gives its pixels bit for bit."""
    values = batch.contiguous()
    if look.non_finite == "zero":
        values = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    by_content = look.normalize and look.value_range is None
    low, high = look.value_range or (0.0, 1.0)
    mapping = None
    if by_content:
        mapping = _content_mapping(values, look.scale_each)
    elif look.value_range is not None:
        mapping = _Mapping(low, high, max(high - low, 1e-5))
    slack = 0.5 * (high - low) / levels
    out = torch.empty(
        values.shape, dtype=torch.uint8 if levels == 255 else torch.int32, device=values.device
    )
    extremes = []
    rows = values.size(0) if by_content and look.scale_each else 1
    chunks = _chunks(values.view(rows, -1), out.view(rows, -1), chunk)
    room = None
    if len(chunks) > 1:  # on the CPU; new memory for each chunk would scatter over the heap
        room = torch.empty_like(chunks[0][0], dtype=_compute_dtype(values))
    for part, target in chunks:
        space = None if room is None else room[:, : part.size(1)]
        work = part
        if part.dtype is not _compute_dtype(part):
            work = part.to(_compute_dtype(part)) if space is None else space.copy_(part)
        ends = torch.stack(torch.aminmax(work))
        extremes.append(ends)
        inside = False
        if part.device.type == "cpu":
            lowest, highest = ends.tolist()
            inside = low - slack < lowest and highest < high + slack
        if mapping is not None:
            work = mapping.apply(work, clip=not (inside or by_content), out=space).mul_(levels)
        else:
            work = torch.mul(work, levels, out=space)
        # also what is inside: within the slack, or rounded up by the mapping, 256 would become 0
        target.copy_(work.add_(0.5).clamp_(0, levels))
    pad = _pad_level(look.pad_value, levels, _compute_dtype(values))
    return Picture(
        pixels=arrange(out, look, pad),
        values=values,
        extremes=_join(extremes),
        bounds=None if by_content else (low, high),
        total=values.numel(),
        slack=slack,
    )


@dataclass(frozen=True)
class _Mapping:
    """Linear, from [low, high] to [0, 1]; numbers, or tensors (B, 1) for one mapping an image."""

    low: Any
    high: Any
    width: Any

    def apply(self, values: torch.Tensor, *, clip: bool, out: torch.Tensor | None) -> torch.Tensor:
        values = torch.clamp(values, min=self.low, max=self.high, out=out) if clip else values
        return torch.sub(values, self.low, out=out).div_(self.width)


def _content_mapping(values: torch.Tensor, scale_each: bool) -> _Mapping:
    """From the lowest and highest value there are, of all images or of each."""
    values = values.to(_compute_dtype(values))
    if not scale_each:
        lowest, highest = torch.aminmax(values)
        low, high = float(lowest), float(highest)
        return _Mapping(low, high, max(high - low, 1e-5))
    flat = values.view(values.size(0), -1)
    lows, highs = torch.aminmax(flat, dim=1, keepdim=True)
    exact = torch.float32 if values.device.type == "mps" else torch.float64
    width = (highs.to(exact) - lows.to(exact)).clamp(min=1e-5)
    return _Mapping(lows, highs, width.to(values.dtype))


def _join(extremes: list[torch.Tensor]) -> torch.Tensor:
    if len(extremes) == 1:
        return extremes[0]
    ends = torch.stack(extremes)
    return torch.stack((ends[:, 0].amin(), ends[:, 1].amax()))


def _chunks(
    values: torch.Tensor, out: torch.Tensor, chunk: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pieces of (rows, n) that fit a CPU's cache; on an accelerator everything at once."""
    if values.device.type != "cpu" or values.size(0) > 1:
        return [(values, out)]
    parts = torch.split(values, chunk, dim=1), torch.split(out, chunk, dim=1)
    return list(zip(*parts, strict=True))


def _pad_level(pad_value: float, levels: int, dtype: torch.dtype) -> int:
    pad = torch.full((1,), pad_value, dtype=dtype, device="cpu")
    return int(pad.mul_(levels).add_(0.5).clamp_(0, levels).item())


def _from_integers(batch: torch.Tensor, look: Look, levels: int) -> Picture:
    """uint8 as it is; bool as black and white; other integers as grey levels."""
    narrow = torch.uint8 if levels == 255 else torch.int32
    total = batch.numel()
    if batch.dtype is torch.bool:
        pad = _pad_level(look.pad_value, levels, torch.float32)
        pixels = arrange(batch.to(narrow).mul_(levels), look, pad)
        return Picture(pixels, None, None, None, total)
    pad = min(max(round(look.pad_value), 0), levels)
    if batch.dtype is torch.uint8:
        return Picture(arrange(batch.to(narrow), look, pad), None, None, None, total)
    values = batch
    if name := _unsigned(batch):  # torch computes little with these
        values = batch.to(torch.int32 if name == "uint16" else torch.int64)
    extremes = torch.stack(torch.aminmax(values))
    pixels = arrange(values.clamp(0, levels).to(narrow), look, pad)
    return Picture(pixels, values, extremes, (0.0, float(levels)), total, integers=True)


def _unsigned(tensor: torch.Tensor) -> str:
    """The name of a wide unsigned type (torch 2.3 and later), or nothing."""
    name = str(tensor.dtype).removeprefix("torch.")
    return name if name in ("uint16", "uint32", "uint64") else ""


def arrange(tiles: torch.Tensor, look: Look, pad: float) -> torch.Tensor:
    """(B, C, H, W) to one picture (C, H', W'): torchvision's grid in two copies at most.

    In planes, because rows of one channel are copied several times faster than single pixels.
    """
    count, channels, height, width = tiles.shape
    if count == 1:
        return tiles[0]
    columns = min(look.nrow, count)
    rows = -(-count // columns)
    step_y, step_x, edge = height + look.padding, width + look.padding, look.padding
    size = (channels, rows * step_y + edge, columns * step_x + edge)
    grid = torch.full(size, pad, dtype=tiles.dtype, device=tiles.device)
    cells = grid[:, edge:, edge:].view(channels, rows, step_y, columns, step_x)
    cells = cells[:, :, :height, :, :width]
    full, rest = divmod(count, columns)
    if full:
        block = tiles[: full * columns].view(full, columns, channels, height, width)
        cells[:, :full].copy_(block.permute(2, 0, 3, 1, 4))
    if rest:
        cells[:, full, :, :rest].copy_(tiles[full * columns :].permute(1, 2, 0, 3))
    return grid
