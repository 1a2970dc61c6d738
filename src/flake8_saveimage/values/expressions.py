"""What each kind of expression stands for: one function a node type, for the context."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import libcst as cst

from flake8_saveimage.syntax.nodes import dotted, string_value
from flake8_saveimage.syntax.scopes import Place, Scope
from flake8_saveimage.values import library
from flake8_saveimage.values.context import Context
from flake8_saveimage.values.domain import (
    GIVEN,
    NOTHING,
    UNKNOWN,
    Abstract,
    Items,
    Literally,
    Values,
    as_values,
    constant,
    number,
)
from flake8_saveimage.values.dtypes import BY_NAME, NUMPY_NAMES, DTypes, Ranks, within
from flake8_saveimage.values.elementwise import kind_of
from flake8_saveimage.values.intervals import WHOLE
from flake8_saveimage.values.layout import without_orders
from flake8_saveimage.values.merging import merged
from flake8_saveimage.values.naming import role
from flake8_saveimage.values.objects import Frame, Function, Table
from flake8_saveimage.values.operations import applied_to
from flake8_saveimage.values.ops.arithmetic import blend
from flake8_saveimage.values.subscripts import subscript

BINARY: dict[type[cst.CSTNode], str] = {
    cst.Add: "add",
    cst.Subtract: "sub",
    cst.Multiply: "mul",
    cst.Divide: "div",
    cst.FloorDivide: "floor_divide",
    cst.Modulo: "remainder",
    cst.Power: "pow",
    cst.AddAssign: "add",
    cst.SubtractAssign: "sub",
    cst.MultiplyAssign: "mul",
    cst.DivideAssign: "div",
    cst.FloorDivideAssign: "floor_divide",
    cst.ModuloAssign: "remainder",
    cst.PowerAssign: "pow",
}

Handler: TypeAlias = Callable[[Context, cst.CSTNode, Place, Frame], Abstract]


def unknown_name(name: str, node: cst.CSTNode, marks: frozenset[str] = frozenset()) -> Values:
    """Return what a name that nothing binds stands for: its role, if it says one."""
    return dataclasses.replace(UNKNOWN, sources=frozenset({name}), marks=role(name) | marks)


def _number(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.Integer | cst.Float)
    return number(node.evaluated_value)


def _string(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    return Literally(string_value(node)) if isinstance(node, cst.SimpleString) else UNKNOWN


_TYPES = {name: NUMPY_NAMES[name] for name in ("bool", "int", "float")}
_CONSTANTS: dict[str, Abstract] = {"True": number(True), "False": number(False), "None": NOTHING}


def _name(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.Name)
    if node.value in _CONSTANTS:
        return _CONSTANTS[node.value]
    if node.value in _TYPES and frame.flow.lookup(node.value, place).owner is None:
        return _TYPES[node.value]
    return context.name(node.value, place, frame, node)


_SAME_ATTRIBUTES = frozenset({"data", "real", "values"})


def _attribute(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.Attribute)
    name = node.attr.value
    qualified = frame.flow.resolve(node, place)
    if qualified is not None and not frame.flow.is_of_object(qualified, place):
        elsewhere = context.from_elsewhere(qualified, place, frame)
        if elsewhere is not None:
            return elsewhere
        dtype = BY_NAME.get(name) if qualified == f"torch.{name}" else None
        return dtype if dtype is not None else library.constant_of(qualified)
    full = dotted(node)
    if full is not None:
        found = context.stored_attribute(full, place, frame, node)
        if found is not None:
            if isinstance(found, Values) and constant(found) is None:
                return dataclasses.replace(found, marks=found.marks | role(name))
            return found
    owner = context.evaluate(node.value, place, frame)
    if isinstance(owner, Values):
        if name in _SAME_ATTRIBUTES:
            return owner
        if name in ("T", "mT"):
            return without_orders(owner)
        if name == "dtype" and owner.kind in ("tensor", "array"):
            return owner.dtypes
        return unknown_name(full or name, node, owner.marks & GIVEN.marks)
    found = context.attribute(owner, name)
    if found is not UNKNOWN:
        return found
    # `net.module` of a wrapped network is the network
    return owner if name == "module" else unknown_name(full or name, node)


def _call(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.Call)
    return context.call(node, place, frame)


def _binary(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.BinaryOperation)
    left = context.evaluate(node.left, place, frame)
    right = context.evaluate(node.right, place, frame)
    if isinstance(node.operator, cst.Add):
        if isinstance(left, Items) and isinstance(right, Items):
            return Items(left.parts + right.parts, left.complete and right.complete)
        mixed = _mix(context, node, place, frame)
        if mixed is not None:
            return mixed
    if isinstance(left, Items) and isinstance(node.operator, cst.Multiply):
        times = constant(right)
        if times is not None and 0 < times <= 64 and left.complete:
            return Items(left.parts * int(times))
        return Items(left.parts, complete=False)
    operation = BINARY.get(type(node.operator))
    if operation is None:
        return Values(kind="tensor") if isinstance(node.operator, cst.MatrixMultiply) else UNKNOWN
    return applied_to(f"torch.{operation}", as_values(left), as_values(right))


def _mix(
    context: Context, node: cst.BinaryOperation, place: Place, frame: Frame
) -> Abstract | None:
    """``a * m + b * (1 - m)``: a mask or a mix of two images, between both."""
    for first, second in ((node.left, node.right), (node.right, node.left)):
        for weight, plain in _factors(first):
            for other, rest in _factors(second):
                if _complement(other, weight):
                    return blend(
                        context.values(rest, place, frame),
                        context.values(plain, place, frame),
                        context.values(weight, place, frame),
                    )
    return None


def _factors(
    node: cst.BaseExpression,
) -> list[tuple[cst.BaseExpression, cst.BaseExpression]]:
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply):
        return [(node.left, node.right), (node.right, node.left)]
    return []


def _complement(node: cst.BaseExpression, weight: cst.BaseExpression) -> bool:
    return (
        isinstance(node, cst.BinaryOperation)
        and isinstance(node.operator, cst.Subtract)
        and isinstance(node.left, cst.Integer | cst.Float)
        and node.left.evaluated_value == 1
        and node.right.deep_equals(weight)
    )


def _unary(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.UnaryOperation)
    value = context.evaluate(node.expression, place, frame)
    if isinstance(node.operator, cst.Minus) and isinstance(value, Values):
        return applied_to("torch.neg", value)
    if isinstance(node.operator, cst.Not):
        return UNKNOWN
    if isinstance(node.operator, cst.BitInvert) and isinstance(value, Values):
        return value if within(value.dtypes, DTypes.BOOL) else _inverted(value)
    return value


def _inverted(value: Values) -> Values:
    """``~x`` of an integer is ``-x - 1``."""
    return dataclasses.replace(value, interval=WHOLE, reach=None, scale=(1.0, 0.0))


def _comparison(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.Comparison)
    left = context.evaluate(node.left, place, frame)
    if not isinstance(left, Values) or not isinstance(node.comparisons[0].operator, _ORDERINGS):
        return UNKNOWN
    right = context.values(node.comparisons[0].comparator, place, frame)
    result = as_values(applied_to("torch.gt", left))
    kind = kind_of((left, right))
    if kind in ("tensor", "array"):
        return dataclasses.replace(result, kind=kind)
    return dataclasses.replace(result, kind="unknown", ranks=Ranks.ANY)


_ORDERINGS = (
    cst.LessThan, cst.GreaterThan, cst.LessThanEqual, cst.GreaterThanEqual, cst.Equal, cst.NotEqual,
)  # fmt: skip


def _sequence(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.Tuple | cst.List)
    parts: list[Abstract] = []
    complete = True
    for element in node.elements:
        value = context.evaluate(element.value, place, frame)
        if isinstance(element, cst.StarredElement):
            parts.extend(value.parts if isinstance(value, Items) else [UNKNOWN])
            complete = complete and isinstance(value, Items) and value.complete
        else:
            parts.append(value)
    return Items(tuple(parts), complete)


def _scope_of(node: cst.CSTNode, place: Place) -> Scope | None:
    """Return the scope of a comprehension or lambda that stands at a place."""
    return next((scope for scope in place.scope.scopes if scope.node is node), None)


def _list_comprehension(
    context: Context, node: cst.CSTNode, place: Place, frame: Frame
) -> Abstract:
    assert isinstance(node, cst.ListComp | cst.GeneratorExp)
    scope = _scope_of(node, place)
    if scope is None:
        return UNKNOWN
    inner = scope.block
    for bindings in scope.bindings.values():
        for binding in bindings:
            if binding.place.block.start >= inner.start:
                inner = binding.place.block
    value = context.evaluate(node.elt, Place(inner, inner.end), frame)
    return Items((value,), complete=False)


def _lambda(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    scope = _scope_of(node, place)
    return Function(scope, frame) if scope is not None else UNKNOWN


def _conditional(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.IfExp)
    return merged([context.evaluate(n, place, frame) for n in (node.body, node.orelse)])


def _boolean(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.BooleanOperation)
    return merged([context.evaluate(n, place, frame) for n in (node.left, node.right)])


def _walrus(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.NamedExpr)
    return context.evaluate(node.value, place, frame)


def _dict(context: Context, node: cst.CSTNode, place: Place, frame: Frame) -> Abstract:
    assert isinstance(node, cst.Dict)
    entries: dict[object, Abstract] = {}
    for element in node.elements:
        if isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString):
            entries[element.key.evaluated_value] = context.evaluate(element.value, place, frame)
    return Table(entries)


HANDLERS: dict[type[cst.CSTNode], Handler] = {
    cst.Integer: _number,
    cst.Float: _number,
    cst.SimpleString: _string,
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Call: _call,
    cst.BinaryOperation: _binary,
    cst.UnaryOperation: _unary,
    cst.Comparison: _comparison,
    cst.Tuple: _sequence,
    cst.List: _sequence,
    cst.ListComp: _list_comprehension,
    cst.GeneratorExp: _list_comprehension,
    cst.Lambda: _lambda,
    cst.IfExp: _conditional,
    cst.BooleanOperation: _boolean,
    cst.NamedExpr: _walrus,
    cst.Dict: _dict,
    cst.Subscript: subscript,
}
