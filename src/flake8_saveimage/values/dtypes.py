"""Sets of dtypes, and torch's promotion rules on them.

A claim about a dtype is the set of those that the code can produce. Torch promotes by category
(bool < integer < float) and by rank: Python numbers and zero-dimensional tensors only lift the
result to their category (``torch.result_type``; the "Type Promotion" section of
https://pytorch.org/docs/stable/tensor_attributes.html). Complex and float8 dtypes and the unsigned
integers of 16 bits and more are left out: in NumPy, ``ANY`` stands for those as well.
"""

from __future__ import annotations

import enum
import functools
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

DTypeClass = Literal["float", "half", "bfloat16", "int", "uint8", "bool", "unknown"]


class DTypes(enum.IntFlag):
    """A set of dtypes; its members are the sets of one."""

    NONE = 0
    BOOL = 1
    UINT8 = 2
    INT8 = 4
    INT16 = 8
    INT32 = 16
    INT64 = 32
    HALF = 64
    BFLOAT16 = 128
    FLOAT = 256
    DOUBLE = 512

    INTEGERS = UINT8 | INT8 | INT16 | INT32 | INT64
    LOW_PRECISION = HALF | BFLOAT16
    FLOATS = HALF | BFLOAT16 | FLOAT | DOUBLE
    ANY = BOOL | INTEGERS | FLOATS


class Ranks(enum.IntFlag):
    """What a value can be: a Python number, a zero-dimensional tensor, a tensor with dimensions."""

    NUMBER = 1
    ZERO = 2
    DIMENSIONS = 4
    TENSOR = ZERO | DIMENSIONS
    ANY = NUMBER | TENSOR


INTEGER_BOUNDS = {
    DTypes.BOOL: (0.0, 1.0),
    DTypes.UINT8: (0.0, 255.0),
    DTypes.INT8: (-128.0, 127.0),
    DTypes.INT16: (-(2.0**15), 2.0**15 - 1),
    DTypes.INT32: (-(2.0**31), 2.0**31 - 1),
    DTypes.INT64: (-(2.0**63), 2.0**63),
}
EPSILON = {
    DTypes.HALF: 2.0**-10,
    DTypes.BFLOAT16: 2.0**-7,
    DTypes.FLOAT: 2.0**-23,
    DTypes.DOUBLE: 2.0**-52,
}
BY_NAME = {
    "bool": DTypes.BOOL,
    "uint8": DTypes.UINT8,
    "int8": DTypes.INT8,
    "int16": DTypes.INT16,
    "short": DTypes.INT16,
    "int32": DTypes.INT32,
    "int": DTypes.INT32,
    "int64": DTypes.INT64,
    "long": DTypes.INT64,
    "float16": DTypes.HALF,
    "half": DTypes.HALF,
    "bfloat16": DTypes.BFLOAT16,
    "float32": DTypes.FLOAT,
    "float": DTypes.FLOAT,
    "float64": DTypes.DOUBLE,
    "double": DTypes.DOUBLE,
}
NUMPY_NAMES = {
    "bool": DTypes.BOOL,
    "bool_": DTypes.BOOL,
    "uint8": DTypes.UINT8,
    "ubyte": DTypes.UINT8,
    "u1": DTypes.UINT8,
    "int8": DTypes.INT8,
    "byte": DTypes.INT8,
    "int16": DTypes.INT16,
    "short": DTypes.INT16,
    "int32": DTypes.INT32,
    "intc": DTypes.INT32,
    "int64": DTypes.INT64,
    "int": DTypes.INT32 | DTypes.INT64,  # 32 bits on Windows before version 2
    "int_": DTypes.INT32 | DTypes.INT64,
    "float16": DTypes.HALF,
    "half": DTypes.HALF,
    "float32": DTypes.FLOAT,
    "single": DTypes.FLOAT,
    "f4": DTypes.FLOAT,
    "float64": DTypes.DOUBLE,
    "double": DTypes.DOUBLE,
    "float": DTypes.DOUBLE,
    "float_": DTypes.DOUBLE,
}
_CLASSES: tuple[tuple[DTypes, DTypeClass], ...] = (
    (DTypes.FLOAT | DTypes.DOUBLE, "float"),
    (DTypes.HALF, "half"),
    (DTypes.BFLOAT16, "bfloat16"),
    (DTypes.UINT8, "uint8"),
    (DTypes.INTEGERS, "int"),
    (DTypes.BOOL, "bool"),
)


def each(dtypes: DTypes) -> Iterator[DTypes]:
    """Yield the dtypes of a set, one by one."""
    return iter(_split(dtypes))


