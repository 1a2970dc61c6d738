"""Where every name of a file is used: what the pass over the facts leaves out.

Fixes ask two things that findings never do: is this variable used again, and is this import still
used? One walk, made only for files that have something to fix, answers both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.syntax.nodes import child_nodes, dotted
from flake8_saveimage.syntax.scopes import Facts, Scope


class Use(NamedTuple):
    """One occurrence of a name (``path``) or of a chain of attributes (``self.path.parent``).

    ``position`` grows in evaluation order, ``suites`` and ``loops`` are the ids of the suites and
    of the loops around it, outermost first.
    """

    node: cst.CSTNode
    name: str
    position: int
    stored: bool
    scope: Scope
    suites: tuple[int, ...]
    loops: tuple[int, ...]


class Names:
    """All uses of names in a module, and the parent of each node that holds code."""

    def __init__(self, facts: Facts) -> None:
        self.parents: dict[int, cst.CSTNode] = {}
        self.uses: list[Use] = []
        self.strings: list[tuple[cst.SimpleString | cst.FormattedStringText, Scope]] = []
        self._by_base: dict[str, list[Use]] = {}
        self._scopes = {id(scope.node): scope for scope in facts.scopes}
        self._ends: dict[int, int] = {}
        self._walk(facts.module, facts.scope)
        for use in self.uses:
            self._by_base.setdefault(use.name.partition(".")[0], []).append(use)

    def of(self, name: str) -> list[Use]:
        """Return the uses of ``name`` and of what hangs on it (``name.x``), in order."""
        uses = self._by_base.get(name.partition(".")[0], [])
        return [use for use in uses if use.name == name or use.name.startswith(name + ".")]

    def identifiers(self) -> set[str]:
        """Return every name that the file binds or reads."""
        return set(self._by_base)

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

    # -- the walk ------------------------------------------------------------------------------

    def _walk(self, module: cst.Module, scope: Scope) -> None:
        stack: list[_Step] = [_Step(module, scope, (), (), stored=False)]
        while stack:
            step = stack.pop()
            node = step.node
            name = dotted(node) if isinstance(node, cst.Name | cst.Attribute) else None
            if name is not None:
                self.uses.append(
                    Use(node, name, len(self.uses), step.stored, step.scope, step.suites,
                        step.loops)
                )  # fmt: skip
                self._adopt_chain(node)
                continue
            if isinstance(node, cst.SimpleString | cst.FormattedStringText):
                self.strings.append((node, step.scope))
            following = list(self._children(step))
            for child in following:
                self.parents.setdefault(id(child.node), node)
            stack.extend(reversed(following))

    def _adopt_chain(self, node: cst.CSTNode) -> None:
        while isinstance(node, cst.Attribute):
            self.parents[id(node.value)] = node
            node = node.value

    def _children(self, step: _Step) -> Iterator[_Step]:
        """Yield the children in the order in which they are evaluated."""
        node = step.node
        inner = self._scopes.get(id(node))
        if inner is not None and not isinstance(node, cst.Module):
            yield from self._of_scope(step, inner)
        elif isinstance(node, cst.Assign | cst.AnnAssign | cst.AugAssign):
            yield from self._of_assignment(step)
        elif isinstance(node, cst.For | cst.While):
            yield from self._of_loop(step)
        elif isinstance(node, cst.CompFor):
            yield from self._of_clause(step)
        elif isinstance(node, cst.NamedExpr):
            yield step.to(node.value)
            yield step.to(node.target, stored=True)
        elif isinstance(node, cst.AsName | cst.Del):
            yield step.to(node.name if isinstance(node, cst.AsName) else node.target, stored=True)
        elif isinstance(node, cst.Arg):  # the keyword is no name
            yield step.to(node.value)
        elif isinstance(node, cst.Param):
            yield from (step.to(part) for part in (node.annotation, node.default) if part)
        elif isinstance(node, cst.MatchAs | cst.MatchStar | cst.MatchMapping):
            yield from (step._replace(node=part, stored=True) for part in child_nodes(node))
        elif isinstance(node, cst.Attribute):
            yield step.to(node.value)
        elif isinstance(node, cst.Import | cst.ImportFrom | cst.Global | cst.Nonlocal):
            return  # bindings, which the facts have
        elif isinstance(node, cst.Subscript | cst.MatchValue | cst.MatchClass):
            yield from (step.to(child) for child in child_nodes(node))
        elif isinstance(node, cst.Module | cst.BaseSuite):
            suites = (*step.suites, id(node))
            for statement in node.body:
                yield step._replace(node=statement, suites=suites)
        else:
            for child in child_nodes(node):
                yield step._replace(node=child)

    def _of_scope(self, step: _Step, inner: Scope) -> Iterator[_Step]:
        node = step.node
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            yield from (step.to(decorator) for decorator in node.decorators)
        if isinstance(node, cst.FunctionDef):
            # Defaults and annotations belong to the scope around; nothing here asks for more.
            yield step.to(node.params)
            if node.returns is not None:
                yield step.to(node.returns)
            yield step.into(node.body, inner)
        elif isinstance(node, cst.ClassDef):
            for argument in (*node.bases, *node.keywords):
                yield step.to(argument)
            yield step.into(node.body, inner)
        elif isinstance(node, cst.Lambda):
            yield step.to(node.params)
            yield step.into(node.body, inner)
        elif isinstance(node, cst.BaseComp):
            yield step.into(node.for_in, inner)
            loops = (*step.loops, id(node.for_in))
            rest = [child for child in child_nodes(node) if child is not node.for_in]
            for child in rest:
                yield step.into(child, inner)._replace(loops=loops)

    def _of_assignment(self, step: _Step) -> Iterator[_Step]:
        node = step.node
        assert isinstance(node, cst.Assign | cst.AnnAssign | cst.AugAssign)
        if isinstance(node, cst.AnnAssign):
            yield step.to(node.annotation)
        if node.value is not None:
            yield step.to(node.value)
        if isinstance(node, cst.Assign):
            yield from (step.to(target.target, stored=True) for target in node.targets)
        else:
            if isinstance(node, cst.AugAssign):
                yield step.to(node.target)
            yield step.to(node.target, stored=True)

    def _of_loop(self, step: _Step) -> Iterator[_Step]:
        node = step.node
        inside = step._replace(loops=(*step.loops, id(node)))
        if isinstance(node, cst.For):
            yield step.to(node.iter)
            yield inside.to(node.target, stored=True)
        elif isinstance(node, cst.While):
            yield inside.to(node.test)
        assert isinstance(node, cst.For | cst.While)
        yield inside.to(node.body)
        if node.orelse is not None:
            yield step.to(node.orelse)

    def _of_clause(self, step: _Step) -> Iterator[_Step]:
        node = step.node
        assert isinstance(node, cst.CompFor)
        yield step.to(node.iter)
        inside = step._replace(loops=(*step.loops, id(node)))
        yield inside.to(node.target, stored=True)
        yield from (inside.to(condition) for condition in node.ifs)
        if node.inner_for_in is not None:
            yield inside.to(node.inner_for_in)


class _Step(NamedTuple):
    """A node that is still to be walked, and where it stands."""

    node: cst.CSTNode
    scope: Scope
    suites: tuple[int, ...]
    loops: tuple[int, ...]
    stored: bool

    def to(self, node: cst.CSTNode, *, stored: bool = False) -> _Step:
        # `a, b = ...` stores through its tuple, `a[i] = ...` reads `a`
        return self._replace(node=node, stored=stored)

    def into(self, node: cst.CSTNode, scope: Scope) -> _Step:
        return self._replace(node=node, scope=scope, stored=False)
