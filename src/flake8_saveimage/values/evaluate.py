"""The evaluator: from an expression at a place to what is known of its value.

It is lazy and memoised: only what a save call needs is evaluated, each node once per activation.
Functions, methods and layers of the program are entered with their arguments bound. A value that
depends on itself (through a loop or recursion), and whatever is not understood, is unknown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property

import libcst as cst

from flake8_saveimage.syntax.arguments import Arguments
from flake8_saveimage.syntax.flow import Flow, enclosing_method
from flake8_saveimage.syntax.nodes import code_of
from flake8_saveimage.syntax.reaching import Reach
from flake8_saveimage.syntax.routes import Route
from flake8_saveimage.syntax.scopes import Binding, Block, CallSite, Place, Scope
from flake8_saveimage.values.calls import Calls, bind_parameters
from flake8_saveimage.values.domain import (
    GIVEN,
    UNKNOWN,
    Abstract,
    Items,
    Perhaps,
    Several,
    Thing,
    Values,
    as_values,
    constant,
    is_shown_in_range,
    located,
)
from flake8_saveimage.values.dtypes import DTypes
from flake8_saveimage.values.effects import Effects
from flake8_saveimage.values.elements import element, unpacked
from flake8_saveimage.values.expressions import BINARY, HANDLERS, unknown_name
from flake8_saveimage.values.intervals import WHOLE
from flake8_saveimage.values.merging import EXHAUSTED, PENDING, merged
from flake8_saveimage.values.naming import role
from flake8_saveimage.values.objects import (
    Class,
    Dataset,
    Frame,
    Function,
    Instance,
    Loader,
    Sequential,
)
from flake8_saveimage.values.operations import Passed, applied_to

MAX_DEPTH = 60  # nested evaluations
MAX_STEPS = 6000  # evaluations for one question
MAX_TOTAL = 40_000  # evaluations for one file


class Evaluator:
    """Answers for one file, remembered."""

    def __init__(self, flow: Flow) -> None:
        self.top = Frame(flow)
        self._tops = {flow: self.top}
        self._known: dict[tuple[int, Frame], Abstract] = {}
        self._active: set[tuple[object, ...]] = set()
        self._names: dict[tuple[str, int, int, Frame], Abstract] = {}
        self._attributes: dict[tuple[Instance, str], Abstract] = {}
        self._frames_of_self: dict[Instance, Frame] = {}
        self._unknown_objects: dict[int, Instance] = {}
        self._depth = 0
        self._steps = 0
        self._total = 0

    @cached_property
    def _effects(self) -> Effects:
        return Effects(self)

    @cached_property
    def _calls(self) -> Calls:
        return Calls(self)

    def ask(self, node: cst.BaseExpression, place: Place, route: Route = ()) -> Abstract:
        """Return what is known of an expression; starts with a fresh budget.

        ``route`` are the calls that lead to the function around it.
        """
        self._total += self._steps
        self._steps = 0
        if self._total > MAX_TOTAL:
            return EXHAUSTED
        try:
            return self.evaluate(node, place, self.entered(route))
        except RecursionError:  # the caller's own stack is deep already
            self._active.clear()
            self._depth = 0
            return EXHAUSTED

    def evaluate(self, node: cst.BaseExpression, place: Place, frame: Frame) -> Abstract:
        """Return what an expression stands for in one activation."""
        key = (id(node), frame)
        if key in self._known:
            return self._known[key]
        if key in self._active:
            return PENDING
        self._steps += 1
        if self._depth >= MAX_DEPTH or self._steps > MAX_STEPS:
            return EXHAUSTED
        self._active.add(key)
        self._depth += 1
        try:
            handler = HANDLERS.get(type(node))
            result = handler(self, node, place, frame) if handler is not None else UNKNOWN
        finally:
            self._depth -= 1
            self._active.discard(key)
        result = _sourced(located(result, node), node, place, frame.flow)
        self._known[key] = result
        return result

    def values(self, node: cst.BaseExpression, place: Place, frame: Frame) -> Values:
        """Return what is known of a tensor expression."""
        return as_values(self.evaluate(node, place, frame))

    # -- names ---------------------------------------------------------------------------------

    def name(self, name: str, place: Place, frame: Frame, node: cst.CSTNode) -> Abstract:
        """Return what a name (possibly dotted) stands for at a place."""
        key = (name, id(place.block), place.order, frame)
        if key not in self._names:
            if key in self._active:
                return PENDING
            self._active.add(key)
            try:
                self._names[key] = self._look_up(name, place, frame, node)
            finally:
                self._active.discard(key)
        return self._names[key]

    def _look_up(self, name: str, place: Place, frame: Frame, node: cst.CSTNode) -> Abstract:
        lookup = frame.flow.lookup(name, place)
        if not lookup.reaches:
            qualified = frame.flow.resolve_name(name, place)  # `from utils import *`
            known = self.from_elsewhere(qualified, place, frame) if qualified else None
            return known if known is not None else unknown_name(name, node)
        found: list[Abstract] = []
        for reach in lookup.reaches:
            value = self._binding(reach.binding, frame)
            if lookup.local:
                value = self._effects.between(name, value, reach.binding, place, frame)
            found.append(value)
        result = merged(self._once_loops_ran(lookup.reaches, found, place))
        if isinstance(result, Values) and not result.sources and result.kind != "number":
            source = _source(lookup.reaches[0].binding, frame.flow)
            result = dataclasses.replace(result, sources=frozenset({source}))
        if isinstance(result, Values) and role(name) and constant(result) is None:
            result = dataclasses.replace(result, marks=result.marks | role(name))
        return result

    def _once_loops_ran(
        self, reaches: Sequence[Reach], found: list[Abstract], place: Place
    ) -> list[Abstract]:
        """Leave out what held before a loop that makes values unbounded: it is taken to run."""
        for reach, value in zip(reaches, found, strict=True):
            if not (isinstance(value, Values) and value.unbounded):
                continue
            start = _always_in_loop(reach.binding.place.block, place)
            if start is not None:
                return [
                    v
                    for r, v in zip(reaches, found, strict=True)
                    if r.binding.place.order >= start or not isinstance(v, Values)
                ]
        return found

    def from_elsewhere(self, qualified: str, place: Place, frame: Frame) -> Abstract | None:
        """Return what a qualified name means in another file; ``None`` if it is a library's."""
        found = frame.flow.foreign(qualified, place)
        if found is None:
            return None
        top = self._top_of(frame.flow)
        value = merged([self._binding(binding, top) for binding in found.bindings])
        if isinstance(value, Values) and not value.sources and value.kind != "number":
            source = _source(found.bindings[0], frame.flow)
            value = dataclasses.replace(value, sources=frozenset({source}))
        for name in found.rest:
            value = self.attribute(value, name)
        return value

    def stored_attribute(
        self, full: str, place: Place, frame: Frame, node: cst.CSTNode
    ) -> Abstract | None:
        """Return what ``a.b`` was given in this function, or ``self.x`` anywhere in the class."""
        local = frame.flow.lookup(full, place)
        if local.reaches and local.local:
            return self.name(full, place, frame, node)
        method = enclosing_method(place)
        base, _, rest = full.partition(".")
        if method is None or base != method.self_name or "." in rest:
            return None
        if method.owner_class is None:
            return None
        found = self.attribute(self._self_object(method.owner_class, frame), rest)
        return None if found is UNKNOWN else found

    def _binding(self, binding: Binding, frame: Frame) -> Abstract:
        """Return what one binding gives its name."""
        kind, place = binding.kind, binding.place
        if kind == "param":
            return self._parameter(binding, frame)
        if kind == "def" and binding.defined is not None:
            return Function(binding.defined, frame)
        if kind == "class" and binding.defined is not None:
            return Class(binding.defined, frame)
        if kind == "import" and binding.source:
            elsewhere = self.from_elsewhere(binding.source, place, frame)
            return elsewhere if elsewhere is not None else UNKNOWN
        if binding.value is None:
            return UNKNOWN
        if kind == "assign":
            return unpacked(self.evaluate(binding.value, place, frame), binding.pattern)
        if kind == "aug" and isinstance(binding.node, cst.AugAssign):
            return self._augmented(binding.node, binding, frame)
        if kind == "for" and place.block.loop is not None:
            source = self.evaluate(binding.value, place.block.loop.place, frame)
            return unpacked(element(source, self, frame), binding.pattern)
        return UNKNOWN

    def _augmented(self, node: cst.AugAssign, binding: Binding, frame: Frame) -> Abstract:
        before = self.name(binding.name, binding.place, frame, node)
        operand = self.evaluate(node.value, binding.place, frame)
        if isinstance(before, Items) and isinstance(node.operator, cst.AddAssign):
            added = operand.parts if isinstance(operand, Items) else (operand,)
            return Items(before.parts + added, before.complete and isinstance(operand, Items))
        if isinstance(operand, Items) and before is PENDING:
            return PENDING
        operation = BINARY.get(type(node.operator))
        if operation is None:
            return UNKNOWN
        in_place = isinstance(before, Values) and before.kind == "tensor"
        name = f"Tensor.{operation}_" if in_place else f"torch.{operation}"
        return applied_to(name, as_values(before), as_values(operand))

    # -- parameters and attributes -------------------------------------------------------------

    def _parameter(self, binding: Binding, frame: Frame) -> Abstract:
        scope = binding.place.scope
        key = (id(scope), binding.name)
        if key in frame.parameters:
            return frame.parameters[key]
        default: Abstract | None = None
        if binding.value is not None and scope.outer is not None:
            default = self.evaluate(binding.value, scope.outer, frame)
        if scope.self_name == binding.name and scope.owner_class is not None:
            return self._self_object(scope.owner_class, frame)
        called = self._passed(scope, binding, default, frame.flow)
        if called is not None:
            return called
        if isinstance(default, Thing | DTypes) or constant(default) is not None:
            return default if default is not None else UNKNOWN
        return self._shown_in_class(binding, frame.flow)

    def _shown_in_class(self, binding: Binding, flow: Flow) -> Values:
        """A parameter that nothing visibly passes, but that a sister method brings to [0, 1]."""
        owner = binding.place.scope.owner_class
        unseen = GIVEN if flow.follows_imports else UNKNOWN
        if owner is None:
            return unseen
        for sister in owner.scopes:
            for other in sister.bindings.get(binding.name, ())[:4]:
                if other.kind == "assign" and is_shown_in_range(
                    as_values(self._binding(other, self._top_of(flow)))
                ):
                    return EXHAUSTED
        return unseen

    def _top_of(self, flow: Flow) -> Frame:
        """Return the activation of a file's top level, in which nothing has been called."""
        if flow not in self._tops:
            self._tops[flow] = Frame(flow)
        return self._tops[flow]

    def _self_object(self, owner: Scope, frame: Frame) -> Instance:
        """Return ``self``: an object of unknown arguments if nothing entered the method."""
        if frame.instance is not None:
            return frame.instance
        return self.unknown_object(owner, frame.flow)

    def unknown_object(self, owner: Scope, flow: Flow) -> Instance:
        """Return an object of a class of which nothing more is known."""
        if id(owner) not in self._unknown_objects:
            unknown = Instance(owner, self._top_of(flow))
            self._unknown_objects[id(owner)] = unknown
            self._frames_of_self[unknown] = unknown.frame
        return self._unknown_objects[id(owner)]

    def _passed(
        self, scope: Scope, binding: Binding, default: Abstract | None, flow: Flow
    ) -> Abstract | None:
        """Return what the callers in the function's file pass. Others may exist: no claim."""
        if scope.kind != "function":
            return None
        found: list[Abstract] = []
        sites = [s for s in flow.callers(scope) if s.place.scope.root is scope.root]
        for site in sites[:8]:
            passed = self._passed_at(site, scope, binding, self._top_of(flow))
            found.append(passed if passed is not None else default or UNKNOWN)
        if not found:
            return None
        result = merged(found)
        if isinstance(result, Values) and result.kind != "number":
            return dataclasses.replace(result, interval=WHOLE)
        return result

    def _passed_at(
        self, site: CallSite, scope: Scope, binding: Binding, frame: Frame
    ) -> Abstract | None:
        arguments = self.arguments(site.node, site.place, frame)
        return bind_parameters(scope, arguments).get((id(scope), binding.name))

    def attribute(self, owner: Abstract, name: str) -> Abstract:
        """Return an attribute of an object of the program."""
        if isinstance(owner, Several):
            return merged([self.attribute(part, name) for part in owner.parts])
        if isinstance(owner, Instance):
            scope = owner.frame.flow.method(owner.scope, name)
            if scope is not None:
                return Function(scope, owner.frame, owner)
            return self._instance_attribute(owner, name)
        if isinstance(owner, Class):
            scope = owner.frame.flow.method(owner.scope, name)
            return Function(scope, owner.frame) if scope is not None else UNKNOWN
        if isinstance(owner, Loader | Dataset) and name in ("dataset", "source"):
            return owner.source if isinstance(owner, Loader) else owner
        return UNKNOWN

    def _instance_attribute(self, owner: Instance, name: str) -> Abstract:
        key = (owner, name)
        if key not in self._attributes:
            self._attributes[key] = UNKNOWN  # an attribute that depends on itself
            inside = self._frame_of_self(owner)
            bindings = _of_nearest_class(owner.frame.flow.class_attribute(owner.scope, name))
            found = [self._in_object(b, inside) for b in bindings[:6]]
            self._attributes[key] = merged(found) if found else UNKNOWN
        return self._attributes[key]

    def _in_object(self, binding: Binding, inside: Frame) -> Abstract:
        """Return what an attribute is once the method that binds it has run."""
        value = self._binding(binding, inside)
        scope = binding.place.scope.function
        if isinstance(value, Items | Sequential) and scope.kind == "function":
            end = Place(scope.block, scope.block.end)
            value = self._effects.between(binding.name, value, binding, end, inside)
        return value

    def _frame_of_self(self, owner: Instance) -> Frame:
        """Return the activation in which the attributes of an object are computed."""
        if owner not in self._frames_of_self:
            self._frames_of_self[owner] = dataclasses.replace(owner.frame, instance=owner)
        return self._frames_of_self[owner]

    # -- calls ---------------------------------------------------------------------------------

    def entered(self, route: Route) -> Frame:
        """Return the activation in which a save at the end of a route is evaluated."""
        frame = self.top
        for step in reversed(route):
            frame = self._calls.entered(step.function, step.call, frame)
        return frame

    def arguments(self, node: cst.Call, place: Place, frame: Frame) -> Passed:
        """Return what a call passes, ``*args`` of a visible sequence spread out."""
        positional: list[Abstract] = []
        keywords: dict[str, Abstract] = {}
        complete = True
        for argument in node.args:
            if argument.star == "**":
                complete = False
                continue
            value = self.evaluate(argument.value, place, frame)
            if argument.keyword is not None:
                keywords[argument.keyword.value] = value
            elif argument.star == "*":
                spread = value if isinstance(value, Items) else Items((Perhaps(UNKNOWN),), False)
                positional.extend(spread.parts)
                complete = complete and spread.complete
            else:
                positional.append(value)
        return Arguments(tuple(positional), keywords, complete)

    def call(self, node: cst.Call, place: Place, frame: Frame) -> Abstract:
        """Return what a call returns."""
        return self._calls.call(node, place, frame)

    def invoke(self, target: Abstract, arguments: Passed, frame: Frame) -> Abstract:
        """Return what an object returns when it is called."""
        return self._calls.invoke(target, arguments, frame)


