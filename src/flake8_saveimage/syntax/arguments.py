"""Binding of the arguments of a call to the names of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import libcst as cst

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Arguments(Generic[T]):
    """What a call passes.

    ``complete`` is false where ``*args`` or ``**kwargs`` may pass more.
    """

    positional: tuple[T, ...] = ()
    keywords: Mapping[str, T] = field(default_factory=dict)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Bound(Generic[T]):
    """Arguments by the names of their parameters.

    A keyword that names no parameter is kept under its own name; ``rest`` holds the positional
    arguments beyond the last parameter.
    """

    given: Mapping[str, T]
    rest: tuple[T, ...] = ()
    complete: bool = True


def written_arguments(call: cst.Call) -> Arguments[cst.Arg]:
    """Return the arguments as they are written; positional ones after ``*args`` are left out."""
    positional: list[cst.Arg] = []
    keywords: dict[str, cst.Arg] = {}
    starred = False
    for argument in call.args:
        if argument.keyword is not None:
            keywords[argument.keyword.value] = argument
        elif argument.star:
            starred = True
        elif not starred:
            positional.append(argument)
    return Arguments(tuple(positional), keywords, not starred)


def bind(parameters: Sequence[str], arguments: Arguments[T]) -> Bound[T]:
    """Bind arguments to the parameters that can be passed by position."""
    positional = arguments.positional
    given = {**dict(zip(parameters, positional, strict=False)), **arguments.keywords}
    return Bound(given, positional[len(parameters) :], arguments.complete)


def positional_parameters(function: cst.CSTNode) -> list[str]:
    """Return the names of a function's parameters that can be passed by position."""
    if not isinstance(function, cst.FunctionDef | cst.Lambda):
        return []
    return [p.name.value for p in (*function.params.posonly_params, *function.params.params)]


def star_parameter(function: cst.CSTNode) -> str | None:
    """Return ``"rest"`` of a function with the parameter ``*rest``."""
    star = function.params.star_arg if isinstance(function, cst.FunctionDef | cst.Lambda) else None
    return star.name.value if isinstance(star, cst.Param) else None
