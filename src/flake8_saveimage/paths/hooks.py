"""Functions that a framework calls again and again: hooks, handlers, forward passes."""

from __future__ import annotations

import re

import libcst as cst

from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.scopes import CallSite, Facts, Scope

_HOOK = re.compile(
    r"(training|validation|train|valid|val|test|predict|eval|optimizer)_step(_end)?"
    r"|on_(train_|training_|validation_|valid_|val_|test_|predict_|eval_|evaluation_)?"
    r"(epoch|batch|step|iteration|iter|loader|substep)_(start|begin|end)"
    r"|(training|validation|train|valid|val|test)_epoch_end"
    r"|on_(validation_end|evaluate|log|save|after_backward|before_optimizer_step|save_checkpoint)"
    r"|(before|after)_(train_|val_|test_)?(epoch|iter|batch|step|pred|loss|backward|train|validate)"
    r"|(before|after)_(train|val|test)_(epoch|iter)"
    r"|forward|__getitem__|forward_step|train_one_step|compute_loss|compute_metrics"
)
# A test or a prediction has a single epoch.
_ONCE = re.compile(r"(on_|before_|after_)?(test|predict)_epoch(_start|_begin|_end)?")
_ONCE_EVENTS = frozenset({"COMPLETED", "STARTED", "TERMINATE", "EXCEPTION_RAISED"})


def is_hook(function: Scope, facts: Facts) -> bool:
    """Say whether a framework calls this function again and again."""
    name = function.name
    if name in facts.hooks:
        return True
    if function.owner_class is not None and _HOOK.fullmatch(name) and not _ONCE.fullmatch(name):
        # `forward(self)` without an input is a trainer's entry point, not a module's pass.
        return name != "forward" or len(function.params) > 1
    return _handles_event(function) or any(
        _registers(site, function) for site in facts.calls_by_name.get("add_event_handler", ())
    )


def _handles_event(function: Scope) -> bool:
    """``@trainer.on(Events.EPOCH_COMPLETED)``."""
    if not isinstance(function.node, cst.FunctionDef):
        return False
    for decorator in function.node.decorators:
        node = decorator.decorator
        if isinstance(node, cst.Call) and (dotted(node.func) or "").endswith(".on") and node.args:
            return _repeating_event(node.args[0].value)
    return False


def _repeating_event(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Call):  # Events.ITERATION_COMPLETED(every=100), (once=1) is once
        if any(a.keyword is not None and a.keyword.value == "once" for a in node.args):
            return False
        node = node.func
    name = dotted(node) or ""
    return "Events." in name and name.rpartition(".")[2] not in _ONCE_EVENTS


def _registers(site: CallSite, function: Scope) -> bool:
    arguments = [argument.value for argument in site.node.args[:2]]
    return (
        len(arguments) == 2
        and (dotted(arguments[1]) or "").rpartition(".")[2] == function.name
        and _repeating_event(arguments[0])
    )
