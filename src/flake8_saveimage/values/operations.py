"""The table of operations, and how a transfer function sees the call that it describes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from flake8_saveimage.syntax.arguments import Arguments, Bound, bind
from flake8_saveimage.values.arrays import numpy_operand
from flake8_saveimage.values.domain import (
    Abstract,
    Items,
    Literally,
    Values,
    as_values,
    constant,
    numbers,
    truth,
)
from flake8_saveimage.values.dtypes import NUMPY_NAMES, DTypes, Ranks, each
from flake8_saveimage.values.elementwise import cast
from flake8_saveimage.values.intervals import Interval, hull

Passed: TypeAlias = Arguments[Abstract]


@dataclass(frozen=True, slots=True)
class Operands(Bound[Abstract]):
    """The arguments of an operation by parameter.

    ``name`` is the last name of the operation, without ``_``; ``of_numpy`` says that it is a
    function of NumPy, which makes arrays of lists and images.
    """

    name: str = ""
    of_numpy: bool = False

    def __contains__(self, parameter: str) -> bool:
        return parameter in self.given

    def get(self, parameter: str) -> Abstract | None:
        """Return what was passed; ``None`` if nothing, or the literal None."""
        value = self.given.get(parameter)
        return None if isinstance(value, Literally) and value.value is None else value

    def values(self, parameter: str) -> Values:
        """Return a tensor argument."""
        given = self.get(parameter)
        return numpy_operand(given) if self.of_numpy else as_values(given)

    def truth(self, parameter: str, default: bool) -> bool | None:
        """Return a flag; ``None`` where it is not known."""
        return truth(self.given.get(parameter), default if self.complete else None)

    def dtypes(self, default: DTypes) -> DTypes:
        """Return the dtypes that ``dtype=`` asks for."""
        wanted = self.get("dtype")
        if wanted is None:
            return default if self.complete else DTypes.ANY
        if isinstance(wanted, Literally) and isinstance(wanted.value, str):
            return NUMPY_NAMES.get(wanted.value, DTypes.ANY)
        return wanted if isinstance(wanted, DTypes) else DTypes.ANY

    def axis(self, parameter: str, default: int | None = None) -> int | None:
        """Return an axis; ``default`` where none is passed, ``None`` where it is not known."""
        if self.get(parameter) is None:
            return default if self.complete else None
        single = constant(self.get(parameter))
        return None if single is None else int(single)

    def axes(self, parameter: str) -> list[int] | None:
        """Return axes passed as a tuple or one by one; ``None`` where they are not known."""
        found = numbers(self.get(parameter))
        rest = [constant(value) for value in self.rest]
        if found is None or not self.complete or None in rest:
            return None
        return [int(axis) for axis in (*found, *rest) if axis is not None]

    def text(self, parameter: str) -> str | None:
        """Return a string argument."""
        value = self.given.get(parameter)
        if isinstance(value, Literally) and isinstance(value.value, str):
            return value.value
        return None


Transfer: TypeAlias = Callable[[Operands], Abstract]
Described = TypeVar("Described", bound=Transfer)


@dataclass(slots=True)
class Operation:
    """A transfer function and the names of its parameters, in order."""

    transfer: Transfer
    parameters: tuple[str, ...]
    in_place: bool = False


OPERATIONS: dict[str, Operation] = {}
# where an elementwise operation is found under its plain name, and in place with `_`
_HOMES = (
    "torch.",
    "Tensor.",
    "torch.nn.functional.",
    "torch.special.",
    "numpy.",
    "ndarray.",
)
# other names of a parameter, in NumPy and in older versions of torch
_ALIASES = (("a_min", "min"), ("a_max", "max"), ("axis", "dim"), ("self", "input"), ("x", "input"))
_CHOICE = re.compile(r"\{([^}]*)\}")


def operation(*names: str, parameters: str = "input") -> Callable[[Described], Described]:
    """Register a transfer function under qualified names; ``Tensor.x`` is a method.

    ``"{torch Tensor}.{mean std}"`` stands for four names. A name without a dot stands for
    an elementwise function wherever torch and NumPy have it, and its in-place forms.
    """

    def register(transfer: Described) -> Described:
        plain = Operation(transfer, tuple(parameters.split()))
        in_place = Operation(transfer, plain.parameters, in_place=True)
        for name in (expanded for pattern in names for expanded in expand(pattern)):
            if "." in name:
                OPERATIONS[name] = plain
                continue
            for home in _HOMES:
                OPERATIONS[f"{home}{name}"] = plain
                OPERATIONS[f"{home}{name}_"] = in_place
        return transfer

    return register


def expand(pattern: str) -> Iterator[str]:
    """Yield the names that a pattern with ``{a b}`` stands for."""
    choice = _CHOICE.search(pattern)
    if choice is None:
        yield pattern
        return
    head = pattern[: choice.start()]
    for tail in expand(pattern[choice.end() :]):
        for word in choice[1].split():
            yield f"{head}{word}{tail}"


def apply(name: str, arguments: Passed) -> Abstract:
    """Bind arguments to the parameters of an operation and apply its transfer function.

    Raises:
        KeyError: the table has no operation of that name.
    """
    found = OPERATIONS[name]
    bound = bind(found.parameters, arguments)
    given = dict(bound.given)
    for alias, parameter in _ALIASES:
        if alias in given and parameter in found.parameters:
            given.setdefault(parameter, given[alias])
    result = transferred(name, Operands(given, bound.rest, bound.complete))
    target = arguments.positional[0] if found.in_place and arguments.positional else None
    if target is None:
        target = given.get("out")
    if isinstance(target, Values) and isinstance(result, Values):
        return stored_in(result, target)
    if name.startswith("numpy.") and isinstance(result, Values) and result.kind == "number":
        return dataclasses.replace(result, kind="array", ranks=Ranks.ZERO)
    return result


def applied_to(name: str, *operands: Abstract) -> Abstract:
    """Apply an operation to positional operands."""
    return apply(name, Arguments(operands))


def transferred(name: str, operands: Operands) -> Abstract:
    """Apply the transfer function of an operation to arguments that are bound already."""
    last = name.rpartition(".")[2].rstrip("_")
    of_numpy = name.startswith("numpy.")
    return OPERATIONS[name].transfer(dataclasses.replace(operands, name=last, of_numpy=of_numpy))


def stored_in(result: Values, target: Values) -> Values:
    """Return a result after it was written into an existing tensor, whose dtype stays."""
    result = dataclasses.replace(result, ranks=target.ranks & Ranks.TENSOR or Ranks.TENSOR)
    if result.dtypes | DTypes.BOOL == target.dtypes | DTypes.BOOL:
        return result  # it was computed in each of the target's dtypes already
    return converted(result, target.dtypes)


def converted(value: Values, dtypes: DTypes) -> Values:
    """Return a value after its conversion to other dtypes, whatever its rank."""
    interval: Interval | None = None
    for dtype in each(dtypes):
        stored = cast(value.interval, value.dtypes, dtype)
        interval = stored if interval is None else hull(interval, stored)
    reach = value.reach
    if reach is not None and not dtypes & DTypes.FLOATS and interval is not None:
        inside = interval.low <= reach.low and reach.high <= interval.high
        reach = Interval(float(int(reach.low)), float(int(reach.high))) if inside else None
    return dataclasses.replace(
        value,
        interval=interval if interval is not None else value.interval,
        dtypes=dtypes,
        reach=reach,
        scale=value.scale if dtypes & DTypes.FLOATS else (1.0, 0.0),
    )


def tensors_of(sequence: Abstract | None) -> list[Values] | None:
    """Return the tensors of a sequence argument, ``None`` where they are not all visible."""
    if isinstance(sequence, Items) and sequence.complete and sequence.parts:
        return [as_values(part) for part in sequence.parts]
    return None
