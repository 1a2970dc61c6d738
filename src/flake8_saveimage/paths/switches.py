"""Does a call switch off what it calls: ``evaluate(save=False)`` and ``if save:`` before a save?"""

from __future__ import annotations

import ast

import libcst as cst

from flake8_saveimage.paths.arguments import arguments_of
from flake8_saveimage.paths.guards import conjuncts, guards
from flake8_saveimage.syntax.nodes import code_of
from flake8_saveimage.syntax.routes import RoutedSave
from flake8_saveimage.syntax.scopes import Place, Scope

_LITERALS = (
    *(cst.SimpleString, cst.ConcatenatedString, cst.Integer, cst.Float),
    *(cst.UnaryOperation, cst.Tuple, cst.List, cst.Dict),
)


def switched_off(place: Place, function: Scope, node: cst.Call) -> bool:
    """Say whether what a call passes contradicts a test on the way to ``place`` in ``function``."""
    tests = [pair for guard in guards(place) for pair in conjuncts(guard)]
    if not tests:
        return False
    passed = arguments_of(function, node)
    if passed is None:
        return False
    known: dict[str, object] = {}
    for parameter in function.params:
        value = _constant(passed.get(parameter, parameter.value), {})
        if value and len(function.bindings.get(parameter.name, ())) == 1:
            known[parameter.name] = value[0]
    return any(_truth(test, known) is (not holds) for test, holds in tests)


def leads_nowhere(routed: RoutedSave) -> bool:
    """Say whether a call on the way to a save switches it off."""
    place = routed.site.place
    for function, call in routed.route:
        if switched_off(place, function, call.node):
            return True
        place = call.place
    return False


def _constant(node: cst.BaseExpression | None, known: dict[str, object]) -> tuple[object, ...]:
    """Return the value of a literal or of a known name; nothing if it is neither."""
    if isinstance(node, cst.Name):
        if node.value in known:
            return (known[node.value],)
        return {"True": (True,), "False": (False,), "None": (None,)}.get(node.value, ())
    if not isinstance(node, _LITERALS):
        return ()
    try:
        return (ast.literal_eval(code_of(node)),)
    except (ValueError, SyntaxError):
        return ()


def _truth(test: cst.BaseExpression, known: dict[str, object]) -> bool | None:
    """Return the value of a test on what is known, ``None`` if that does not decide it."""
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        value = _constant(test, known)
        return bool(value[0]) if value else None
    target = test.comparisons[0]
    left, right = _constant(test.left, known), _constant(target.comparator, known)
    if not left or not right:
        return None
    match target.operator:
        case cst.Equal() | cst.Is():
            return left == right
        case cst.NotEqual() | cst.IsNot():
            return left != right
    return None