def _sourced(value: Abstract, node: cst.BaseExpression, place: Place, flow: Flow) -> Abstract:
    """Name a source in another file by its text: the file may have been parsed in several parts."""
    root = place.scope.root
    if root is flow.facts.scope or not isinstance(value, Values) or id(node) not in value.sources:
        return value
    named = f"{flow.facts_of(root).path}:{code_of(node)}"
    return dataclasses.replace(value, sources=value.sources - {id(node)} | {named})


def _source(binding: Binding, flow: Flow) -> int | str:
    """Return what tells a binding from others, in whatever part of its file it is read."""
    root = binding.place.scope.root
    if root is flow.facts.scope:
        return id(binding)
    return f"{flow.facts_of(root).path}:{binding.place.scope.name}:{binding.name}"


def _always_in_loop(block: Block, place: Place) -> int | None:
    """Return where the outermost loop before a place starts that runs a block each time."""
    start: int | None = None
    for outer in block.chain():
        if outer.contains(place.block):
            return start
        if outer.kind == "arm":
            return None
        if outer.kind == "loop":
            start = outer.start
    return start


def _of_nearest_class(bindings: Sequence[Binding]) -> Sequence[Binding]:
    """Leave out what base classes give an attribute that the class's own ``__init__`` rebinds.

    The bindings are those of the nearest class first.
    """
    own = [b for b in bindings if _class_of(b) is _class_of(bindings[0])]
    replaced = any(
        b.place.block.kind == "scope" and b.place.scope.name in ("__init__", _class_of(b).name)
        for b in own
    )
    return own if replaced else bindings


def _class_of(binding: Binding) -> Scope:
    method = enclosing_method(binding.place)
    owner = method.owner_class if method is not None else None
    return owner if owner is not None else binding.place.scope
