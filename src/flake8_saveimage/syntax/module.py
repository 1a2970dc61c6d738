"""One pass over the libcst tree -> the facts: scopes, bindings, blocks, loops and calls.

The pass is our own walk, not a libcst visitor: an empty ``CSTVisitor`` costs as much as the parse,
and a metadata provider ten times that. White space, parentheses and operators are never visited.
Everything is numbered by ``order``, a counter that grows in evaluation order, so that "before" and
"inside" are comparisons of integers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import libcst as cst

Pattern: TypeAlias = tuple[int, ...]

# Methods that change their receiver: after one, `len(names)` or `names[-1]` is a new value.
MUTATORS = frozenset(
    [
        "append",
        "extend",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "appendleft",
        "remove",
        "clear",
        "update",
        "setdefault",
        "add",
        "discard",
        "put",
        "get_nowait",
        "step",
        "increment",
        "sort",
        "reverse",
    ]
)
_EXIT_CALLS = frozenset({"exit", "quit", "sys.exit", "os._exit", "os.abort"})
_NOT_CHILDREN = frozenset(
    [
        "lpar",
        "rpar",
        "lbracket",
        "rbracket",
        "lbrace",
        "rbrace",
        "comma",
        "equal",
        "semicolon",
        "colon",
        "dot",
        "operator",
        "leading_lines",
        "lines_after_decorators",
        "header",
        "footer",
        "star",
        "first_line",
        "empty_lines",
    ]
)


class Fork:
    """A statement of which exactly one arm runs to its end: ``if``, ``match``, ``try``/``except``.

    ``complete`` says that one of the arms always runs (there is an ``else``, a wildcard case ...).
    """

    __slots__ = ("arms", "block", "complete", "node")

    def __init__(self, node: cst.CSTNode, block: Block) -> None:
        self.node = node
        self.block = block
        self.arms: list[Block] = []
        self.complete = False
        block.forks.append(self)


class Loop:
    """A ``for``, ``while`` or comprehension loop.

    ``iter`` is evaluated at ``place``, outside of the loop; for a ``while`` it is ``None``.
    ``breaks`` says that a ``break`` can end it early.
    """

    __slots__ = ("block", "breaks", "iter", "node", "place", "target")

    def __init__(
        self,
        node: cst.For | cst.While | cst.CompFor,
        place: Place,
        target: cst.BaseExpression | None,
        iterable: cst.BaseExpression | None,
    ) -> None:
        self.node = node
        self.place = place
        self.target = target
        self.iter = iterable
        self.breaks = False
        self.block: Block

    @property
    def is_comprehension(self) -> bool:
        """Whether this is a clause of a comprehension."""
        return isinstance(self.node, cst.CompFor)

    @property
    def start(self) -> int:
        """Order at which a pass starts."""
        return self.block.start

    @property
    def end(self) -> int:
        """Order at which a pass ends."""
        return self.block.end


class Block:
    """A suite: straight code that runs from ``start`` to ``end`` unless it exits.

    ``kind`` is ``"scope"`` (body of a module, function, class, lambda), ``"loop"``, ``"arm"`` (of a
    fork) or ``"plain"`` (``with``, ``finally``: runs whenever its parent does). ``exit`` is how it
    always ends: ``"return"``, ``"raise"``, ``"break"``, ``"continue"`` or ``None``. ``node`` is the
    statement that it belongs to (for an arm: the ``If``, ``MatchCase`` ... that decides on it).
    """

    __slots__ = (
        "anchor", "end", "exit", "fork", "forks", "kind", "loop", "node", "parent", "scope",
        "start",
        "suite",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        scope: Scope,
        parent: Block | None,
        node: cst.CSTNode,
        start: int,
        *,
        loop: Loop | None = None,
        fork: Fork | None = None,
        suite: cst.BaseSuite | cst.Module | None = None,
    ) -> None:
        self.kind = kind
        self.scope = scope
        self.parent = parent
        self.node = node
        self.start = start
        self.end = start
        self.loop = loop
        self.fork = fork
        self.suite = suite
        self.exit: str | None = None
        self.forks: list[Fork] = []
        # The nearest block that really is conditional: what happens here happens whenever it runs.
        self.anchor: Block = parent.anchor if kind == "plain" and parent is not None else self
        if fork is not None:
            fork.arms.append(self)

    def chain(self) -> Iterator[Block]:
        """Yield this block and its parents up to the body of the function (or module)."""
        block: Block | None = self
        while block is not None:
            yield block
            if block.kind == "scope" and block.scope.is_boundary:
                return
            block = block.parent

    def contains(self, other: Block) -> bool:
        """Say whether ``other`` is this block or lies in it (in the same function)."""
        return any(block is self for block in other.chain())


class Place(NamedTuple):
    """Where something is evaluated."""

    block: Block
    order: int

    @property
    def scope(self) -> Scope:
        """The scope in which names are looked up."""
        return self.block.scope

    def loops(self) -> list[Loop]:
        """Return the loops around this place in its own function, innermost first."""
        return [block.loop for block in self.block.chain() if block.loop is not None]


class Binding:
    """One binding of a name (or of a dotted name such as ``self.step``).

    ``kind`` is one of assign, aug, for, with, import, param, def, class, except, match, del, and
    unseen, which stands for bindings that were too many to follow.
    ``value`` is the bound expression (``for``: the iterable, ``with``: the context manager,
    ``param``: the default) and ``pattern`` the way into it by unpacking: in ``a, (b, c) = v`` the
    pattern of ``c`` is ``(1, 1)``; -1 stands for "some element" (after a star).
    ``source`` is what an import binds (``torchvision.utils``), ``defined`` the scope of a ``def``
    or ``class``.
    """

    __slots__ = (
        "defined", "kind", "name", "node", "pattern", "place", "source", "value",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: str,
        place: Place,
        node: cst.CSTNode,
        value: cst.BaseExpression | None = None,
        pattern: Pattern = (),
        source: str | None = None,
        defined: Scope | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.place = place
        self.node = node
        self.value = value
        self.pattern = pattern
        self.source = source
        self.defined = defined

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} at {self.place.order}>"


class Scope:
    """A name space: module, function, lambda, class or comprehension.

    ``block`` is its body; ``outer`` the place where it stands (``None`` for the module). Names of
    ``bindings`` may be dotted: ``self.step += 1`` binds ``self.step``. ``shared`` holds, for a name
    that other functions rebind through ``global`` or ``nonlocal``, those bindings.
    """

    __slots__ = (
        "bindings",
        "block",
        "calls",
        "declared",
        "kind",
        "mutations",
        "name",
        "node",
        "outer",
        "params",
        "parent",
        "returns",
        "scopes",
        "shared",
        "yields",
    )  # fmt: skip

    def __init__(
        self, kind: str, node: cst.CSTNode, name: str, parent: Scope | None, outer: Place | None
    ) -> None:
        self.kind = kind
        self.node = node
        self.name = name
        self.parent = parent
        self.outer = outer
        self.block: Block
        self.bindings: dict[str, list[Binding]] = {}
        self.declared: dict[str, str] = {}
        self.shared: dict[str, list[Binding]] = {}
        # Where an object is changed in place, and under which literal key if it was one.
        self.mutations: dict[str, list[tuple[Place, str | None]]] = {}
        self.params: list[Binding] = []
        self.returns: list[tuple[cst.BaseExpression, Place]] = []
        self.calls: list[CallSite] = []
        self.scopes: list[Scope] = []
        self.yields = False

    def __repr__(self) -> str:
        return f"<{self.kind} {self.qualified_name}>"

    @property
    def is_boundary(self) -> bool:
        """Whether code in here runs on its own occasion, not where it stands."""
        return self.kind in ("module", "function", "lambda")

    @property
    def function(self) -> Scope:
        """The function (or lambda or module) that runs this scope's code."""
        scope = self
        while not scope.is_boundary and scope.parent is not None:
            scope = scope.parent
        return scope

    @property
    def owner_class(self) -> Scope | None:
        """The class of which this function is a method."""
        parent = self.parent
        return parent if self.kind == "function" and parent and parent.kind == "class" else None

    @property
    def self_name(self) -> str | None:
        """The name by which a method calls its own object (``self``)."""
        if self.owner_class is None or not self.params or "staticmethod" in self.decorators():
            return None
        return self.params[0].name

    @property
    def qualified_name(self) -> str:
        """The name with those of the enclosing scopes: ``Trainer.fit``."""
        parts: list[str] = []
        scope: Scope | None = self
        while scope is not None and scope.kind != "module":
            parts.append(scope.name)
            scope = scope.parent
        return ".".join(reversed(parts))

    def decorators(self) -> list[str]:
        """Return the dotted names of the decorators, calls without their arguments."""
        if not isinstance(self.node, cst.FunctionDef | cst.ClassDef):
            return []
        found = []
        for decorator in self.node.decorators:
            node = decorator.decorator
            found.append(dotted(node.func if isinstance(node, cst.Call) else node) or "")
        return found


