"""Changes of one call: its function, its keywords, what it saves, the literal of its path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import libcst as cst

from flake8_saveimage.fixes.text import Change, Layout

_COMMENT = re.compile(r"#[^\r\n]*")
_BREAK_AND_INDENT = re.compile(r"(?:\r\n|\n|\r)[ \t]*\Z")
# The rest of a line behind a comma, a comment included.
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n])")
_COMMENT_LINE = re.compile(r"\s*#[^\r\n]*")
_SIMPLE = cst.Name | cst.Attribute | cst.Subscript | cst.Call


def nodes_of(call: cst.Call) -> Iterator[cst.CSTNode]:
    """Yield the nodes whose places the changes of a call need."""
    yield from (call, call.func)
    for argument in call.args:
        yield from (argument, argument.value)
        if argument.keyword is not None:
            yield argument.keyword


def with_keywords_renamed(
    layout: Layout, call: cst.Call, names: Mapping[str, str]
) -> Iterator[Change]:
    """Yield the changes that rename keywords."""
    for argument in call.args:
        if argument.keyword is not None and argument.keyword.value in names:
            yield Change(*layout.of(argument.keyword), names[argument.keyword.value])


def with_keywords(layout: Layout, call: cst.Call, added: Mapping[str, str]) -> Iterator[Change]:
    """Yield the changes that pass keywords, written as the other arguments are.

    The value of a keyword that is there is replaced.
    """
    new = dict(added)
    for argument in call.args:
        if argument.keyword is not None and argument.keyword.value in new:
            yield Change(*layout.of(argument.value), new.pop(argument.keyword.value))
    if not new:
        return
    texts = [f"{name}={value}" for name, value in new.items()]
    last = call.args[-1]
    if isinstance(last.value, cst.GeneratorExp) and not last.value.lpar:
        start, end = layout.of(last)
        yield from (Change(start, start, "("), Change(end, end, ")"))
    yield _appended(layout, call, texts)


def _appended(layout: Layout, call: cst.Call, texts: list[str]) -> Change:
    """Return the insertion of arguments behind the last one; a trailing comma stays one."""
    end = layout.of(call.args[-1])[1]
    gap = _gap(layout, call)
    if not isinstance(call.args[-1].comma, cst.Comma):
        return Change(end, end, "".join(f",{gap}{text}" for text in texts))
    comma = layout.text.index(",", _past_comments(layout.text, end))
    place = comma + 1
    if "\n" in gap or "\r" in gap:
        rest = _REST_OF_LINE.match(layout.text, place)
        place = rest.end() if rest is not None else place
    return Change(place, place, "".join(f"{gap}{text}," for text in texts))


def _past_comments(text: str, start: int) -> int:
    """Return where the comments that begin at ``start``, if there are any, end."""
    while (match := _COMMENT_LINE.match(text, start)) is not None:
        start = match.end()
    return start


def _gap(layout: Layout, call: cst.Call) -> str:
    """Return what stands between two arguments of this call: a space, or a line break."""
    end = layout.of(call.args[-1])[0]
    start = layout.of(call.args[-2] if len(call.args) > 1 else call.func)[1]
    between = _COMMENT.sub("", layout.text[start:end])
    match = _BREAK_AND_INDENT.search(between)
    if match is not None:
        return match.group()
    return between.partition(",")[2] if len(call.args) > 1 else " "


def cloned(layout: Layout, argument: cst.Arg) -> Iterator[Change]:
    """Yield the changes that save ``x.clone()``.

    An expression of which ``.`` would bind to the last part only is put in parentheses.
    """
    value = argument.value
    end = layout.of(argument)[1]
    if isinstance(value, _SIMPLE) or value.lpar:
        yield Change(end, end, ".clone()")
        return
    start = layout.of(value)[0]
    yield from (Change(start, start, "("), Change(end, end, ").clone()"))


def with_f(layout: Layout, literal: cst.SimpleString) -> Change:
    """Return the change that makes a string literal an f-string."""
    start = layout.of(literal)[0]
    raw = "r" if "r" in literal.prefix.lower() else ""
    return Change(start, start + len(literal.prefix), f"f{raw}")


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
