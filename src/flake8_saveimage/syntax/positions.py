"""Positions of a few nodes, found by generating the code around them and noting where they begin.

libcst's ``PositionProvider`` computes every position and costs ten times the parse. Only files with
something to report pay here, and only for the functions that hold it: the generated code of such a
function is looked for in the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import NamedTuple

import libcst as cst
from libcst._nodes.internal import CodegenState

from flake8_saveimage.syntax.scopes import Block, CallSite


class Span(NamedTuple):
    """Lines and columns count from 1 (columns in characters); the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class _AllFound(Exception):
    """Every wanted node has been generated; the rest of the file does not matter."""


_NOT_RECORDED = nullcontext()


class _Recorder(CodegenState):
    """Generates code and notes the tokens at which wanted nodes begin and end."""

    def __init__(self, module: cst.Module, wanted: Iterable[int], indents: Sequence[str]) -> None:
        super().__init__(
            default_indent=module.default_indent, default_newline=module.default_newline
        )
        self.wanted = frozenset(wanted)
        self.found: dict[int, tuple[int, int]] = {}
        self.indent_tokens.extend(indents)

    def record_syntactic_position(  # type: ignore[override]
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> AbstractContextManager[None]:
        return self._recorded(id(node)) if id(node) in self.wanted else _NOT_RECORDED

    @contextmanager
    def _recorded(self, key: int) -> Iterator[None]:
        start = len(self.tokens)
        yield
        self.found[key] = (start, len(self.tokens))
        if len(self.found) == len(self.wanted):
            raise _AllFound

    def generate(self, node: cst.CSTNode) -> str:
        """Return the code of a node, up to the last wanted one."""
        with suppress(_AllFound):
            node._codegen(self)
        return "".join(self.tokens)

    def spans(self, before: str = "") -> Iterator[tuple[int, Span]]:
        """Yield the spans of what was found in code that follows ``before``."""
        marks = sorted({mark for pair in self.found.values() for mark in pair})
        points = dict(zip(marks, _points(before, self.tokens, marks), strict=True))
        for key, (start, end) in self.found.items():
            yield key, Span(*points[start], *points[end])


def spans(
    module: cst.Module,
    nodes: Iterable[cst.CSTNode],
    source: str = "",
    sites: Sequence[CallSite] = (),
    *,
    everywhere: bool = True,
) -> dict[int, Span]:
    """Return the span of each node of ``module``, without parentheses, keyed by ``id(node)``.

    With the ``source`` and the calls that the nodes belong to, only the code around those calls is
    generated, and as little of it as has a text that occurs once; ``everywhere``: the whole module
    if that does not hold all nodes.
    """
    missing = {id(node) for node in nodes}
    found: dict[int, Span] = {}
    if not module.has_trailing_newline:  # a statement alone is generated with one
        source += module.default_newline
    for unit in dict.fromkeys((*map(_loop_around, sites), *map(_function_around, sites))):
        if not missing:
            break
        recorder = _Recorder(module, missing, tuple(_indents(unit.block, module))[::-1])
        text = recorder.generate(unit.node)
        start = source.find(text)
        if recorder.found and start >= 0 and source.find(text, start + 1) < 0:
            found.update(recorder.spans(source[:start]))
            missing -= found.keys()
    if missing and everywhere:
        recorder = _Recorder(module, missing, ())
        recorder.generate(module)
        found.update(recorder.spans())
    return found


class _Unit(NamedTuple):
    """A statement whose code is generated alone, and the block in which it stands."""

    node: cst.CSTNode
    block: Block


def _loop_around(site: CallSite) -> _Unit:
    """Return the outermost loop around a call in its function, or its statement."""
    loops = [loop for loop in site.place.loops() if not loop.is_comprehension]
    if loops:
        return _Unit(loops[-1].node, loops[-1].place.block)
    return _Unit(site.statement or site.node, site.place.block)


def _function_around(site: CallSite) -> _Unit:
    """Return the outermost function around a call, or its statement at the top of the module."""
    unit = None
    block = site.place.block
    while block.parent is not None:
        if block.kind == "scope" and block.scope.kind == "function":
            unit = _Unit(block.node, block.parent)
        elif block.parent.parent is None and unit is None:
            return _Unit(block.fork.node if block.fork is not None else block.node, block.parent)
        block = block.parent
    return unit or _Unit(site.statement or site.node, block)


def _indents(inner: Block, module: cst.Module) -> Iterator[str]:
    """Yield the indentation that each suite around a place adds, the innermost first."""
    block: Block | None = inner
    while block is not None:
        suites: list[object] = [block.suite, block.fork.node if block.fork is not None else None]
        for suite in suites:
            if isinstance(suite, cst.IndentedBlock | cst.Match):
                yield module.default_indent if suite.indent is None else suite.indent
        block = block.parent


def _points(before: str, tokens: list[str], marks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield line and column of the beginning of each marked token."""
    line, column, done = 1, 1, 0
    for mark in marks:
        text = before + "".join(tokens[done:mark])
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        newlines = text.count("\n")
        line += newlines
        column = len(text) - text.rfind("\n") if newlines else column + len(text)
        done, before = mark, ""
        yield line, column
