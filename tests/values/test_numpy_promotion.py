"""NumPy's promotion, asked of NumPy itself."""

from __future__ import annotations

import itertools

import pytest

pytest.importorskip("numpy")

import numpy as np

from flake8_saveimage.values.dtypes import BY_NAME, Ranks
from flake8_saveimage.values.numpy_promotion import (
    floating_type,
    numpy_promote,
    numpy_result_types,
)

pytestmark = pytest.mark.torch
NAMES = "bool uint8 int8 int16 int32 int64 float16 float32 float64".split()
NUMBERS = {"bool": True, "int64": 7, "float64": 0.5}


def made(name: str, rank: Ranks) -> object:
    """Return an operand: an array, a NumPy scalar or, of three dtypes, a number of Python."""
    if rank is Ranks.NUMBER:
        return NUMBERS[name]
    return np.dtype(name).type(1) if rank is Ranks.ZERO else np.ones(2, name)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(NAMES, NAMES)))
def test_promotion(first: str, second: str) -> None:
    promoted = np.promote_types(first, second).name
    assert numpy_promote(BY_NAME[first], BY_NAME[second]) is BY_NAME[promoted]


OPERANDS = [(name, rank) for name in NAMES for rank in (Ranks.ZERO, Ranks.DIMENSIONS)]
OPERANDS += [(name, Ranks.NUMBER) for name in NUMBERS]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(OPERANDS, OPERANDS)))
def test_results(first: tuple[str, Ranks], second: tuple[str, Ranks]) -> None:
    """What a sum has is among the claimed; of an array and a number there is no doubt."""
    if first[1] is second[1] is Ranks.NUMBER:
        return
    dtype = BY_NAME[(made(*first) + made(*second)).dtype.name]  # type: ignore[operator]
    claimed = numpy_result_types(((BY_NAME[first[0]], first[1]), (BY_NAME[second[0]], second[1])))
    assert dtype & claimed
    if {first[1], second[1]} == {Ranks.DIMENSIONS, Ranks.NUMBER}:
        assert claimed is dtype


@pytest.mark.parametrize("name", NAMES)
def test_functions_into_floats(name: str) -> None:
    assert floating_type(BY_NAME[name]) is BY_NAME[np.sqrt(np.ones(2, name)).dtype.name]
