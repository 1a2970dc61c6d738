"""Positions of a few nodes, found by generating the code once and noting where each begins.

libcst's ``PositionProvider`` computes every position and costs ten times the parse; this costs a
fraction of it, and only files with something to report pay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

import libcst as cst
from libcst._nodes.internal import CodegenState


class Span(NamedTuple):
    """Lines and columns count from 1 (columns in characters); the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class _AllFound(Exception):
    """Every wanted node has been generated; the rest of the file does not matter."""


class _Recorder(CodegenState):
    def __init__(self, module: cst.Module, wanted: Sequence[cst.CSTNode]) -> None:
        super().__init__(
            default_indent=module.default_indent, default_newline=module.default_newline
        )
        self.wanted = {id(node) for node in wanted}
        self.found: dict[int, tuple[int, int]] = {}

    @contextmanager
    def record_syntactic_position(
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> Iterator[None]:
        start = len(self.tokens)
        yield
        if id(node) in self.wanted:
            self.found[id(node)] = (start, len(self.tokens))
            if len(self.found) == len(self.wanted):
                raise _AllFound


def spans(module: cst.Module, nodes: Sequence[cst.CSTNode]) -> dict[int, Span]:
    """Return the span of each node of ``module``, without parentheses, keyed by ``id(node)``."""
    if not nodes:
        return {}
    recorder = _Recorder(module, nodes)
    with suppress(_AllFound):
        module._codegen(recorder)
    marks = sorted({mark for pair in recorder.found.values() for mark in pair})
    points = dict(zip(marks, _points(recorder.tokens, marks), strict=True))
    return {key: Span(*points[start], *points[end]) for key, (start, end) in recorder.found.items()}


def _points(tokens: list[str], marks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield line and column of the beginning of each marked token."""
    line, column, done = 1, 1, 0
    for mark in marks:
        text = "".join(tokens[done:mark]).replace("\r\n", "\n").replace("\r", "\n")
        newlines = text.count("\n")
        line += newlines
        column = len(text) - text.rfind("\n") if newlines else column + len(text)
        done = mark
        yield line, column
