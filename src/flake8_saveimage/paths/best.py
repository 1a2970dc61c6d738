"""Is a place reached for the best value so far only?"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from flake8_saveimage.knowledge.words import says_best, says_counter, says_extreme, says_metric
from flake8_saveimage.paths.guards import Guard, flag_source, guards, parts
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import child_nodes, code_of, dotted
from flake8_saveimage.syntax.scopes import Block, Place


def best_so_far(place: Place, flow: Flow) -> bool:
    """Say whether a comparison with the best value so far guards ``place``."""
    return any(
        _tests_for_best(test, guard, flow) for guard in guards(place) for test in parts(guard.test)
    )


def _tests_for_best(test: cst.BaseExpression, guard: Guard, flow: Flow) -> bool:
    names = list(_identifiers(test))
    if any(map(says_best, names)):
        return True
    if isinstance(test, cst.Comparison):
        extremes = any(map(says_extreme, names))
        if extremes and not any(says_counter(n) and not says_metric(n) for n in names):
            return True
        return _ordering(test) and _keeps_a_side(test, guard.arm)
    if isinstance(test, cst.Name | cst.Attribute):
        source = flag_source(test, guard.place, flow)
        return source is not None and any(map(says_best, _identifiers(source)))
    return False


def _ordering(test: cst.Comparison) -> bool:
    kinds = cst.LessThan | cst.GreaterThan | cst.LessThanEqual | cst.GreaterThanEqual
    return any(isinstance(target.operator, kinds) for target in test.comparisons)


def _keeps_a_side(test: cst.Comparison, arm: Block) -> bool:
    """``if loss < lowest: lowest = loss``: one side is bound to the other where it holds."""
    sides = [test.left, *(target.comparator for target in test.comparisons)]
    names = {name for side in sides if (name := dotted(side)) is not None}
    codes = [code_of(side) for side in sides]
    return any(
        arm.start <= binding.place.order <= arm.end
        and binding.kind == "assign"
        and binding.value is not None
        and code_of(binding.value) in codes
        for name in names
        for binding in arm.scope.bindings.get(name, ())
    )


def _identifiers(node: cst.CSTNode) -> Iterator[str]:
    stack: list[cst.CSTNode] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Name):
            yield current.value
        elif isinstance(current, cst.SimpleString):
            yield current.raw_value
        stack.extend(child_nodes(current))