class CallSite:
    """A call and where it is evaluated. ``name`` is the last part of what is called."""

    __slots__ = ("name", "node", "place", "statement")

    def __init__(
        self, node: cst.Call, place: Place, name: str, statement: cst.CSTNode | None
    ) -> None:
        self.node = node
        self.place = place
        self.name = name
        self.statement = statement


def dotted(node: cst.CSTNode | None) -> str | None:
    """Return ``"a.b.c"`` for a chain of attributes over a name, else ``None``."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return None
    parts.append(node.value)
    return ".".join(reversed(parts))


def last_name(node: cst.CSTNode) -> str:
    """Return the last part of what ``node`` names: ``"save"`` for ``torch.save``, else ``""``."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


_EMPTY = cst.Module(body=[])


def code_of(node: cst.CSTNode) -> str:
    """Return a node's source, without the white space around it."""
    return _EMPTY.code_for_node(node).strip()


def literal_key(node: cst.Subscript) -> str | None:
    """Return the source of the key of ``config["out"]`` or ``parts[0]`` if it is a literal."""
    if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        return _literal(node.slice[0].slice.value)
    return None


def _literal(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.SimpleString):
        return repr(node.evaluated_value)
    return node.value if isinstance(node, cst.Integer) else None


_fields: dict[type[cst.CSTNode], tuple[str, ...]] = {}


