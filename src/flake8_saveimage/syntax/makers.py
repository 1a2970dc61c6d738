"""What made an object of a library: the class or function whose call it comes from."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from flake8_saveimage.knowledge.writers import SAME_CLASS
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.scopes import Binding, Place

_MAX_DEPTH = 6


def maker_of(flow: Flow, node: cst.BaseExpression, place: Place, depth: int = 0) -> str | None:
    """Return the qualified name of what made the object that ``node`` names.

    ``PIL.Image.open`` for ``Image.open(path).convert("RGB")``, also through names and attributes
    of ``self``. What an object made when called has brackets: ``ToPILImage()(x)`` gives
    ``torchvision.transforms.ToPILImage()``, and part of what was made an index:
    ``matplotlib.pyplot.subplots[0]``. ``None`` if it is not visible, or not always the same.
    """
    if depth > _MAX_DEPTH:
        return None
    if isinstance(node, cst.Call):
        return _maker_of_call(flow, node, place, depth)
    makers = {_maker_bound(flow, binding, depth) for binding in _bindings(flow, node, place)}
    return makers.pop() if len(makers) == 1 else None


def _maker_of_call(flow: Flow, node: cst.Call, place: Place, depth: int) -> str | None:
    function = node.func
    name = flow.resolve(function, place)
    if name is not None:
        return name
    if isinstance(function, cst.Attribute) and function.attr.value in SAME_CLASS:
        return maker_of(flow, function.value, place, depth + 1)
    maker = maker_of(flow, function, place, depth + 1)
    return f"{maker}()" if maker is not None else None


def _bindings(flow: Flow, node: cst.BaseExpression, place: Place) -> Iterator[Binding]:
    name = dotted(node)
    if name is None:
        return
    lookup = flow.lookup(name, place)
    yield from (reach.binding for reach in lookup.reaches)
    if not lookup.reaches:
        yield from flow.attribute_bindings(name, place)


def _maker_bound(flow: Flow, binding: Binding, depth: int) -> str | None:
    if binding.kind == "param" and isinstance(binding.node, cst.Param) and binding.node.annotation:
        outer = binding.place.scope.outer
        annotation = binding.node.annotation.annotation
        return flow.resolve(annotation, outer) if outer is not None else None
    if binding.kind not in ("assign", "with") or binding.value is None:
        return None
    maker = maker_of(flow, binding.value, binding.place, depth + 1)
    if maker is None or len(binding.pattern) > 1:
        return None
    return f"{maker}[{binding.pattern[0]}]" if binding.pattern else maker
