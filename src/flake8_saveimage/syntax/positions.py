"""Positions of a few nodes of a parsed text.

libcst's ``PositionProvider`` computes every position and costs ten times the parse. Here the
positions of statements come from ``ast``, whose statements are the same ones in the same order;
code is generated only for the statements that hold a wanted node.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property
from typing import Any, NamedTuple

import libcst as cst
from libcst._nodes.internal import CodegenState

from flake8_saveimage.source.reading import SourceError, parse, universal_newlines
from flake8_saveimage.syntax.nodes import child_nodes
from flake8_saveimage.syntax.scopes import CallSite


class Span(NamedTuple):
    """Lines and columns count from 1 (columns in characters); the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class _Enough(Exception):
    """All that is wanted has been generated; the rest does not matter."""


_NOT_RECORDED = nullcontext()


class _Mark(AbstractContextManager[None]):
    """Notes the tokens between its begin and its end."""

    __slots__ = ("_key", "_recorder")

    def __init__(self, recorder: _Recorder, key: int) -> None:
        self._recorder = recorder
        self._key = key

    def __enter__(self) -> None:
        recorder = self._recorder
        recorder.found[self._key] = (len(recorder.tokens),) * 2

    def __exit__(self, kind: object, *_: object) -> None:
        recorder = self._recorder
        if kind is None:
            recorder.found[self._key] = (recorder.found[self._key][0], len(recorder.tokens))


