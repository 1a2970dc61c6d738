"""What formatting and the operations on paths make of texts."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import PurePosixPath

import libcst as cst

from flake8_saveimage.paths.texts import (
    COARSE,
    ROUNDED,
    SymbolicText,
    constants,
    known_text,
    names_in,
    union,
    unknown,
)

_PERCENT = re.compile(r"%[#0\- +]*(\d+)?(\.\d+)?[hlL]?[diouxXeEfFgGcrsa%]")
_ROUNDING_PERCENT = re.compile(r"%[#0\- +]*(\d+)?(\.\d+)?[hlL]?[eEfFgG]")
_ROUNDING_SPEC = re.compile(r"\.\d+[eEfFgG%]?$")
_FORMATTER = string.Formatter()


def percent_format(
    template: SymbolicText,
    values: SymbolicText,
    node: cst.BaseExpression,
    known: list[str | int] | None,
) -> SymbolicText:
    """``"%03d.png" % i``."""
    hint = names_in(node)
    weak = None
    if _ROUNDING_PERCENT.search(template.text or ""):
        weak = ROUNDED
    elements = node.elements if isinstance(node, cst.Tuple) else ()
    if template.text is None:
        text = None
    elif known is not None and template.constant:
        try:
            text = template.text % tuple(known)
        except (TypeError, ValueError):
            text = unknown(template.text)
    else:
        hints = iter([names_in(element.value) for element in elements] or [hint])
        text = _PERCENT.sub(lambda m: "%" if m.group() == "%%" else unknown(next(hints, "")),
                         template.text)  # fmt: skip
    values = values.without_text()
    if weak is not None:
        values = values.weakened(weak)
    return union([replace(template, templates=()), values], text)


def str_format(
    template: SymbolicText, arguments: Sequence[SymbolicText], node: cst.Call
) -> SymbolicText:
    """``"{}_{name}.png".format(i, name=n)``."""
    rounded: set[int] = set()
    keys = [a.keyword.value if a.keyword is not None else "" for a in node.args]
    text = None if template.text is None else _formatted(template, arguments, keys)
    if text is None and template.text is not None:
        try:
            text = "".join(_filled(template.text, arguments, keys, node, rounded))
        except ValueError:
            text = unknown(template.text)
    values = [
        value.weakened(ROUNDED) if index in rounded else value
        for index, value in enumerate(argument.without_text() for argument in arguments)
    ]
    return union([replace(template, templates=()), *values], text)


def _formatted(
    template: SymbolicText, arguments: Sequence[SymbolicText], keys: Sequence[str]
) -> str | None:
    """Return the text if the template and all arguments are known."""
    known = constants(arguments)
    if not template.constant or known is None:
        return None
    named = {key: value for key, value in zip(keys, known, strict=True) if key}
    positional = [value for key, value in zip(keys, known, strict=True) if not key]
    try:
        return (template.text or "").format(*positional, **named)
    except (IndexError, KeyError, ValueError, AttributeError):
        return unknown(template.text or "")


def _filled(
    template: str,
    arguments: Sequence[SymbolicText],
    keys: Sequence[str],
    node: cst.Call,
    rounded: set[int],
) -> Iterator[str]:
    """Yield the pieces of a text, and note which arguments are rounded."""
    numbers = count()
    for literal, field, spec, conversion in _FORMATTER.parse(template):
        yield literal
        if field is None:
            continue
        key = re.split(r"[.\[]", field)[0]
        index = next(numbers) if not key else int(key) if key.isdigit() else -1
        if key and key in keys:
            index = keys.index(key)
        if not 0 <= index < len(arguments):
            yield unknown(key)
            continue
        if _ROUNDING_SPEC.search(spec or ""):
            rounded.add(index)
        value = arguments[index]
        as_it_is = value.constant and key == field and not spec and not conversion
        yield value.text or "" if as_it_is else unknown(names_in(node.args[index].value))


def formatted_with(value: SymbolicText, spec: str) -> SymbolicText:
    """Return a value after a format specification, which may round it."""
    if _ROUNDING_SPEC.search(spec):
        return value.weakened(ROUNDED)
    if "%" in spec and "%f" not in spec:
        return value.weakened(COARSE)
    return value


def path_attribute(value: SymbolicText, attribute: str) -> str:
    """Return the text of ``path.name``, ``path.stem`` and the like."""
    if value.constant and attribute in ("name", "stem", "parent", "suffix"):
        return str(getattr(PurePosixPath(value.text or ""), attribute))
    return unknown(value.text or "")


def with_part(receiver: SymbolicText, method: str, arguments: Sequence[SymbolicText]) -> str:
    """Return the text of ``path.with_name(name)`` and the like."""
    if receiver.constant and arguments and arguments[0].constant:
        try:
            changed = getattr(PurePosixPath(receiver.text or ""), method)(arguments[0].text)
        except (ValueError, AttributeError):
            return unknown()
        return str(changed)
    if method == "with_name" and arguments:
        return unknown() + "/" + known_text(arguments[0])
    return known_text(receiver)


def joined_path(values: Sequence[SymbolicText]) -> SymbolicText:
    """Return what ``os.path.join`` and ``/`` make of texts."""
    parts = [known_text(value) for value in values]
    text = parts[0] if parts else ""
    for part in parts[1:]:
        if part.startswith("/"):
            text = part
        else:
            text = part if text in ("", ".") else f"{text.rstrip('/')}/{part}"
    return union(values, text)
