"""The tests that must come out one way or the other for a place to be reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.knowledge.calls import EXISTS
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import child_nodes, dotted, last_name
from flake8_saveimage.syntax.scopes import Block, Place


class Guard(NamedTuple):
    """A test that must come out as ``holds`` for a place to be reached.

    ``arm`` is the suite that it guards (for ``if x: continue`` the rest of the suite around it, and
    ``exit`` is how it leaves that).
    """

    test: cst.BaseExpression
    holds: bool
    place: Place
    arm: Block
    exit: str | None = None


def guards(place: Place) -> Iterator[Guard]:
    """Yield the tests between a place and the body of its function, innermost first."""
    for block in place.block.chain():
        for fork in block.forks:  # `if exists(path): continue` further up in the same suite
            for arm in fork.arms:
                if arm.end < place.order and arm.exit and isinstance(arm.node, cst.If):
                    here = Place(block, fork.arms[0].start - 1)
                    yield Guard(arm.node.test, False, here, block, arm.exit)
        if block.fork is not None and block.parent is not None:
            here = Place(block.parent, block.fork.arms[0].start - 1)
            for arm in block.fork.arms:
                if arm is block:
                    break
                if isinstance(arm.node, cst.If):
                    yield Guard(arm.node.test, False, here, block)
            if isinstance(block.node, cst.If):
                yield Guard(block.node.test, True, here, block)
        if block.loop is not None and isinstance(block.loop.node, cst.While):
            yield Guard(block.loop.node.test, True, Place(block, block.start), block)


def conjuncts(guard: Guard) -> Iterator[tuple[cst.BaseExpression, bool]]:
    """Yield the simple tests that hold, or do not, where the guard lets code through."""
    stack = [(guard.test, guard.holds)]
    while stack:
        test, holds = stack.pop()
        if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
            stack.append((test.expression, not holds))
        elif isinstance(test, cst.BooleanOperation):
            if isinstance(test.operator, cst.And) is holds:
                stack += [(test.left, holds), (test.right, holds)]
            else:
                yield test, holds
        else:
            yield test, holds


def parts(test: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """Yield the simple tests that a test is made of."""
    stack = [test]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.UnaryOperation):
            stack.append(node.expression)
        elif isinstance(node, cst.BooleanOperation):
            stack += [node.left, node.right]
        else:
            yield node


def flag_source(
    flag: cst.Name | cst.Attribute, place: Place, flow: Flow
) -> cst.BaseExpression | None:
    """Return the expression that a flag was set to, if there is just one."""
    name = dotted(flag)
    reaches = flow.lookup(name, place).reaches if name is not None else ()
    if len(reaches) != 1 or reaches[0].binding.kind != "assign":
        return None
    return reaches[0].binding.value


def exists_guard(place: Place) -> bool:
    """Say whether ``place`` is only reached if some file does not exist."""
    return any(
        not holds and isinstance(test, cst.Call) and last_name(test.func) in EXISTS
        for guard in guards(place)
        for test, holds in conjuncts(guard)
    )


def every_so_often(place: Place) -> bool:
    """``if step % 100 == 0``."""
    return any(
        isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo)
        for guard in guards(place)
        for test, _holds in conjuncts(guard)
        for node in child_nodes(test)
    )
