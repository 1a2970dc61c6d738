"""Calls: functions that are known, functions of this file, methods of paths and texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from flake8_saveimage.knowledge.calls import (
    COARSE_CLOCKS,
    JOINS,
    PATH_PARTS,
    PATHS,
    PURE_FUNCTIONS,
    PURE_METHODS,
    RANDOM,
    ROUNDING,
    SAME_PATH,
)
from flake8_saveimage.knowledge.words import returns_folder
from flake8_saveimage.paths.arguments import passed, seen_from_call
from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.formatting import joined_path, str_format, with_part
from flake8_saveimage.paths.settings import holds_settings
from flake8_saveimage.paths.texts import (
    COARSE,
    RANDOM_NUMBER,
    ROUNDED,
    SymbolicText,
    known_text,
    names_in,
    union,
    unknown,
    with_hint,
)
from flake8_saveimage.syntax.nodes import dotted, last_name
from flake8_saveimage.syntax.scopes import Place, Scope


@dataclass(frozen=True, slots=True)
class _Call:
    """A call with the values of its arguments."""

    evaluation: Evaluation
    node: cst.Call
    place: Place
    arguments: Sequence[SymbolicText]

    @property
    def opaque(self) -> SymbolicText:
        """What may differ each time."""
        return self.evaluation.opaque(self.place)

    def pieces(self, *others: SymbolicText) -> list[SymbolicText]:
        """Return other values and the arguments, without their texts."""
        return [value.without_text() for value in (*others, *self.arguments)]


def called(evaluation: Evaluation, node: cst.Call, place: Place) -> str | None:
    """Return the qualified name of what is called; an unbound name stands for itself."""
    full = evaluation.flow.resolve(node.func, place)
    if full is not None:
        return full
    name = dotted(node.func)
    if name is None:
        return None
    base = name.partition(".")[0]
    return name if evaluation.flow.lookup(base, place).owner is None else None


def call(evaluation: Evaluation, node: cst.Call, place: Place) -> SymbolicText:
    """Return what the result of a call depends on."""
    name = called(evaluation, node, place)
    arguments = [evaluation.evaluate(argument.value, place) for argument in node.args]
    given = _Call(evaluation, node, place, arguments)
    if name is not None:
        known = _FUNCTIONS.get(name)
        if known is not None:
            return known(given)
        if name.startswith("tempfile."):
            return replace(given.opaque, temporary=True)
    function = evaluation.flow.definition(node.func, place)
    if function is not None and function.kind == "function":
        entered = _entered(given, function)
        if entered is not None:
            return entered
    if isinstance(node.func, cst.Attribute) and _is_pure(evaluation, node.func, place):
        receiver = evaluation.evaluate(node.func.value, place)
        return _METHODS.get(node.func.attr.value, _pure_method)(given, receiver)
    return _unknown(given)


def _entered(call: _Call, function: Scope) -> SymbolicText | None:
    """Return what a call of a function of this file depends on, by what it returns."""
    if function.decorators():
        return None
    arguments = passed(call.evaluation, function, call.node, call.place)
    returned = call.evaluation.returned(function) if arguments is not None else None
    if arguments is None or returned is None:
        return None
    return seen_from_call(call.evaluation, returned, function, arguments, call.place)


def _unknown(call: _Call) -> SymbolicText:
    """A function of which only the name is known: it may vary, unless it returns a folder."""
    func = call.node.func
    hint = unknown(names_in(func))
    if not returns_folder(last_name(func)):
        return union(call.pieces(call.opaque), hint)
    if isinstance(func, cst.Attribute):
        return union(call.pieces(call.evaluation.evaluate(func.value, call.place)), hint)
    return union(call.pieces(), hint)


# -- functions that are known ------------------------------------------------------------------


def _pure(call: _Call) -> SymbolicText:
    return union(call.pieces(), unknown())


def _joined(call: _Call) -> SymbolicText:
    if any(argument.star for argument in call.node.args):
        return _pure(call)
    pairs = zip(call.arguments, call.node.args, strict=True)
    return joined_path([with_hint(value, names_in(given.value)) for value, given in pairs])


def _path(call: _Call) -> SymbolicText:
    return joined_path(call.arguments) if call.arguments else SymbolicText(text=".")


def _same_text(call: _Call) -> SymbolicText:
    values = call.arguments
    return union(values, values[0].text if len(values) == 1 else unknown())


def _rounded(call: _Call) -> SymbolicText:
    return union([value.weakened(ROUNDED) for value in call.arguments], unknown())


def _random(call: _Call) -> SymbolicText:
    return call.opaque.weakened(RANDOM_NUMBER)


def _clock(call: _Call) -> SymbolicText:
    return call.opaque.weakened(COARSE)


def _int(call: _Call) -> SymbolicText:
    if len(call.arguments) != 1:
        return _pure(call)
    inner = call.node.args[0].value
    if isinstance(inner, cst.BinaryOperation) and isinstance(inner.operator, cst.Divide):
        return _rounded(call)
    if not isinstance(inner, cst.Call) or called(call.evaluation, inner, call.place) != "time.time":
        return _same_text(call)
    return call.arguments[0].weakened(COARSE)


_FUNCTIONS: dict[str, Callable[[_Call], SymbolicText]] = {
    **dict.fromkeys(PURE_FUNCTIONS, _pure),
    **dict.fromkeys(JOINS, _joined),
    **dict.fromkeys(PATHS, _path),
    **dict.fromkeys(ROUNDING, _rounded),
    **dict.fromkeys(RANDOM, _random),
    **dict.fromkeys(COARSE_CLOCKS, _clock),
    "str": _same_text,
    "os.fspath": _same_text,
    "int": _int,
    "getattr": _pure,
}

# -- methods that are known --------------------------------------------------------------------


def _is_pure(evaluation: Evaluation, func: cst.Attribute, place: Place) -> bool:
    """Say whether a method gives the same answer for the same receiver and arguments."""
    if func.attr.value == "get":  # config.get("out"), but not queue.get()
        return holds_settings(evaluation.flow, func.value, place)
    return func.attr.value in PURE_METHODS


def _pure_method(call: _Call, receiver: SymbolicText) -> SymbolicText:
    assert isinstance(call.node.func, cst.Attribute)
    return union(call.pieces(receiver), unknown(names_in(call.node.func.value)))


def _format(call: _Call, receiver: SymbolicText) -> SymbolicText:
    if any(_hides_locals(argument) for argument in call.node.args):
        return union([call.opaque], known_text(receiver))
    return str_format(receiver, call.arguments, call.node)


def _hides_locals(argument: cst.Arg) -> bool:
    value = argument.value
    return bool(argument.star) or (
        isinstance(value, cst.Call) and dotted(value.func) in ("locals", "globals", "vars")
    )


def _joinpath(call: _Call, receiver: SymbolicText) -> SymbolicText:
    return joined_path([receiver, *call.arguments])


def _same_path(call: _Call, receiver: SymbolicText) -> SymbolicText:
    return union([receiver], receiver.text)


def _path_part(call: _Call, receiver: SymbolicText) -> SymbolicText:
    text = with_part(receiver, last_name(call.node.func), call.arguments)
    return union([receiver, *call.arguments], text)


def _strftime(call: _Call, receiver: SymbolicText) -> SymbolicText:
    text = call.arguments[0].text if call.arguments else None
    value = union(call.pieces(receiver), unknown())
    return value if text is not None and "%f" in text else value.weakened(COARSE)


_METHODS: dict[str, Callable[[_Call, SymbolicText], SymbolicText]] = {
    **dict.fromkeys(SAME_PATH, _same_path),
    **dict.fromkeys(PATH_PARTS, _path_part),
    "format": _format,
    "format_map": _format,
    "joinpath": _joinpath,
    "strftime": _strftime,
}
