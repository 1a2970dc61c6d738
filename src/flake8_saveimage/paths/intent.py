"""Is the overwriting meant? Best-so-far, latest, exists-guards, runs-once, scratch files.

Everything here answers questions about the code around a save call (or around the call that leads
to it): the tests that must hold for it to run, what its path is called, and what happens to the
file afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.paths.dependence import Dependence
from flake8_saveimage.paths.texts import Value, last_component, split_text
from flake8_saveimage.syntax.nodes import child_nodes, code_of, dotted, last_name
from flake8_saveimage.syntax.scopes import Block, CallSite, Loop, Place


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
    """Yield the simple tests that surely hold (or surely do not) where the guard is passed."""
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


# -- best so far -------------------------------------------------------------------------------

_BEST = re.compile(r"best|better|improv|lowest|highest|record", re.IGNORECASE)
_EXTREME = re.compile(r"(^|_)(min|max|minimum|maximum|least|smallest|largest|top)(_|\d|$)", re.I)
_COUNTING = re.compile(r"epoch|step|iter|len|size|num|count|batch|sample|image|time|it$", re.I)


_METRIC = re.compile(
    r"loss|acc|score|err|metric|psnr|ssim|fid|iou|dice|f1|auc|reward|ppl|bleu", re.I
)


def _counts(name: str) -> bool:
    return _COUNTING.search(name) is not None and _METRIC.search(name) is None


def best_so_far(place: Place, dependence: Dependence) -> bool:
    """Say whether a comparison with the best value so far guards ``place``."""
    return any(_compares_with_best(guard, dependence) for guard in guards(place))


def _compares_with_best(guard: Guard, dependence: Dependence) -> bool:
    for test in _parts(guard.test):
        names = list(_identifiers(test))
        if isinstance(test, cst.Comparison):
            if any(_BEST.search(name) for name in names):
                return True
            extremes = [name for name in names if _EXTREME.search(name)]
            if extremes and not any(_counts(name) for name in names):
                return True
            if _ordering(test) and _keeps_a_side(test, guard.arm):
                return True
        elif any(_BEST.search(name) for name in names):
            return True
        elif isinstance(test, cst.Name | cst.Attribute):
            source = _flag_source(test, guard.place, dependence)
            if source is not None and any(_BEST.search(n) for n in _identifiers(source)):
                return True
    return False


def _parts(test: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
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


def _flag_source(
    flag: cst.Name | cst.Attribute, place: Place, dependence: Dependence
) -> cst.BaseExpression | None:
    """Return the expression that a flag was set to, if there is just one."""
    name = dotted(flag)
    if name is None:
        return None
    reaches = dependence.flow.lookup(name, place).reaches
    values = [reach.binding.value for reach in reaches if reach.binding.kind == "assign"]
    return values[0] if len(values) == 1 and len(reaches) == 1 else None


# -- what the name says ------------------------------------------------------------------------

_ROLLING = re.compile(r"best|latest|lastest|newest|check_?point|chkpt|chkpnt|ckpt|resume", re.I)
_ROLLING_WORDS = frozenset({"last", "final", "current", "cur", "latest", "recent", "newest"})
_PICTURE = re.compile(r"best|latest|lastest|newest", re.IGNORECASE)
_PICTURE_WORDS = frozenset({"last", "current", "latest", "newest", "recent"})


def says_rolling(text: str, *, image: bool) -> bool:
    """Say whether a path's last component (or the name that holds it) says best, latest ...

    For images ``checkpoint`` or ``final`` say nothing of the kind.
    """
    tail = _speaking_part(last_component(text))
    if (_PICTURE if image else _ROLLING).search(tail):
        return True
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", tail)}
    return not words.isdisjoint(_PICTURE_WORDS if image else _ROLLING_WORDS)


def _speaking_part(name: str) -> str:
    """Return the literal text of a file name, and the variables that hold all of it.

    A variable that is formatted into a longer name (``current_epoch``) says nothing.
    """
    pieces = split_text(name)
    literal = " ".join(pieces[::2])
    if re.fullmatch(r"[\s_-]*(\.\w+)*", literal):
        hints = [hint for piece in pieces[1::2] for hint in piece.split("|")]
        literal += " " + " ".join(hint for hint in hints if not _counts(hint))
    return literal


def function_says_rolling(name: str) -> bool:
    """Say whether a function's name says that it keeps the best or the latest."""
    return re.search(r"(^|_)(best|latest|last)(_|$)", name) is not None


# -- guards that leave the loop's passes apart -------------------------------------------------

_EXISTS = frozenset("exists isfile is_file lexists path_exists file_exists".split())


def exists_guard(place: Place) -> bool:
    """Say whether ``place`` is only reached if some file does not exist."""
    for guard in guards(place):
        for test, holds in conjuncts(guard):
            if not holds and isinstance(test, cst.Call) and last_name(test.func) in _EXISTS:
                return True
    return False


