"""The domain: promotion, rounding, wrapping, joins."""

from __future__ import annotations

import dataclasses

import pytest

from flake8_saveimage.syntax.arguments import Arguments
from flake8_saveimage.values import ops  # noqa: F401 (fills the table)
from flake8_saveimage.values.domain import UNKNOWN, Values, join, join_parts, number, tensor
from flake8_saveimage.values.dtypes import BY_NAME, DTypes, Ranks, dtype_class, result_types
from flake8_saveimage.values.intervals import UNIT, Interval
from flake8_saveimage.values.operations import apply

SIGNED = Interval(-1.0, 1.0)


def run(name: str, *args: Values, **keywords: Values) -> Values:
    result = apply(name, Arguments(args, keywords))
    assert isinstance(result, Values)
    return result


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        (("uint8", 4), ("float32", 4), "float32"),
        (("uint8", 4), ("float64", 2), "float64"),
        (("float16", 4), ("float64", 2), "float16"),
        (("float16", 4), ("bfloat16", 4), "float32"),
        (("uint8", 4), ("int8", 4), "int16"),
        (("uint8", 4), ("int64", 1), "uint8"),
        (("uint8", 4), ("float64", 1), "float32"),
        (("bool", 4), ("int64", 1), "int64"),
        (("float32", 2), ("float16", 2), "float32"),
    ],
)
def test_promotion(first: tuple[str, int], second: tuple[str, int], result: str) -> None:
    """As ``torch.result_type`` answers; ranks: 1 a number, 2 no dimension, 4 dimensions."""
    operands = tuple((BY_NAME[name], Ranks(rank)) for name, rank in (first, second))
    assert result_types(operands) == BY_NAME[result]


def test_integers_wrap() -> None:
    byte = tensor(Interval(0.0, 255.0), DTypes.UINT8)
    assert run("torch.mul", byte, number(2)).interval == Interval(0.0, 255.0)
    assert run("torch.neg", byte).interval == Interval(0.0, 255.0)
    assert run("torch.div", byte, number(255)).dtypes is DTypes.FLOAT


def test_half_overflows() -> None:
    half = tensor(UNIT, DTypes.HALF)
    assert run("torch.mul", half, number(70000.0)).interval.high == float("inf")
    assert run("torch.mul", half, number(60000.0)).interval.high < 65504


def test_a_float_outside_a_byte_may_become_any_byte() -> None:
    signed = tensor(SIGNED, DTypes.FLOAT)
    assert run("Tensor.byte", signed).interval == Interval(0.0, 255.0)
    assert run("Tensor.byte", tensor(UNIT, DTypes.FLOAT)).interval == UNIT


def test_what_dividing_by_zero_gives_is_covered() -> None:
    unit = tensor(UNIT, DTypes.FLOAT)
    quotient = run("torch.div", unit, unit).interval
    assert quotient == Interval(-float("inf"), float("inf"), nan=True)


@pytest.mark.parametrize("resample", ["torchvision.transforms.functional.resize", "average"])
def test_resampling_infinities_may_give_nan(resample: str) -> None:
    """exp of a large number is inf, and a weighted sum of infinities is NaN."""
    name = "torch.nn.functional.avg_pool2d" if resample == "average" else resample
    infinite = run("torch.exp", tensor(Interval(0.0, 1000.0), DTypes.FLOAT))
    assert not infinite.interval.nan
    assert run(name, infinite).interval.nan


def test_numbers_are_computed_exactly() -> None:
    third = run("torch.div", number(1), number(3))
    assert third.interval.point
    assert third.interval.low == 1 / 3


def test_a_join_reaches_only_what_both_reach() -> None:
    tanh = run("torch.tanh", UNKNOWN)
    sigmoid = run("torch.sigmoid", UNKNOWN)
    joined = join(tanh, sigmoid)
    assert joined.reach == UNIT
    assert joined.interval.low == -1.0
    assert join(tanh, UNKNOWN).reach is None


def test_every_part_of_a_grid_is_in_it() -> None:
    tanh = run("torch.tanh", UNKNOWN)
    assert join_parts([tanh, UNKNOWN]).reach == SIGNED
    assert join_parts([UNKNOWN, UNKNOWN]).known is False


def test_dependent_values_do_not_reach_what_independent_ones_do() -> None:
    x = run("torch.sigmoid", UNKNOWN)
    same = dataclasses.replace(x, sources=frozenset({"x"}))
    other = dataclasses.replace(x, sources=frozenset({"y"}))
    assert run("torch.sub", same, same).reach is None
    difference = run("torch.sub", same, other).reach
    assert difference is not None
    assert difference.low < -0.99
    assert difference.high > 0.99


def test_a_scale_tells_what_the_author_knows() -> None:
    assert run("torch.div", UNKNOWN, number(255)).known
    assert run("torch.mul", UNKNOWN, number(255)).reach == Interval(0.0, 255.0)
    shifted = run("torch.add", run("torch.mul", UNKNOWN, number(0.5)), number(0.5))
    assert shifted.reach == UNIT
    assert not run("torch.mul", UNKNOWN, number(0.5)).known


@pytest.mark.parametrize(
    ("dtypes", "name"),
    [
        (DTypes.FLOAT | DTypes.DOUBLE, "float"),
        (DTypes.UINT8, "uint8"),
        (DTypes.INT64 | DTypes.UINT8, "int"),
        (DTypes.ANY, "unknown"),
        (DTypes.NONE, "unknown"),
    ],
)
def test_classes_of_dtypes(dtypes: DTypes, name: str) -> None:
    assert dtype_class(dtypes) == name


def test_values_outside_of_bytes_wrap_around() -> None:
    """The conversion is remembered until the values are written, and survives other steps."""
    scaled = run("torch.mul", run("torch.tanh", UNKNOWN), number(255))
    wrapped = run("Tensor.byte", scaled).wrapped
    assert wrapped is not None
    assert (round(wrapped.reach.low), wrapped.origin.what) == (-255, "byte")
    assert wrapped.source is not None
    assert wrapped.source.what == "tanh"
    moved = run("ndarray.transpose", run("Tensor.numpy", run("Tensor.byte", scaled)))
    assert moved.wrapped == wrapped


@pytest.mark.parametrize("low", [0.0, -0.5])
def test_values_that_are_cut_off_do_not_wrap(low: float) -> None:
    inside = dataclasses.replace(tensor(Interval(low, 255.5), DTypes.FLOAT))
    assert run("Tensor.byte", inside).wrapped is None
