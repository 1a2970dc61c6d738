"""Text as far as it is known, and what it depends on: the values of the expressions of a path.

A piece of a text that is not known stands between two marks and holds hints: the names behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TypeAlias

import libcst as cst

from flake8_saveimage.syntax.scopes import Binding, Loop, Place, Scope

Source: TypeAlias = Loop | Scope | Binding
Sources: TypeAlias = frozenset[Source]
NOTHING: Sources = frozenset()

# What makes a name repeat although it varies.
REMAINDER = "a remainder (%)"
QUOTIENT = "a whole-number division (//)"

MARK = "\0"
_MAX_TEXT = 400


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression's value depends on, and as far as it is known the text that it gives.

    ``solid`` are the sources that surely tell values apart; what is in ``deps`` only came through
    something that repeats (``i % 10``), and ``weak`` says what. ``text`` holds unknown pieces
    between marks; ``None`` means that it is no text. ``templates`` are literals with ``{name}`` in
    them that nothing has filled so far. ``temporary`` says that it comes from :mod:`tempfile`.
    """

    deps: Sources = NOTHING
    solid: Sources = NOTHING
    weak: frozenset[str] = frozenset()
    text: str | None = None
    templates: tuple[tuple[cst.BaseExpression, Place], ...] = ()
    temporary: bool = False

    @property
    def constant(self) -> bool:
        """Whether the text is known completely."""
        return self.text is not None and MARK not in self.text

    def without_text(self) -> Value:
        """Return the same dependence of something that is no text any more."""
        return replace(self, text=None, templates=())

    def weakened(self, reason: str) -> Value:
        """Return the value after an operation that maps several values onto one."""
        if not self.deps:
            return self
        return replace(self, solid=NOTHING, weak=self.weak | {reason})


def union(values: Iterable[Value], text: str | None = None) -> Value:
    """Return what depends on all of ``values``."""
    deps: Sources = NOTHING
    solid: Sources = NOTHING
    weak: frozenset[str] = frozenset()
    templates: tuple[tuple[cst.BaseExpression, Place], ...] = ()
    temporary = False
    for value in values:
        deps |= value.deps
        solid |= value.solid
        weak |= value.weak
        templates += value.templates
        temporary = temporary or value.temporary
    if text is not None and len(text) > _MAX_TEXT:
        text = unknown(text[-_MAX_TEXT:])
    return Value(deps, solid, weak, text, templates, temporary)


def unknown(names: str = "") -> str:
    """Return a text of which only a hint is known: the names that stand behind it."""
    return MARK + names.replace(MARK, "|").strip("|") + MARK


def known_text(value: Value, hint: str = "") -> str:
    """Return the text of a value, or a mark that carries the hint."""
    return value.text if value.text is not None else unknown(hint)


def split_text(text: str) -> list[str]:
    """Split into known and unknown pieces: the odd ones are unknown."""
    return text.split(MARK)


def last_component(text: str) -> str:
    """Return the part of a path's text behind its last known slash."""
    pieces = split_text(text)
    for index in range(len(pieces) - 1, -1, -2):
        cut = max(pieces[index].rfind("/"), pieces[index].rfind("\\"))
        if cut >= 0:
            return MARK.join([pieces[index][cut + 1 :], *pieces[index + 1 :]])
    return text


def literal_value(node: cst.SimpleString, place: Place) -> Value:
    """Return a string literal; one with braces may be a template that something fills later."""
    value = node.evaluated_value
    if not isinstance(value, str):
        return Value(text=unknown())
    text = value.replace(MARK, "")
    return Value(text=text, templates=((node, place),) if "{" in text else ())


def is_text(node: cst.BaseExpression) -> bool:
    """Say whether an expression is a literal text of any kind."""
    return isinstance(node, cst.SimpleString | cst.FormattedString | cst.ConcatenatedString)


def names_in(node: cst.BaseExpression) -> str:
    """Return the names that an expression mentions: hints for what a text is about."""
    found: list[str] = []
    stack: list[cst.CSTNode] = [node]
    while stack and len(found) < 6:
        current = stack.pop()
        if isinstance(current, cst.Name):
            found.append(current.value)
        elif isinstance(current, cst.Attribute):
            found.append(current.attr.value)
            stack.append(current.value)
        elif isinstance(current, cst.Subscript):
            stack.append(current.value)
            for element in current.slice:
                if isinstance(element.slice, cst.Index):
                    key = element.slice.value
                    if isinstance(key, cst.SimpleString):
                        found.append(str(key.evaluated_value))
        elif isinstance(current, cst.Call):
            stack.append(current.func)
            stack.extend(argument.value for argument in current.args[:2])
    return "|".join(found)