def runs_once(place: Place, loop: Loop, dependence: Dependence) -> bool:
    """Say whether ``place`` is reached at most once in all the passes of ``loop``."""
    return (
        _leaves(place, loop)
        or _has_one_pass(loop)
        or any(
            _picks_one_pass(test, holds, guard, loop, dependence)
            for guard in guards(place)
            if loop.block.contains(guard.arm)
            for test, holds in conjuncts(guard)
        )
    )


def _has_one_pass(loop: Loop) -> bool:
    """``for _ in range(1)``, ``for x in islice(loader, 1)``, ``for x in [x]``."""
    node = loop.iter
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


def every_so_often(place: Place) -> bool:
    """``if step % 100 == 0``."""
    return any(
        isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Modulo)
        for guard in guards(place)
        for test, _holds in conjuncts(guard)
        for node in child_nodes(test)
    )


def _picks_one_pass(
    test: cst.BaseExpression, holds: bool, guard: Guard, loop: Loop, dependence: Dependence
) -> bool:
    if isinstance(test, cst.Name | cst.Attribute):
        if _switched_off(test, guard, loop):
            return True
        source = _flag_source(test, guard.place, dependence)
        if isinstance(source, cst.Comparison):
            test = source
    if isinstance(test, cst.Name) and not holds:  # `if not epoch:` is epoch == 0
        return _is_index(test, guard.place, loop, dependence)
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return False
    target = test.comparisons[0]
    if _stays_at_first(target, holds, guard.exit):
        return _is_index(test.left, guard.place, loop, dependence)
    if not isinstance(target.operator, cst.Equal if holds else cst.NotEqual):
        return False
    if _counts_to_the_end(test.left, guard.place, loop, dependence):
        return True
    sides = (test.left, target.comparator)
    for one, other in (sides, sides[::-1]):
        if _is_index(one, guard.place, loop, dependence):
            return loop not in dependence.evaluate(other, guard.place).deps
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
    node: cst.BaseExpression, place: Place, loop: Loop, dependence: Dependence
) -> bool:
    """``(i + 1) % len(loader)`` in a loop over ``enumerate(loader)``."""
    if not isinstance(node, cst.BinaryOperation) or not isinstance(node.operator, cst.Modulo):
        return False
    size = node.right
    if not isinstance(size, cst.Call) or last_name(size.func) != "len" or not size.args:
        return False
    counted = loop.iter is not None and code_of(size.args[0].value) in code_of(loop.iter)
    return counted and _is_index(node.left, place, loop, dependence)


def _is_index(node: cst.BaseExpression, place: Place, loop: Loop, dependence: Dependence) -> bool:
    """Say whether ``node`` counts the passes of ``loop``: no two passes have the same value."""
    while isinstance(node, cst.BinaryOperation):
        if not isinstance(node.operator, cst.Add | cst.Subtract):
            return False
        node = node.left if not isinstance(node.left, cst.Integer) else node.right
    name = dotted(node)
    if name is None or loop not in dependence.evaluate(node, place).deps:
        return False
    for binding, _loops in dependence.flow.lookup(name, place).reaches:
        if binding.kind == "for":
            if binding.pattern and not (binding.pattern == (0,) and _enumerates(binding.value)):
                return False
        elif binding.kind not in ("aug", "assign"):
            return False
    return True


def _enumerates(node: cst.BaseExpression | None) -> bool:
    while isinstance(node, cst.Call) and node.args:
        if last_name(node.func) == "enumerate":
            return True
        node = node.args[0].value
    return False


def _switched_off(flag: cst.Name | cst.Attribute, guard: Guard, loop: Loop) -> bool:
    """``if first: ...; first = False``."""
    name = dotted(flag)
    bindings = guard.arm.scope.bindings.get(name or "", ())
    in_loop = [b for b in bindings if loop.start <= b.place.order <= loop.end]
    return bool(in_loop) and all(
        guard.arm.start <= b.place.order <= guard.arm.end
        and isinstance(b.value, cst.Name)
        and b.value.value in ("True", "False", "None")
        for b in in_loop
    )


_FIRST_STATE = re.compile(r"(^|_)(epoch|step|iter|iteration|global_step|first)(s)?$|sanity", re.I)


def runs_once_in_life(place: Place) -> bool:
    """``if self.current_epoch == 0``: a hook that acts in one of its many calls."""
    for guard in guards(place):
        for test, holds in conjuncts(guard):
            if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
                target = test.comparisons[0]
                wanted = cst.Equal if holds else cst.NotEqual
                names = [dotted(test.left) or "", dotted(target.comparator) or ""]
                if isinstance(target.operator, wanted) and any(map(_FIRST_STATE.search, names)):
                    return True
            name = dotted(test)
            if name is not None and _switched_off_at_all(name, guard):
                return True
    return False


