"""Edits of a tree: each is bound to one node, and the rest of the file stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import libcst as cst

Result: TypeAlias = "cst.CSTNode | cst.FlattenSentinel[Any] | cst.RemovalSentinel"
Edit: TypeAlias = Callable[[Any], Result]


class Edits:
    """What is to become of which node. Several edits of a node are made one after the other."""

    def __init__(self) -> None:
        self._edits: dict[int, list[Edit]] = {}
        self._nodes: list[cst.CSTNode] = []  # keeps the ids valid

    def add(self, node: cst.CSTNode, edit: Edit) -> None:
        """Have ``edit`` make what replaces ``node``, from the node with its children edited."""
        self._nodes.append(node)
        self._edits.setdefault(id(node), []).append(edit)

    def __bool__(self) -> bool:
        return bool(self._edits)

    def apply(self, module: cst.Module) -> cst.Module:
        """Return the module with all edits made."""
        edited = module.visit(_Editor(self._edits))
        assert isinstance(edited, cst.Module)
        return edited


class _Editor(cst.CSTTransformer):
    def __init__(self, edits: dict[int, list[Edit]]) -> None:
        super().__init__()
        self._edits = edits

    def on_visit(self, node: cst.CSTNode) -> bool:
        return True

    def on_leave(self, original_node: cst.CSTNode, updated_node: Any) -> Any:
        for edit in self._edits.get(id(original_node), ()):
            updated_node = edit(updated_node)
        return updated_node


# -- calls -------------------------------------------------------------------------------------


def with_function(call: cst.Call, name: str) -> cst.Call:
    """Return the call of another function."""
    return call.with_changes(func=cst.parse_expression(name))


def with_keywords_renamed(call: cst.Call, names: Mapping[str, str]) -> cst.Call:
    """Return the call with keywords renamed."""
    arguments = []
    for argument in call.args:
        keyword = argument.keyword
        if keyword is not None and keyword.value in names:
            keyword = keyword.with_changes(value=names[keyword.value])
            argument = argument.with_changes(keyword=keyword)
        arguments.append(argument)
    return call.with_changes(args=arguments)


def with_keyword(call: cst.Call, name: str, value: cst.BaseExpression) -> cst.Call:
    """Return the call with a keyword, written the way the other arguments are.

    The value of a keyword that is there is replaced.
    """
    arguments = list(call.args)
    for index, argument in enumerate(arguments):
        if argument.keyword is not None and argument.keyword.value == name:
            arguments[index] = argument.with_changes(value=value)
            return call.with_changes(args=arguments)
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    new = cst.Arg(keyword=cst.Name(name), value=value, equal=equal)
    if not arguments:
        return call.with_changes(args=[new])
    last = arguments[-1]
    if isinstance(last.value, cst.GeneratorExp) and not last.value.lpar:
        bracketed = last.value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        last = last.with_changes(value=bracketed)
    gap = _gap(call)
    if isinstance(last.comma, cst.Comma):  # a trailing comma stays one
        new = new.with_changes(
            comma=last.comma.with_changes(
                whitespace_after=_without_comment(last.comma.whitespace_after)
            ),
            whitespace_after_arg=last.whitespace_after_arg,
        )
        after = indented_like(last.comma.whitespace_after, gap)
        last = last.with_changes(comma=last.comma.with_changes(whitespace_after=after))
    else:
        new = new.with_changes(whitespace_after_arg=last.whitespace_after_arg)
        comma = cst.Comma(whitespace_after=_without_comment(gap))
        last = last.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace(""))
    return call.with_changes(args=[*arguments[:-1], last, new])


def _gap(call: cst.Call) -> cst.BaseParenthesizableWhitespace:
    """Return what stands between two arguments of this call."""
    if len(call.args) > 1 and isinstance(call.args[-2].comma, cst.Comma):
        return call.args[-2].comma.whitespace_after
    if isinstance(call.whitespace_before_args, cst.ParenthesizedWhitespace):
        return call.whitespace_before_args
    return cst.SimpleWhitespace(" ")


def _without_comment(
    space: cst.BaseParenthesizableWhitespace,
) -> cst.BaseParenthesizableWhitespace:
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return space
    first = cst.TrailingWhitespace(newline=space.first_line.newline)
    return space.with_changes(first_line=first, empty_lines=[])


def indented_like(
    space: cst.BaseParenthesizableWhitespace, gap: cst.BaseParenthesizableWhitespace
) -> cst.BaseParenthesizableWhitespace:
    """Return ``space``, its comment kept, with the line break and indent of ``gap``."""
    if isinstance(space, cst.ParenthesizedWhitespace):
        if isinstance(gap, cst.ParenthesizedWhitespace):
            return space.with_changes(indent=gap.indent, last_line=gap.last_line)
        return space
    return _without_comment(gap) if not space.empty else cst.SimpleWhitespace(" ")


def cloned(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return ``x.clone()``, in brackets where ``.`` would bind to a part of the expression only."""
    simple = cst.Name | cst.Attribute | cst.Subscript | cst.Call
    if not isinstance(node, simple) and not node.lpar:
        node = node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.Call(cst.Attribute(node, cst.Name("clone")))


def assigned(statement: cst.Expr, name: str, *, as_text: bool) -> cst.Assign:
    """Return ``name = call`` (or ``name = str(call)``) for a statement that is only the call."""
    value = statement.value
    if as_text:
        value = cst.Call(cst.Name("str"), [cst.Arg(value)])
    return cst.Assign([cst.AssignTarget(cst.Name(name))], value, semicolon=statement.semicolon)
