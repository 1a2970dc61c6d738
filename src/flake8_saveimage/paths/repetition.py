"""Which loops and calls does the path of a save call depend on, and what does that lose?

The one answer, :class:`PathFact`, is what the rules SVI101 to SVI108 read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import libcst as cst

from flake8_saveimage.knowledge.files import MEMORY, OPENERS
from flake8_saveimage.paths import intent
from flake8_saveimage.paths.dependence import Dependence
from flake8_saveimage.paths.hooks import is_hook
from flake8_saveimage.paths.texts import (
    MARK,
    QUOTIENT,
    REMAINDER,
    Source,
    Value,
    last_component,
    split_text,
    unknown,
)
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import child_nodes, code_of, dotted, last_name
from flake8_saveimage.syntax.scopes import Binding, CallSite, Loop, Place, Scope

if TYPE_CHECKING:
    from flake8_saveimage.syntax.saves import SaveCall

Repetition = Literal["loop", "outer", "call", "constant"]


class Destination(NamedTuple):
    """The path that is written and where it is opened."""

    path: cst.BaseExpression
    place: Place
    handle: bool


class Repeat(NamedTuple):
    """A function that runs again and again: because ``call`` stands in ``loop``, or as a hook."""

    function: Scope
    call: CallSite | None
    loop: Loop | None
    text: str
    rolling: bool


@dataclass(frozen=True, slots=True)
class PathFact:
    """What is known about the path of one save call.

    ``repetition`` says when the same file is written again: ``"loop"`` (each pass of ``loop``, the
    innermost), ``"outer"`` (each pass of ``loop``, further out), ``"call"`` (each run of
    ``repeat.function``), ``"constant"`` (each run of the program) or ``None`` (not that one could
    see). ``rolling``: overwriting is meant. ``weak`` names what makes names repeat although they
    vary. ``template`` are the names in braces of a literal without ``f``. ``twin`` is an earlier
    save on the same straight line to the same path.
    """

    name: str = "the file"
    repetition: Repetition | None = None
    loop: Loop | None = None
    repeat: Repeat | None = None
    rolling: bool = False
    weak: str | None = None
    template: tuple[str, ...] = ()
    template_node: cst.BaseExpression | None = None
    twin: SaveCall | None = None
    destination: Destination | None = None
    value: Value | None = None


SILENT = PathFact()


def path_fact(site: SaveCall, dependence: Dependence) -> PathFact:
    """Judge the path of a save call."""
    target = destination(site)
    if target is None:
        return SILENT
    value = dependence.evaluate(target.path, target.place)
    name = display(value, target.path)
    if value.temporary:
        return SILENT
    template, node = _template(site, value)
    twin = _twin(site, dependence, target, value)
    fact = _repetition(site, dependence, target, value)
    if fact.repetition is not None and _is_looked_after(site, dependence, target, value):
        fact = SILENT
    weak = _weakness(site, target, value) if fact.repetition is None else None
    return PathFact(
        name, fact.repetition, fact.loop, fact.repeat, fact.rolling, weak, template, node, twin,
        target, value,
    )  # fmt: skip


# -- what is written ---------------------------------------------------------------------------


def destination(site: SaveCall) -> Destination | None:
    """Return the path behind a save call, looking through ``open``; ``None`` if there is none."""
    node = site.destination
    if node is None:
        return None
    if isinstance(node, cst.Call):
        return _opened(site.flow, node, site.place, Destination(node, site.place, handle=False))
    name = dotted(node)
    if name is not None:
        if name.startswith("sys."):
            return None  # standard output
        reaches = site.flow.lookup(name, site.place).reaches
        if len(reaches) == 1:
            binding = reaches[0].binding
            if binding.kind == "with" and not isinstance(binding.value, cst.Call):
                return None
            if binding.kind in ("with", "assign") and isinstance(binding.value, cst.Call):
                default = None
                if binding.kind == "assign":
                    default = Destination(node, site.place, handle=False)
                return _opened(site.flow, binding.value, binding.place, default)
    return Destination(node, site.place, handle=False)


def _opened(
    flow: Flow, call: cst.Call, place: Place, default: Destination | None
) -> Destination | None:
    """Return the path that ``open(path, "wb")`` or ``path.open("wb")`` writes."""
    func = call.func
    if last_name(func) in MEMORY:
        return None
    if last_name(func) not in OPENERS:
        return default
    values = [argument.value for argument in call.args if argument.keyword is None]
    given = {a.keyword.value: a.value for a in call.args if a.keyword is not None}
    path: cst.BaseExpression | None = given.get("file")
    mode = given.get("mode")
    by_method = isinstance(func, cst.Attribute) and (not values or _is_mode(values[0]))
    if by_method and isinstance(func, cst.Attribute):
        path = func.value
        mode = mode or (values[0] if values else None)
    elif isinstance(func, cst.Attribute) and not _is_module(flow, func.value, place):
        return None  # a member of an archive, a blob of a store
    elif values:
        path = values[0]
        mode = mode or (values[1] if len(values) > 1 else None)
    if path is None or not isinstance(mode, cst.SimpleString) or "w" not in mode.raw_value:
        return None
    return Destination(path, place, handle=True)


def _is_module(flow: Flow, node: cst.BaseExpression, place: Place) -> bool:
    base = (dotted(node) or "").partition(".")[0]
    return any(reach.binding.kind == "import" for reach in flow.lookup(base, place).reaches)


def _is_mode(node: cst.BaseExpression) -> bool:
    return (
        isinstance(node, cst.SimpleString)
        and re.fullmatch(r"[rwxabt+]+", node.raw_value) is not None
    )


# -- does it repeat? ---------------------------------------------------------------------------


def _repetition(
    site: SaveCall, dependence: Dependence, target: Destination, value: Value
) -> PathFact:
    around = [loop for loop in target.place.loops() if not _changes_folder(loop, dependence)]
    loops = [loop for loop in around if not intent.runs_once(site.place, loop, dependence)]
    missing = [loop for loop in loops if loop not in value.deps]
    if missing:
        kind: Repetition = "loop" if missing[0] is loops[0] else "outer"
        return PathFact(
            repetition=kind, loop=missing[0], rolling=_rolling(site, dependence, target, value.text)
        )
    repeat = _Repeats(dependence).find(target.place.scope.function, value, site.place)
    if repeat is not None:
        rolling = repeat.rolling or any(
            _rolling(site, dependence, target, text) for text in (repeat.text, value.text)
        )
        return PathFact(repetition="call", loop=repeat.loop, repeat=repeat, rolling=rolling)
    function = target.place.scope.function
    # Guarded so that it acts once in many calls: a repeat otherwise.
    once = is_hook(function, site.flow.facts) or intent.switched_off_for_good(site.place)
    if value.constant and not target.place.loops() and not once:
        return PathFact(repetition="constant")
    return SILENT


def _changes_folder(loop: Loop, dependence: Dependence) -> bool:
    """``os.chdir`` in the loop: a relative path names another file in each pass."""
    sites = dependence.flow.facts.calls_by_name.get("chdir", ())
    return any(loop.start <= site.place.order <= loop.end for site in sites)


def _rolling(site: SaveCall, dependence: Dependence, target: Destination, text: str | None) -> bool:
    image = site.kind == "image"
    holder = (dotted(target.path) or "").rpartition(".")[2]
    if intent.says_rolling(holder, image=image):
        return True
    if text and intent.says_rolling(text, image=image):
        return True
    if intent.function_says_rolling(site.place.scope.function.name):
        return True
    return intent.best_so_far(site.place, dependence)


def _is_looked_after(
    site: SaveCall, dependence: Dependence, target: Destination, value: Value
) -> bool:
    """Say whether nothing is lost: an exists-guard, an atomic replace, a scratch file."""
    path, place = target.path, site.place
    return (
        intent.exists_guard(place)
        or intent.moved_away(path, place, dependence)
        or intent.scratch(path, value.text or "", place, dependence)
    )


def _weakness(site: SaveCall, target: Destination, value: Value) -> str | None:
    """Say what makes names repeat, if some loop is told apart by nothing better."""
    function = target.place.scope.function
    sources: list[Source] = [*target.place.loops()]
    if not sources and is_hook(function, site.flow.facts):
        sources.append(function)
    if not any(source in value.deps and source not in value.solid for source in sources):
        return None
    reasons = set(value.weak)
    if {REMAINDER, QUOTIENT} <= reasons:
        return None  # row and column of one index
    if QUOTIENT in reasons and intent.every_so_often(site.place):
        return None  # `if step % 100 == 0: save(step // 100)`
    return min(reasons, default=None)


# Functions on the way to a loop; beyond that nobody would follow the finding either.
_MAX_CALLERS = 50


class _Repeats:
    """Looks for a way on which the function around a save runs again with the same path."""

    def __init__(self, dependence: Dependence) -> None:
        self.dependence = dependence
        self.flow = dependence.flow
        self.seen: set[int] = set()

    def find(self, function: Scope, value: Value, place: Place) -> Repeat | None:
        if len(self.seen) > _MAX_CALLERS:
            return None
        if function.kind == "module" or function in value.deps or id(function) in self.seen:
            return None
        self.seen.add(id(function))
        text = value.text or ""
        if is_hook(function, self.flow.facts):
            others = [source for source in value.deps if _other_parameter(source, function)]
            if not others and not intent.runs_once_in_life(place):
                return Repeat(function, None, None, text, rolling=False)
            return None
        if intent.switched_off_for_good(place):
            return None
        for call in self.flow.callers(function):
            found = self._through(function, call, value)
            if found is not None:
                return found
        return None

    def _through(self, function: Scope, call: CallSite, value: Value) -> Repeat | None:
        place = call.place
        if place.scope.function is function or intent.exists_guard(place):
            return None
        passed = self.dependence.passed(function, call.node, place)
        if passed is None:
            return None
        # The function's own loops start over in each call: they tell nothing apart from here.
        own = {loop for loop in value.deps if _is_loop_of(loop, function)}
        value = replace(value, deps=value.deps - own, solid=value.solid - own)
        seen_from_here = self.dependence.substitute(value, function, passed, place)
        if seen_from_here.temporary:
            return None
        texts = [v.text for source, v in passed.items() if source in value.deps and v.text]
        hints = unknown("|".join(last_component(text) for text in texts))
        loops = [
            loop for loop in place.loops() if not intent.runs_once(place, loop, self.dependence)
        ]
        missing = [loop for loop in loops if loop not in seen_from_here.deps]
        rolling = intent.best_so_far(place, self.dependence)
        if missing:
            return Repeat(function, call, missing[0], hints, rolling)
        further = self.find(place.scope.function, seen_from_here, place)
        if further is None:
            return None
        return further._replace(text=further.text + hints, rolling=rolling or further.rolling)


def _is_loop_of(source: object, function: Scope) -> bool:
    return isinstance(source, Loop) and source.block.scope.function is function


def _other_parameter(source: object, function: Scope) -> bool:
    """Say whether ``source`` is a parameter other than the object itself."""
    return isinstance(source, Binding) and source.name != function.self_name


# -- the missing f -----------------------------------------------------------------------------

_BRACES = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)(?:\s*[.\[(+\-*/%:!][^{}]*)?\}(?!\})")


def _template(site: SaveCall, value: Value) -> tuple[tuple[str, ...], cst.BaseExpression | None]:
    """Return the variables in braces of a literal that nothing fills, and the literal."""
    for node, place in value.templates:
        if not isinstance(node, cst.SimpleString):
            continue
        literal = node.evaluated_value
        names = _BRACES.findall(literal) if isinstance(literal, str) else []
        bound = [name for name in names if _in_scope(name, site, place)]
        if bound and len(bound) == len(names):
            return tuple(bound), node
    return (), None


def _in_scope(name: str, site: SaveCall, place: Place) -> bool:
    return any(site.flow.lookup(name, where).reaches for where in (place, site.place))


# -- two saves in a row ------------------------------------------------------------------------


# Copy and paste stays near; looking at all pairs would take quadratic time.
_NEAR = 12


def _twin(
    site: SaveCall, dependence: Dependence, target: Destination, value: Value
) -> SaveCall | None:
    if target.handle:
        return None
    for other in reversed(site.siblings[max(0, site.index - _NEAR) : site.index]):
        if other.place.block.anchor is not site.place.block.anchor:
            continue
        if _same_file(site, other, dependence, target, value):
            return other
    return None


def _same_file(
    site: SaveCall, other: SaveCall, dependence: Dependence, target: Destination, value: Value
) -> bool:
    first = destination(other)
    if first is None or first.handle:
        return False
    before = dependence.evaluate(first.path, first.place)
    same = before.text is not None and before.text == value.text and MARK * 2 not in before.text
    if not value.constant:
        same = same and _unchanged(site, first, target)
    return same and not intent.used_between(first.path, other.place, site.place, dependence)


def _unchanged(site: SaveCall, first: Destination, second: Destination) -> bool:
    """Say whether two expressions of the same form surely give the same text."""
    for node in (*_nodes(first.path), *_nodes(second.path)):
        if isinstance(node, cst.Call):
            last = (dotted(node.func) or "").rpartition(".")[2]
            if last not in ("join", "str", "Path", "format", "joinpath"):
                return False
        if isinstance(node, cst.Name | cst.Attribute) and (full := dotted(node)) is not None:
            before = site.flow.lookup(full, first.place).reaches
            after = site.flow.lookup(full, second.place).reaches
            if {id(r.binding) for r in before} != {id(r.binding) for r in after}:
                return False
            if "." in full and _touched(site, full.partition(".")[0], first.place, second.place):
                return False
        if isinstance(node, cst.Subscript | cst.NamedExpr | cst.Await):
            return False
    return True


def _touched(site: SaveCall, base: str, first: Place, second: Place) -> bool:
    """Say whether a method of the object ``base`` runs between two places."""
    return any(
        first.order < call.place.order < second.order
        and (dotted(call.node.func) or "").rpartition(".")[0] == base
        for call in first.scope.function.calls
    )


def _nodes(root: cst.CSTNode) -> Iterator[cst.CSTNode]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, cst.Attribute) and dotted(node) is not None:
            continue
        stack.extend(child_nodes(node))


# -- names for messages ------------------------------------------------------------------------


def display(value: Value, path: cst.BaseExpression) -> str:
    """Return how a message calls the file: its last component, unknown parts in braces."""
    if value.text is not None:
        pieces = split_text(last_component(value.text))
        known = "".join(pieces[::2])
        if re.search(r"\w", known):
            shown = (
                piece if index % 2 == 0 else "{" + (piece.partition("|")[0] or "...") + "}"
                for index, piece in enumerate(pieces)
            )
            return f"'{_clean(''.join(shown))}'"
    code = code_of(path)
    return _clean(code) if len(code) <= 60 and "\n" not in code else "the file"


def _clean(text: str) -> str:
    """Keep a message on one line whatever the source holds."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= 80 else text[:77] + "..."


def loop_variable(loop: Loop) -> str:
    """Return the target of a loop as the source writes it (``"i, batch"``), or ``""``."""
    if loop.target is None:
        return ""
    target = loop.target
    if isinstance(target, cst.Tuple):
        target = target.with_changes(lpar=(), rpar=())
    code = code_of(target)
    return _clean(" ".join(code.split()))
