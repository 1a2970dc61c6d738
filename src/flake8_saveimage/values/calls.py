"""How a transfer function sees the call that it describes, and the table they all stand in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from flake8_saveimage.values.domain import (
    Abstract,
    Items,
    Literally,
    Values,
    as_values,
    cast,
    constant,
    truth,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks, each
from flake8_saveimage.values.spans import Span, hull


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call, positional ones under the names of their parameters.

    ``complete`` is false where ``*args`` or ``**kwargs`` may hold more.
    """

    given: Mapping[str, Abstract]
    extra: tuple[Abstract, ...] = ()
    complete: bool = True

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def get(self, name: str) -> Abstract | None:
        """Return what was passed for a parameter; ``None`` if nothing, or the literal None."""
        value = self.given.get(name)
        return None if isinstance(value, Literally) and value.value is None else value

    def values(self, name: str) -> Values:
        """Return a tensor argument."""
        return as_values(self.get(name))

    def constant(self, name: str) -> float | None:
        """Return a number known exactly."""
        return constant(self.get(name))

    def truth(self, name: str, default: bool) -> bool | None:
        """Return a flag; ``None`` where it is not known."""
        return truth(self.given.get(name), default if self.complete else None)

    def dtypes(self, default: DTypes) -> DTypes:
        """Return the dtypes that ``dtype=`` asks for."""
        wanted = self.get("dtype")
        if wanted is None:
            return default if self.complete else DTypes.ANY
        return wanted if isinstance(wanted, DTypes) else DTypes.ANY

    def text(self, name: str) -> str | None:
        """Return a string argument."""
        value = self.given.get(name)
        return (
            value.value if isinstance(value, Literally) and isinstance(value.value, str) else None
        )


Transfer = Callable[[Arguments], Abstract]


@dataclass(frozen=True, slots=True)
class Operation:
    """A transfer function and the names of the parameters it reads."""

    transfer: Transfer
    parameters: tuple[str, ...]
    in_place: bool = False

    def __call__(
        self, args: Iterable[Abstract], keywords: Mapping[str, Abstract], complete: bool = True
    ) -> Abstract:
        """Bind the arguments by position and name and apply the transfer function."""
        positional = tuple(args)
        given = {**dict(zip(self.parameters, positional, strict=False)), **keywords}
        for alias, name in ALIASES:
            if alias in given and name in self.parameters:
                given.setdefault(name, given[alias])
        extra = positional[len(self.parameters) :]
        result = self.transfer(Arguments(given, extra, complete))
        target = given.get("out")
        if self.in_place and positional:
            target = positional[0]
        if isinstance(target, Values) and isinstance(result, Values):
            return stored_in(result, target)
        return result


# names that numpy and older torch use for the same parameter
ALIASES = (("a_min", "min"), ("a_max", "max"), ("axis", "dim"), ("self", "input"), ("x", "input"))

OPERATIONS: dict[str, Operation] = {}


Described = TypeVar("Described", bound=Transfer)


def operation(*names: str, parameters: str = "input") -> Callable[[Described], Described]:
    """Register a transfer function under qualified names.

    ``torch.*.name`` and so on are written out; ``name`` alone stands for ``torch.name``,
    ``Tensor.name`` and their in-place forms.
    """

    def register(transfer: Described) -> Described:
        plain = Operation(transfer, tuple(parameters.split()))
        for name in names:
            if "." in name:
                OPERATIONS[name] = plain
                continue
            in_place = dataclasses.replace(plain, in_place=True)
            OPERATIONS[f"torch.{name}"] = OPERATIONS[f"Tensor.{name}"] = plain
            OPERATIONS[f"torch.{name}_"] = OPERATIONS[f"Tensor.{name}_"] = in_place
        return transfer

    return register


def stored_in(result: Values, target: Values) -> Values:
    """Return a result after it was written into an existing tensor, whose dtype stays."""
    result = dataclasses.replace(result, ranks=target.ranks & Ranks.TENSOR or Ranks.TENSOR)
    if result.dtypes | DTypes.BOOL == target.dtypes | DTypes.BOOL:
        return result  # it was computed in each of the target's dtypes already
    return converted(result, target.dtypes)


def converted(value: Values, dtypes: DTypes) -> Values:
    """Return a value after its conversion to other dtypes, whatever its rank."""
    span: Span | None = None
    for dtype in each(dtypes):
        stored = cast(value.span, value.dtypes, dtype)
        span = stored if span is None else hull(span, stored)
    reach = value.reach
    if reach is not None and not dtypes & DTypes.FLOATS and span is not None:
        inside = span.low <= reach.low and reach.high <= span.high
        reach = Span(float(int(reach.low)), float(int(reach.high))) if inside else None
    return dataclasses.replace(
        value,
        span=span if span is not None else value.span,
        dtypes=dtypes,
        reach=reach,
        scale=value.scale if dtypes & DTypes.FLOATS else (1.0, 0.0),
    )


def parts(value: Abstract | None) -> list[Values] | None:
    """Return the tensors of a sequence argument, ``None`` where they are not all visible."""
    if isinstance(value, Items) and value.complete and value.parts:
        return [as_values(part) for part in value.parts]
    return None
