"""Text as far as it is known, and what it depends on: the values of the expressions of a path.

A piece of a text that is not known stands between two marks and holds hints: the names behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import libcst as cst

from flake8_saveimage.syntax.nodes import string_value
from flake8_saveimage.syntax.scopes import Binding, Loop, Place, Scope

Source: TypeAlias = Loop | Scope | Binding
Sources: TypeAlias = frozenset[Source]
NOTHING: Sources = frozenset()

# What makes a name repeat although it varies.
REMAINDER = "a remainder (%)"
QUOTIENT = "a whole-number division (//)"
ROUNDED = "a rounded number"
COARSE = "a clock read in seconds"
RANDOM_NUMBER = "a random number"

MARK = "\0"
_MAX_TEXT = 400


@dataclass(frozen=True, slots=True)
class SymbolicText:
    """What an expression's value depends on, and as far as it is known the text that it gives.

    ``solid`` are the sources that tell values apart; what is in ``deps`` only came through
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

    def without_text(self) -> SymbolicText:
        """Return the same dependence of something that is no text any more."""
        if self.text is None and not self.templates:
            return self
        return SymbolicText(self.deps, self.solid, self.weak, temporary=self.temporary)

    def without(self, sources: Iterable[Source]) -> SymbolicText:
        """Return the value where it does not depend on some sources."""
        removed = self.deps.intersection(sources)
        if not removed:
            return self
        return replace(self, deps=self.deps - removed, solid=self.solid - removed)

    def weakened(self, reason: str) -> SymbolicText:
        """Return the value after an operation that maps several values onto one."""
        if not self.deps:
            return self
        return replace(self, solid=NOTHING, weak=self.weak | {reason})


def varying(sources: Iterable[Source], text: str | None = None) -> SymbolicText:
    """Return what differs whenever one of the sources does."""
    found = frozenset(sources)
    return SymbolicText(found, found, text=text)


def union(values: Iterable[SymbolicText], text: str | None = None) -> SymbolicText:
    """Return what depends on all of ``values``."""
    deps: Sources = NOTHING
    solid: Sources = NOTHING
    weak: frozenset[str] = frozenset()
    templates: tuple[tuple[cst.BaseExpression, Place], ...] = ()
    temporary = False
    for value in values:
        if value.deps:
            deps |= value.deps
            solid |= value.solid
        weak |= value.weak
        templates += value.templates
        temporary = temporary or value.temporary
    if text is not None and len(text) > _MAX_TEXT:
        text = unknown(text[-_MAX_TEXT:])
    return SymbolicText(deps, solid, weak, text, templates, temporary)


def join(values: Sequence[SymbolicText], name: str) -> SymbolicText:
    """Return what is one of ``values``: which one cannot be told."""
    if len(values) == 1:
        return values[0]
    return union(values, either(values) if values else unknown(name))


def unknown(names: str = "") -> str:
    """Return a text of which only a hint is known: the names that stand behind it."""
    return MARK + names.replace(MARK, "|").strip("|") + MARK


def known_text(value: SymbolicText, hint: str = "") -> str:
    """Return the text of a value, or a mark that carries the hint."""
    return value.text if value.text is not None else unknown(hint)


def split_text(text: str) -> list[str]:
    """Split into known and unknown pieces: the odd ones are unknown."""
    return text.split(MARK)


def filled(text: str, given: Mapping[str, str | None]) -> str:
    """Return a text with the unknown pieces filled in that stand for one of the ``given`` names."""
    pieces = split_text(text)
    for index in range(1, len(pieces), 2):
        known = given.get(pieces[index].partition("|")[0])
        pieces[index] = known if known is not None else MARK + pieces[index] + MARK
    return "".join(pieces)


def last_component(text: str) -> str:
    """Return the part of a path's text behind its last known slash."""
    pieces = split_text(text)
    for index in range(len(pieces) - 1, -1, -2):
        cut = max(pieces[index].rfind("/"), pieces[index].rfind("\\"))
        if cut >= 0:
            return MARK.join([pieces[index][cut + 1 :], *pieces[index + 1 :]])
    return text


def literal_value(node: cst.SimpleString, place: Place) -> SymbolicText:
    """Return a string literal; one with braces may be a template that something fills later."""
    value = string_value(node)
    if not isinstance(value, str):
        return SymbolicText(text=unknown())
    text = value.replace(MARK, "")
    return SymbolicText(text=text, templates=((node, place),) if "{" in text else ())


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
                        found.append(str(string_value(key)))
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


def with_hint(value: SymbolicText, names: str) -> SymbolicText:
    """Return the value with names behind its text, unless that is known."""
    if value.text is None or not value.constant:
        return replace(value, text=hinted(known_text(value, names), names))
    return value


def concatenated(values: Sequence[SymbolicText]) -> SymbolicText:
    """Return texts one after the other."""
    return union(values, "".join(known_text(value) for value in values))


def either(values: Sequence[SymbolicText]) -> str:
    """Return the text that all values have, or the hint that it is one of theirs."""
    texts = list(dict.fromkeys(known_text(value) for value in values))
    if len(texts) == 1:
        return texts[0]
    return unknown("|".join(texts)[:_MAX_TEXT])


def constants(values: Sequence[SymbolicText]) -> list[str | int] | None:
    """Return the values if all of them are known, numbers as numbers."""
    if not all(value.constant for value in values):
        return None
    texts = [value.text or "" for value in values]
    return [int(text) if re.fullmatch(r"0|[1-9]\d*", text) else text for text in texts]