def child_nodes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the children of a node that can hold code: no white space, no punctuation."""
    names = _fields.get(type(node))
    if names is None:
        names = tuple(
            field.name
            for field in dataclasses.fields(node)
            if field.name not in _NOT_CHILDREN and not field.name.startswith("whitespace")
        )
        _fields[type(node)] = names
    for name in names:
        child = getattr(node, name)
        if isinstance(child, cst.CSTNode):
            yield child
        elif type(child) in (tuple, list):
            yield from child


class Facts:
    """What the pass found in one file."""

    def __init__(self, module: cst.Module) -> None:
        self.module = module
        self.scope: Scope
        self.scopes: list[Scope] = []
        self.calls: list[CallSite] = []
        self.calls_by_name: dict[str, list[CallSite]] = {}
        self.attribute_stores: dict[str, list[Binding]] = {}
        self.star_imports: list[str] = []
        # Names of functions, beyond the known ones, that frameworks call again and again.
        self.hooks: frozenset[str] = frozenset()


def read_facts(module: cst.Module) -> Facts:
    """Make the one pass over a parsed module."""
    return _Reader(module).read()


class _Reader:
    """The state of the pass."""

    def __init__(self, module: cst.Module) -> None:
        self.facts = Facts(module)
        self.order = 0
        self.statement: cst.CSTNode | None = None
        # Bodies of functions are read after the code around them is known (`global` needs that).
        self.pending_globals: list[tuple[Scope, Binding]] = []

    def read(self) -> Facts:
        module = self.facts.module
        scope = self._new_scope("module", module, "", None, None)
        scope.block = Block("scope", scope, None, module, 0, suite=module)
        self.facts.scope = scope
        self._suite(module.body, scope.block)
        for inner, binding in self.pending_globals:
            self._share(inner, binding)
        return self.facts

    # -- bookkeeping ---------------------------------------------------------------------------

    def _tick(self) -> int:
        self.order += 1
        return self.order

    def _new_scope(
        self, kind: str, node: cst.CSTNode, name: str, parent: Scope | None, outer: Place | None
    ) -> Scope:
        scope = Scope(kind, node, name, parent, outer)
        if parent is not None:
            parent.scopes.append(scope)
        self.facts.scopes.append(scope)
        return scope

    def _bind(self, binding: Binding) -> None:
        scope = binding.place.scope
        name = binding.name
        scope.bindings.setdefault(name, []).append(binding)
        if name in scope.declared:
            self.pending_globals.append((scope, binding))
        if "." in name:
            self.facts.attribute_stores.setdefault(name.rpartition(".")[2], []).append(binding)

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

    def _mutate(self, target: cst.BaseExpression, place: Place, key: str | None = None) -> None:
        name = dotted(target)
        while isinstance(target, cst.Subscript) and name is None:
            key = literal_key(target)
            target = target.value
            name = dotted(target)
        if name is not None:
            place.scope.mutations.setdefault(name, []).append((place, key))

    # -- statements ----------------------------------------------------------------------------

    def _suite(self, body: Sequence[cst.CSTNode], block: Block) -> None:
        for statement in body:
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    self.statement = small
                    self._small(small, block)
            else:
                self.statement = statement
                self._compound(statement, block)
        block.end = self._tick()

    def _body(self, suite: cst.BaseSuite, block: Block) -> None:
        block.suite = suite
        if isinstance(suite, cst.SimpleStatementSuite):
            for small in suite.body:
                self.statement = small
                self._small(small, block)
            block.end = self._tick()
        else:
            self._suite(suite.body, block)

    def _small(self, node: cst.CSTNode, block: Block) -> None:
        place = Place(block, self._tick())
        if isinstance(node, cst.Expr):
            self._scan(node.value, place)
            if isinstance(node.value, cst.Call) and dotted(node.value.func) in _EXIT_CALLS:
                block.exit = block.exit or "raise"
        elif isinstance(node, cst.Assign):
            self._scan(node.value, place)
            for target in node.targets:
                self._targets(target.target, "assign", block, node, node.value)
        elif isinstance(node, cst.AnnAssign):
            if node.value is not None:
                self._scan(node.value, place)
                self._targets(node.target, "assign", block, node, node.value)
        elif isinstance(node, cst.AugAssign):
            self._scan(node.value, place)
            self._targets(node.target, "aug", block, node, node.value)
        elif isinstance(node, cst.Return):
            block.exit = block.exit or "return"
            if node.value is not None:
                self._scan(node.value, place)
                place.scope.function.returns.append((node.value, place))
        elif isinstance(node, cst.Raise):
            block.exit = block.exit or "raise"
            self._scan_children(node, place)
        elif isinstance(node, cst.Break):
            block.exit = block.exit or "break"
            for loop in place.loops()[:1]:
                loop.breaks = True
        elif isinstance(node, cst.Continue):
            block.exit = block.exit or "continue"
        elif isinstance(node, cst.Import | cst.ImportFrom):
            self._import(node, block)
        elif isinstance(node, cst.Global | cst.Nonlocal):
            kind = "global" if isinstance(node, cst.Global) else "nonlocal"
            for item in node.names:
                place.scope.declared[item.name.value] = kind
        elif isinstance(node, cst.Del):
            self._targets(node.target, "del", block, node, None)
        elif not isinstance(node, cst.Pass):
            self._scan_children(node, place)

    def _compound(self, node: cst.CSTNode, block: Block) -> None:
        if isinstance(node, cst.If):
            self._if(node, block)
        elif isinstance(node, cst.For):
            self._for(node, block)
        elif isinstance(node, cst.While):
            self._while(node, block)
        elif isinstance(node, cst.With):
            self._with(node, block)
        elif isinstance(node, cst.FunctionDef):
            self._function(node, block)
        elif isinstance(node, cst.ClassDef):
            self._class(node, block)
        elif isinstance(node, cst.Try | cst.TryStar):
            self._try(node, block)
        elif isinstance(node, cst.Match):
            self._match(node, block)
        else:  # a statement that a later libcst may bring: look for calls, claim nothing
            self._scan_children(node, Place(block, self._tick()))

    def _arm(self, fork: Fork, node: cst.CSTNode, body: cst.BaseSuite) -> None:
        parent = fork.block
        arm = Block("arm", parent.scope, parent, node, self._tick(), fork=fork)
        self._body(body, arm)

    def _close(self, fork: Fork) -> None:
        exits = [arm.exit for arm in fork.arms]
        if fork.complete and all(exits):
            fork.block.exit = fork.block.exit or exits[0]

    def _if(self, node: cst.If, block: Block) -> None:
        fork = Fork(node, block)
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
        loop = Loop(node, place, node.target, node.iter)
        inner = Block("loop", block.scope, block, node, self._tick(), loop=loop)
        loop.block = inner
        self._targets(node.target, "for", inner, node, node.iter)
        self._body(node.body, inner)
        self._orelse(node.orelse, block)

    def _while(self, node: cst.While, block: Block) -> None:
        place = Place(block, self._tick())
        loop = Loop(node, place, None, None)
        inner = Block("loop", block.scope, block, node, self._tick(), loop=loop)
        loop.block = inner
        self._scan(node.test, Place(inner, self._tick()))
        self._body(node.body, inner)
        self._orelse(node.orelse, block)

    def _orelse(self, orelse: cst.Else | None, block: Block) -> None:
        if orelse is not None:
            fork = Fork(orelse, block)  # it may be left out by a `break`
            self._arm(fork, orelse, orelse.body)

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
            fork = Fork(node, block)
            fork.complete = True
            self._arm(fork, node, node.body)
            if node.orelse is not None:
                inner = Block("plain", block.scope, fork.arms[0], node.orelse, self._tick())
                self._body(node.orelse.body, inner)
                fork.arms[0].end = inner.end
                fork.arms[0].exit = fork.arms[0].exit or inner.exit
            for handler in node.handlers:
                self._handler(handler, fork)
            self._close(fork)
        else:
            inner = Block("plain", block.scope, block, node, self._tick())
            self._body(node.body, inner)
            block.exit = block.exit or inner.exit
        if node.finalbody is not None:
            final = Block("plain", block.scope, block, node.finalbody, self._tick())
            self._body(node.finalbody.body, final)
            block.exit = block.exit or final.exit

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
        fork = Fork(node, block)
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
            if isinstance(node, cst.MatchAs | cst.MatchStar) and node.name is not None:
                place = Place(arm, self._tick())
                self._bind(Binding(node.name.value, "match", place, node, subject, (-1,)))
            elif isinstance(node, cst.MatchMapping) and node.rest is not None:
                place = Place(arm, self._tick())
                self._bind(Binding(node.rest.value, "match", place, node, subject, (-1,)))
            stack.extend(child_nodes(node))

    # -- definitions ---------------------------------------------------------------------------

    def _function(self, node: cst.FunctionDef, block: Block) -> None:
        place = Place(block, self._tick())
        for decorator in node.decorators:
            self._scan(decorator.decorator, place)
        scope = self._new_scope("function", node, node.name.value, block.scope, place)
        self._parameters(node.params, scope, place)
        self._bind(Binding(scope.name, "def", Place(block, self._tick()), node, defined=scope))
        self._body(node.body, scope.block)

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

    def _class(self, node: cst.ClassDef, block: Block) -> None:
        place = Place(block, self._tick())
        for decorator in node.decorators:
            self._scan(decorator.decorator, place)
        for argument in (*node.bases, *node.keywords):
            self._scan(argument.value, place)
        scope = self._new_scope("class", node, node.name.value, block.scope, place)
        scope.block = Block("scope", scope, block, node, self._tick())
        self._body(node.body, scope.block)
        self._bind(Binding(scope.name, "class", Place(block, self._tick()), node, defined=scope))

    def _import(self, node: cst.Import | cst.ImportFrom, block: Block) -> None:
        if isinstance(node.names, cst.ImportStar):
            if isinstance(node, cst.ImportFrom) and not node.relative:
                self.facts.star_imports.append(dotted(node.module) or "")
            return
        base = ""
        if isinstance(node, cst.ImportFrom):
            base = "." * len(node.relative) + (dotted(node.module) or "") + "."
        for alias in node.names:
            source = base + (dotted(alias.name) or "")
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                name = alias.asname.name.value
            elif base:
                name = source.rpartition(".")[2]
            else:
                name = source = source.partition(".")[0]
            place = Place(block, self._tick())
            self._bind(Binding(name, "import", place, node, source=source))

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
            if isinstance(item, cst.Name):
                defined = self._named_lambda(item.value, value) if item is target else None
                self._bind(Binding(item.value, kind, place, node, value, pattern, defined=defined))
            elif isinstance(item, cst.Attribute):
                name = dotted(item)
                if name is not None:
                    self._bind(Binding(name, kind, place, node, value, pattern))
                else:
                    self._scan(item.value, place)
            elif isinstance(item, cst.Subscript):
                self._mutate(item.value, place, literal_key(item))
                self._scan(item, place)
            elif isinstance(item, cst.Tuple | cst.List):
                starred = False
                for index, element in enumerate(item.elements):
                    starred = starred or isinstance(element, cst.StarredElement)
                    stack.append((element.value, (*pattern, -1 if starred else index)))

    def _named_lambda(self, name: str, value: cst.BaseExpression | None) -> Scope | None:
        """``dump = lambda x: ...`` is a function called ``dump``."""
        if not isinstance(value, cst.Lambda):
            return None
        for scope in reversed(self.facts.scopes):
            if scope.node is value:
                scope.name = name
                return scope
        return None

    # -- expressions ---------------------------------------------------------------------------

    def _scan_children(self, node: cst.CSTNode, place: Place) -> None:
        for child in child_nodes(node):
            self._scan(child, place)

    def _scan(self, root: cst.CSTNode, place: Place) -> None:
        """Find calls, lambdas, comprehensions and walruses in an expression, without recursion."""
        stack: list[tuple[cst.CSTNode, Place]] = [(root, place)]
        while stack:
            node, here = stack.pop()
            kind = type(node)
            if kind is cst.Name or kind is cst.SimpleString or kind is cst.Integer:
                continue
            if kind is cst.Attribute:
                stack.append((node.value, here))  # type: ignore[attr-defined]
                continue
            if isinstance(node, cst.Call):
                self._call(node, here)
            elif isinstance(node, cst.Lambda):
                self._lambda(node, here)
                continue
            elif isinstance(node, cst.BaseComp):
                self._comprehension(node, here)
                continue
            elif isinstance(node, cst.NamedExpr):
                self._scan(node.value, here)
                self._walrus(node, here)
                continue
            elif isinstance(node, cst.Yield):
                here.scope.function.yields = True
            children = [(child, here) for child in child_nodes(node)]
            children.reverse()
            stack.extend(children)

    def _call(self, node: cst.Call, place: Place) -> None:
        func = node.func
        name = ""
        if isinstance(func, cst.Name):
            name = func.value
            if name == "setattr" and len(node.args) > 1:
                self._mutate(node.args[0].value, place, _literal(node.args[1].value))
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

    def _walrus(self, node: cst.NamedExpr, place: Place) -> None:
        block = place.block
        while block.scope.kind == "comprehension" and block.parent is not None:
            block = block.parent
        if isinstance(node.target, cst.Name):
            here = Place(block, self._tick())
            self._bind(Binding(node.target.value, "assign", here, node, node.value))

    def _lambda(self, node: cst.Lambda, place: Place) -> None:
        scope = self._new_scope("lambda", node, "<lambda>", place.scope, place)
        self._parameters(node.params, scope, place)
        here = Place(scope.block, self._tick())
        self._scan(node.body, here)
        scope.returns.append((node.body, here))
        scope.block.end = self._tick()

    def _comprehension(self, node: cst.BaseComp, place: Place) -> None:
        scope = self._new_scope("comprehension", node, "<comprehension>", place.scope, place)
        scope.block = Block("scope", scope, place.block, node, self._tick())
        here = place  # the first iterable is evaluated outside
        block = scope.block
        opened = [block]
        clause: cst.CompFor | None = node.for_in
        while clause is not None:
            self._scan(clause.iter, here)
            loop = Loop(clause, here, clause.target, clause.iter)
            block = Block("loop", scope, block, clause, self._tick(), loop=loop)
            loop.block = block
            opened.append(block)
            self._targets(clause.target, "for", block, clause, clause.iter)
            for condition in clause.ifs:
                self._scan(condition.test, Place(block, self._tick()))
            here = Place(block, self._tick())
            clause = clause.inner_for_in
        if isinstance(node, cst.DictComp):
            self._scan(node.key, here)
            self._scan(node.value, here)
        elif isinstance(node, cst.BaseSimpleComp):
            self._scan(node.elt, here)
        end = self._tick()
        for item in opened:
            item.end = end
