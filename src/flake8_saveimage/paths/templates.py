"""Paths with ``{name}`` in a literal that nothing fills: the ``f`` is missing."""

from __future__ import annotations

import re

import libcst as cst

from flake8_saveimage.paths.texts import SymbolicText
from flake8_saveimage.syntax.nodes import string_value
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import Place

_BRACES = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)(?:\s*[.\[(+\-*/%:!][^{}]*)?\}(?!\})")


def template(
    site: SaveCall, value: SymbolicText
) -> tuple[tuple[str, ...], cst.BaseExpression | None]:
    """Return the variables in braces of a literal that nothing fills, and the literal."""
    for node, place in value.templates:
        if not isinstance(node, cst.SimpleString):
            continue
        literal = string_value(node)
        names = _BRACES.findall(literal) if isinstance(literal, str) else []
        bound = [name for name in names if _in_scope(name, site, place)]
        if bound and len(bound) == len(names):
            return tuple(bound), node
    return (), None


def _in_scope(name: str, site: SaveCall, place: Place) -> bool:
    return any(site.flow.lookup(name, where).reaches for where in (place, site.place))
