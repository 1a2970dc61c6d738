"""Calls of functions, methods and classes of the program."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import libcst as cst

from flake8_saveimage.syntax.arguments import (
    Arguments,
    bind,
    positional_parameters,
    star_parameter,
)
from flake8_saveimage.syntax.flow import Flow, enclosing_method
from flake8_saveimage.syntax.nodes import child_nodes, dotted, last_part
from flake8_saveimage.syntax.scopes import Block, CallSite, Place, Scope
from flake8_saveimage.values import library
from flake8_saveimage.values.context import Context
from flake8_saveimage.values.domain import (
    NOTHING,
    UNKNOWN,
    Abstract,
    Items,
    Perhaps,
    Several,
    Thing,
    Values,
    as_values,
    fresh,
    is_shown_in_range,
    join,
    parts_of,
)
from flake8_saveimage.values.dtypes import DTypes
from flake8_saveimage.values.merging import EXHAUSTED, PENDING, merged
from flake8_saveimage.values.naming import says_handled
from flake8_saveimage.values.objects import (
    Chain,
    Class,
    Frame,
    Function,
    Instance,
    Layer,
    Loader,
    Named,
    Partial,
    Sequential,
    Transform,
)
from flake8_saveimage.values.operations import Passed
from flake8_saveimage.values.ops.nn import apply_layer, forgets, last_steps
from flake8_saveimage.values.ops.vision import apply_transform
from flake8_saveimage.values.scaling import handled

MAX_NESTED_CALLS = 6

Parameters = dict[tuple[int, str], Abstract]


class Calls:
    """What calls return; activations are remembered."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._frames: dict[tuple[object, ...], Frame] = {}
        self._methods: dict[int, dict[str, list[Scope]]] = {}
        self._inside: list[int] = []

    def call(self, node: cst.Call, place: Place, frame: Frame) -> Abstract:
        """Return what a call returns."""
        qualified = frame.flow.resolve(node.func, place)
        if qualified is None or frame.flow.is_of_object(qualified, place):
            return self._call_of_value(node, place, frame)
        arguments = self.context.arguments(node, place, frame)
        elsewhere = self.context.from_elsewhere(qualified, place, frame)
        if elsewhere is not None:
            known = self.context.invoke(elsewhere, arguments, frame)
            return _named_helper(
                known if known is not UNKNOWN else fresh(node), last_part(qualified)
            )
        return library.call(self.context, qualified, arguments, frame, node)

    def _call_of_value(self, node: cst.Call, place: Place, frame: Frame) -> Abstract:
        """Return what a call of something that is no plain import returns."""
        func = node.func
        target = self._callee(func, place, frame)
        if forgets(target):  # what came before does not matter, and may be a large network
            return self.context.invoke(target, Arguments((UNKNOWN,)), frame)
        arguments = self.context.arguments(node, place, frame)
        if isinstance(func, cst.Name) and frame.flow.lookup(func.value, place).owner is None:
            builtin = library.builtin(self.context, func.value, arguments, frame)
            if builtin is not None:
                return builtin
        called = func.func if isinstance(func, cst.Call) else func  # `display_transform()(x)`
        last = (dotted(called) or "").rpartition(".")[2]
        if isinstance(func, cst.Attribute):
            last = func.attr.value
        if isinstance(target, Thing):
            return _named_helper(self.context.invoke(target, arguments, frame), last)
        if isinstance(func, cst.Attribute):
            receiver = self.context.evaluate(func.value, place, frame)
            result = library.method(receiver, last, arguments)
            if result is not None:
                return result
            if isinstance(receiver, Values) and receiver.kind == "unknown" and not receiver.known:
                shown = says_handled(last) or self._namesake_shows_range(last, arguments, frame)
                return dataclasses.replace(fresh(node, receiver), known=shown)
        return _named_helper(fresh(node, target), last)

    def _namesake_shows_range(self, name: str, arguments: Passed, frame: Frame) -> bool:
        """Whether a method of that name in this file handles the range.

        What the receiver is cannot be seen; this is enough not to say that nothing is visible.
        """
        for method in self._methods_of(frame.flow).get(name, ())[:3]:
            if method.owner_class is not None:
                owner = self.context.unknown_object(method.owner_class, frame.flow)
                result = self._enter(Function(method, frame, owner), arguments)
                if any(map(is_shown_in_range, parts_of(result))):
                    return True
        return False

    def _methods_of(self, flow: Flow) -> dict[str, list[Scope]]:
        if id(flow) not in self._methods:
            methods: dict[str, list[Scope]] = {}
            for scope in flow.facts.scopes:
                if scope.owner_class is not None:
                    methods.setdefault(scope.name, []).append(scope)
            self._methods[id(flow)] = methods
        return self._methods[id(flow)]

    def _callee(self, func: cst.BaseExpression, place: Place, frame: Frame) -> Abstract:
        """Return the function, class or object that is called, where the file shows it."""
        if not isinstance(func, cst.Attribute):
            return self.context.evaluate(func, place, frame)
        method = enclosing_method(place)
        if method is not None and dotted(func.value) == method.self_name:
            owner_class = frame.instance.scope if frame.instance else method.owner_class
            scope = frame.flow.method(owner_class, func.attr.value) if owner_class else None
            if scope is not None:
                return Function(scope, frame, frame.instance)
            return self.context.evaluate(func, place, frame)
        if isinstance(func.value, cst.Call) and dotted(func.value.func) == "super":
            scope = frame.flow.definition(func, place)
            return Function(scope, frame, frame.instance) if scope is not None else UNKNOWN
        owner = self.context.evaluate(func.value, place, frame)
        return self.context.attribute(owner, func.attr.value)

    def invoke(self, target: Abstract, arguments: Passed, frame: Frame) -> Abstract:
        """Call an object of the program or of a known library."""
        if isinstance(target, Function):
            return self._enter(target, arguments)
        if isinstance(target, Several):
            return merged([self.context.invoke(part, arguments, frame) for part in target.parts])
        if isinstance(target, Class):
            return _instantiate(target, arguments)
        if isinstance(target, Instance):
            for name in ("forward", "__call__"):
                method = target.frame.flow.method(target.scope, name)
                if method is not None:
                    result = self._enter(Function(method, target.frame, target), arguments)
                    return _named_helper(result, target.scope.name)
            return UNKNOWN
        if isinstance(target, Partial):
            first = target.arguments
            both = Arguments(
                first.positional + arguments.positional,
                {**first.keywords, **arguments.keywords},
                arguments.complete,
            )
            return self.context.invoke(target.target, both, frame)
        if isinstance(target, Named):
            return library.call(self.context, target.qualified, arguments, frame, None)
        value = as_values(arguments.positional[0]) if arguments.positional else UNKNOWN
        if isinstance(target, Transform | Chain):
            return apply_transform(target, value, self.context, frame)
        if isinstance(target, Sequential):
            return self._run_through(last_steps(target.steps), value, frame)
        return apply_layer(target, value) if isinstance(target, Layer) else UNKNOWN

    def _run_through(self, steps: Iterable[Abstract], value: Values, frame: Frame) -> Values:
        """Return what a sequence of layers makes of a value."""
        for step in steps:
            layer = step.part if isinstance(step, Perhaps) else step
            if isinstance(layer, Items):
                result = self._run_through(layer.parts, value, frame)
            else:
                result = as_values(self.context.invoke(layer, Arguments((value,)), frame))
            # a loop over layers runs, or the author would not have written it
            sure = not isinstance(step, Perhaps) or (step.looped and result.unbounded)
            value = result if sure else join(value, result)
        return value

    def entered(self, function: Scope, call: CallSite, frame: Frame) -> Frame:
        """Return the activation of a function that a call enters."""
        target = self._callee(call.node.func, call.place, frame)
        if not isinstance(target, Function) or target.scope is not function:
            target = Function(function, frame)
        arguments = self.context.arguments(call.node, call.place, frame)
        return self._activation(target, self._all_parameters(target, arguments))

    def _enter(self, target: Function, arguments: Passed) -> Abstract:
        """Return what a function of the program returns for these arguments."""
        scope = target.scope
        if target.frame.depth >= MAX_NESTED_CALLS:
            return EXHAUSTED
        if not (scope.returns or scope.yields):
            return UNKNOWN
        if self._inside.count(id(scope)) > 1:
            return PENDING
        self._inside.append(id(scope))
        try:
            return self._returned(target, arguments)
        finally:
            self._inside.pop()

    def _returned(self, target: Function, arguments: Passed) -> Abstract:
        scope = target.scope
        frame = self._activation(target, self._all_parameters(target, arguments))
        if scope.yields:
            found = [self.context.evaluate(n, place, frame) for n, place in yielded(scope)[:8]]
            return Loader(Items(tuple(found), complete=False)) if found else UNKNOWN
        results = [self.context.evaluate(n, place, frame) for n, place in scope.returns[:8]]
        result = merged([r for r in results if r != NOTHING] or [UNKNOWN])
        return _ending_in(result, target, arguments)

    def _all_parameters(self, target: Function, arguments: Passed) -> Parameters:
        """Bind arguments, and defaults where nothing is passed."""
        scope = target.scope
        parameters = bind_parameters(scope, arguments)
        for binding in scope.params:
            key = (id(scope), binding.name)
            if key not in parameters:
                parameters[key] = UNKNOWN
                if binding.value is not None and scope.outer is not None:
                    default = self.context.evaluate(binding.value, scope.outer, target.frame)
                    parameters[key] = default
        return parameters

    def _activation(self, target: Function, parameters: Parameters) -> Frame:
        """Return the activation of a function for these arguments, always the same one."""
        outer = target.frame
        key = (id(target.scope), id(target.instance), outer.depth, *_keys(parameters))
        if key not in self._frames:
            everything = {**outer.parameters, **parameters}
            self._frames[key] = Frame(outer.flow, everything, target.instance, outer.depth + 1)
        return self._frames[key]


