"""Objects that hold options: their attributes and items do not change while training runs."""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.knowledge.words import returns_settings, says_settings
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import dotted, last_part
from flake8_saveimage.syntax.scopes import Binding, Place

_MAX_ALIASES = 3


def holds_settings(flow: Flow, node: cst.BaseExpression, place: Place, depth: int = 0) -> bool:
    """Say whether ``node`` is an object that holds options, by its name or where it comes from."""
    if isinstance(node, cst.Subscript):
        return holds_settings(flow, node.value, place, depth)
    if isinstance(node, cst.Call):
        called = dotted(node.func)
        return called is not None and returns_settings(called)
    name = dotted(node)
    if name is None:
        return False
    if says_settings(last_part(name)):
        return True
    if isinstance(node, cst.Attribute):
        return holds_settings(flow, node.value, place, depth)
    if depth > _MAX_ALIASES:
        return False
    bindings = [reach.binding for reach in flow.lookup(name, place).reaches]
    return bool(bindings) and all(_binds_settings(flow, binding, depth) for binding in bindings)


def _binds_settings(flow: Flow, binding: Binding, depth: int) -> bool:
    if binding.kind == "import":
        return says_settings(last_part(binding.source or ""))
    return (
        binding.kind == "assign"
        and binding.value is not None
        and holds_settings(flow, binding.value, binding.place, depth + 1)
    )
