"""Is an import still used? What may be a use is one: names in strings, ``__all__``, ``globals()``.

``import x as x``, ``# noqa`` on the import and ``if TYPE_CHECKING:`` keep an import, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property

import libcst as cst

from flake8_saveimage.fixes.names import Names
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import code_of, dotted
from flake8_saveimage.syntax.scopes import Binding, Scope

# Functions whose string arguments may be annotations, or names for `__all__`.
_TAKES_NAMES = frozenset("cast TypeVar NewType TypedDict NamedTuple getattr extend append".split())
IMPORT = cst.Import | cst.ImportFrom
_REFLECTION = frozenset({"globals", "eval", "exec", "vars"})


class ImportUses:
    """Answers for the imports of one file."""

    def __init__(self, flow: Flow, names: Names) -> None:
        self._flow = flow
        self._names = names

    @property
    def looks_names_up(self) -> bool:
        """Whether the file may look its names up by text: ``globals()``, ``eval``, ``vars()``."""
        calls = (call for n in _REFLECTION for call in self._flow.facts.calls_by_name.get(n, ()))
        return any(
            isinstance(call.node.func, cst.Name) and not (call.name == "vars" and call.node.args)
            for call in calls
        )

    def for_types_only(self, node: cst.CSTNode) -> bool:
        """Say whether an import stands under ``if TYPE_CHECKING:``."""
        child = node
        for outer in self._names.ancestors(node):
            if isinstance(outer, cst.If) and child is outer.body:
                test = dotted(outer.test) or ""
                if test.rpartition(".")[2] == "TYPE_CHECKING":
                    return True
            child = outer
        return False

    def is_unused(self, binding: Binding, edited: Collection[int]) -> bool:
        """Say whether nothing but the ``edited`` expressions can mean what an import binds.

        ``edited`` are the ids of the called functions that are replaced.
        """
        if self.for_types_only(binding.node) or _is_kept_by_hand(binding):
            return False
        scope = binding.place.scope
        if self._has_noqa(binding.node) or any(
            self._means(where, binding.name, scope) for where in self._quoted.get(binding.name, ())
        ):
            return False
        if any(binding.name in other.declared for other in self._flow.facts.scopes):
            return False
        return not any(
            self._means(use.scope, binding.name, scope)
            for use in self._names.of(binding.name)
            if id(use.node) not in edited and not (use.stored and use.name == binding.name)
        )

    def _means(self, scope: Scope, name: str, owner: Scope) -> bool:
        """Say whether ``name`` in ``scope`` is looked up in ``owner``."""
        first, current = scope, scope
        while True:
            visible = current.kind != "class" or current is first
            if current is owner:
                return visible or current is first
            # a name of an inner scope may still be the outer one where it is not bound yet
            if visible and name in current.bindings and current.kind != "class":
                return False
            if current.parent is None:
                return False
            current = current.parent

    def _has_noqa(self, node: cst.CSTNode) -> bool:
        for outer in self._names.ancestors(node):
            if isinstance(outer, cst.SimpleStatementLine | cst.SimpleStatementSuite):
                comment = outer.trailing_whitespace.comment
                text = (comment.value if comment else "") + code_of(node)
                return re.search(r"#\s*(noqa|isort|pylint|nopycln|pragma)", text, re.I) is not None
        return False

    @cached_property
    def _quoted(self) -> dict[str, list[Scope]]:
        """Names in quoted annotations, ``__all__`` and doctests, with their scopes."""
        found: dict[str, list[Scope]] = {}
        for node, scope in self._names.strings:
            text = node.evaluated_value if isinstance(node, cst.SimpleString) else None
            if isinstance(text, str) and (">>>" in text or self._may_name(node)):
                for name in re.findall(r"\w+", text):
                    found.setdefault(name, []).append(scope)
        return found

    def _may_name(self, node: cst.CSTNode) -> bool:
        for outer in self._names.ancestors(node):
            if isinstance(outer, cst.Annotation):
                return True
            if isinstance(outer, cst.Call):
                last = (dotted(outer.func) or "").rpartition(".")[2]
                if last in _TAKES_NAMES:
                    return True
            if isinstance(outer, cst.Subscript):
                return True
            if isinstance(outer, cst.Assign):
                return any(dotted(t.target) == "__all__" for t in outer.targets)
            if isinstance(outer, cst.AugAssign | cst.AnnAssign):
                return isinstance(outer, cst.AnnAssign) or dotted(outer.target) == "__all__"
            if isinstance(outer, cst.BaseSuite | cst.Module):
                return False
        return False


def _is_kept_by_hand(binding: Binding) -> bool:
    """``import x as x``, ``from y import x as x``: exported on purpose."""
    node = binding.node
    assert isinstance(node, IMPORT)
    if isinstance(node.names, cst.ImportStar):
        return True
    return any(
        alias.asname is not None and dotted(alias.name) == binding.name == dotted(alias.asname.name)
        for alias in node.names
    )
