"""NumPy: random numbers, constants, and what moves values around."""

from __future__ import annotations

from flake8_saveimage.values.domain import Values, tensor
from flake8_saveimage.values.dtypes import DTypes
from flake8_saveimage.values.intervals import UNIT
from flake8_saveimage.values.operations import Operands, operation
from flake8_saveimage.values.ops.arithmetic import clamp
from flake8_saveimage.values.ops.creation import filled, shape_ranks
from flake8_saveimage.values.ops.shape import reshaped, same

operation("numpy.{array asarray copy ascontiguousarray}")(same)
operation("numpy.{transpose expand_dims squeeze flip reshape moveaxis}")(reshaped)
operation("numpy.clip", parameters="input min max")(clamp)


@operation("numpy.random.{rand random}", parameters="size")
def uniform(a: Operands) -> Values:
    return tensor(UNIT, DTypes.DOUBLE, ranks=shape_ranks(a))


@operation("numpy.{zeros ones}", parameters="size dtype")
def double_filled(a: Operands) -> Values:
    return filled(a, DTypes.DOUBLE)
