"""Functions that a framework calls again and again: hooks, handlers, ``forward``."""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.knowledge.hooks import (
    DECORATORS,
    REGISTRARS,
    is_repeated_event,
    is_repeated_method,
)
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import dotted, last_part
from flake8_saveimage.syntax.scopes import CallSite, Scope


def is_hook(function: Scope, flow: Flow) -> bool:
    """Say whether a framework calls this function again and again."""
    name = function.name
    if name in flow.facts.hooks:
        return True
    if function.owner_class is not None and is_repeated_method(name):
        # `forward(self)` without an input is a trainer's entry point, not a module's.
        return name != "forward" or len(function.params) > 1
    sites = (site for method in REGISTRARS for site in flow.calls_named(method))
    return _handles_event(function) or any(_registers(site, function) for site in sites)


def _handles_event(function: Scope) -> bool:
    """``@trainer.on(Events.EPOCH_COMPLETED)``."""
    if not isinstance(function.node, cst.FunctionDef):
        return False
    for decorator in function.node.decorators:
        node = decorator.decorator
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
            continue
        if node.args and node.func.attr.value in DECORATORS:
            return _is_repeated(node.args[0].value)
    return False


def _is_repeated(event: cst.BaseExpression) -> bool:
    if isinstance(event, cst.Call):  # Events.ITERATION_COMPLETED(every=100), (once=1) is once
        if any(a.keyword is not None and a.keyword.value == "once" for a in event.args):
            return False
        event = event.func
    return is_repeated_event(dotted(event) or "")


def _registers(site: CallSite, function: Scope) -> bool:
    arguments = [argument.value for argument in site.node.args[:2]]
    return (
        len(arguments) == 2
        and last_part(dotted(arguments[1])) == function.name
        and _is_repeated(arguments[0])
    )
