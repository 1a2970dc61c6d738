"""Elements of iterables: loop targets and comprehensions."""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.knowledge.calls import (
    ITEM_METHODS,
    LISTING_METHODS,
    LISTINGS,
    ONE_SHOT,
    RANGES,
    WRAPPERS,
    ZIPS,
)
from flake8_saveimage.paths.calls import called
from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.texts import SymbolicText, union, unknown, varying
from flake8_saveimage.syntax.scopes import Binding, Loop, Pattern, Place


def loop_target(evaluation: Evaluation, binding: Binding) -> SymbolicText:
    """The variable of a ``for``: it varies with its loop, and with what the elements vary with."""
    loop = next(iter(binding.place.loops()), None)
    if loop is None or loop.iter is None:
        return evaluation.opaque(binding.place)
    item = _element(evaluation, loop.iter, loop.place, binding.pattern)
    return union([item.without_text(), varying([loop])], unknown(binding.name))


def comprehension(
    evaluation: Evaluation, node: cst.ListComp | cst.SetComp | cst.GeneratorExp, place: Place
) -> SymbolicText:
    """``[f(x) for x in xs]``: what its element depends on apart from the comprehension's loops."""
    scope = evaluation.flow.facts_of(place.scope).scope_of.get(id(node))
    if scope is None:
        return evaluation.opaque(place)
    block = scope.block
    own: set[Loop] = set()
    for binding in (b for bindings in scope.bindings.values() for b in bindings):
        inner = binding.place.block
        if inner.loop is not None:
            own.add(inner.loop)
            block = inner if inner.start >= block.start else block
    value = evaluation.evaluate(node.elt, Place(block, block.end)).without(own)
    iterables = []
    clause: cst.CompFor | None = node.for_in
    while clause is not None:
        iterables.append(_element(evaluation, clause.iter, place, ()))
        clause = clause.inner_for_in
    return union(part.without_text() for part in (value, *iterables))


def _element(
    evaluation: Evaluation, node: cst.BaseExpression, place: Place, pattern: Pattern
) -> SymbolicText:
    """Return what an element of the iterable ``node`` depends on, apart from its loop."""
    if isinstance(node, cst.Call):
        return _element_of_call(evaluation, node, place, pattern)
    value = evaluation.evaluate(node, place)
    if isinstance(node, cst.Name):
        return union([value, _carried_on(evaluation, node, place)])
    return value


def _element_of_call(
    evaluation: Evaluation, node: cst.Call, place: Place, pattern: Pattern
) -> SymbolicText:
    name = called(evaluation, node, place)
    values = [argument.value for argument in node.args if not argument.star]
    if name == "enumerate" and values:
        if pattern[:1] == (0,):
            return union(evaluation.evaluate(value, place) for value in values[1:])
        return _element(evaluation, values[0], place, pattern[1:])
    if name in ZIPS and values:
        if pattern and 0 <= pattern[0] < len(values):
            return _element(evaluation, values[pattern[0]], place, pattern[1:])
        return union(_element(evaluation, value, place, ()) for value in values)
    if name in WRAPPERS and values:
        return _element(evaluation, values[0], place, pattern)
    if name in RANGES or name in LISTINGS:
        return union(evaluation.evaluate(value, place) for value in values)
    if isinstance(node.func, cst.Attribute):
        method = node.func.attr.value
        if method in LISTING_METHODS or method in ITEM_METHODS:
            return evaluation.evaluate(node.func.value, place)
    return evaluation.evaluate(node, place)


def _carried_on(evaluation: Evaluation, node: cst.Name, place: Place) -> SymbolicText:
    """An iterator made outside goes on where it stopped: it varies with the loops between."""
    for binding, _loops in evaluation.flow.lookup(node.value, place).reaches:
        if binding.kind == "assign" and _is_iterator(evaluation, binding):
            outside = binding.place.loops()
            return varying(loop for loop in place.loops() if loop not in outside)
    return SymbolicText()


def _is_iterator(evaluation: Evaluation, binding: Binding) -> bool:
    value = binding.value
    if isinstance(value, cst.Call):
        return called(evaluation, value, binding.place) in ONE_SHOT
    return isinstance(value, cst.GeneratorExp)
