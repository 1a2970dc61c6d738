"""Convert tensors to the pixels of a grid, on the tensor's device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from .arguments import Images, Look, Numbers
from .arrays import np
from .batches import batch_of
from .pictures import Picture

_CHUNK = 262_144  # values; 1 MiB of float32 stays in the second-level cache between the steps
_ONE_THREAD = 32_768  # values; up to there torch starts no threads of its own
_NUMPY = {torch.float32: "float32", torch.float64: "float64"}


def picture_of(images: Images, look: Look) -> Picture:
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
            return _from_floats(_floats(batch), look, levels)
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


def _from_floats(batch: torch.Tensor, look: Look, levels: int) -> Picture:
    """Torchvision's arithmetic, in its order, so that valid input gives its pixels bit for bit."""
    values = batch.contiguous().resolve_neg()
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
    conversion = _Conversion(mapping, by_content, (low - slack, high + slack), levels)
    out = torch.empty(
        values.shape, dtype=torch.uint8 if levels == 255 else torch.int32, device=values.device
    )
    rows = values.size(0) if by_content and look.scale_each else 1
    convert = _convert_on_cpu if values.device.type == "cpu" else _convert_on_device
    extremes = convert(values.view(rows, -1), out.view(rows, -1), conversion)
    pad = _pad_level(look.pad_value, levels, _compute_dtype(values))
    return Picture(
        pixels=arrange(out, look, pad),
        values=values,
        extremes=extremes,
        bounds=None if by_content else (low, high),
        total=values.numel(),
        slack=slack,
    )


@dataclass(frozen=True)
class _Mapping:
    """Linear, from [low, high] to [0, 1]; numbers, or (B, 1) for one mapping an image."""

    low: Any
    high: Any
    width: Any


@dataclass(frozen=True)
class _Conversion:
    """From values to levels, with the functions of torch or, on the CPU, those of numpy."""

    mapping: _Mapping | None
    by_content: bool
    shown: tuple[float, float]  # between these nothing is clipped
    levels: int

    def apply(self, library: Any, values: Any, out: Any, room: Any, *, inside: bool) -> None:
        """Write the levels of `values` to `out`; `room` is for what comes in between."""
        if self.mapping is not None:
            low, high, width = self.mapping.low, self.mapping.high, self.mapping.width
            if not (inside or self.by_content):
                values = library.clip(values, low, high, out=room)
            values = library.subtract(values, low, out=room)
            values = library.divide(values, width, out=room)
        values = library.multiply(values, self.levels, out=room)
        values = library.add(values, 0.5, out=room)
        # also what is inside: within the slack, or rounded up by the mapping, 256 would become 0
        out[...] = library.clip(values, 0, self.levels, out=room)


def _convert_on_device(
    values: torch.Tensor, out: torch.Tensor, conversion: _Conversion
) -> torch.Tensor:
    """Convert (rows, n) at once, without waiting; return the lowest and highest value (2,)."""
    values = values.to(_compute_dtype(values))
    conversion.apply(torch, values, out, torch.empty_like(values), inside=False)
    return torch.stack(torch.aminmax(values))


def _convert_on_cpu(
    values: torch.Tensor, out: torch.Tensor, conversion: _Conversion
) -> torch.Tensor:
    """The same in pieces that fit the cache, by numpy: it starts no threads of its own."""
    is_narrow = values.element_size() < 4
    step = _ONE_THREAD if is_narrow else _CHUNK
    if len(values) > 1:
        step = values.size(1)
    target = out.numpy()
    room = np.empty((len(values), min(step, values.size(1))), _NUMPY[_compute_dtype(values)])
    lows, highs = [], []
    with np.errstate(all="ignore"):  # NaN and infinity, which are judged later
        for start in range(0, values.size(1), step):
            part = values[:, start : start + step]
            work = (part.float() if is_narrow else part).numpy()
            lows.append(work.min())
            highs.append(work.max())
            inside = conversion.shown[0] < lows[-1] and highs[-1] < conversion.shown[1]
            piece = np.s_[:, start : start + step]
            conversion.apply(np, work, target[piece], room[:, : work.shape[1]], inside=inside)
    return torch.from_numpy(np.stack((np.min(lows), np.max(highs))))


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
    width = (highs.to(exact) - lows.to(exact)).clamp(min=1e-5).to(values.dtype)
    if values.device.type == "cpu":
        return _Mapping(lows.numpy(), highs.numpy(), width.numpy())
    return _Mapping(lows, highs, width)


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
        _copy(block.permute(2, 0, 3, 1, 4), cells[:, :full])
    if rest:
        _copy(tiles[full * columns :].permute(1, 2, 0, 3), cells[:, full, :, :rest])
    return grid


def _copy(source: torch.Tensor, target: torch.Tensor) -> None:
    if source.device.type == "cpu":  # torch would start threads
        target.numpy()[...] = source.numpy()
    else:
        target.copy_(source)
