"""Loaders that visibly yield a single batch."""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.syntax.arguments import bind, written_arguments
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import last_name
from flake8_saveimage.syntax.scopes import Loop, Place


def yields_one_batch(loop: Loop, flow: Flow) -> bool:
    """``for x in DataLoader(Subset(data, range(8)), batch_size=8)``, through variables."""
    found = _value(loop.iter, loop.place, flow)
    while found is not None:
        call, place = found
        if not isinstance(call, cst.Call):
            return False
        if last_name(call.func) == "DataLoader":
            given = bind(("dataset", "batch_size"), written_arguments(call)).given
            size = given.get("batch_size")
            count = _length(given["dataset"].value, place, flow) if "dataset" in given else None
            limit = _number(size.value, place, flow) if size is not None else 1
            return count is not None and limit is not None and count <= limit
        if last_name(call.func) not in ("enumerate", "tqdm", "iter") or not call.args:
            return False
        found = _value(call.args[0].value, place, flow)
    return False


def _length(node: cst.BaseExpression, place: Place, flow: Flow) -> int | None:
    """Return the length of a data set or sequence that is visibly made with one."""
    found = _value(node, place, flow)
    if found is None:
        return None
    value, where = found
    if isinstance(value, cst.List | cst.Tuple):
        starred = any(isinstance(e, cst.StarredElement) for e in value.elements)
        return None if starred else len(value.elements)
    if not isinstance(value, cst.Call) or any(a.star or a.keyword for a in value.args):
        return None
    arguments = [argument.value for argument in value.args]
    name = last_name(value.func)
    if name == "Subset" and len(arguments) == 2:
        return _length(arguments[1], where, flow)
    if name in ("list", "sorted", "tuple") and len(arguments) == 1:
        return _length(arguments[0], where, flow)
    if name == "range" and len(arguments) == 1:
        return _number(arguments[0], where, flow)
    if name in ("sample", "randperm", "choice") and arguments:
        return _number(arguments[-1], where, flow) if len(arguments) == 2 else None
    return None


def _number(node: cst.BaseExpression, place: Place, flow: Flow) -> int | None:
    found = _value(node, place, flow)
    return int(found[0].value) if found and isinstance(found[0], cst.Integer) else None


def _value(
    node: cst.BaseExpression | None, place: Place, flow: Flow
) -> tuple[cst.BaseExpression, Place] | None:
    """Return the expression behind variables that are bound once, and where it is evaluated."""
    for _ in range(4):
        if not isinstance(node, cst.Name):
            break
        reaches = flow.lookup(node.value, place).reaches
        binding = reaches[0].binding if len(reaches) == 1 else None
        if binding is None or binding.kind != "assign" or binding.pattern:
            return None
        node, place = binding.value, binding.place
    return (node, place) if node is not None else None
