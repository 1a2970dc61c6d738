"""From the arguments of a call to the parameters of a function of this file."""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.syntax.scopes import Scope
from flake8_saveimage.values.domain import UNKNOWN, Abstract, Items, Perhaps, Values
from flake8_saveimage.values.dtypes import DTypes


def is_method(scope: Scope) -> bool:
    """Whether the first parameter of a function is the object itself."""
    return scope.self_name is not None


def bound(
    scope: Scope, args: list[Abstract], keywords: dict[str, Abstract], *, method: bool
) -> dict[tuple[int, str], Abstract]:
    """Bind arguments to the parameters of a function."""
    params = scope.params[1:] if method else scope.params
    node = scope.node
    star = node.params.star_arg if isinstance(node, cst.FunctionDef | cst.Lambda) else None
    star_name = star.name.value if isinstance(star, cst.Param) else None
    found: dict[tuple[int, str], Abstract] = {}
    positional = list(args)
    for binding in params:
        if binding.name == star_name:
            found[(id(scope), binding.name)] = Items(tuple(positional))
            positional = []
        elif positional:
            first = positional.pop(0)
            found[(id(scope), binding.name)] = UNKNOWN if isinstance(first, Perhaps) else first
    for name, value in keywords.items():
        found[(id(scope), name)] = value
    return found


def sorted_items(parameters: dict[tuple[int, str], Abstract]) -> list[object]:
    """Return arguments as something that can be a key: plain data by value, objects by identity."""
    return [
        (name, value if isinstance(value, Values | DTypes) else id(value))
        for (_scope, name), value in sorted(parameters.items(), key=lambda item: item[0][1])
    ]