def _ending_in(result: Abstract, target: Function, arguments: Passed) -> Abstract:
    """Note on an unbounded result whose last operation made it so."""
    if isinstance(result, Items):
        return Items(tuple(_ending_in(p, target, arguments) for p in result.parts), result.complete)
    origin = result.unbounded if isinstance(result, Values) else None
    if origin is None or not isinstance(result, Values) or target.scope.kind == "lambda":
        return result
    passed = (*arguments.positional, *arguments.keywords.values())
    if any(isinstance(v, Values) and v.origin == origin for v in passed):
        return result
    owner = _name_of(target)
    return dataclasses.replace(result, origin=dataclasses.replace(origin, owner=owner))


def _name_of(target: Function) -> str:
    scope = target.scope
    owner = target.instance.scope if target.instance is not None else scope.owner_class
    if owner is None:
        return scope.name
    return owner.name if scope.name in ("forward", "__call__") else f"{owner.name}.{scope.name}"


def bind_parameters(scope: Scope, arguments: Passed) -> Parameters:
    """Bind arguments to the parameters of a function of the program, ``self`` left out."""
    names = positional_parameters(scope.node)
    bound = bind(names[1:] if scope.self_name is not None else names, arguments)
    found: Parameters = {
        (id(scope), name): UNKNOWN if isinstance(value, Perhaps) else value
        for name, value in bound.given.items()
    }
    star = star_parameter(scope.node)
    if star is not None:
        found[(id(scope), star)] = Items(bound.rest, bound.complete)
    return found