def hinted(text: str, names: str) -> str:
    """Put names behind a text that is not known at all (and keep the hints that it has)."""
    pieces = split_text(text)
    if len(pieces) == 3 and not pieces[0] and not pieces[2]:
        hints = dict.fromkeys(filter(None, [*pieces[1].split("|"), *names.split("|")]))
        return unknown("|".join(hints))
    return text


def with_hint(value: Value, names: str) -> Value:
    """Return the value with names behind its text, unless that is known."""
    if value.text is None or not value.constant:
        return replace(value, text=hinted(known_text(value, names), names))
    return value


def concatenated(values: Sequence[Value]) -> Value:
    """Return texts one after the other."""
    return union(values, "".join(known_text(value) for value in values))


def joined_path(values: Sequence[Value]) -> Value:
    """Return what ``os.path.join`` and ``/`` make of texts."""
    parts = [known_text(value) for value in values]
    text = parts[0] if parts else ""
    for part in parts[1:]:
        if part.startswith("/"):
            text = part
        else:
            text = part if text in ("", ".") else f"{text.rstrip('/')}/{part}"
    return union(values, text)


def either(values: Sequence[Value]) -> str:
    """Return the text that all values have, or the hint that it is one of theirs."""
    texts = list(dict.fromkeys(known_text(value) for value in values))
    if len(texts) == 1:
        return texts[0]
    return unknown("|".join(texts)[:_MAX_TEXT])


_SPEC = re.compile(r"%[#0\- +]*(\d+)?(\.\d+)?[hlL]?[diouxXeEfFgGcrsa%]")


def constants(values: Sequence[Value]) -> list[str | int] | None:
    """Return the values if all of them are known, numbers as numbers."""
    if not all(value.constant for value in values):
        return None
    texts = [value.text or "" for value in values]
    return [int(text) if re.fullmatch(r"0|[1-9]\d*", text) else text for text in texts]


def percent_format(
    template: Value, values: Value, node: cst.BaseExpression, known: list[str | int] | None
) -> Value:
    """``"%03d.png" % i``."""
    hint = names_in(node)
    weak = None
    for match in _SPEC.finditer(template.text or ""):
        if match.group().endswith(tuple("eEfFgG")):
            weak = "a rounded number"
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
        text = _SPEC.sub(lambda m: "%" if m.group() == "%%" else unknown(next(hints, "")),
                         template.text)  # fmt: skip
    values = values.without_text()
    if weak is not None:
        values = values.weakened(weak)
    return union([replace(template, templates=()), values], text)


_FIELD = re.compile(r"\{([^{}:!]*)(![rsa])?(:[^{}]*)?\}")


def str_format(template: Value, arguments: list[Value], node: cst.Call) -> Value:
    """``"{}_{name}.png".format(i, name=n)``."""
    rounded: set[int] = set()
    hints = [names_in(argument.value) for argument in node.args]
    keys = [a.keyword.value if a.keyword is not None else "" for a in node.args]
    count = iter(range(len(arguments)))

    def fill(match: re.Match[str]) -> str:
        key = match.group(1)
        index = next(count, 0) if not key else int(key) if key.isdigit() else -1
        if index < 0 and key in keys:
            index = keys.index(key)
        if re.search(r"\.\d+[eEfFgG%]?$", match.group(3) or "") is not None:
            rounded.add(index)
        value = None
        if 0 <= index < len(arguments):
            value = arguments[index]
        if value is not None and value.constant and not match.group(3):
            return value.text or ""
        return unknown(hints[index] if 0 <= index < len(hints) else key)

    text = None if template.text is None else _FIELD.sub(fill, template.text)
    known = constants(arguments)
    if template.constant and known is not None and not any(keys):
        try:
            text = (template.text or "").format(*known)
        except (IndexError, KeyError, ValueError, AttributeError):
            text = unknown(template.text or "")
    values = [
        value.weakened("a rounded number") if index in rounded else value
        for index, value in enumerate(argument.without_text() for argument in arguments)
    ]
    return union([replace(template, templates=()), *values], text)


def formatted_with(value: Value, spec: str) -> Value:
    """Return a value after a format specification, which may round it."""
    if re.search(r"\.\d+[eEfFgG%]?$", spec):
        return value.weakened("a rounded number")
    if "%" in spec and "%f" not in spec:
        return value.weakened("a clock read in seconds")
    return value


def path_attribute(value: Value, attribute: str) -> str:
    """Return the text of ``path.name``, ``path.stem`` and the like."""
    if value.constant and attribute in ("name", "stem", "parent", "suffix"):
        return str(getattr(PurePosixPath(value.text or ""), attribute))
    return unknown(value.text or "")


def with_part(receiver: Value, method: str, arguments: list[Value]) -> str:
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
