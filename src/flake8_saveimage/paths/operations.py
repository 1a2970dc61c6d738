"""Operators, literals and containers."""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.formatting import formatted_with, joined_path, percent_format
from flake8_saveimage.paths.texts import (
    QUOTIENT,
    REMAINDER,
    SymbolicText,
    concatenated,
    constants,
    either,
    hinted,
    is_text,
    known_text,
    literal_value,
    names_in,
    union,
    unknown,
)
from flake8_saveimage.syntax.scopes import Place


def string(evaluation: Evaluation, node: cst.SimpleString, place: Place) -> SymbolicText:
    """A string literal."""
    return literal_value(node, place)


def number(evaluation: Evaluation, node: cst.Integer | cst.Float, place: Place) -> SymbolicText:
    """A number: its text is its source."""
    return SymbolicText(text=node.value)


def adjacent(evaluation: Evaluation, node: cst.ConcatenatedString, place: Place) -> SymbolicText:
    """``"a" "b"``."""
    return concatenated(
        [evaluation.evaluate(node.left, place), evaluation.evaluate(node.right, place)]
    )


def formatted(evaluation: Evaluation, node: cst.FormattedString, place: Place) -> SymbolicText:
    """An f-string."""
    pieces: list[SymbolicText] = []
    for part in node.parts:
        if isinstance(part, cst.FormattedStringExpression):
            pieces.append(_field(evaluation, part, place))
        elif isinstance(part, cst.FormattedStringText):
            pieces.append(SymbolicText(text=part.value.replace("{{", "{").replace("}}", "}")))
    return concatenated(pieces)


def _field(
    evaluation: Evaluation, part: cst.FormattedStringExpression, place: Place
) -> SymbolicText:
    value = evaluation.evaluate(part.expression, place)
    names = names_in(part.expression)
    text = known_text(value, names)
    if not value.constant:
        text = hinted(text, names)
    spec = "".join(
        p.value for p in part.format_spec or () if isinstance(p, cst.FormattedStringText)
    )
    return formatted_with(replace(value, text=unknown(text) if spec else text), spec)


def binary(evaluation: Evaluation, node: cst.BinaryOperation, place: Place) -> SymbolicText:
    """``a + b`` and the other binary operations."""
    if isinstance(node.operator, cst.Add):
        return _sum(evaluation, node, place)
    left, right = evaluation.evaluate(node.left, place), evaluation.evaluate(node.right, place)
    if isinstance(node.operator, cst.Modulo):
        if not is_text(node.left) and (left.text is None or "%" not in left.text):
            return union([left.weakened(REMAINDER), right], unknown())
        elements = node.right.elements if isinstance(node.right, cst.Tuple) else ()
        pieces = [evaluation.evaluate(element.value, place) for element in elements] or [right]
        return percent_format(left, right, node.right, constants(pieces))
    if isinstance(node.operator, cst.FloorDivide):
        return union([left.weakened(QUOTIENT), right], unknown())
    is_path = left.text is not None and right.text is not None
    if isinstance(node.operator, cst.Divide) and is_path:
        return joined_path([left, right])
    return union([left.without_text(), right.without_text()], unknown())


def _sum(evaluation: Evaluation, node: cst.BinaryOperation, place: Place) -> SymbolicText:
    """A chain of ``+``, from the left, without recursion into its length."""
    terms: list[cst.BaseExpression] = []
    current: cst.BaseExpression = node
    while isinstance(current, cst.BinaryOperation) and isinstance(current.operator, cst.Add):
        terms.append(current.right)
        current = current.left
    terms.append(current)
    terms.reverse()
    values = []
    for term in terms:
        value = evaluation.evaluate(term, place)
        if value.text is not None and not value.constant:
            value = replace(value, text=hinted(value.text, names_in(term)))
        values.append(value)
    if any(isinstance(term, cst.Integer | cst.Float) for term in terms):
        return union([value.without_text() for value in values], unknown(names_in(node.left)))
    return concatenated(values)


def unary(evaluation: Evaluation, node: cst.UnaryOperation, place: Place) -> SymbolicText:
    """``-i``."""
    return evaluation.evaluate(node.expression, place).without_text()


def boolean(evaluation: Evaluation, node: cst.BooleanOperation, place: Place) -> SymbolicText:
    """``a or b``."""
    branches = [evaluation.evaluate(node.left, place), evaluation.evaluate(node.right, place)]
    return union(branches, either(branches))


def conditional(evaluation: Evaluation, node: cst.IfExp, place: Place) -> SymbolicText:
    """``a if test else b``."""
    branches = [evaluation.evaluate(node.body, place), evaluation.evaluate(node.orelse, place)]
    test = evaluation.evaluate(node.test, place).without_text()
    return union([*branches, test], either(branches))


def comparison(evaluation: Evaluation, node: cst.Comparison, place: Place) -> SymbolicText:
    """``a < b``."""
    parts = [node.left, *(target.comparator for target in node.comparisons)]
    return union(evaluation.evaluate(part, place).without_text() for part in parts)


def container(
    evaluation: Evaluation, node: cst.Tuple | cst.List | cst.Set | cst.Dict, place: Place
) -> SymbolicText:
    """A display of elements."""
    return union(evaluation.evaluate(e.value, place).without_text() for e in node.elements)


def walrus(evaluation: Evaluation, node: cst.NamedExpr, place: Place) -> SymbolicText:
    """``name := value``."""
    return evaluation.evaluate(node.value, place)


def awaited(evaluation: Evaluation, node: cst.Await, place: Place) -> SymbolicText:
    """``await value``."""
    return evaluation.evaluate(node.expression, place)


def variable(evaluation: Evaluation, node: cst.Name, place: Place) -> SymbolicText:
    """A name."""
    return evaluation.name(node.value, place)
