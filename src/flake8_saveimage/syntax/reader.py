"""One walk over the libcst tree -> the facts: scopes, bindings, blocks, loops and calls.

The walk is our own, not a libcst visitor: an empty ``CSTVisitor`` costs as much as the parse, and a
metadata provider ten times that. White space, parentheses and operators are never visited. Nodes
are told apart by their exact type: ``isinstance`` of an abstract class costs ten times a look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import libcst as cst

from flake8_saveimage.knowledge.calls import EXITS
from flake8_saveimage.syntax.expressions import ExpressionReader
from flake8_saveimage.syntax.nodes import child_nodes, dotted
from flake8_saveimage.syntax.scopes import Binding, Block, Facts, Fork, Loop, Place, Scope


def read_facts(
    module: cst.Module,
    hooks: Collection[str] = (),
    *,
    path: str = "",
    text: str = "",
    lines: Sequence[int] = (),
) -> Facts:
    """Walk a parsed module once.

    ``hooks`` are names of functions, beyond the known ones, that frameworks call repeatedly.
    ``path`` is the file, ``text`` what was parsed; ``lines`` holds the line in the file for each
    line of ``module``, if that is only a part of it.
    """
    facts = _Reader(module, frozenset(hooks)).read()
    facts.path, facts.text, facts.lines = path, text, lines
    return facts


class _Reader(ExpressionReader):
    """Reads statements."""

    def read(self) -> Facts:
        self._suite(self.facts.module.body, self.facts.scope.block)
        for inner, binding in self.pending_globals:
            self._share(inner, binding)
        return self.facts

    def _share(self, inner: Scope, binding: Binding) -> None:
        owner = self.facts.scope
        if inner.declared[binding.name] == "nonlocal":
            scope = inner.parent
            while scope is not None and (
                scope.kind == "class" or binding.name not in scope.bindings
            ):
                scope = scope.parent
            owner = scope or owner
        owner.shared.setdefault(binding.name, []).append(binding)

    # -- statements ----------------------------------------------------------------------------

    def _suite(self, body: Sequence[cst.CSTNode], block: Block) -> None:
        for statement in body:
            if type(statement) is cst.SimpleStatementLine:
                for small in statement.body:
                    self._statement(small, block)
            else:
                self._statement(statement, block)
        block.end = self._tick()

    def _body(self, suite: cst.BaseSuite, block: Block) -> None:
        block.suite = suite
        self._suite(suite.body, block)

    def _statement(self, node: cst.CSTNode, block: Block) -> None:
        self.statement = node
        read = _STATEMENTS.get(type(node))
        if read is not None:
            read(self, node, block)
        else:  # `assert`, and what a later libcst may bring: look for calls, claim nothing
            self._scan_children(node, Place(block, self._tick()))

    def _pass(self, node: cst.Pass, block: Block) -> None:
        pass

    def _expression(self, node: cst.Expr, block: Block) -> None:
        self._scan(node.value, Place(block, self._tick()))
        if isinstance(node.value, cst.Call) and dotted(node.value.func) in EXITS:
            block.exit = block.exit or "raise"

    def _assign(self, node: cst.Assign, block: Block) -> None:
        self._scan(node.value, Place(block, self._tick()))
        for target in node.targets:
            self._targets(target.target, "assign", block, node, node.value)

    def _annotated(self, node: cst.AnnAssign, block: Block) -> None:
        if node.value is not None:
            self._scan(node.value, Place(block, self._tick()))
            self._targets(node.target, "assign", block, node, node.value)

    def _augmented(self, node: cst.AugAssign, block: Block) -> None:
        self._scan(node.value, Place(block, self._tick()))
        self._targets(node.target, "aug", block, node, node.value)

    def _return(self, node: cst.Return, block: Block) -> None:
        block.exit = block.exit or "return"
        if node.value is not None:
            place = Place(block, self._tick())
            self._scan(node.value, place)
            place.scope.function.returns.append((node.value, place))

    def _raise(self, node: cst.Raise, block: Block) -> None:
        block.exit = block.exit or "raise"
        self._scan_children(node, Place(block, self._tick()))

    def _break(self, node: cst.Break, block: Block) -> None:
        block.exit = block.exit or "break"
        for loop in block.loops()[:1]:
            loop.breaks = True

    def _continue(self, node: cst.Continue, block: Block) -> None:
        block.exit = block.exit or "continue"

    def _declaration(self, node: cst.Global | cst.Nonlocal, block: Block) -> None:
        kind = "global" if isinstance(node, cst.Global) else "nonlocal"
        for item in node.names:
            block.scope.declared[item.name.value] = kind

    def _del(self, node: cst.Del, block: Block) -> None:
        self._targets(node.target, "del", block, node, None)

    def _import(self, node: cst.Import | cst.ImportFrom, block: Block) -> None:
        base = ""
        if isinstance(node, cst.ImportFrom):
            base = "." * len(node.relative) + (dotted(node.module) or "")
        if isinstance(node.names, cst.ImportStar):
            self.facts.star_imports.append(base)
            return
        for alias in node.names:
            source = name = dotted(alias.name) or ""
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                name = alias.asname.name.value
            elif not base:
                source = name = name.partition(".")[0]
            if base:
                source = f"{base}{'' if base.endswith('.') else '.'}{source}"
            place = Place(block, self._tick())
            self._bind(Binding(name, "import", place, node, source=source))

    # -- compound statements -------------------------------------------------------------------

    def _arm(self, fork: Fork, node: cst.CSTNode, body: cst.BaseSuite) -> None:
        parent = fork.block
        self._body(body, Block("arm", parent.scope, parent, node, self._tick(), fork=fork))

    def _plain(self, node: cst.CSTNode, body: cst.BaseSuite, block: Block) -> None:
        inner = Block("plain", block.scope, block, node, self._tick())
        self._body(body, inner)
        block.exit = block.exit or inner.exit

    def _fork(self, node: cst.CSTNode, block: Block) -> Fork:
        fork = Fork(node, block)
        block.forks.append(fork)
        return fork

    def _close(self, fork: Fork) -> None:
        exits = [arm.exit for arm in fork.arms]
        if fork.complete and all(exits):
            fork.block.exit = fork.block.exit or exits[0]

    def _if(self, node: cst.If, block: Block) -> None:
        fork = self._fork(node, block)
        current: cst.If | cst.Else | None = node
        while isinstance(current, cst.If):  # `elif` is a nested If: a loop, not recursion
            self._scan(current.test, Place(block, self._tick()))
            self._arm(fork, current, current.body)
            current = current.orelse
        if current is not None:
            fork.complete = True
            self._arm(fork, current, current.body)
        self._close(fork)

    def _for(self, node: cst.For, block: Block) -> None:
        place = Place(block, self._tick())
        self._scan(node.iter, place)
        inner = self._loop_block(Loop(node, place, node.target, node.iter), block.scope, block)
        self._targets(node.target, "for", inner, node, node.iter)
        self._body(node.body, inner)
        self._orelse(node.orelse, block)

    def _while(self, node: cst.While, block: Block) -> None:
        inner = self._loop_block(Loop(node, Place(block, self._tick())), block.scope, block)
        self._scan(node.test, Place(inner, self._tick()))
        self._body(node.body, inner)
        self._orelse(node.orelse, block)

    def _orelse(self, orelse: cst.Else | None, block: Block) -> None:
        if orelse is not None:  # it may be left out by a `break`
            self._arm(self._fork(orelse, block), orelse, orelse.body)

    def _with(self, node: cst.With, block: Block) -> None:
        inner = Block("plain", block.scope, block, node, self._tick())
        for item in node.items:
            self._scan(item.item, Place(inner, self._tick()))
            if item.asname is not None:
                target = item.asname.name
                self._targets(target, "with", inner, item, item.item)
        self._body(node.body, inner)
        block.exit = block.exit or inner.exit

    def _try(self, node: cst.Try | cst.TryStar, block: Block) -> None:
        if node.handlers:
            fork = self._fork(node, block)
            fork.complete = True
            self._arm(fork, node, node.body)
            tried = fork.arms[0]
            if node.orelse is not None:
                self._plain(node.orelse, node.orelse.body, tried)
                tried.end = self.order
            for handler in node.handlers:
                self._handler(handler, fork)
            self._close(fork)
        else:
            self._plain(node, node.body, block)
        if node.finalbody is not None:
            self._plain(node.finalbody, node.finalbody.body, block)

    def _handler(self, handler: cst.ExceptHandler | cst.ExceptStarHandler, fork: Fork) -> None:
        parent = fork.block
        if handler.type is not None:
            self._scan(handler.type, Place(parent, self._tick()))
        arm = Block("arm", parent.scope, parent, handler, self._tick(), fork=fork)
        if handler.name is not None and isinstance(handler.name.name, cst.Name):
            place = Place(arm, self._tick())
            self._bind(Binding(handler.name.name.value, "except", place, handler))
        self._body(handler.body, arm)

    def _match(self, node: cst.Match, block: Block) -> None:
        self._scan(node.subject, Place(block, self._tick()))
        fork = self._fork(node, block)
        for case in node.cases:
            arm = Block("arm", block.scope, block, case, self._tick(), fork=fork)
            self._captures(case.pattern, arm, node.subject)
            if case.guard is not None:
                self._scan(case.guard, Place(arm, self._tick()))
            elif isinstance(case.pattern, cst.MatchAs) and case.pattern.pattern is None:
                fork.complete = True
            self._body(case.body, arm)
        self._close(fork)

    def _captures(self, pattern: cst.CSTNode, arm: Block, subject: cst.BaseExpression) -> None:
        stack = [pattern]
        while stack:
            node = stack.pop()
            name = None
            if isinstance(node, cst.MatchAs | cst.MatchStar):
                name = node.name
            elif isinstance(node, cst.MatchMapping):
                name = node.rest
            if name is not None:
                place = Place(arm, self._tick())
                self._bind(Binding(name.value, "match", place, node, subject, (-1,)))
            stack.extend(child_nodes(node))

    # -- definitions ---------------------------------------------------------------------------

    def _function(self, node: cst.FunctionDef, block: Block) -> None:
        place = Place(block, self._tick())
        for decorator in node.decorators:
            self._scan(decorator.decorator, place)
        scope = self._new_scope("function", node, node.name.value, place)
        self._parameters(node.params, scope, place)
        self._bind(Binding(scope.name, "def", Place(block, self._tick()), node, defined=scope))
        self._body(node.body, scope.block)

    def _class(self, node: cst.ClassDef, block: Block) -> None:
        place = Place(block, self._tick())
        for decorator in node.decorators:
            self._scan(decorator.decorator, place)
        for argument in (*node.bases, *node.keywords):
            self._scan(argument.value, place)
        scope = self._new_scope("class", node, node.name.value, place)
        scope.block = Block("scope", scope, block, node, self._tick())
        self._body(node.body, scope.block)
        self._bind(Binding(scope.name, "class", Place(block, self._tick()), node, defined=scope))


_STATEMENTS: dict[type[cst.CSTNode], Callable[[_Reader, Any, Block], None]] = {
    cst.Expr: _Reader._expression,
    cst.Assign: _Reader._assign,
    cst.AnnAssign: _Reader._annotated,
    cst.AugAssign: _Reader._augmented,
    cst.Return: _Reader._return,
    cst.Raise: _Reader._raise,
    cst.Break: _Reader._break,
    cst.Continue: _Reader._continue,
    cst.Pass: _Reader._pass,
    cst.Import: _Reader._import,
    cst.ImportFrom: _Reader._import,
    cst.Global: _Reader._declaration,
    cst.Nonlocal: _Reader._declaration,
    cst.Del: _Reader._del,
    cst.If: _Reader._if,
    cst.For: _Reader._for,
    cst.While: _Reader._while,
    cst.With: _Reader._with,
    cst.Try: _Reader._try,
    cst.TryStar: _Reader._try,
    cst.Match: _Reader._match,
    cst.FunctionDef: _Reader._function,
    cst.ClassDef: _Reader._class,
}
