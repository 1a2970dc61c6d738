"""NumPy's promotion rules on sets of dtypes: those of version 2 and, where they differ, of 1.

``DTypes.ANY`` also stands for the dtypes that the domain leaves out, such as uint16. Before version
2 the value of a scalar could decide; then the result holds every dtype that either version gives.
"""

from __future__ import annotations

import functools

from flake8_saveimage.values.dtypes import DTypes, Operand, Ranks, category, each, merged_state

_SIZES = {
    DTypes.BOOL: 1,
    DTypes.UINT8: 8,
    DTypes.INT8: 8,
    DTypes.INT16: 16,
    DTypes.INT32: 32,
    DTypes.INT64: 64,
}
_DEFAULTS = {0: DTypes.BOOL, 1: DTypes.INT64, 2: DTypes.DOUBLE}
_WIDER = DTypes.INT16 | DTypes.INT32 | DTypes.INT64


@functools.cache
def numpy_promote(first: DTypes, second: DTypes) -> DTypes:
    """``numpy.promote_types`` on two sets of one."""
    if first == second:
        return first
    low, high = sorted((first, second), key=category)
    if category(low) == 0:
        return high
    if category(high) == 1:
        return DTypes.INT16 if first | second == DTypes.UINT8 | DTypes.INT8 else max(first, second)
    if category(low) == 1:
        return numpy_promote(floating_type(low), high)
    return max(first, second)


def floating_type(dtype: DTypes) -> DTypes:
    """Return the dtype in which NumPy computes a function such as the square root."""
    if dtype & DTypes.FLOATS:
        return dtype
    size = _SIZES[dtype]
    return DTypes.HALF if size <= 8 else DTypes.FLOAT if size == 16 else DTypes.DOUBLE


def floating_types(dtypes: DTypes) -> DTypes:
    """Like :func:`floating_type`, for each dtype of a set."""
    result = DTypes.NONE
    for dtype in each(dtypes):
        result |= floating_type(dtype)
    return result


@functools.cache
def numpy_result_types(operands: tuple[Operand, ...]) -> DTypes:
    """``numpy.result_type`` on sets: every dtype that the operands can promote to.

    Rank zero stands for a NumPy scalar, a number for one of Python.
    """
    states: set[tuple[Operand, ...]] = {()}
    for dtypes, ranks in operands:
        options = [
            (dtype, rank)
            for dtype in each(dtypes & ~DTypes.BFLOAT16)
            for rank in (Ranks.NUMBER, Ranks.ZERO, Ranks.DIMENSIONS)
            if rank & ranks
        ]
        states = {merged_state(s, option, numpy_promote) for s in states for option in options}
    result = DTypes.NONE
    for state in states:
        result |= _result_of({rank: dtype for dtype, rank in state})
    return result


def _result_of(slots: dict[Ranks, DTypes]) -> DTypes:
    number = slots.get(Ranks.NUMBER)
    scalar = slots.get(Ranks.ZERO)
    array = slots.get(Ranks.DIMENSIONS)
    if array is None and scalar is None:
        return number if number is not None else DTypes.NONE
    if array is None or scalar is None:
        strong = array or scalar or DTypes.NONE
        result = _with_number(strong, number)
        if array is None and number is not None:
            result |= numpy_promote(strong, number)
        return result
    promoted = numpy_promote(array, scalar)
    result = _with_number(promoted, number)
    if category(scalar) <= category(array):
        result |= _with_number(array, number)
        if category(scalar) == category(array) == 1 and scalar != array:
            result |= _WIDER
    return result


def _with_number(strong: DTypes, number: DTypes | None) -> DTypes:
    if number is None or category(number) <= category(strong):
        return strong
    return numpy_promote(strong, _DEFAULTS[category(number)])