def _keys(parameters: Parameters) -> list[object]:
    """Return arguments as parts of a key: plain data by value, objects by identity.

    Where values come from only matters if it is visible which they are: an activation is shared.
    """
    return [
        (name, _key(value))
        for (_scope, name), value in sorted(parameters.items(), key=lambda item: item[0][1])
    ]


def _key(value: Abstract) -> object:
    if isinstance(value, Values) and value.reach is None:
        return dataclasses.replace(value, sources=frozenset())
    return value if isinstance(value, Values | DTypes) else id(value)


def _instantiate(target: Class, arguments: Passed) -> Abstract:
    """Make an object of a class of the program."""
    scope, outer = target.scope, target.frame
    init = outer.flow.method(scope, "__init__")
    if init is None and _derives_from(scope, "Sequential"):
        return Sequential(arguments.positional)
    parameters = bind_parameters(init, arguments) if init is not None else {}
    frame = Frame(outer.flow, {**outer.parameters, **parameters}, None, outer.depth)
    return Instance(scope, frame)


def _derives_from(scope: Scope, base: str) -> bool:
    return isinstance(scope.node, cst.ClassDef) and any(
        (dotted(b.value) or "").rpartition(".")[2] == base for b in scope.node.bases
    )


def _named_helper(result: Abstract, name: str) -> Abstract:
    """A helper whose name says so handles the range, unless its own code shows otherwise."""
    if not isinstance(result, Values) or not says_handled(name):
        return result
    if result.origin is not None and result.origin.proof == "assumed":
        # `denormalize` of constants that are not visible undoes, `normalize` does not
        return result if name.lower().startswith("normali") else handled(result)
    return dataclasses.replace(result, known=True)


def yielded(scope: Scope) -> list[tuple[cst.BaseExpression, Place]]:
    """Return what a generator yields, each with the end of its innermost loop as the place."""
    blocks = {
        id(b.node): b.place.block
        for bindings in scope.bindings.values()
        for b in bindings
        if b.kind == "for"
    }
    found: list[tuple[cst.BaseExpression, Place]] = []
    start: cst.CSTNode | None = scope.block.suite
    stack: list[tuple[cst.CSTNode, Block]] = [(start, scope.block)] if start is not None else []
    while stack:
        node, block = stack.pop()
        if isinstance(node, cst.FunctionDef | cst.ClassDef | cst.Lambda):
            continue
        if isinstance(node, cst.Yield) and isinstance(node.value, cst.BaseExpression):
            found.append((node.value, Place(block, block.end)))
            continue
        inner = blocks.get(id(node), block)
        stack.extend((child, inner) for child in child_nodes(node))
    return found
