"""What the parts of the evaluator need of the whole."""

from __future__ import annotations

from typing import Protocol

import libcst as cst

from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.scopes import Place, Scope
from flake8_saveimage.values.domain import Abstract, Values
from flake8_saveimage.values.objects import Frame, Instance
from flake8_saveimage.values.operations import Passed


class Context(Protocol):
    """Evaluation of expressions, names and calls in an activation."""

    def evaluate(self, node: cst.BaseExpression, place: Place, frame: Frame) -> Abstract:
        """Return what an expression stands for."""

    def values(self, node: cst.BaseExpression, place: Place, frame: Frame) -> Values:
        """Return what is known of a tensor expression."""

    def name(self, name: str, place: Place, frame: Frame, node: cst.CSTNode) -> Abstract:
        """Return what a name (possibly dotted) stands for."""

    def from_elsewhere(self, qualified: str, place: Place, frame: Frame) -> Abstract | None:
        """Return what a qualified name means in another file; ``None`` if it is a library's."""

    def stored_attribute(
        self, full: str, place: Place, frame: Frame, node: cst.CSTNode
    ) -> Abstract | None:
        """Return what ``a.b`` was given in this function, or ``self.x`` anywhere in the class."""

    def attribute(self, owner: Abstract, name: str) -> Abstract:
        """Return an attribute of an object."""

    def unknown_object(self, owner: Scope, flow: Flow) -> Instance:
        """Return an object of a class of which nothing more is known."""

    def arguments(self, node: cst.Call, place: Place, frame: Frame) -> Passed:
        """Return what a call passes."""

    def call(self, node: cst.Call, place: Place, frame: Frame) -> Abstract:
        """Return what a call returns."""

    def invoke(self, target: Abstract, arguments: Passed, frame: Frame) -> Abstract:
        """Return what an object returns when it is called."""
