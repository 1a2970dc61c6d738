"""The evaluation of paths: which module knows what about a kind of node or of binding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import libcst as cst

from flake8_saveimage.paths import attributes, bindings, calls, elements, operations
from flake8_saveimage.paths.evaluation import BindingHandler, Evaluation, NodeHandler


class Dependence(Evaluation):
    """Evaluates any expression of one file; answers are remembered."""

    by_node: ClassVar[Mapping[type[cst.CSTNode], NodeHandler]] = {
        cst.Name: operations.variable,
        cst.Attribute: attributes.attribute,
        cst.Subscript: attributes.subscript,
        cst.Call: calls.call,
        cst.SimpleString: operations.string,
        cst.FormattedString: operations.formatted,
        cst.ConcatenatedString: operations.adjacent,
        cst.Integer: operations.number,
        cst.Float: operations.number,
        cst.BinaryOperation: operations.binary,
        cst.UnaryOperation: operations.unary,
        cst.BooleanOperation: operations.boolean,
        cst.Comparison: operations.comparison,
        cst.IfExp: operations.conditional,
        cst.NamedExpr: operations.walrus,
        cst.Await: operations.awaited,
        cst.Tuple: operations.container,
        cst.List: operations.container,
        cst.Set: operations.container,
        cst.Dict: operations.container,
        cst.ListComp: elements.comprehension,
        cst.SetComp: elements.comprehension,
        cst.GeneratorExp: elements.comprehension,
    }
    by_binding: ClassVar[Mapping[str, BindingHandler]] = {
        "param": bindings.parameter,
        "for": elements.loop_target,
        "assign": bindings.assigned,
        "aug": bindings.augmented,
        "with": bindings.assigned,
        "match": bindings.assigned,
        "import": bindings.imported,
        "def": bindings.defined,
        "class": bindings.defined,
        "except": bindings.unseen,
        "unseen": bindings.unseen,
        "del": bindings.unseen,
    }
