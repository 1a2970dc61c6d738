"""Two saves to one path, one right after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from flake8_saveimage.knowledge.calls import SPELLING
from flake8_saveimage.paths.destination import Destination, destination, written
from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.renewal import repeats
from flake8_saveimage.paths.texts import MARK, SymbolicText
from flake8_saveimage.paths.usage import used_between
from flake8_saveimage.syntax.nodes import child_nodes, code_of, dotted, last_name
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import Place

# Copy and paste stays near; looking at all pairs would take quadratic time.
_NEAR = 12

# What formats a value otherwise than `{x}` and `%s` do.
_SPECIFICATION = re.compile(r"%[^a-zA-Z%]+[a-zA-Z]|\{[^{}]*[:!][^{}]*\}")


def earlier_save(
    site: SaveCall, evaluation: Evaluation, target: Destination, value: SymbolicText
) -> SaveCall | None:
    """Return the earlier save in the same suite that this one destroys."""
    if target.handle:
        return None
    for other in reversed(site.siblings[max(0, site.index - _NEAR) : site.index]):
        if other.place.block.anchor is not site.place.block.anchor:
            continue
        if _same_file(site, other, evaluation, target, value):
            return other
    return None


def _same_file(
    site: SaveCall,
    other: SaveCall,
    evaluation: Evaluation,
    target: Destination,
    value: SymbolicText,
) -> bool:
    first = destination(other)
    if first is None or first.handle:
        return False
    if site.writer.rewritten and repeats(other, site):
        return False
    before = written(first, other, evaluation)
    same = before.text is not None and before.text == value.text and MARK * 2 not in before.text
    if not value.constant:
        same = same and _formats(first.path) == _formats(target.path)
        same = same and _unchanged(site, first, target)
    return same and not used_between(first.path, other.place, site.place, evaluation)


def _unchanged(site: SaveCall, first: Destination, second: Destination) -> bool:
    """Say whether two expressions of the same form certainly give the same text."""
    for node in (*_nodes(first.path), *_nodes(second.path)):
        if isinstance(node, cst.Call) and last_name(node.func) not in SPELLING:
            return False
        if isinstance(node, cst.Name | cst.Attribute) and (full := dotted(node)) is not None:
            before = site.flow.lookup(full, first.place).reaches
            after = site.flow.lookup(full, second.place).reaches
            if {id(r.binding) for r in before} != {id(r.binding) for r in after}:
                return False
            if "." in full and _touched(site, full.partition(".")[0], first.place, second.place):
                return False
        if isinstance(node, cst.Subscript | cst.NamedExpr | cst.Await):
            return False
    return True


def _formats(path: cst.BaseExpression) -> list[str]:
    """Return the format specifications in a path: `{i:03}` and `{i}` are two names."""
    literals = (n for n in _nodes(path) if isinstance(n, cst.SimpleString | cst.FormattedString))
    return sorted(
        found for literal in literals for found in _SPECIFICATION.findall(code_of(literal))
    )


def _touched(site: SaveCall, base: str, first: Place, second: Place) -> bool:
    """Say whether a method of the object ``base`` runs between two places."""
    return any(
        first.order < call.place.order < second.order
        and (dotted(call.node.func) or "").rpartition(".")[0] == base
        for call in first.scope.function.calls
    )


def _nodes(root: cst.CSTNode) -> Iterator[cst.CSTNode]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, cst.Attribute) and dotted(node) is not None:
            continue
        stack.extend(child_nodes(node))
