"""What an expression or a target does to the facts: calls, bindings, mutations, nested scopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libcst as cst

from flake8_saveimage.knowledge.calls import MUTATORS
from flake8_saveimage.syntax.nodes import (
    child_nodes,
    dotted,
    last_part,
    literal_key,
    literal_source,
)
from flake8_saveimage.syntax.scopes import (
    Binding,
    Block,
    CallSite,
    Change,
    Facts,
    Loop,
    Pattern,
    Place,
    Scope,
)


class ExpressionReader:
    """Collects the facts of one module; reads expressions, targets and parameters."""

    def __init__(self, module: cst.Module, hooks: frozenset[str]) -> None:
        scope = Scope("module", module, "", None, None)
        scope.block = Block("scope", scope, None, module, 0, suite=module)
        self.facts = Facts(module, scope, hooks, [scope], {id(module): scope})
        self.order = 0
        self.statement: cst.CSTNode | None = None
        # Whom `global` and `nonlocal` mean is known when the code around the function is.
        self.pending_globals: list[tuple[Scope, Binding]] = []

    def _tick(self) -> int:
        self.order += 1
        return self.order

    def _new_scope(self, kind: str, node: cst.CSTNode, name: str, outer: Place) -> Scope:
        scope = Scope(kind, node, name, outer.scope, outer)
        outer.scope.scopes.append(scope)
        self.facts.scopes.append(scope)
        self.facts.scope_of[id(node)] = scope
        return scope

    def _bind(self, binding: Binding) -> None:
        scope = binding.place.block.scope
        name = binding.name
        scope.bindings.setdefault(name, []).append(binding)
        if name in scope.declared:
            self.pending_globals.append((scope, binding))
        if "." in name:
            self.facts.attribute_stores.setdefault(last_part(name), []).append(binding)

    def _mutate(
        self,
        target: cst.BaseExpression,
        place: Place,
        key: str | None = None,
        value: cst.BaseExpression | None = None,
    ) -> None:
        name = dotted(target)
        while isinstance(target, cst.Subscript) and name is None:
            key = literal_key(target)
            target = target.value
            name = dotted(target)
        if name is not None:
            place.scope.mutations.setdefault(name, []).append(Change(place, key, value))

    def _loop_block(self, loop: Loop, scope: Scope, parent: Block) -> Block:
        loop.block = Block("loop", scope, parent, loop.node, self._tick(), loop=loop)
        return loop.block

    # -- targets -------------------------------------------------------------------------------

    def _targets(
        self,
        target: cst.BaseExpression,
        kind: str,
        block: Block,
        node: cst.CSTNode,
        value: cst.BaseExpression | None,
    ) -> None:
        place = Place(block, self._tick())
        stack: list[tuple[cst.BaseExpression, Pattern]] = [(target, ())]
        while stack:
            item, pattern = stack.pop()
            name = dotted(item)
            if name is not None:
                defined = None
                if isinstance(value, cst.Lambda) and item is target and "." not in name:
                    defined = self._named_lambda(name, value)
                self._bind(Binding(name, kind, place, node, value, pattern, None, defined))
            elif isinstance(item, cst.Attribute):
                self._scan(item.value, place)
            elif isinstance(item, cst.Subscript):
                self._mutate(item.value, place, literal_key(item), value)
                self._scan(item, place)
            elif isinstance(item, cst.Tuple | cst.List):
                starred = False
                for index, element in enumerate(item.elements):
                    starred = starred or isinstance(element, cst.StarredElement)
                    stack.append((element.value, (*pattern, -1 if starred else index)))

    def _named_lambda(self, name: str, value: cst.Lambda) -> Scope | None:
        """``dump = lambda x: ...`` is a function called ``dump``."""
        scope = self.facts.scope_of.get(id(value))
        if scope is not None:
            scope.name = name
        return scope

    def _parameters(self, params: cst.Parameters, scope: Scope, place: Place) -> None:
        """Bind the parameters; their defaults are evaluated at ``place``, outside of the scope."""
        scope.block = Block("scope", scope, place.block, scope.node, self._tick())
        here = Place(scope.block, scope.block.start)
        every = [*params.posonly_params, *params.params, *params.kwonly_params]
        for star in (params.star_arg, params.star_kwarg):
            if isinstance(star, cst.Param):
                every.append(star)
        for param in every:
            if param.default is not None:
                self._scan(param.default, place)
            binding = Binding(param.name.value, "param", here, param, param.default)
            scope.params.append(binding)
            self._bind(binding)

    # -- expressions ---------------------------------------------------------------------------

    def _scan_children(self, node: cst.CSTNode, place: Place) -> None:
        for child in child_nodes(node):
            self._scan(child, place)

    def _scan(self, root: cst.CSTNode, place: Place) -> None:
        """Find calls, lambdas, comprehensions and walruses in an expression, without recursion."""
        stack = [root]
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind in _LEAVES:
                continue
            if kind is cst.Attribute:
                stack.append(node.value)  # type: ignore[attr-defined]
                continue
            read = _EXPRESSIONS.get(kind)
            if read is not None and read(self, node, place):
                continue
            children = child_nodes(node)
            children.reverse()
            stack += children

    def _call(self, node: cst.Call, place: Place) -> bool:
        func = node.func
        name = ""
        if isinstance(func, cst.Name):
            name = func.value
            if name == "setattr" and len(node.args) > 1:
                self._mutate(node.args[0].value, place, literal_source(node.args[1].value))
        elif isinstance(func, cst.Attribute):
            name = func.attr.value
            if name in MUTATORS:
                changed = func.value
                if isinstance(changed, cst.Call) and dotted(changed.func) == "vars":
                    changed = changed.args[0].value if changed.args else changed
                self._mutate(changed, place)
        # A walrus earlier in the statement is bound before this call.
        here = place if place.order >= self.order else Place(place.block, self.order)
        site = CallSite(node, here, name, self.statement)
        self.facts.calls.append(site)
        self.facts.calls_by_name.setdefault(name, []).append(site)
        here.scope.function.calls.append(site)
        return False

    def _yield(self, node: cst.Yield, place: Place) -> bool:
        place.scope.function.yields = True
        return False

    def _walrus(self, node: cst.NamedExpr, place: Place) -> bool:
        self._scan(node.value, place)
        block = place.block
        while block.scope.kind == "comprehension" and block.parent is not None:
            block = block.parent
        if isinstance(node.target, cst.Name):
            here = Place(block, self._tick())
            self._bind(Binding(node.target.value, "assign", here, node, node.value))
        return True

    def _lambda(self, node: cst.Lambda, place: Place) -> bool:
        scope = self._new_scope("lambda", node, "<lambda>", place)
        self._parameters(node.params, scope, place)
        here = Place(scope.block, self._tick())
        self._scan(node.body, here)
        scope.returns.append((node.body, here))
        scope.block.end = self._tick()
        return True

    def _comprehension(self, node: cst.BaseComp, place: Place) -> bool:
        scope = self._new_scope("comprehension", node, "<comprehension>", place)
        scope.block = block = Block("scope", scope, place.block, node, self._tick())
        here = place  # the first iterable is evaluated outside
        opened = [block]
        clause: cst.CompFor | None = node.for_in
        while clause is not None:
            self._scan(clause.iter, here)
            block = self._loop_block(Loop(clause, here, clause.target, clause.iter), scope, block)
            opened.append(block)
            self._targets(clause.target, "for", block, clause, clause.iter)
            for condition in clause.ifs:
                self._scan(condition.test, Place(block, self._tick()))
            here = Place(block, self._tick())
            clause = clause.inner_for_in
        parts = (node.key, node.value) if isinstance(node, cst.DictComp) else (node.elt,)  # type: ignore[attr-defined]
        for part in parts:
            self._scan(part, here)
        end = self._tick()
        for item in opened:
            item.end = end
        return True


_LEAVES = frozenset({cst.Name, cst.SimpleString, cst.Integer, cst.Float, cst.Imaginary})

# Those return whether they have read the node's children too.
_EXPRESSIONS: dict[type[cst.CSTNode], Callable[[ExpressionReader, Any, Place], bool]] = {
    cst.Call: ExpressionReader._call,
    cst.Yield: ExpressionReader._yield,
    cst.NamedExpr: ExpressionReader._walrus,
    cst.Lambda: ExpressionReader._lambda,
    cst.ListComp: ExpressionReader._comprehension,
    cst.SetComp: ExpressionReader._comprehension,
    cst.DictComp: ExpressionReader._comprehension,
    cst.GeneratorExp: ExpressionReader._comprehension,
}
