"""The path behind a save call, looking through ``open``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.knowledge.calls import MEMORY, OPENERS
from flake8_saveimage.knowledge.words import says_handle
from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.texts import MARK, SymbolicText
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import dotted, last_name
from flake8_saveimage.syntax.reaching import Reach
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import Binding, Place


class Destination(NamedTuple):
    """The path that is written and where it is opened; ``handle``: through a file object."""

    path: cst.BaseExpression
    place: Place
    handle: bool


def destination(site: SaveCall) -> Destination | None:
    """Return the path behind a save call, looking through ``open``; ``None`` if there is none."""
    node = site.destination
    if node is None or _is_added_to(site):
        return None
    itself = None if site.writer.handle else Destination(node, site.place, handle=False)
    if isinstance(node, cst.Call):
        return _opened(site.flow, node, site.place, itself)
    name = dotted(node)
    if name is None:
        return itself
    if name.startswith("sys."):
        return None  # standard output
    reaches = site.flow.lookup(name, site.place).reaches
    if site.writer.rewritten and says_handle(name) and _are_parameters(reaches):
        return None
    return _bound(site.flow, reaches[0].binding, itself) if len(reaches) == 1 else itself


def written(target: Destination, site: SaveCall, evaluation: Evaluation) -> SymbolicText:
    """Return the path of the file that is written, with what the writer appends to it."""
    value = evaluation.evaluate(target.path, target.place)
    text, suffix = value.text, site.writer.suffix
    if not text or not suffix or target.handle or text.endswith((suffix, MARK)):
        return value
    return replace(value, text=text + suffix)


def _is_added_to(site: SaveCall) -> bool:
    """Say whether an argument may have the file opened for more than writing it anew."""
    mode = site.argument(site.writer.opening) if site.writer.opening else None
    return mode is not None and not (isinstance(mode, cst.SimpleString) and "w" in mode.raw_value)


def _bound(flow: Flow, binding: Binding, itself: Destination | None) -> Destination | None:
    """Return the path behind a variable with one binding, which may be a file object."""
    if binding.kind == "with":
        if not isinstance(binding.value, cst.Call):
            return None
        return _opened(flow, binding.value, binding.place, None)
    if binding.kind == "assign" and isinstance(binding.value, cst.Call):
        return _opened(flow, binding.value, binding.place, itself)
    return itself


def _opened(
    flow: Flow, call: cst.Call, place: Place, default: Destination | None
) -> Destination | None:
    """Return the path that ``open(path, "wb")`` or ``path.open("wb")`` writes."""
    func = call.func
    if last_name(func) in MEMORY:
        return None
    if last_name(func) not in OPENERS:
        return default
    values = [argument.value for argument in call.args if argument.keyword is None]
    given = {a.keyword.value: a.value for a in call.args if a.keyword is not None}
    path: cst.BaseExpression | None = given.get("file")
    mode = given.get("mode")
    by_method = isinstance(func, cst.Attribute) and (not values or _is_mode(values[0]))
    if by_method and isinstance(func, cst.Attribute):
        path = func.value
        mode = mode or (values[0] if values else None)
    elif isinstance(func, cst.Attribute) and not _is_module(flow, func.value, place):
        return None  # a member of an archive, a blob of a store
    elif values:
        path = values[0]
        mode = mode or (values[1] if len(values) > 1 else None)
    if path is None or not isinstance(mode, cst.SimpleString) or "w" not in mode.raw_value:
        return None
    return Destination(path, place, handle=True)


def _are_parameters(reaches: tuple[Reach, ...]) -> bool:
    return all(reach.binding.kind == "param" for reach in reaches)


def _is_module(flow: Flow, node: cst.BaseExpression, place: Place) -> bool:
    base = (dotted(node) or "").partition(".")[0]
    return any(reach.binding.kind == "import" for reach in flow.lookup(base, place).reaches)


def _is_mode(node: cst.BaseExpression) -> bool:
    return (
        isinstance(node, cst.SimpleString)
        and re.fullmatch(r"[rwxabt+]+", node.raw_value) is not None
    )
