"""NumPy: how arrays are made, converted, moved and joined.

Elementwise functions are those of torch (see ``arithmetic`` and ``nn``): only the dtypes to which
operands are promoted differ.
"""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values import intervals
from flake8_saveimage.values.arrays import INTEGER, converted_to_hidden, made_array
from flake8_saveimage.values.domain import (
    Abstract,
    Origin,
    Values,
    as_values,
    number,
)
from flake8_saveimage.values.dtypes import NUMPY_NAMES, DTypes, Ranks
from flake8_saveimage.values.elementwise import emit, joined_dtypes, pointwise
from flake8_saveimage.values.intervals import UNIT, WHOLE, Interval, hull
from flake8_saveimage.values.layout import (
    flipped,
    joined,
    moved_axis,
    permuted,
    swapped,
    with_new_axis,
)
from flake8_saveimage.values.objects import LibraryObject
from flake8_saveimage.values.operations import Operands, operation, tensors_of
from flake8_saveimage.values.ops import creation
from flake8_saveimage.values.ops.conversion import cast_to
from flake8_saveimage.values.ops.shape import joined_values, reshaped, selected

# the tail of NumPy's samplers reaches sqrt(2 * 73) = 12.1 (polar) and 13.7 (ziggurat)
_NORMAL = Interval(-16.0, 16.0)


# --- making and converting --------------------------------------------------------------------


@operation("numpy.{array asarray asanyarray ascontiguousarray}", parameters="input dtype")
def make_array(a: Operands) -> Values:
    value = _as_wanted(made_array(a.get("input")), a)
    if a.name == "ascontiguousarray":  # at least one dimension
        return dataclasses.replace(value, ranks=Ranks.DIMENSIONS)
    return value


def _as_wanted(value: Values, a: Operands) -> Values:
    """Return an array in the dtype that the call asks for, if it does."""
    if a.get("dtype") is None:
        return value if a.complete else converted_to_hidden(value)
    dtypes = a.dtypes(DTypes.ANY)
    if dtypes is DTypes.ANY:
        return converted_to_hidden(value)
    return cast_to(value, dtypes, a.name)


@operation(f"numpy.{{{' '.join(NUMPY_NAMES)}}}")
def convert(a: Operands) -> Values:
    value = made_array(a.get("input"))
    return cast_to(value, NUMPY_NAMES[a.name], a.name)


@operation("ndarray.astype", parameters="input dtype")
def astype(a: Operands) -> Values:
    return _as_wanted(made_array(a.get("input")), a)


@operation("Tensor.numpy")
def of_tensor(a: Operands) -> Values:
    return made_array(a.get("input"))


@operation("ndarray.view", parameters="input dtype")
def view(a: Operands) -> Values:
    """With a dtype, the bytes are read anew."""
    value = a.values("input")
    if a.get("dtype") is None and a.complete:
        return value
    return Values(kind="array", ranks=value.ranks)


@operation("{numpy ndarray}.copy")
def copy(a: Operands) -> Values:
    return a.values("input")


@operation("numpy.{zeros ones}", parameters="size dtype")
def filled(a: Operands) -> Values:
    return made_array(creation.filled(a, DTypes.DOUBLE))


@operation("numpy.{zeros_like ones_like}", parameters="input dtype")
def filled_like(a: Operands) -> Values:
    return made_array(creation.filled_like(a))


@operation("numpy.full", parameters="size fill_value dtype")
@operation("numpy.full_like", parameters="input fill_value dtype")
def full(a: Operands) -> Values:
    fill = made_array(a.get("fill_value"))
    dtypes = a.values("input").dtypes if a.name == "full_like" else fill.dtypes
    value = cast_to(fill, a.dtypes(dtypes), a.name)
    return dataclasses.replace(value, ranks=Ranks.TENSOR)


@operation("numpy.{eye identity}", parameters="size")
def eye(a: Operands) -> Values:
    return Values(UNIT, a.dtypes(DTypes.DOUBLE), Ranks.DIMENSIONS, "array", UNIT, known=True)


@operation("numpy.linspace", parameters="start end")
def linspace(a: Operands) -> Values:
    start, end = a.values("start"), a.values("end")
    dtypes = a.dtypes(DTypes.DOUBLE)
    reach = hull(start.reach, end.reach) if start.reach and end.reach else None
    interval = emit(hull(start.interval, end.interval), dtypes, slack=4)
    return Values(interval, dtypes, Ranks.DIMENSIONS, "array", reach, known=reach is not None)


@operation("numpy.arange", parameters="start end step")
def arange(a: Operands) -> Values:
    ends = [a.values(name) for name in ("start", "end") if name in a]
    whole = bool(ends) and all(v.dtypes is DTypes.INT64 for v in ends)
    if not whole or "step" in a or "dtype" in a or not a.complete:
        return Values(kind="array", ranks=Ranks.DIMENSIONS)
    first = ends[0].interval if len(ends) == 2 else Interval(0.0, 0.0)
    interval = hull(first, ends[-1].interval)
    return Values(interval, INTEGER, Ranks.DIMENSIONS, "array")


# --- random numbers -----------------------------------------------------------------------------

_RANDOM = "{numpy.random numpy.random.Generator}"


def _drawn(
    a: Operands, interval: Interval, dtypes: DTypes, reach: Interval | None, what: str
) -> Values:
    ranks = creation.shape_ranks(a) if "size" in a else Ranks.ANY
    known = reach is not None
    return Values(interval, dtypes, ranks, "array", reach, Origin(what), known)


