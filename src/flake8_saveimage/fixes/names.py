"""Where every name of a file is used: what the facts leave out.

Fixes ask what findings never do: is this import still used, is this value used, what stands around
this node? One walk, made only for files that have something to fix, answers all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import libcst as cst

from flake8_saveimage.syntax.nodes import child_nodes, dotted
from flake8_saveimage.syntax.scopes import Facts, Scope

IMPORT = cst.Import | cst.ImportFrom
Line: TypeAlias = cst.SimpleStatementLine


class Use(NamedTuple):
    """One occurrence of a name (``path``) or of a chain of attributes (``self.path.parent``).

    ``stored`` says that it is bound there.
    """

    node: cst.CSTNode
    name: str
    stored: bool
    scope: Scope


class Names:
    """All uses of names in a module, and the parent of each node that holds code."""

    def __init__(self, facts: Facts) -> None:
        self.parents: dict[int, cst.CSTNode] = {}
        self.strings: list[tuple[cst.SimpleString | cst.FormattedStringText, Scope]] = []
        self.imports: list[cst.Import | cst.ImportFrom] = []
        self._uses: dict[str, list[Use]] = {}
        self.imported = _imported(facts)
        self._sections: dict[int, list[list[Line]]] = {}
        self._scopes = {id(scope.node): scope for scope in facts.scopes}
        self._walk(facts.module, facts.scope)

    def of(self, base: str) -> list[Use]:
        """Return the uses of a name and of what hangs on it (``base.x``)."""
        return self._uses.get(base, [])

    def identifiers(self) -> set[str]:
        """Return every name that the file binds or reads."""
        return set(self._uses)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes around a node, innermost first."""
        parent = self.parents.get(id(node))
        while parent is not None:
            yield parent
            parent = self.parents.get(id(parent))

    def suite_of(self, node: cst.CSTNode) -> cst.CSTNode:
        """Return the suite (or the module) that a statement stands in."""
        return next(
            outer for outer in self.ancestors(node) if isinstance(outer, cst.Module | cst.BaseSuite)
        )

    def within(self, node: cst.CSTNode, container: cst.CSTNode) -> bool:
        """Say whether ``node`` is ``container`` or lies in it."""
        return node is container or any(outer is container for outer in self.ancestors(node))

    def sections(self, suite: cst.CSTNode) -> list[list[Line]]:
        """Return the groups of import lines of a suite without a blank line in them."""
        if id(suite) not in self._sections:
            self._sections[id(suite)] = _sections(suite)
        return self._sections[id(suite)]

    # -- the walk ------------------------------------------------------------------------------

    def _walk(self, module: cst.Module, scope: Scope) -> None:
        stack = [_Step(module, scope)]
        while stack:
            step = stack.pop()
            node = step.node
            name = dotted(node) if isinstance(node, cst.Name | cst.Attribute) else None
            if name is not None:
                use = Use(node, name, step.stored, step.scope)
                self._uses.setdefault(name.partition(".")[0], []).append(use)
                self._adopt_chain(node)
                continue
            if isinstance(node, cst.SimpleString | cst.FormattedStringText):
                self.strings.append((node, step.scope))
            elif isinstance(node, cst.Import | cst.ImportFrom):
                self.imports.append(node)
            following = list(self._children(step))
            for child in following:
                self.parents.setdefault(id(child.node), node)
            stack.extend(reversed(following))

    def _adopt_chain(self, node: cst.CSTNode) -> None:
        while isinstance(node, cst.Attribute):
            self.parents[id(node.value)] = node
            node = node.value

    def _children(self, step: _Step) -> Iterator[_Step]:
        """Yield the children that hold uses; imports are bindings, which the facts have."""
        node, kind = step.node, type(step.node)
        if kind in _BINDINGS:
            return
        inner = self._scopes.get(id(node), step.scope)
        body = getattr(node, "body", None)
        unused, target = (getattr(node, table.get(kind, ""), None) for table in (_UNUSED, _TARGETS))
        # `a, b = ...` stores through its tuple, `a[i] = ...` reads `a`
        stored = kind in _PATTERNS or (step.stored and kind in _PARTS)
        if kind is cst.AugAssign and target is not None:
            yield _Step(target, step.scope)
        is_comprehension = isinstance(node, cst.BaseComp)
        for child in child_nodes(node):
            if child is not unused:
                is_inside = is_comprehension or child is body
                scope = inner if is_inside else step.scope
                yield _Step(child, scope, stored or child is target)


_BINDINGS = frozenset({cst.Import, cst.ImportFrom, cst.Global, cst.Nonlocal})
_PARTS = frozenset({cst.Tuple, cst.List, cst.Element, cst.StarredElement})
_PATTERNS = frozenset({cst.MatchAs, cst.MatchStar, cst.MatchMapping})
# Fields with a name that is no use, and fields that bind.
_UNUSED: dict[type, str] = {
    **dict.fromkeys((cst.FunctionDef, cst.ClassDef, cst.Param), "name"),
    cst.Arg: "keyword",
    cst.Attribute: "attr",
}
_TARGETS: dict[type, str] = {
    **dict.fromkeys((cst.NamedExpr, cst.AssignTarget, cst.AugAssign, cst.AnnAssign), "target"),
    **dict.fromkeys((cst.For, cst.CompFor), "target"),
    cst.AsName: "name",
}


class _Step(NamedTuple):
    """A node that is still to be walked, and where it stands."""

    node: cst.CSTNode
    scope: Scope
    stored: bool = False


def _imported(facts: Facts) -> dict[str, list[str]]:
    """Return the names under which a file imports something, by its qualified name."""
    found: dict[str, list[str]] = {}
    for scope in facts.scopes:
        for name, bindings in scope.bindings.items():
            for source in {b.source for b in bindings if b.kind == "import" and b.source}:
                found.setdefault(source, []).append(name)
    return found


def _sections(suite: cst.CSTNode) -> list[list[Line]]:
    sections: list[list[Line]] = []
    previous: object = None
    for line in getattr(suite, "body", ()):
        is_import = isinstance(line, cst.SimpleStatementLine) and all(
            isinstance(small, IMPORT) for small in line.body
        )
        if is_import:
            is_apart = any(empty.comment is None for empty in line.leading_lines)
            if previous is None or is_apart:
                sections.append([])
            sections[-1].append(line)
        elif isinstance(line, cst.SimpleStatementLine) and any(
            isinstance(small, IMPORT) for small in line.body
        ):
            sections.append([line])
        previous = line if is_import else None
    return sections