@functools.cache
def _split(dtypes: DTypes) -> tuple[DTypes, ...]:
    return tuple(d for d in (*INTEGER_BOUNDS, *EPSILON) if d & dtypes)


def dtype_class(dtypes: DTypes) -> DTypeClass:
    """Name the class that a set of dtypes belongs to, ``"unknown"`` where it covers several."""
    for members, name in _CLASSES:
        if dtypes and not dtypes & ~members:
            return name
    return "unknown"


def within(dtypes: DTypes, group: DTypes) -> bool:
    """Whether every dtype of the (non-empty) set belongs to the group."""
    return bool(dtypes) and not dtypes & ~group


@functools.cache
def promote(first: DTypes, second: DTypes) -> DTypes:
    """``torch.promote_types`` on two sets of one."""
    if first == second:
        return first
    low, high = sorted((first, second), key=category)
    if category(low) < category(high):
        return high
    if category(low) == 2:
        if first | second == DTypes.LOW_PRECISION:
            return DTypes.FLOAT
        return DTypes(max(first, second))
    if first | second == DTypes.UINT8 | DTypes.INT8:
        return DTypes.INT16
    return DTypes(max(first, second))


def category(dtype: DTypes) -> int:
    """Return 0 for bool, 1 for integers, 2 for floats."""
    return 0 if dtype is DTypes.BOOL else 1 if dtype & DTypes.INTEGERS else 2


Operand = tuple[DTypes, Ranks]


@functools.cache
def result_types(operands: tuple[Operand, ...]) -> DTypes:
    """``torch.result_type`` on sets: every dtype that the operands can promote to.

    The default dtype is taken to be float32; where only Python numbers meet, the result is a
    Python number (``INT64`` stands for int, ``DOUBLE`` for float).
    """
    concrete: set[tuple[tuple[DTypes, Ranks], ...]] = {()}
    for dtypes, ranks in operands:
        options = [(d, r) for d in each(dtypes) for r in Ranks if r in (1, 2, 4) and r & ranks]
        # a later operand sees only the promotion of the earlier ones, by rank
        concrete = {merged_state(s, option, promote) for s in concrete for option in options}
    result = DTypes.NONE
    for state in concrete:
        result |= _concrete_result(state)
    return result


def merged_state(
    state: tuple[Operand, ...], option: Operand, promoted: Callable[[DTypes, DTypes], DTypes]
) -> tuple[Operand, ...]:
    """Return the dtype of each rank after one more operand."""
    slots = {rank: dtype for dtype, rank in state}
    dtype, rank = option
    slots[rank] = promoted(slots[rank], dtype) if rank in slots else dtype
    return tuple((slots[rank], rank) for rank in sorted(slots))


def _concrete_result(state: tuple[Operand, ...]) -> DTypes:
    slots = {rank: dtype for dtype, rank in state}
    numbers_only = set(slots) == {Ranks.NUMBER}
    result: DTypes | None = None
    for rank in (Ranks.DIMENSIONS, Ranks.ZERO, Ranks.NUMBER):
        dtype = slots.get(rank)
        if dtype is None:
            continue
        if rank is Ranks.NUMBER and not numbers_only and dtype & DTypes.FLOATS:
            dtype = DTypes.FLOAT
        if result is None:
            result = dtype
        elif category(dtype) > category(result):
            result = promote(result, dtype)
    return result if result is not None else DTypes.NONE


def union(sets: Iterable[DTypes]) -> DTypes:
    """Return every dtype that occurs in any of the sets."""
    result = DTypes.NONE
    for dtypes in sets:
        result |= dtypes
    return result


def round_to(value: float, dtype: DTypes) -> float:
    """Round a bound to the nearest value of a floating dtype, as torch rounds results.

    Overflow becomes infinity (float16 from 65520 on). Rounding is monotone, so the rounded bound
    of an interval bounds the rounded values.
    """
    if dtype is DTypes.DOUBLE or value == 0 or value != value or value in (_INF, -_INF):
        return value
    if dtype is DTypes.FLOAT:
        return _pack("f", value)
    single = _pack("f", value)
    if dtype is DTypes.HALF:
        return _pack("e", single)
    return _bfloat16(single)


_INF = float("inf")


def _pack(layout: str, value: float) -> float:
    try:
        result: float = struct.unpack(layout, struct.pack(layout, value))[0]
    except OverflowError:
        return _INF if value > 0 else -_INF
    return result


def _bfloat16(single: float) -> float:
    if single in (_INF, -_INF):
        return single
    bits: int = struct.unpack("I", struct.pack("f", single))[0]
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    result: float = struct.unpack("f", struct.pack("I", bits))[0]
    return result
