"""What the value of a name comes from, by the kind of its binding."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from flake8_saveimage.knowledge.calls import TEMPORARY_PARAMETERS
from flake8_saveimage.paths.attributes import attribute
from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.texts import (
    Sources,
    SymbolicText,
    concatenated,
    hinted,
    literal_value,
    union,
    unknown,
)
from flake8_saveimage.syntax.scopes import Binding


def parameter(evaluation: Evaluation, binding: Binding) -> SymbolicText:
    """A parameter: whatever the caller passes."""
    function = binding.place.scope
    sources: Sources = frozenset([binding])
    if binding.name == function.self_name:
        return SymbolicText(sources)
    hint = binding.name
    if isinstance(binding.value, cst.SimpleString) and function.outer is not None:
        hint += "|" + (literal_value(binding.value, function.outer).text or "")
    temporary = binding.name in TEMPORARY_PARAMETERS
    return SymbolicText(sources, sources, text=unknown(hint), temporary=temporary)


def imported(evaluation: Evaluation, binding: Binding) -> SymbolicText:
    """An imported name: the same in the whole run, unless its file is seen to change it."""
    value = evaluation.elsewhere(binding.source, binding.place)
    return value or SymbolicText(text=unknown(binding.name))


def defined(evaluation: Evaluation, binding: Binding) -> SymbolicText:
    """A function or class of this file."""
    return SymbolicText(text=unknown(binding.name))


def unseen(evaluation: Evaluation, binding: Binding) -> SymbolicText:
    """A binding of which nothing is known."""
    return evaluation.opaque(binding.place, binding.name)


def assigned(evaluation: Evaluation, binding: Binding) -> SymbolicText:
    """``x = value``, ``with value as x``, ``case x``."""
    node = binding.value
    if node is None:
        return unseen(evaluation, binding)
    value = _unpacked(evaluation, node, binding)
    if value.text is not None and not value.constant:
        return replace(value, text=hinted(value.text, binding.name))
    return value


def _unpacked(evaluation: Evaluation, node: cst.BaseExpression, binding: Binding) -> SymbolicText:
    """``a = value``; ``a, b = value``."""
    pattern = binding.pattern
    while pattern and pattern[0] >= 0 and isinstance(node, cst.Tuple | cst.List):
        if pattern[0] >= len(node.elements):
            break
        node, pattern = node.elements[pattern[0]].value, pattern[1:]
    value = evaluation.evaluate(node, binding.place)
    return value if not pattern else union([value], unknown())


def augmented(evaluation: Evaluation, binding: Binding) -> SymbolicText:
    """``x += value``."""
    node = binding.node
    assert isinstance(node, cst.AugAssign)
    place = binding.place
    if isinstance(node.target, cst.Attribute):
        before = attribute(evaluation, node.target, place)
    else:
        before = evaluation.name(binding.name, place)
    value = evaluation.evaluate(node.value, place)
    if isinstance(node.operator, cst.AddAssign) and before.constant and value.text is not None:
        return concatenated([before, value])
    return union([before, value], unknown(binding.name))
