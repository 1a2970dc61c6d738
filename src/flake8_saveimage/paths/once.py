"""Is a place reached once although it stands in a loop, or in a function that runs repeatedly?"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from flake8_saveimage.knowledge.words import says_progress
from flake8_saveimage.paths.batches import yields_one_batch
from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.guards import Guard, conjuncts, flag_source, guards
from flake8_saveimage.paths.texts import Source, SymbolicText, union, varying
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import child_nodes, code_of, dotted, last_name
from flake8_saveimage.syntax.scopes import Binding, Block, Loop, Place

_SWITCHES = ("True", "False", "None")


def runs_once(place: Place, loop: Loop, evaluation: Evaluation) -> bool:
    """Say whether ``place`` is reached at most once in all the iterations of ``loop``."""
    return (
        _leaves(place, loop)
        or _has_one_iteration(loop, evaluation.flow)
        or yields_one_batch(loop, evaluation.flow)
        or any(
            _picks_one(test, holds, guard, loop, evaluation)
            for guard in guards(place)
            if loop.block.contains(guard.arm)
            for test, holds in conjuncts(guard)
        )
    )


def _has_one_iteration(loop: Loop, flow: Flow) -> bool:
    """``for _ in range(1)``, ``for x in islice(loader, 1)``, ``for x in [x]``."""
    node = loop.iter
    if isinstance(node, cst.Name):
        reaches = flow.lookup(node.value, loop.place).reaches
        changed = len(reaches) != 1 or node.value in loop.place.scope.function.mutations
        node = None if changed or reaches[0].binding.pattern else reaches[0].binding.value
    if isinstance(node, cst.List | cst.Tuple):
        return len(node.elements) == 1 and not isinstance(node.elements[0], cst.StarredElement)
    if not isinstance(node, cst.Call) or not node.args:
        return False
    last = node.args[-1].value
    one = isinstance(last, cst.Integer) and last.value == "1"
    counts = {"range": 1, "islice": 2}
    return one and counts.get(last_name(node.func)) == len(node.args)


def _leaves(place: Place, loop: Loop) -> bool:
    """``break``, ``return`` or ``raise`` always follows."""
    for block in place.block.chain():
        if block.exit in ("return", "raise"):
            return True
        if block.exit == "break" and _ends(block, loop):
            return True
        if block is loop.block:
            return False
    return False


def _ends(block: Block, loop: Loop) -> bool:
    """Say whether a ``break`` in ``block`` is one of ``loop``."""
    return next((outer for outer in block.chain() if outer.loop is not None), None) is loop.block


def _picks_one(
    test: cst.BaseExpression, holds: bool, guard: Guard, loop: Loop, evaluation: Evaluation
) -> bool:
    if _switched_off(test, guard, loop):
        return True
    if isinstance(test, cst.Name | cst.Attribute):
        source = flag_source(test, guard.place, evaluation.flow)
        if isinstance(source, cst.Comparison):
            test = source
    if isinstance(test, cst.Name) and not holds:  # `if not epoch:` is epoch == 0
        return _counts(test, guard.place, loop, evaluation)
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return False
    target = test.comparisons[0]
    if _stays_at_first(target, holds, guard.exit):
        return _counts(test.left, guard.place, loop, evaluation)
    if not isinstance(target.operator, cst.Equal if holds else cst.NotEqual):
        return False
    if _counts_to_the_end(test.left, guard.place, loop, evaluation):
        return True
    sides = (test.left, target.comparator)
    for one, other in (sides, sides[::-1]):
        if _counts(one, guard.place, loop, evaluation):
            return loop not in evaluation.evaluate(other, guard.place).deps
    return False


def _stays_at_first(target: cst.ComparisonTarget, holds: bool, left_by: str | None) -> bool:
    """``if i > 0: break``, ``if i >= 1: continue``, ``if i == 1: break``, ``if i < 1:``."""
    bound = target.comparator
    if not isinstance(bound, cst.Integer):
        return False
    pair = (type(target.operator), bound.value)
    if holds:
        return pair in ((cst.LessThan, "1"), (cst.LessThanEqual, "0"))
    if pair == (cst.Equal, "1"):
        return left_by == "break"
    return pair in ((cst.GreaterThan, "0"), (cst.GreaterThanEqual, "1"))


def _counts_to_the_end(
    node: cst.BaseExpression, place: Place, loop: Loop, evaluation: Evaluation
) -> bool:
    """``(i + 1) % len(loader)`` over ``enumerate(loader)``, ``(i + 1) % n`` in n steps."""
    if not isinstance(node, cst.BinaryOperation) or not isinstance(node.operator, cst.Modulo):
        return False
    return code_of(node.right) in _lengths(loop) and _counts(node.left, place, loop, evaluation)


def _lengths(loop: Loop) -> Iterator[str]:
    """Yield the code of expressions for the number of iterations of a loop."""
    node = loop.iter
    while isinstance(node, cst.Call) and node.args:
        name, arguments = last_name(node.func), [a.value for a in node.args if not a.keyword]
        if name in ("range", "trange"):
            if len(arguments) == 1:
                yield code_of(arguments[0])
            elif len(arguments) == 2 and code_of(arguments[0]) == "1":
                yield from _one_less(arguments[1])
            return
        node = node.args[0].value
        yield f"len({code_of(node)})"
    if node is not None:
        yield f"len({code_of(node)})"


def _one_less(node: cst.BaseExpression) -> Iterator[str]:
    """``n`` of ``n + 1``."""
    if isinstance(node, cst.Integer):
        yield str(int(node.value, 0) - 1)
    elif isinstance(node, cst.BinaryOperation) and code_of(node).replace(" ", "").endswith("+1"):
        yield code_of(node.left)


def _counts(node: cst.BaseExpression, place: Place, loop: Loop, evaluation: Evaluation) -> bool:
    """Say whether ``node`` counts the iterations of ``loop``: no two have the same value."""
    name = _shifted_name(node)
    if name is None or loop not in evaluation.evaluate(node, place).deps:
        return False
    for binding, _loops in evaluation.flow.lookup(name, place).reaches:
        if binding.kind == "for":
            if binding.pattern and not (binding.pattern == (0,) and _enumerates(binding.value)):
                return False
        elif binding.kind not in ("aug", "assign"):
            return False
    return True


def _shifted_name(node: cst.BaseExpression) -> str | None:
    """Return the name in ``epoch`` or ``epoch + 1``."""
    while isinstance(node, cst.BinaryOperation):
        if not isinstance(node.operator, cst.Add | cst.Subtract):
            return None
        node = node.left if not isinstance(node.left, cst.Integer) else node.right
    return dotted(node)


def _enumerates(node: cst.BaseExpression | None) -> bool:
    while isinstance(node, cst.Call) and node.args:
        if last_name(node.func) == "enumerate":
            return True
        node = node.args[0].value
    return False


def _switched_off(test: cst.BaseExpression, guard: Guard, loop: Loop) -> bool:
    """``if first: ...; first = False``, also further down in the loop."""
    bindings = guard.arm.scope.bindings.get(_flag(test), ())
    in_loop = [b for b in bindings if loop.start <= b.place.order <= loop.end]
    return bool(in_loop) and all(
        guard.arm.start <= b.place.order
        and _switches(b, test)
        and (b.place.order <= guard.arm.end or _is_off(b))
        for b in in_loop
    )


def _flag(test: cst.BaseExpression) -> str:
    """Return the name that ``flag``, ``flag is None`` or ``flag == False`` tests."""
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        comparator = test.comparisons[0].comparator
        if isinstance(comparator, cst.Name) and comparator.value in _SWITCHES:
            return dotted(test.left) or ""
    return dotted(test) or ""


def _switches(binding: Binding, test: cst.BaseExpression) -> bool:
    value = binding.value.value if isinstance(binding.value, cst.Name) else None
    if isinstance(test, cst.Comparison) and isinstance(test.comparisons[0].operator, cst.Is):
        return binding.kind == "assign" and value != "None"  # `if sample is None: sample = x`
    return value in _SWITCHES


def _is_off(binding: Binding) -> bool:
    return isinstance(binding.value, cst.Name) and binding.value.value == "False"


def keeps_distance(place: Place, path: SymbolicText, evaluation: Evaluation) -> bool:
    """``if step - last > 10: ...; last = step`` with ``step`` in the path.

    No value of ``step`` passes the test twice.
    """
    for guard in guards(place):
        names = set(_names(guard.test)) if isinstance(guard.test, cst.Comparison) else set()
        for name in names:
            for binding in guard.arm.scope.bindings.get(name, ()):
                inside = guard.arm.start <= binding.place.order <= guard.arm.end
                value = binding.value
                if not inside or binding.kind != "assign" or value is None:
                    continue
                if dotted(value) in names - {name}:
                    return _varies_with(path, value, guard.place, evaluation)
    return False


def _varies_with(
    path: SymbolicText, node: cst.BaseExpression, place: Place, evaluation: Evaluation
) -> bool:
    """Say whether a path changes with the loops, or with the parameter, behind a variable."""
    name = dotted(node)
    return any(
        isinstance(source, Loop) or (isinstance(source, Binding) and source.name == name)
        for source in path.deps & evaluation.evaluate(node, place).deps
    )


def _names(node: cst.CSTNode) -> Iterator[str]:
    """Yield the dotted names in an expression."""
    name = dotted(node)
    if name is not None:
        yield name
        return
    for child in child_nodes(node):
        yield from _names(child)


def told_apart(value: SymbolicText, place: Place, evaluation: Evaluation) -> SymbolicText:
    """Return a path's value with what ``if epoch == 0`` on the way to ``place`` tells apart.

    A run that has another epoch does not get there, so that it loses nothing.
    """
    found: set[Source] = set()
    for guard in guards(place):
        for test, holds in conjuncts(guard):
            if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
                continue
            target = test.comparisons[0]
            if isinstance(target.operator, cst.Equal if holds else cst.NotEqual):
                sides = (test.left, target.comparator)
                for one, other in (sides, sides[::-1]):
                    known = evaluation.evaluate(other, guard.place).deps
                    found |= _identity(one, guard.place, evaluation) - known
    return union([value, varying(found)], value.text) if found else value


def _identity(node: cst.BaseExpression, place: Place, evaluation: Evaluation) -> frozenset[Source]:
    """Return what a parameter, or an attribute that counts, differs with."""
    name = _shifted_name(node)
    if name is None:
        return frozenset()
    solid = evaluation.evaluate(node, place).solid
    if "." not in name:
        return frozenset(source for source in solid if isinstance(source, Binding))
    bindings = evaluation.flow.attribute_bindings(name, place)
    counts = says_progress(name) or any(binding.kind == "aug" for binding in bindings)
    return solid if counts and not any(_sets_back(b, evaluation) for b in bindings) else frozenset()


def _sets_back(binding: Binding, evaluation: Evaluation) -> bool:
    """``self.count = 0`` again and again: in a loop, or in a function that a loop calls."""
    if binding.kind != "assign" or binding.value is None:
        return False
    changes = evaluation.changes_with(binding) or ()
    value = evaluation.evaluate(binding.value, binding.place)
    return not value.solid and any(isinstance(source, Loop) for source in changes)


def runs_once_in_life(place: Place) -> bool:
    """``if self.current_epoch == 0``: a hook that acts in one of its many calls."""
    for guard in guards(place):
        for test, holds in conjuncts(guard):
            if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
                target = test.comparisons[0]
                wanted = cst.Equal if holds else cst.NotEqual
                names = [dotted(test.left) or "", dotted(target.comparator) or ""]
                if isinstance(target.operator, wanted) and any(map(says_progress, names)):
                    return True
            if _switched_off_at_all(test, guard):
                return True
    return False


def switched_off_for_good(place: Place, flow: Flow) -> bool:
    """``if shown: return``, or a counter, of a name that outlives the call."""
    for guard in guards(place):
        for test, holds in conjuncts(guard):
            name = _flag(test)
            outlives = "." in name or name in place.scope.function.declared
            if outlives and _switched_off_at_all(test, guard):
                return True
            if _counts_on(test, holds, guard, flow):
                return True
    return False


def _switched_off_at_all(test: cst.BaseExpression, guard: Guard) -> bool:
    bindings = guard.arm.scope.bindings.get(_flag(test), ())
    return bool(bindings) and all(
        _switches(b, test) and guard.arm.start <= b.place.order <= guard.arm.end for b in bindings
    )


def _counts_on(test: cst.BaseExpression, holds: bool, guard: Guard, flow: Flow) -> bool:
    """``if self.count == 0:`` with an attribute that only goes up, from one call to the next."""
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return False
    target = test.comparisons[0]
    name = dotted(test.left)
    is_equal = isinstance(target.operator, cst.Equal if holds else cst.NotEqual)
    if not is_equal or name is None or "." not in name:
        return False
    here = guard.arm.scope.function
    bindings = flow.attribute_bindings(name, guard.place)
    set_back = [b for b in bindings if b.kind != "aug"]
    return any(b.kind == "aug" and b.place.scope.function is here for b in bindings) and all(
        b.place.scope.kind == "class" or b.place.scope.name == "__init__" for b in set_back
    )
