"""Small questions about libcst nodes: names, literals, source, children."""

from __future__ import annotations

import dataclasses
import functools

import libcst as cst

# Fields that hold no code of their own.
_PUNCTUATION = frozenset(
    "lpar rpar lbracket rbracket lbrace rbrace comma equal semicolon colon dot operator star"
    " leading_lines lines_after_decorators header footer first_line empty_lines".split()
)
# What a field holds if it holds no node.
_PLAIN = frozenset({type(None), str, bool, cst.MaybeSentinel})

_fields: dict[type[cst.CSTNode], tuple[str, ...]] = {}
_EMPTY = cst.Module(body=[])


def dotted(node: cst.CSTNode | None) -> str | None:
    """Return ``"a.b.c"`` for a chain of attributes over a name, else ``None``."""
    if type(node) is cst.Name:
        return node.value
    parts: list[str] = []
    while type(node) is cst.Attribute:
        parts.append(node.attr.value)
        node = node.value
    if type(node) is not cst.Name:
        return None
    parts.append(node.value)
    return ".".join(reversed(parts))


def last_part(name: str | None) -> str:
    """Return what follows the last dot of a dotted name: ``"save"`` for ``"torch.save"``."""
    return name.rpartition(".")[2] if name else ""


def last_name(node: cst.CSTNode) -> str:
    """Return the last part of what ``node`` names: ``"save"`` for ``torch.save``, else ``""``."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def code_of(node: cst.CSTNode) -> str:
    """Return a node's source, without the white space around it."""
    return _EMPTY.code_for_node(node).strip()


def string_value(node: cst.SimpleString) -> str | bytes:
    """Return what a string literal evaluates to."""
    return _string_value(node.value)


@functools.lru_cache(maxsize=4096)
def _string_value(literal: str) -> str | bytes:
    node = cst.SimpleString(literal)
    raw = node.raw_value
    # `evaluated_value` compiles the literal, which costs fifty times this.
    return raw if "\\" not in raw and not node.prefix else node.evaluated_value


def literal_source(node: cst.BaseExpression) -> str | None:
    """Return the canonical source of a literal string or integer: ``"'out'"``, ``"0"``."""
    if isinstance(node, cst.SimpleString):
        return repr(string_value(node))
    return node.value if isinstance(node, cst.Integer) else None


def literal_key(node: cst.Subscript) -> str | None:
    """Return the source of the key of ``config["out"]`` or ``parts[0]`` if it is a literal."""
    if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        return literal_source(node.slice[0].slice.value)
    return None


def child_nodes(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the children of a node that can hold code: no white space, no punctuation."""
    kind = type(node)
    names = _fields.get(kind)
    if names is None:
        names = _fields[kind] = tuple(
            field.name
            for field in dataclasses.fields(node)
            if field.name not in _PUNCTUATION and not field.name.startswith("whitespace")
        )
    found: list[cst.CSTNode] = []
    for name in names:
        child = getattr(node, name)
        kind_of_child = type(child)
        if kind_of_child is tuple or kind_of_child is list:
            found += child
        elif kind_of_child not in _PLAIN:
            found.append(child)
    return found
