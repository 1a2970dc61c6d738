"""What a call passes for each parameter, and a function's result in the terms of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.texts import (
    NOTHING,
    Source,
    SymbolicText,
    filled,
    last_component,
    union,
    unknown,
    varying,
)
from flake8_saveimage.syntax.scopes import Binding, Loop, Place, Scope


def passed(
    evaluation: Evaluation, function: Scope, node: cst.Call, place: Place
) -> dict[Binding, SymbolicText] | None:
    """Return what a call passes for each parameter, or ``None`` if that cannot be told."""
    written = arguments_of(function, node)
    if written is None:
        return None
    found = {target: evaluation.evaluate(value, place) for target, value in written.items()}
    for binding in function.params:
        if binding not in found and binding.value is not None and function.outer is not None:
            found[binding] = evaluation.evaluate(binding.value, function.outer)
    return found


def arguments_of(function: Scope, node: cst.Call) -> dict[Binding, cst.BaseExpression] | None:
    """Return the argument that a call writes for each parameter, ``None`` if some are starred."""
    if any(argument.star for argument in node.args):
        return None
    parameters = list(function.params)
    found: dict[Binding, cst.BaseExpression] = {}
    if function.self_name is not None:
        # `x.f()` passes x; Trainer(...) -> __init__ and stopper(...) -> __call__ what is called.
        receiver = node.func
        if isinstance(receiver, cst.Attribute) and receiver.attr.value == function.name:
            receiver = receiver.value
        found[parameters.pop(0)] = receiver
    by_name = {binding.name: binding for binding in parameters}
    for index, argument in enumerate(node.args):
        if argument.keyword is not None:
            target = by_name.get(argument.keyword.value)
        else:
            target = parameters[index] if index < len(parameters) else None
        if target is not None:
            found[target] = argument.value
    return found


class Seen(NamedTuple):
    """A function's value in the terms of a call; ``hints`` are texts that the call passes for it.

    ``restarts``: it varied with loops of the function, which start over in each call.
    """

    value: SymbolicText
    hints: str
    restarts: bool


def through_call(
    evaluation: Evaluation, value: SymbolicText, function: Scope, node: cst.Call, place: Place
) -> Seen | None:
    """Return a value found inside ``function`` as a call sees it, ``None`` if that is not known."""
    arguments = passed(evaluation, function, node, place)
    if arguments is None:
        return None
    own = [source for source in value.deps if isinstance(source, Loop) and source.is_in(function)]
    value = value.without(own)
    seen = seen_from_call(evaluation, value, function, arguments, place)
    texts = {source.name: v.text for source, v in arguments.items() if source in value.deps}
    hints = unknown("|".join(last_component(text) for text in texts.values() if text))
    text = filled(seen.text, texts) if seen.text is not None else None
    return Seen(replace(seen, text=text), hints, bool(own))


def seen_from_call(
    evaluation: Evaluation,
    value: SymbolicText,
    function: Scope,
    arguments: Mapping[Binding, SymbolicText],
    place: Place,
) -> SymbolicText:
    """Express a value found inside ``function`` in the terms of a call at ``place``."""
    pieces = [SymbolicText(weak=value.weak, templates=value.templates, temporary=value.temporary)]
    for source in value.deps:
        piece = _source_seen(evaluation, source, function, arguments, place)
        if source not in value.solid and not isinstance(source, Binding):
            piece = replace(piece, solid=NOTHING)
        pieces.append(piece)
    return union(pieces, value.text)


def _source_seen(
    evaluation: Evaluation,
    source: Source,
    function: Scope,
    arguments: Mapping[Binding, SymbolicText],
    place: Place,
) -> SymbolicText:
    if isinstance(source, Binding):
        if source in arguments:
            return arguments[source].without_text()
        inside = source.place.scope is function
    else:
        inside = source is function or (isinstance(source, Loop) and source.is_in(function))
    return evaluation.opaque(place) if inside else varying([source])
