"""What is known of a file's structure: scopes, bindings, blocks, loops and calls.

Everything is numbered by ``order``, a counter that grows in evaluation order, so that "before" and
"inside" are comparisons of integers. The objects are compared by identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import libcst as cst

from flake8_saveimage.syntax.nodes import dotted

Pattern: TypeAlias = tuple[int, ...]


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
        return self.block.loops()


@dataclass(slots=True, eq=False)
class Fork:
    """A statement of which exactly one arm runs to its end: ``if``, ``match``, ``try``/``except``.

    ``complete`` says that one of the arms always runs (there is an ``else``, a wildcard case ...).
    """

    node: cst.CSTNode
    block: Block
    complete: bool = False
    arms: list[Block] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Loop:
    """A ``for``, ``while`` or comprehension loop.

    ``iter`` is evaluated at ``place``, outside of the loop; for a ``while`` it is ``None``.
    ``block`` is the body; ``breaks`` says that a ``break`` can end it early.
    """

    node: cst.For | cst.While | cst.CompFor
    place: Place
    target: cst.BaseExpression | None = None
    iter: cst.BaseExpression | None = None
    breaks: bool = False
    block: Block = field(init=False, repr=False)

    @property
    def is_comprehension(self) -> bool:
        """Whether this is a clause of a comprehension."""
        return isinstance(self.node, cst.CompFor)

    @property
    def start(self) -> int:
        """Order at which an iteration starts."""
        return self.block.start

    @property
    def end(self) -> int:
        """Order at which an iteration ends."""
        return self.block.end

    def is_in(self, function: Scope) -> bool:
        """Say whether this is a loop of the function, nested functions left out."""
        return self.block.scope.function is function


@dataclass(slots=True, eq=False, repr=False)
class Block:
    """A suite: straight code that runs from ``start`` to ``end`` unless it exits.

    ``kind`` is ``"scope"`` (body of a module, function, class, lambda), ``"loop"``, ``"arm"`` (of a
    fork) or ``"plain"`` (``with``, ``finally``: runs whenever its parent does). ``exit`` is how it
    always ends: ``"return"``, ``"raise"``, ``"break"``, ``"continue"`` or ``None``. ``node`` is the
    statement that it belongs to (for an arm: the ``If``, ``MatchCase`` ... that decides on it).
    ``anchor`` is the nearest block that is conditional: what happens there happens whenever this
    block runs.
    """

    kind: str
    scope: Scope
    parent: Block | None
    node: cst.CSTNode
    start: int
    loop: Loop | None = None
    fork: Fork | None = None
    suite: cst.BaseSuite | cst.Module | None = None
    end: int = 0
    exit: str | None = None
    forks: list[Fork] = field(default_factory=list)
    anchor: Block = field(init=False)

    def __post_init__(self) -> None:
        self.end = self.start
        self.anchor = self.parent.anchor if self.kind == "plain" and self.parent else self
        if self.fork is not None:
            self.fork.arms.append(self)

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
        block: Block | None = other
        while block is not self:
            if block is None or (block.kind == "scope" and block.scope.is_boundary):
                return False
            block = block.parent
        return True

    def loops(self) -> list[Loop]:
        """Return the loops around this block in its own function, innermost first."""
        return [block.loop for block in self.chain() if block.loop is not None]


@dataclass(slots=True, eq=False, repr=False)
class Binding:
    """One binding of a name (or of a dotted name such as ``self.step``).

    ``kind`` is one of assign, aug, for, with, import, param, def, class, except, match, del, and
    unseen, which stands for bindings that were too many to follow.
    ``value`` is the bound expression (``for``: the iterable, ``with``: the context manager,
    ``param``: the default) and ``pattern`` the way into it by unpacking: in ``a, (b, c) = v`` the
    pattern of ``c`` is ``(1, 1)``; -1 stands for "some element" (after a star).
    ``source`` is the qualified name that an import binds (``torchvision.utils``; ``..models.Net``
    with a dot for each level of a relative import), ``defined`` the scope of a ``def`` or
    ``class``.
    """

    name: str
    kind: str
    place: Place
    node: cst.CSTNode
    value: cst.BaseExpression | None = None
    pattern: Pattern = ()
    source: str | None = None
    defined: Scope | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} at {self.place.order}>"


class Change(NamedTuple):
    """A change of an object in place; of an item, with the ``key`` if that is a literal.

    ``value`` is what is assigned to the item, ``None`` if a method changes the object.
    """

    place: Place
    key: str | None
    value: cst.BaseExpression | None


@dataclass(slots=True, eq=False, repr=False)
class Scope:
    """A name space: module, function, lambda, class or comprehension.

    ``block`` is its body; ``outer`` the place where it stands (``None`` for the module). Names of
    ``bindings`` may be dotted: ``self.step += 1`` binds ``self.step``. ``declared`` names are
    ``"global"`` or ``"nonlocal"``. ``shared`` holds, for a name that other functions rebind in
    that way, those bindings. ``mutations`` are the changes of objects in place.
    """

    kind: str
    node: cst.CSTNode
    name: str
    parent: Scope | None
    outer: Place | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)
    shared: dict[str, list[Binding]] = field(default_factory=dict)
    mutations: dict[str, list[Change]] = field(default_factory=dict)
    params: list[Binding] = field(default_factory=list)
    returns: list[tuple[cst.BaseExpression, Place]] = field(default_factory=list)
    calls: list[CallSite] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    yields: bool = False
    block: Block = field(init=False)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.qualified_name}>"

    @property
    def is_boundary(self) -> bool:
        """Whether code in here runs on its own occasion, not where it stands."""
        return self.kind in _BOUNDARIES

    @property
    def root(self) -> Scope:
        """The scope of the module: one for each file."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    @property
    def function(self) -> Scope:
        """The function (or lambda or module) that runs this scope's code."""
        scope = self
        while scope.kind not in _BOUNDARIES and scope.parent is not None:
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


_BOUNDARIES = frozenset({"module", "function", "lambda"})


@dataclass(slots=True, eq=False)
class CallSite:
    """A call and where it is evaluated. ``name`` is the last part of what is called."""

    node: cst.Call
    place: Place
    name: str
    statement: cst.CSTNode | None


@dataclass(slots=True, eq=False)
class Facts:
    """What one file holds. ``scopes`` are in source order, the module's ``scope`` first.

    ``attribute_stores`` are the bindings of dotted names by their last part. ``star_imports`` are
    the modules of ``from module import *``, with a dot for each level of a relative import.
    ``scope_of`` finds a scope by ``id`` of its node. ``hooks`` are names of functions, beyond the
    known ones, that frameworks call again and again. ``path`` is the file, empty if it is not
    known, ``text`` what was parsed. Where only parts of a file were parsed, ``lines`` holds the
    line in the file for each line that was.
    """

    module: cst.Module
    scope: Scope
    hooks: frozenset[str] = frozenset()
    scopes: list[Scope] = field(default_factory=list)
    scope_of: dict[int, Scope] = field(default_factory=dict)
    calls: list[CallSite] = field(default_factory=list)
    calls_by_name: dict[str, list[CallSite]] = field(default_factory=dict)
    attribute_stores: dict[str, list[Binding]] = field(default_factory=dict)
    star_imports: list[str] = field(default_factory=list)
    path: str = ""
    text: str = ""
    lines: Sequence[int] = ()
