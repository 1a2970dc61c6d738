"""What a save call writes beside the values: whole storages, several archives, lossy pixels."""

from __future__ import annotations

from typing import Literal

import libcst as cst

from flake8_saveimage.syntax.nodes import dotted, string_value
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import Binding
from flake8_saveimage.values.domain import Values, parts_of
from flake8_saveimage.values.evaluate import Evaluator
from flake8_saveimage.values.objects import Table

_LOSSY = {".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG"}
_LOSSY_FORMATS = {"jpeg": "JPEG", "jpg": "JPEG"}


def saved_view(site: SaveCall, evaluator: Evaluator) -> Literal["itself", "inside"] | None:
    """Say whether a slice is saved: ``"itself"``, or ``"inside"`` a container."""
    if site.saved is None:
        return None
    saved = evaluator.ask(site.saved, site.place)
    if isinstance(saved, Values):
        return "itself" if "part" in saved.marks else None
    parts = tuple(saved.entries.values()) if isinstance(saved, Table) else parts_of(saved)
    inside = any(isinstance(part, Values) and "part" in part.marks for part in parts)
    return "inside" if inside else None


def earlier_write(site: SaveCall) -> cst.Call | None:
    """Return the ``torch.save`` that wrote to this call's open file before (perhaps itself)."""
    opened = _opened(site)
    if opened is None or _rewound(site, opened):
        return None
    loops = site.place.loops()
    if loops and not loops[0].block.contains(opened.place.block):
        return site.call
    for other in site.siblings:
        earlier = other.kind == "object" and other.place.order < site.place.order
        # on one straight line: not in two arms of one `if`
        straight = other.place.block.anchor.contains(site.place.block)
        if earlier and straight and _opened(other) is opened:
            return other.call
    return None


def _opened(site: SaveCall) -> Binding | None:
    """Return the binding of the handle, where it is a file opened for writing in this function."""
    name = dotted(site.destination)
    if name is None:
        return None
    lookup = site.flow.lookup(name, site.place)
    if not lookup.local or len(lookup.reaches) != 1:
        return None
    binding = lookup.reaches[0].binding
    value = binding.value
    if binding.kind not in ("with", "assign") or not isinstance(value, cst.Call):
        return None
    is_open = dotted(value.func) in ("open", "io.open") or (
        isinstance(value.func, cst.Attribute) and value.func.attr.value == "open"
    )
    return binding if is_open else None


def _rewound(site: SaveCall, opened: Binding) -> bool:
    calls = site.place.scope.function.calls
    return any(
        call.name in ("seek", "truncate")
        and isinstance(call.node.func, cst.Attribute)
        and dotted(call.node.func.value) == opened.name
        for call in calls
    )


def lossy_format(site: SaveCall) -> str | None:
    """Return the lossy format that an image is saved in, where the call shows it."""
    chosen = site.argument("format")
    if isinstance(chosen, cst.SimpleString):
        return _LOSSY_FORMATS.get(str(chosen.evaluated_value).lower())
    return _LOSSY.get(suffix(site)) if chosen is None else None


def suffix(site: SaveCall) -> str:
    """Return the suffix of the file, with its dot; empty where the call does not show it."""
    ending = _ending(site, site.destination, 0) if site.destination is not None else ""
    _, dot, last = ending.lower().rpartition(".")
    return dot + last if dot else ""


def _ending(site: SaveCall, node: cst.BaseExpression, depth: int) -> str:
    """Return the literal text with which a path expression ends."""
    if depth > 6:
        return ""
    if isinstance(node, cst.SimpleString):
        value = string_value(node)
        return value if isinstance(value, str) else ""
    if isinstance(node, cst.FormattedString):
        last = node.parts[-1] if node.parts else None
        return last.value if isinstance(last, cst.FormattedStringText) else ""
    if isinstance(node, cst.ConcatenatedString):
        return _ending(site, node.right, depth + 1)
    if isinstance(node, cst.BinaryOperation):
        side = node.left if isinstance(node.operator, cst.Modulo) else node.right
        return _ending(site, side, depth + 1)
    if isinstance(node, cst.Call):
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "format":
            return _ending(site, node.func.value, depth + 1)
        positional = [a for a in node.args if a.keyword is None and not a.star]
        joins = (dotted(node.func) or "").rpartition(".")[2] in ("join", "Path", "joinpath", "str")
        return _ending(site, positional[-1].value, depth + 1) if joins and positional else ""
    if isinstance(node, cst.Name):
        lookup = site.flow.lookup(node.value, site.place)
        if lookup.local and len(lookup.reaches) == 1:
            binding = lookup.reaches[0].binding
            if binding.kind == "assign" and not binding.pattern and binding.value is not None:
                return _ending(site, binding.value, depth + 1)
    return ""
