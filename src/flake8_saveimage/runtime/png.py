"""Write PNG twice as fast as Pillow: one filter for all rows, level 1 of zlib, or isal.

Each row is stored as its difference to the row above (filter 2, "up"). That suits photographs and
most other pictures. Where parts of the picture show that it does not, Pillow writes the file.
"""

from __future__ import annotations

import functools
import importlib
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from .arrays import np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
_BAND_BYTES = 262_144  # filtered at one time
_BAND = 16  # rows; bands are taken as samples, a sixteenth of the picture together
_SMALL = 65_536  # bytes; up to there the whole picture is the sample
_RICH = 3.5  # times as small as the pixels: more than photographs become
_FLAT = 25  # times: there filters differ most, and Pillow is as fast
_AROUND = 57  # bytes of a file around its data
_GROWTH = 1.07  # times Pillow's size; samples differ from the whole by some per cent

Chunk = tuple[bytes, bytes]
Plane = Any  # numpy.ndarray (H, W)


def encode_png(
    planes: Sequence[Plane],
    bits: int,
    chunks: Sequence[Chunk],
    pillow_size: Callable[[Sequence[Plane]], int] | None,
) -> list[bytes] | None:
    """The file, in pieces, of planes (H, W), uint8 or, for 16 bits, int32.

    None if a file of Pillow, as `pillow_size` tells of samples, would be smaller.
    """
    planes = [np.asarray(plane) for plane in planes]
    height, width = planes[0].shape
    # isal does not find the short repetitions of equal planes
    is_grey = len(planes) >= 3 and np.array_equal(planes[0][::16], planes[1][::16])
    library = zlib if is_grey or _isal() is None else _isal()
    step = max(_BAND_BYTES * 8 // (bits * width * len(planes)), 1)
    bands = [(start, min(start + step, height)) for start in range(0, height, step)]
    data = _deflate(planes, bits, bands, library)
    if pillow_size is not None and not _suits(planes, bits, _size(data), library, pillow_size):
        return None
    header = struct.pack(">IIBBBBB", width, height, bits, _COLOURS[len(planes)], 0, 0, 0)
    pieces = [_SIGNATURE]
    for name, content in (
        (b"IHDR", [header]),
        *((name, [content]) for name, content in chunks),
        (b"IDAT", data),
        (b"IEND", []),
    ):
        check = functools.reduce(
            lambda crc, piece: zlib.crc32(piece, crc), content, zlib.crc32(name)
        )
        pieces += [struct.pack(">I", _size(content)) + name, *content, struct.pack(">I", check)]
    return pieces


def _size(pieces: Sequence[bytes]) -> int:
    return sum(map(len, pieces))


def _is_rich(planes: Sequence[Plane], ratio: float) -> bool:
    """Whether it looks like a photograph, whose rows differ no more than its columns."""
    if ratio > _RICH or planes[0].dtype != np.uint8 or min(planes[0].shape) < 32:
        return False
    down = across = 0
    for plane in planes:
        rows, above = plane[1::16], plane[0:-1:16]
        down += _sum_of_changes(rows - above)
        across += _sum_of_changes(rows[:, 1:] - rows[:, :-1])
    return down <= 1.15 * across


def _sum_of_changes(differences: Plane) -> int:
    return int(np.abs(differences.view(np.int8).astype(np.int16)).sum())


def _suits(
    planes: Sequence[Plane],
    bits: int,
    size: int,
    library: Any,
    pillow_size: Callable[[Sequence[Plane]], int],
) -> bool:
    """Whether Pillow's file is not smaller, as far as samples show; `size` is that of the data."""
    height, width = planes[0].shape
    whole = height * (1 + width * len(planes) * bits // 8)
    if _is_rich(planes, whole / size):
        return True
    if whole <= _SMALL:
        return size + _AROUND <= _GROWTH * pillow_size(planes)
    if whole / size > _FLAT:
        return False
    bands = _samples(height)
    size = _size(_deflate(planes, bits, bands, library)) + _AROUND
    rows = np.concatenate([np.arange(*band) for band in bands])
    return size <= _GROWTH * pillow_size([plane[rows] for plane in planes])


def _samples(height: int) -> list[tuple[int, int]]:
    """Bands of rows at distances that no regular pattern has; none overlaps another."""
    count = max(height // (16 * _BAND), 3)
    starts = sorted(
        max(int((height - _BAND) * ((0.382 + 0.618034 * i) % 1)), 0) for i in range(count)
    )
    ends = [*starts[1:], height]
    return [(start, min(start + _BAND, end)) for start, end in zip(starts, ends, strict=True)]


def _deflate(
    planes: Sequence[Plane], bits: int, bands: Sequence[tuple[int, int]], library: Any
) -> list[bytes]:
    """The data of these rows, in pieces, so that no copy of the picture is made."""
    stream = library.compressobj(1, zlib.DEFLATED, 15, 9)
    pieces = [stream.compress(_filtered(planes, bits, *band)) for band in bands]
    return [*filter(None, pieces), stream.flush()]


def _filtered(planes: Sequence[Plane], bits: int, start: int, stop: int) -> Plane:
    """Rows of pixels (H, 1 + bytes), each with the number of its filter and filtered."""
    above = min(start, 1)
    parts = [plane[start - above : stop] for plane in planes]
    if bits == 16:
        parts = [half.astype(np.uint8) for part in parts for half in (part >> 8, part & 255)]
    height, width = parts[0].shape
    pixels = np.empty((height, width, len(parts)), np.uint8)
    for i, part in enumerate(parts):
        pixels[:, :, i] = part
    lines = pixels.reshape(height, -1)
    rows = np.empty((stop - start, 1 + lines.shape[1]), np.uint8)
    rows[:, 0] = 2
    if not above:
        rows[0, 1:] = lines[0]
    np.subtract(lines[1:], lines[:-1], out=rows[1 - above :, 1:])
    return rows


@functools.cache
def _isal() -> Any:
    """The faster library, if it is installed."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return None
