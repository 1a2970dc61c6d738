"""String literals as the source writes them: the missing ``f``, numbers of a value range."""

from __future__ import annotations

import libcst as cst


def formatted(node: cst.SimpleString) -> cst.FormattedString | None:
    """Return the literal with an ``f`` in front, or ``None`` if that is no valid f-string."""
    prefix = node.prefix
    if "b" in prefix or "f" in prefix or "t" in prefix:
        return None
    raw = "r" if "r" in prefix else ""
    body = node.value[len(prefix) :]
    if "{{" in body or "}}" in body:
        return None  # they would turn into single braces
    try:
        parsed = cst.parse_expression(f"f{raw}{body}")
    except cst.ParserSyntaxError:
        return None
    if not isinstance(parsed, cst.FormattedString):
        return None
    return parsed.with_changes(lpar=node.lpar, rpar=node.rpar)


def names_in_format(node: cst.SimpleString) -> list[str]:
    """Return the names that a literal would read as an f-string."""
    found: list[str] = []
    stack: list[cst.CSTNode] = [parsed] if (parsed := formatted(node)) is not None else []
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Name):
            found.append(current.value)
        elif isinstance(current, cst.Attribute):
            stack.append(current.value)
        else:
            stack.extend(current.children)
    return found


def number(value: float) -> str:
    """Return a bound as people write it: ``-1``, ``255``, ``0.5``."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def interval(bounds: tuple[float, float]) -> str:
    """Return ``(-1, 1)``."""
    return f"({number(bounds[0])}, {number(bounds[1])})"