@operation("numpy.random.default_rng", "numpy.random.RandomState")
def generator(a: Operands) -> Abstract:
    return LibraryObject("numpy.random.Generator")


@operation(f"{_RANDOM}.{{rand random random_sample}}", parameters="size")
def uniform_unit(a: Operands) -> Values:
    return _drawn(a, UNIT, DTypes.DOUBLE | a.dtypes(DTypes.NONE), UNIT, a.name)


@operation(f"{_RANDOM}.uniform", parameters="low high size")
def uniform(a: Operands) -> Values:
    low, high = (as_values(a.get("low") or number(0)), as_values(a.get("high") or number(1)))
    reach = hull(low.reach, high.reach) if low.reach and high.reach and a.complete else None
    interval = hull(low.interval, high.interval) if a.complete else WHOLE
    return _drawn(a, emit(interval, DTypes.DOUBLE, slack=4), DTypes.DOUBLE, reach, "uniform")


@operation(f"{_RANDOM}.{{randn standard_normal}}", parameters="size")
def normal(a: Operands) -> Values:
    origin = Origin(a.name, "noise")
    dtypes = DTypes.DOUBLE | a.dtypes(DTypes.NONE)
    drawn = _drawn(a, _NORMAL, dtypes, creation.THREE_SIGMA, a.name)
    return dataclasses.replace(drawn, origin=origin)


@operation(f"{_RANDOM}.normal", parameters="loc scale size")
def gaussian(a: Operands) -> Values:
    mean, deviation = (a.get("loc") or number(0.0), a.get("scale") or number(1.0))
    base = dataclasses.replace(normal(a), dtypes=DTypes.DOUBLE)
    value = pointwise(
        lambda n, m, s: intervals.add(intervals.multiply(n, s), m),
        base,
        as_values(mean),
        as_values(deviation),
        dtypes=DTypes.DOUBLE,
    )
    return dataclasses.replace(value, origin=base.origin)


@operation(f"{_RANDOM}.{{randint integers}}", parameters="low high size dtype")
def randint(a: Operands) -> Values:
    low, high = a.values("low"), a.get("high")
    first, last = (number(0), low) if high is None else (low, as_values(high))
    dtypes = a.dtypes(INTEGER)
    if not a.complete:
        return Values(kind="array", dtypes=dtypes)
    interval = hull(first.interval, last.interval)
    top = interval.high - (0.0 if "endpoint" in a else 1.0)
    interval = Interval(interval.low, max(interval.low, top))
    sure = first.interval.point and last.interval.point
    return _drawn(a, interval, dtypes, interval if sure else None, "randint")


# --- moving and joining -------------------------------------------------------------------------


@operation("{numpy ndarray}.transpose", parameters="input axes")
def transpose(a: Operands) -> Values:
    return permuted(a.values("input"), a.axes("axes"), "transpose")


@operation("{numpy ndarray}.swapaxes", parameters="input first second")
def swapaxes(a: Operands) -> Values:
    return swapped(a.values("input"), a.axis("first"), a.axis("second"), "swapaxes")


@operation("numpy.moveaxis", parameters="input source destination")
def moveaxis(a: Operands) -> Values:
    source, destination = a.axis("source"), a.axis("destination")
    return moved_axis(a.values("input"), source, destination, "moveaxis")


@operation("numpy.expand_dims", parameters="input dim")
def expand_dims(a: Operands) -> Values:
    return with_new_axis(a.values("input"), a.axis("dim"))


@operation("numpy.{flip fliplr flipud}", parameters="input dim")
def flip(a: Operands) -> Values:
    axes = {"fliplr": [1], "flipud": [0]}.get(a.name) or a.axes("dim")
    return flipped(a.values("input"), axes)


@operation("numpy.{rot90 roll broadcast_to take tile resize}")
@operation("{numpy ndarray}.{reshape ravel repeat squeeze}", "ndarray.{flatten take}")
def moved(a: Operands) -> Values:
    return reshaped(a)


_JOINED = {"hstack": 1, "vstack": 0, "dstack": 2, "row_stack": 0}


@operation("numpy.{concatenate hstack vstack dstack row_stack}", parameters="tensors dim")
def concatenate(a: Operands) -> Values:
    axis = _JOINED[a.name] if a.name in _JOINED else a.axis("dim", 0)
    return joined(_joined(a), axis)


@operation("numpy.{stack column_stack}", parameters="tensors dim")
def stack(a: Operands) -> Values:
    return with_new_axis(_joined(a), a.axis("dim", 0) if a.name == "stack" else None)


def _joined(a: Operands) -> Values:
    sequence = tensors_of(a.get("tensors"))
    if sequence is None:
        whole = made_array(a.get("tensors"))
        return dataclasses.replace(whole, ranks=Ranks.DIMENSIONS, layout=None, channels=None)
    parts = [made_array(value) for value in sequence]
    dtypes = joined_dtypes(parts)
    return _as_wanted(joined_values(parts, dtypes, "array"), a)


@operation("numpy.pad", parameters="input pad_width mode")
def pad(a: Operands) -> Values:
    value = a.values("input")
    fills = [Interval(0.0, 0.0)]
    for name in ("constant_values", "end_values"):
        if name in a:
            fills.append(as_values(a.get(name)).interval if a.complete else WHOLE)
    interval = value.interval
    for fill in fills:
        interval = hull(interval, fill)
    return dataclasses.replace(value, interval=emit(interval, value.dtypes), channels=None)


@operation("numpy.where", parameters="condition input other")
def where(a: Operands) -> Abstract:
    if "input" not in a:
        return Values(kind="array")
    return selected(a.values("input"), a.values("other"), "array")