class _Recorder(CodegenState):
    """Generates code and notes the tokens at which nodes begin and end.

    These are the ``wanted`` ones, and ``outer``. It stops before ``last``, a suite.
    """

    def __init__(
        self,
        module: cst.Module,
        wanted: Container[int],
        outer: cst.CSTNode,
        last: cst.CSTNode | None = None,
        indent: str = "",
    ) -> None:
        super().__init__(
            default_indent=module.default_indent, default_newline=module.default_newline
        )
        self._wanted, self._outer, self._last = wanted, outer, last
        self.found: dict[int, tuple[int, int]] = {}
        self.indent_tokens.append(indent)

    def record_syntactic_position(  # type: ignore[override]
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> AbstractContextManager[None]:
        if node is self._last:
            raise _Enough
        if id(node) in self._wanted or node is self._outer:
            return _Mark(self, id(node))
        return _NOT_RECORDED

    def spans(self, **options: bool) -> dict[int, Span]:
        """Generate ``outer`` and return where in its code the nodes are."""
        with suppress(_Enough):
            self._outer._codegen(self, **options)
        marks = sorted({mark for pair in self.found.values() for mark in pair})
        points = dict(zip(marks, _points(self.tokens, marks), strict=True))
        return {key: Span(*points[start], *points[end]) for key, (start, end) in self.found.items()}


def spans(module: cst.Module, nodes: Iterable[cst.CSTNode]) -> dict[int, Span]:
    """Return the span of each node of ``module``, without parentheses, keyed by ``id(node)``.

    The code of the whole module is generated.
    """
    wanted = set(map(id, nodes))
    found = _Recorder(module, wanted, module).spans()
    return {key: span for key, span in found.items() if key in wanted}


class _Unit(NamedTuple):
    """A small statement, or the head of one with suites, and what ``ast`` makes of it.

    ``indent`` is that of its line.
    """

    node: cst.CSTNode
    there: ast.stmt | ast.excepthandler
    indent: str
    is_elif: bool = False


class Positions:
    """Where the nodes of a module stand in the ``source`` that it was parsed from.

    ``calls`` are those that the facts hold: they are found without a look at all expressions.
    """

    def __init__(self, module: cst.Module, source: str, calls: Sequence[CallSite] = ()) -> None:
        self._module = module
        self._source = source
        self._calls = calls
        self.newline = module.default_newline

    def of(self, nodes: Iterable[cst.CSTNode], *, everywhere: bool = True) -> dict[int, Span]:
        """Return the spans of the nodes that are in the module, keyed by ``id``.

        ``everywhere``: all of them are in it; the code of the whole module is then generated for
        those that are in no statement of which ``ast`` knows the place.
        """
        wanted = {id(node): node for node in nodes}
        around = [self._units[key] for key in wanted if key in self._units]
        found = self._found([*around, *self._around_calls(wanted)], wanted)
        missing = wanted.keys() - found.keys()
        if missing:
            owners = self._owners
            found |= self._found([owners[key] for key in missing if key in owners], wanted)
            missing = wanted.keys() - found.keys()
        if missing and everywhere:
            found |= spans(self._module, [wanted[key] for key in missing])
        return found

    def _found(self, around: Iterable[_Unit], wanted: Container[int]) -> dict[int, Span]:
        found: dict[int, Span] = {}
        for unit in {id(unit.node): unit for unit in around}.values():
            found.update(self._in_unit(unit, wanted))
        return found

    def _in_unit(self, unit: _Unit, wanted: Container[int]) -> Iterator[tuple[int, Span]]:
        """Yield the spans of the wanted nodes in a statement or its head, itself included."""
        node, line = unit.node, unit.there.lineno
        body = _body(node)
        recorder = _Recorder(self._module, wanted, node, body, unit.indent)
        found = recorder.spans(**({"is_elif": True} if unit.is_elif else {}))
        own = found.pop(id(node))
        before = self._lines[line - 1].encode()[: unit.there.col_offset].decode()
        down, right = line - own.line, len(before) + 1 - own.column

        def moved(line: int, column: int) -> tuple[int, int]:
            return line + down, column + right if line == own.line else column

        if id(node) in wanted:
            end = moved(*own[2:]) if body is None else self._end(unit)
            yield id(node), Span(*moved(*own[:2]), *end)
        for key, span in found.items():
            yield key, Span(*moved(*span[:2]), *moved(*span[2:]))

    def _end(self, unit: _Unit) -> tuple[int, int]:
        """Return where a statement with suites ends: below the comments at its end."""
        line = (unit.there.end_lineno or unit.there.lineno) + 1
        part: cst.CSTNode | None = unit.node
        while part is not None:
            line += len(getattr(part, "footer", ()))
            part = _last_part(part)
        if line <= len(self._lines):
            return line, 1
        return len(self._lines), len(self._lines[-1]) + 1

    @cached_property
    def _lines(self) -> list[str]:
        return universal_newlines(self._source).split("\n")

    @property
    def tree(self) -> ast.Module | None:
        """Python's own tree, ``None`` if it has other statements, or cannot be had."""
        return self._parsed[0]

    @property
    def _units(self) -> dict[int, _Unit]:
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[ast.Module | None, dict[int, _Unit]]:
        try:
            tree = parse(self._source)
            return tree, {id(unit.node): unit for unit in _units(self._module, tree)}
        except (SourceError, ValueError):  # what a later Python reads, or another view of the text
            return None, {}

    def statement(self, node: cst.CSTNode) -> ast.stmt | ast.excepthandler:
        """Return a statement of ``tree``, which is there."""
        return self._units[id(node)].there

    def _around_calls(self, wanted: Container[int]) -> list[_Unit]:
        """Return the statements in which wanted calls stand."""
        sites = (site for site in self._calls if id(site.node) in wanted)
        return [self._units[id(s.statement)] for s in sites if id(s.statement) in self._units]

    @cached_property
    def _owners(self) -> dict[int, _Unit]:
        """The statement, or its head, that each node stands in."""
        found: dict[int, _Unit] = {}
        units = self._units
        stack = [(node, unit) for unit in units.values() for node in child_nodes(unit.node)]
        while stack:
            node, unit = stack.pop()
            if id(node) not in units and not isinstance(node, _APART):
                found[id(node)] = unit
                stack.extend((child, unit) for child in child_nodes(node))
        return found


_APART = (cst.BaseSuite, cst.Else, cst.Finally, cst.MatchCase)


def _units(module: cst.Module, tree: ast.Module) -> Iterator[_Unit]:
    """Yield all statements and handlers. Raises ``ValueError`` where the two trees differ."""
    stack: list[tuple[Sequence[cst.CSTNode], Sequence[ast.stmt], str, bool]]
    stack = [(module.body, tree.body, "", False)]
    while stack:
        body, nodes, indent, is_elif = stack.pop()
        for node, there in zip(_smalls(body), nodes, strict=True):
            yield _Unit(node, there, indent, is_elif)
            for holder, other, outside in _holders(node, there, indent, module.default_indent):
                if isinstance(other, ast.excepthandler):
                    yield _Unit(holder, other, indent)
                for name in ("body", "orelse", "finalbody"):
                    part = getattr(holder, name, None)
                    if isinstance(part, cst.If):
                        stack.append(([part], getattr(other, name), outside, True))
                    elif part is not None:
                        suite = part if isinstance(part, cst.BaseSuite) else part.body
                        inner = getattr(suite, "indent", "")
                        inside = outside + (module.default_indent if inner is None else inner)
                        stack.append((suite.body, getattr(other, name), inside, False))


def _smalls(body: Sequence[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    for line in body:
        if isinstance(line, cst.SimpleStatementLine):
            yield from line.body
        else:
            yield line


def _holders(
    node: cst.CSTNode, there: ast.AST, indent: str, default: str
) -> Iterator[tuple[Any, ast.AST, str]]:
    """Yield what holds the suites of a statement, in both trees, and the indent around it."""
    if isinstance(node, cst.Match):
        inner = indent + (default if node.indent is None else node.indent)
        for case, other in zip(node.cases, getattr(there, "cases", ()), strict=True):
            yield case, other, inner
    elif isinstance(node, cst.BaseCompoundStatement):
        yield node, there, indent
        if isinstance(node, cst.Try | cst.TryStar):
            for handler, other in zip(node.handlers, getattr(there, "handlers", ()), strict=True):
                yield handler, other, indent


def _body(node: cst.CSTNode) -> cst.CSTNode | None:
    """Return the first suite (or case) of a statement, ``None`` if it has none."""
    if isinstance(node, cst.Match):
        return node.cases[0]
    if isinstance(node, cst.BaseCompoundStatement | cst.ExceptHandler | cst.ExceptStarHandler):
        return node.body
    return None


def _last_part(node: cst.CSTNode) -> cst.CSTNode | None:
    """Return what a statement, clause or suite ends with."""
    for name in ("finalbody", "orelse", "handlers", "cases", "body"):
        part = getattr(node, name, None)
        if part:
            return part if isinstance(part, cst.CSTNode) else part[-1]
    return None


def _points(tokens: list[str], marks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield line and column of the beginning of each marked token."""
    line, column, done = 1, 1, 0
    for mark in marks:
        text = universal_newlines("".join(tokens[done:mark]))
        newlines = text.count("\n")
        line += newlines
        column = len(text) - text.rfind("\n") if newlines else column + len(text)
        done = mark
        yield line, column