def switched_off_for_good(place: Place) -> bool:
    """``if shown: return`` and ``shown = True`` with a flag that outlives the call."""
    for guard in guards(place):
        for test, _holds in conjuncts(guard):
            name = dotted(test)
            if name is None or not ("." in name or name in place.scope.function.declared):
                continue
            if _switched_off_at_all(name, guard):
                return True
    return False


def _switched_off_at_all(name: str, guard: Guard) -> bool:
    bindings = guard.arm.scope.bindings.get(name, ())
    return bool(bindings) and all(
        isinstance(b.value, cst.Name)
        and b.value.value in ("True", "False", "None")
        and guard.arm.start <= b.place.order <= guard.arm.end
        for b in bindings
    )


# -- what becomes of the file ------------------------------------------------------------------

_MOVES = frozenset("replace rename renames move link".split())
_COPIES = frozenset("copy copyfile copy2 copytree".split())
_DELETES = frozenset("remove unlink rmtree removedirs".split())
_READS = frozenset(
    "load open imread read_image decode_image Image getsize stat log_artifact log_image save"
    " add_file upload upload_file send_file File read_bytes imshow stem".split()
)
_SCRATCH_FOLDERS = ("/tmp/", "/var/tmp/", "/dev/shm/")
_SCRATCH = re.compile(r"(^|[^a-z])(tmp|temp|scratch|temporary)([^a-z]|$)", re.IGNORECASE)


def moved_away(path: cst.BaseExpression, place: Place, dependence: Dependence) -> bool:
    """Say whether the file gets its lasting name right after (``os.replace(tmp, final)``)."""
    if _followed_by(path, place, dependence, _MOVES):
        return True
    return _followed_by(path, place, dependence, _COPIES, always=True)


def scratch(path: cst.BaseExpression, text: str, place: Place, dependence: Dependence) -> bool:
    """Say whether the file is deleted again, or read back and scratch by its name or folder."""
    if _followed_by(path, place, dependence, _DELETES):
        return True
    named = _SCRATCH.search(_speaking_part(last_component(text))) is not None
    if not named and not text.startswith(_SCRATCH_FOLDERS):
        return False
    return _followed_by(path, place, dependence, _READS)


def used_between(
    path: cst.BaseExpression, first: Place, second: Place, dependence: Dependence
) -> bool:
    """Say whether the file is read, copied or moved before the second save."""
    names = _MOVES | _COPIES | _DELETES | _READS
    return _followed_by(path, first, dependence, names, until=second.order)


def _followed_by(
    path: cst.BaseExpression,
    place: Place,
    dependence: Dependence,
    names: frozenset[str],
    until: int | None = None,
    always: bool = False,
) -> bool:
    """Say whether a call of one of ``names`` on the same path comes later in the function.

    ``always``: whenever the save itself has run.
    """
    facts = dependence.flow.facts
    codes = set(_spellings(path, place, dependence))
    value = dependence.evaluate(path, place)
    for name in names:
        for site in facts.calls_by_name.get(name, ()):
            if site.place.order <= place.order or not _same_function(site, place):
                continue
            if until is not None and site.place.order >= until:
                continue
            if always and not site.place.block.anchor.contains(place.block):
                continue
            if name == "save" and _writes(site):
                continue
            if _takes(site, codes):
                return True
            if value.constant and _takes_text(site, value, dependence):
                return True
    return False


def _writes(site: CallSite) -> bool:
    """Say whether a ``save`` is given what to write: ``wandb.save(path)`` uploads a file."""
    return sum(argument.keyword is None for argument in site.node.args) > 1


def _same_function(site: CallSite, place: Place) -> bool:
    return site.place.scope.function is place.scope.function


def _spellings(path: cst.BaseExpression, place: Place, dependence: Dependence) -> Iterator[str]:
    """The ways in which the code may name the file: the expression, or the folder it is in."""
    yield code_of(path)
    name = dotted(path)
    if name is not None:
        for binding, _loops in dependence.flow.lookup(name, place).reaches:
            if binding.value is not None and not binding.pattern:
                yield code_of(binding.value)


def _takes(site: CallSite, codes: set[str]) -> bool:
    given = [argument.value for argument in site.node.args[:2]]
    if isinstance(site.node.func, cst.Attribute):
        given.append(site.node.func.value)
    while given:
        node = given.pop()
        if code_of(node) in codes:
            return True
        if isinstance(node, cst.Call) and len(node.args) == 1:  # Path(p).unlink(), str(p)
            given.append(node.args[0].value)
    return False


def _takes_text(site: CallSite, value: Value, dependence: Dependence) -> bool:
    return any(
        dependence.evaluate(argument.value, site.place).text == value.text
        for argument in site.node.args[:1]
    )


# -- small tools -------------------------------------------------------------------------------


def _identifiers(node: cst.CSTNode) -> Iterator[str]:
    stack: list[cst.CSTNode] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Name):
            yield current.value
        elif isinstance(current, cst.SimpleString):
            yield current.raw_value
        stack.extend(child_nodes(current))
