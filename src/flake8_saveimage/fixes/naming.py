"""Put the indices of loops into the name of a file: ``f"samples_{epoch}.png"``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from flake8_saveimage.fixes import calls
from flake8_saveimage.fixes.text import Change, Layout
from flake8_saveimage.paths.loops import index_of, yields_numbers
from flake8_saveimage.rules.save import Save
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import code_of, dotted, last_name
from flake8_saveimage.syntax.scopes import Loop, Place

_SUFFIX = re.compile(r"(?:\.[A-Za-z]\w{0,4}){1,2}\Z")
_JOINS = frozenset({"join", "joinpath", "Path", "str", "fspath"})
_MAX_STEPS = 6

Literal = cst.SimpleString | cst.FormattedString


@dataclass(frozen=True, slots=True)
class Renaming:
    """Where the indices go: into ``literal``, the last part of a path.

    ``formatting`` is the ``%`` operation or the call of ``format`` that fills it, if one does.
    """

    indices: tuple[str, ...]
    literal: Literal
    formatting: cst.BinaryOperation | cst.Call | None = None

    @property
    def nodes(self) -> Iterator[cst.CSTNode]:
        """The nodes whose places the changes need."""
        yield self.literal
        if isinstance(self.formatting, cst.Call):
            yield from calls.nodes_of(self.formatting)
        elif self.formatting is not None:
            yield self.formatting.right
            if isinstance(self.formatting.right, cst.Tuple):
                yield from (element.value for element in self.formatting.right.elements)

    def changes(self, layout: Layout) -> Iterator[Change]:
        """Yield the changes of the path."""
        start, end = layout.of(self.literal)
        text = layout.text[start:end]
        literal = self.literal
        quote = literal.quote if isinstance(literal, cst.SimpleString) else literal.end
        inner = text.removesuffix(quote)
        at = start + len(_SUFFIX.sub("", inner))
        if isinstance(self.formatting, cst.BinaryOperation):
            yield Change(at, at, "_%d" * len(self.indices))
            yield from self._operands(layout, self.formatting.right)
            return
        yield Change(at, at, "".join(f"_{{{index}}}" for index in self.indices))
        if isinstance(self.formatting, cst.Call):
            given = {index: index for index in self.indices}
            yield from calls.with_keywords(layout, self.formatting, given)
        elif isinstance(self.literal, cst.SimpleString):
            yield calls.with_f(layout, self.literal)

    def _operands(self, layout: Layout, right: cst.BaseExpression) -> Iterator[Change]:
        new = "".join(f", {index}" for index in self.indices)
        if isinstance(right, cst.Tuple):
            end = layout.of(right.elements[-1].value)[1]
            yield Change(end, end, new)
            return
        start, end = layout.of(right)
        yield from (Change(start, start, "("), Change(end, end, f"{new})"))


def renaming(save: Save, flow: Flow) -> Renaming | None:
    """Return how the indices of the loops that do not change a path get into it, if that is clear.

    Each loop needs an index that is a whole number.
    """
    path, missing = save.site.destination, save.path.missing_loops
    if path is None or not missing or save.route or save.path.repetition not in ("loop", "outer"):
        return None
    indices = [_whole_number(loop, save.place, flow) for loop in reversed(missing)]
    if not all(indices):
        return None
    found = _literal(path, save.place, flow, missing)
    if found is None:
        return None
    literal, formatting = found
    names = tuple(index for index in indices if index)
    whole = code_of(formatting if formatting is not None else literal)
    if any(re.search(rf"\b{name}\b", whole) for name in names):
        return None  # it is there already, and does not help
    return Renaming(names, literal, formatting)


def _whole_number(loop: Loop, place: Place, flow: Flow) -> str | None:
    """Return the variable that counts the iterations of a loop, if it is sure to be a number."""
    name = index_of(loop)
    if name is None:
        return None
    reaches = flow.lookup(name, place).reaches
    target = loop.target
    if isinstance(target, cst.Tuple):
        first = target.elements[0].value
        is_counted = isinstance(loop.iter, cst.Call) and _calls(loop.iter, "enumerate")
        is_target = isinstance(first, cst.Name) and first.value == name
    else:
        is_target = isinstance(target, cst.Name) and target.value == name
        is_counted = isinstance(loop.iter, cst.Call) and yields_numbers(loop.iter)
    if is_target:
        bound = [reach.binding for reach in reaches]
        return name if is_counted and [b.kind for b in bound] == ["for"] else None
    kinds = {reach.binding.kind for reach in reaches}
    return name if reaches and kinds <= {"assign", "aug"} else None


def _calls(node: cst.BaseExpression, name: str) -> bool:
    """Say whether an iterable is a call of a function, perhaps in ``tqdm(...)``."""
    while isinstance(node, cst.Call):
        if last_name(node.func) == name:
            return True
        if not node.args:
            return False
        node = node.args[0].value
    return False


_Found = tuple[Literal, "cst.BinaryOperation | cst.Call | None"]


def _literal(
    node: cst.BaseExpression, place: Place, flow: Flow, loops: Sequence[Loop]
) -> _Found | None:
    """Return the literal with which a path ends, and what fills it."""
    for _ in range(_MAX_STEPS):
        if isinstance(node, cst.SimpleString):
            is_plain = "b" not in node.prefix.lower() and not re.search("[{}]", node.raw_value)
            return (node, None) if is_plain else None
        if isinstance(node, cst.FormattedString):
            return node, None
        if isinstance(node, cst.ConcatenatedString):
            node = node.right
        elif isinstance(node, cst.BinaryOperation):
            if isinstance(node.operator, cst.Modulo):
                return _percent(node, place, flow)
            node = node.right
        elif isinstance(node, cst.Call):
            if isinstance(node.func, cst.Attribute) and node.func.attr.value == "format":
                template = node.func.value
                is_template = isinstance(template, cst.SimpleString) and node.args
                return (template, node) if is_template else None  # type: ignore[return-value]
            positional = [a for a in node.args if a.keyword is None]
            if last_name(node.func) not in _JOINS or not positional or positional[-1].star:
                return None
            node = positional[-1].value
        else:
            bound = _bound_in(node, place, flow, loops)
            if bound is None:
                return None
            node, place = bound
    return None


def _bound_in(
    node: cst.BaseExpression, place: Place, flow: Flow, loops: Sequence[Loop]
) -> tuple[cst.BaseExpression, Place] | None:
    """Return the value of a variable that each iteration of all loops binds anew."""
    name = dotted(node)
    reaches = flow.lookup(name, place).reaches if name is not None else ()
    if len(reaches) != 1 or reaches[0].binding.kind != "assign" or reaches[0].loops:
        return None
    binding = reaches[0].binding
    around = {id(loop) for loop in binding.place.loops()}
    is_inside = all(id(loop) in around for loop in loops)
    if not is_inside or binding.pattern or binding.value is None:
        return None
    return binding.value, binding.place


def _percent(node: cst.BinaryOperation, place: Place, flow: Flow) -> _Found | None:
    """Return the template of ``"x_%d.png" % i`` if a further operand can be added."""
    template, right = node.left, node.right
    if not isinstance(template, cst.SimpleString) or "%(" in template.value:
        return None
    if isinstance(right, cst.Tuple):
        return (template, node) if right.elements and right.lpar else None
    name = dotted(right)
    if isinstance(right, cst.Integer) or (isinstance(right, cst.BinaryOperation) and right.lpar):
        return template, node
    reaches = flow.lookup(name, place).reaches if name is not None else ()
    is_index = bool(reaches) and all(
        reach.binding.kind == "for" and not reach.binding.pattern[1:] for reach in reaches
    )
    return (template, node) if is_index and isinstance(right, cst.Name) else None
