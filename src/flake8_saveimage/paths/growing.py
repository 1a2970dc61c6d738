"""A value that holds all earlier ones: a history that is appended to, and saved whole each time."""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.knowledge.calls import ADDING, COLLECTING
from flake8_saveimage.syntax.nodes import dotted, last_name
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import Loop


def grows(site: SaveCall, loop: Loop) -> bool:
    """Say whether the saved value is a collection that each iteration of ``loop`` adds to."""
    name = _collection(site.saved)
    if name is None:
        return False
    bindings = site.place.scope.function.bindings.get(name, ())
    inside = [b for b in bindings if loop.start <= b.place.order <= loop.end]
    if not all(b.kind == "aug" and isinstance(b.value, cst.List) for b in inside):
        return False  # made anew, or a number
    function = site.place.scope.function
    return bool(inside) or any(
        loop.start <= call.place.order <= loop.end
        and call.place.scope.function is function
        and _added_to(call.node.func) == name
        for method in ADDING
        for call in site.flow.calls_named(method)
    )


def _collection(node: cst.BaseExpression | None) -> str | None:
    """Return the name behind ``torch.tensor(history)`` and ``np.array(self.losses)``."""
    while isinstance(node, cst.Call) and len(node.args) == 1 and last_name(node.func) in COLLECTING:
        node = node.args[0].value
    return dotted(node) if node is not None else None


def _added_to(function: cst.BaseExpression) -> str | None:
    """Return the name of the collection that ``history["loss"].append`` adds to."""
    if not isinstance(function, cst.Attribute):
        return None
    owner = function.value
    while isinstance(owner, cst.Subscript):
        owner = owner.value
    return dotted(owner)
