"""Colours for Python source: which part of each line is a keyword, a string, a number ..."""

from __future__ import annotations

import io
import keyword
import token
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

KEYWORD, STRING, NUMBER, COMMENT, DEFINED = "kstcd"

_STRINGS = frozenset(
    getattr(token, name)
    for name in ("STRING", "FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END",
                 "TSTRING_START", "TSTRING_MIDDLE", "TSTRING_END")
    if hasattr(token, name)
)  # fmt: skip


class Colour(NamedTuple):
    """Characters ``start`` up to (not including) ``end`` of a line, from 0."""

    start: int
    end: int
    kind: str


def highlight(text: str) -> dict[int, list[Colour]]:
    """Return the colours of each line (from 1) of a source or a part of one.

    What cannot be tokenized, because the part ends inside a bracket or string, stays plain.
    """
    lines = text.split("\n")
    colours: dict[int, list[Colour]] = {}
    for kind, start, end in _coloured(text):
        for number in range(start[0], end[0] + 1):
            first = start[1] if number == start[0] else 0
            last = end[1] if number == end[0] else len(lines[number - 1])
            if last > first:
                colours.setdefault(number, []).append(Colour(first, last, kind))
    return colours


def _coloured(text: str) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    defines = False
    try:
        for item in tokenize.generate_tokens(io.StringIO(text).readline):
            kind = _kind(item, defines)
            defines = item.type == token.NAME and item.string in ("def", "class")
            if kind is not None:
                yield kind, item.start, item.end
    except (tokenize.TokenError, SyntaxError):
        return


def _kind(item: tokenize.TokenInfo, defines: bool) -> str | None:
    if item.type in _STRINGS:
        return STRING
    if item.type == token.NUMBER:
        return NUMBER
    if item.type == token.COMMENT:
        return COMMENT
    if item.type != token.NAME:
        return None
    if keyword.iskeyword(item.string):
        return KEYWORD
    return DEFINED if defines else None
