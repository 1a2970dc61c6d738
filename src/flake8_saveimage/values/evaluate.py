"""The evaluator: from an expression at a place to what is known of its value.

Lazy and memoised: only what a save call needs is ever looked at, each node once per activation.
Functions, methods and modules of the file are entered with their arguments bound. A value that
depends on itself (through a loop or recursion), and whatever is not understood, is unknown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import libcst as cst

from flake8_saveimage.syntax.flow import Flow, enclosing_method
from flake8_saveimage.syntax.nodes import child_nodes, dotted
from flake8_saveimage.syntax.scopes import Binding, Block, CallSite, Place, Scope
from flake8_saveimage.values import effects, library
from flake8_saveimage.values.calls import OPERATIONS
from flake8_saveimage.values.domain import (
    NOTHING,
    UNKNOWN,
    Abstract,
    Items,
    Perhaps,
    Thing,
    Values,
    as_values,
    constant,
    excess,
    join,
    located,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks
from flake8_saveimage.values.expressions import BINARY, HANDLERS, fresh, unknown_name
from flake8_saveimage.values.merging import EXHAUSTED, PENDING, union, unwrapped
from flake8_saveimage.values.naming import role, says_handled
from flake8_saveimage.values.objects import (
    Class,
    Dataset,
    Frame,
    Function,
    Instance,
    Layer,
    Loader,
    Named,
    Partial,
    Sequence,
    Table,
)
from flake8_saveimage.values.parameters import bound, is_method, sorted_items
from flake8_saveimage.values.spans import WHOLE
from flake8_saveimage.values.transfer import reshaped_by_index
from flake8_saveimage.values.vision import IMAGE, Chain, Transform, applied

MAX_DEPTH = 60  # nested evaluations
MAX_CALLS = 6  # functions entered within each other
MAX_STEPS = 6000  # evaluations for one question
MAX_TOTAL = 40_000  # evaluations for one file


class Evaluator:
    """Answers for one file, remembered."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.top = Frame({})
        self._known: dict[tuple[int, int], Abstract] = {}
        self._active: set[tuple[int, int]] = set()
        self._names: dict[tuple[str, int, int, int], Abstract] = {}
        self._frames: dict[tuple[object, ...], Frame] = {}
        self._methods: dict[str, list[Scope]] | None = None
        self._selves: dict[int, Instance] = {}
        self._comprehensions: dict[int, Scope] | None = None
        self._effects = effects.Effects(self)
        self._depth = 0
        self._steps = 0
        self._total = 0

    def ask(self, node: cst.BaseExpression, place: Place) -> Abstract:
        """Return what is known of an expression; starts with a fresh budget."""
        self._total += self._steps
        self._steps = 0
        if self._total > MAX_TOTAL:
            return EXHAUSTED
        try:
            return self.evaluate(node, place, self.top)
        except RecursionError:  # the caller's own stack is deep already
            self._active.clear()
            self._depth = 0
            return EXHAUSTED

    def evaluate(self, node: cst.BaseExpression, place: Place, frame: Frame) -> Abstract:
        """Return what an expression stands for in one activation."""
        key = (id(node), id(frame))
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
        result = located(result, node)
        self._known[key] = result
        return result

    def values(self, node: cst.BaseExpression, place: Place, frame: Frame) -> Values:
        """Return what is known of a tensor expression."""
        return as_values(self.evaluate(node, place, frame))

    # -- names ---------------------------------------------------------------------------------

    def name(self, name: str, place: Place, frame: Frame, node: cst.CSTNode) -> Abstract:
        """Return what a name (possibly dotted) stands for at a place."""
        key = (name, id(place.block), place.order, id(frame))
        if key not in self._names:
            active = (id(place.block), hash((name, place.order, id(frame))))
            if active in self._active:
                return PENDING
            self._active.add(active)
            try:
                self._names[key] = self._look_up(name, place, frame, node)
            finally:
                self._active.discard(active)
        return self._names[key]

    def _look_up(self, name: str, place: Place, frame: Frame, node: cst.CSTNode) -> Abstract:
        lookup = self.flow.lookup(name, place)
        if not lookup.reaches:
            return unknown_name(name, node)
        found: list[Abstract] = []
        for reach in lookup.reaches:
            value = self.binding(reach.binding, frame)
            if lookup.local:
                value = self._effects.between(name, value, reach.binding, place, frame)
            found.append(value)
        result = union(found)
        if isinstance(result, Values) and not result.sources and result.kind != "number":
            result = dataclasses.replace(result, sources=frozenset({id(lookup.reaches[0].binding)}))
        if isinstance(result, Values) and role(name) and constant(result) is None:
            result = dataclasses.replace(result, marks=result.marks | role(name))
        return result

    def dotted_name(
        self, full: str, place: Place, frame: Frame, node: cst.CSTNode
    ) -> Abstract | None:
        """Return what ``a.b`` was given in this function, or ``self.x`` anywhere in the class."""
        local = self.flow.lookup(full, place)
        if local.reaches and local.local:
            return self.name(full, place, frame, node)
        method = enclosing_method(place)
        base, _, rest = full.partition(".")
        if method is None or base != method.self_name or "." in rest:
            return None
        if method.owner_class is None:
            return None
        found = self.attribute(self.itself(method.owner_class, frame), rest, frame)
        return None if found is UNKNOWN else found

    def binding(self, binding: Binding, frame: Frame) -> Abstract:
        """Return what one binding gives its name."""
        kind, place = binding.kind, binding.place
        if kind == "param":
            return self._parameter(binding, frame)
        if kind == "def" and binding.defined is not None:
            return Function(binding.defined, frame)
        if kind == "class" and binding.defined is not None:
            return Class(binding.defined, frame)
        if binding.value is None:
            return UNKNOWN
        if kind == "assign":
            return self._unpacked(self.evaluate(binding.value, place, frame), binding.pattern)
        if kind == "aug" and isinstance(binding.node, cst.AugAssign):
            return self._augmented(binding.node, binding, frame)
        if kind == "for" and place.block.loop is not None:
            source = self.evaluate(binding.value, place.block.loop.place, frame)
            return self._unpacked(self.element(source, frame), binding.pattern)
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
        described = OPERATIONS[f"Tensor.{operation}_" if in_place else f"torch.{operation}"]
        return described([as_values(before), as_values(operand)], {})

    def _parameter(self, binding: Binding, frame: Frame) -> Abstract:
        scope = binding.place.scope
        key = (id(scope), binding.name)
        if key in frame.parameters:
            return frame.parameters[key]
        default: Abstract | None = None
        if binding.value is not None and scope.outer is not None:
            default = self.evaluate(binding.value, scope.outer, frame)
        if scope.self_name == binding.name and scope.owner_class is not None:
            return self.itself(scope.owner_class, frame)
        called = self._passed(scope, binding, default)
        if called is not None:
            return called
        if isinstance(default, Thing | DTypes) or constant(default) is not None:
            return default if default is not None else UNKNOWN
        return self._shown_in_class(binding)

    def _shown_in_class(self, binding: Binding) -> Values:
        """A parameter that nobody visibly passes, but that a sister method handles by its name."""
        owner = binding.place.scope.owner_class
        if owner is None:
            return UNKNOWN
        for sister in owner.scopes:
            for other in sister.bindings.get(binding.name, ())[:4]:
                if other.kind == "assign" and _in_range(as_values(self.binding(other, self.top))):
                    return EXHAUSTED
        return UNKNOWN

    def itself(self, owner: Scope, frame: Frame) -> Abstract:
        """Return ``self``: an object of unknown arguments if nothing entered the method."""
        return frame.instance if frame.instance is not None else self._anyone(owner)

    def _anyone(self, owner: Scope) -> Instance:
        """Return an object of a class of this file of which nothing more is known."""
        if id(owner) not in self._selves:
            self._selves[id(owner)] = Instance(owner, self.top)
        return self._selves[id(owner)]

    def _passed(self, scope: Scope, binding: Binding, default: Abstract | None) -> Abstract | None:
        """Return what the callers in this file pass. Others may exist: the claim stays open."""
        if scope.kind != "function":
            return None
        found: list[Abstract] = []
        for site in self.flow.callers(scope)[:8]:
            parameters = self._bind_call(scope, site, self.top)
            passed = parameters.get((id(scope), binding.name))
            found.append(passed if passed is not None else default or UNKNOWN)
        if not found:
            return None
        result = union(found)
        if isinstance(result, Values) and result.kind != "number":
            return dataclasses.replace(result, span=WHOLE, dtypes=result.dtypes)
        return result

    def _bind_call(
        self, scope: Scope, site: CallSite, frame: Frame
    ) -> dict[tuple[int, str], Abstract]:
        arguments = self.arguments(site.node, site.place, frame)
        return bound(scope, arguments[0], arguments[1], method=is_method(scope))

    def _unpacked(self, value: Abstract, pattern: tuple[int, ...]) -> Abstract:
        for index in pattern:
            value = self.part(value, index)
        return value

    def part(self, value: Abstract, index: int | None) -> Abstract:
        """Return one element of a sequence (or of a tensor, along its first dimension)."""
        if isinstance(value, Items):
            if index is not None and value.complete and -len(value.parts) <= index < 0:
                return unwrapped(value.parts[index])
            if index is not None and 0 <= index < len(value.parts):
                return unwrapped(value.parts[index])
            return union([unwrapped(p) for p in value.parts]) if value.parts else UNKNOWN
        if isinstance(value, Values):
            return reshaped_by_index(value)
        if isinstance(value, Table):
            return UNKNOWN
        if isinstance(value, Sequence | Chain):
            steps = value.steps
            inside = index is not None and -len(steps) <= index < len(steps)
            return unwrapped(steps[index]) if inside and index is not None else UNKNOWN
        return UNKNOWN

    def element(self, value: Abstract, frame: Frame) -> Abstract:
        """Return what a loop over a value yields."""
        if isinstance(value, Items):
            return union([unwrapped(p) for p in value.parts]) if value.parts else UNKNOWN
        if isinstance(value, Loader):
            return self.element(value.source, frame)
        if isinstance(value, Dataset):
            if value.transform is None or value.transform == NOTHING:
                return Items((UNKNOWN, UNKNOWN), complete=False)
            image = applied(value.transform, IMAGE, self.enterer(frame))
            return Items((_batched(image), UNKNOWN), complete=False)
        if isinstance(value, Instance):
            method = self.flow.method(value.scope, "__getitem__")
            if method is not None:
                return _batched(self.enter(Function(method, value.frame, value), (UNKNOWN,), {}))
            return UNKNOWN
        if isinstance(value, Values):
            return reshaped_by_index(value) if value.kind != "number" else UNKNOWN
        return UNKNOWN

    # -- calls ---------------------------------------------------------------------------------

    def arguments(
        self, node: cst.Call, place: Place, frame: Frame
    ) -> tuple[list[Abstract], dict[str, Abstract], bool]:
        """Return positional and keyword arguments, and whether these are all."""
        args: list[Abstract] = []
        keywords: dict[str, Abstract] = {}
        complete = True
        for argument in node.args:
            if argument.keyword is not None:
                keywords[argument.keyword.value] = self.evaluate(argument.value, place, frame)
            elif argument.star == "*":
                value = self.evaluate(argument.value, place, frame)
                if isinstance(value, Items) and value.complete and complete:
                    args.extend(value.parts)
                elif isinstance(value, Items):
                    args.extend(value.parts)
                    complete = False
                else:
                    args.append(Perhaps(UNKNOWN))
                    complete = False
            elif argument.star == "**":
                complete = False
            else:
                args.append(self.evaluate(argument.value, place, frame))
        return args, keywords, complete

    def call(self, node: cst.Call, place: Place, frame: Frame) -> Abstract:
        """Return what a call returns."""
        qualified = self.flow.resolve(node.func, place)
        if qualified is None:
            return self._call_value(node, place, frame)
        args, keywords, complete = self.arguments(node, place, frame)
        result = library.call(self, qualified, args, keywords, complete, frame)
        if isinstance(result, Layer | Transform) and result.node is None:
            return dataclasses.replace(result, node=node)
        return result

    def _call_value(self, node: cst.Call, place: Place, frame: Frame) -> Abstract:
        """A call of something that is no plain import."""
        func = node.func
        args, keywords, complete = self.arguments(node, place, frame)
        name = dotted(func) or ""
        if isinstance(func, cst.Name) and self.flow.lookup(func.value, place).owner is None:
            builtin = library.builtin(self, func.value, args, keywords, frame)
            if builtin is not None:
                return builtin
        last = func.attr.value if isinstance(func, cst.Attribute) else name
        if isinstance(func, cst.Call):  # `display_transform()(x)`
            last = (dotted(func.func) or "").rpartition(".")[2]
        target = self._callee(func, place, frame)
        if isinstance(target, Thing):
            returned = self.invoke(target, tuple(args), keywords, complete, frame)
            return named_helper(returned, last)
        if isinstance(func, cst.Attribute):
            receiver = self.evaluate(func.value, place, frame)
            result = library.method(self, receiver, last, args, keywords, complete, frame)
            if result is not None:
                return result
            if isinstance(receiver, Values) and receiver.kind == "unknown" and not receiver.known:
                shown = self._namesake(last, tuple(args), keywords, frame)
                return dataclasses.replace(fresh(node), known=shown or says_handled(last))
        return named_helper(fresh(node), last)

    def _namesake(
        self, name: str, args: tuple[Abstract, ...], keywords: dict[str, Abstract], frame: Frame
    ) -> bool:
        """Whether a method of that name in this file handles the range.

        What the receiver is cannot be seen; this is enough not to say that nothing is visible.
        """
        if self._methods is None:
            self._methods = {}
            for scope in self.flow.facts.scopes:
                if scope.owner_class is not None:
                    self._methods.setdefault(scope.name, []).append(scope)
        for scope in self._methods.get(name, ())[:3]:
            owner = scope.owner_class
            if owner is None:
                continue
            method = Function(scope, frame, self._anyone(owner))
            result = self.enter(method, args, keywords)
            if any(_in_range(v) for v in _tensors(result)):
                return True
        return False

    def _callee(self, func: cst.BaseExpression, place: Place, frame: Frame) -> Abstract:
        """Return the function, class or object that is called, where the file shows it."""
        if isinstance(func, cst.Attribute):
            method = enclosing_method(place)
            if method is not None and dotted(func.value) == method.self_name:
                owner_class = method.owner_class
                scope = self.flow.method(owner_class, func.attr.value) if owner_class else None
                if scope is not None:
                    return Function(scope, frame, frame.instance)
                return self.evaluate(func, place, frame)
            if isinstance(func.value, cst.Call) and dotted(func.value.func) == "super":
                scope = self.flow.definition(func, place)
                return Function(scope, frame, frame.instance) if scope is not None else UNKNOWN
            owner = self.evaluate(func.value, place, frame)
            return self.attribute(owner, func.attr.value, frame)
        return self.evaluate(func, place, frame)

    def attribute(self, owner: Abstract, name: str, frame: Frame) -> Abstract:
        """Return an attribute of an object of this file."""
        if isinstance(owner, Instance):
            scope = self.flow.method(owner.scope, name)
            if scope is not None:
                return Function(scope, owner.frame, owner)
            if name not in owner.attributes:
                owner.attributes[name] = UNKNOWN  # an attribute that depends on itself
                bindings = self.flow.class_attribute(owner.scope, name)
                found = [self.binding(b, owner.frame) for b in bindings[:6]]
                owner.attributes[name] = union(found) if found else UNKNOWN
            return owner.attributes[name]
        if isinstance(owner, Class):
            scope = self.flow.method(owner.scope, name)
            if scope is not None:
                return Function(scope, owner.frame)
        if isinstance(owner, Loader | Dataset) and name in ("dataset", "source"):
            return owner.source if isinstance(owner, Loader) else owner
        return UNKNOWN

    def invoke(
        self,
        target: Thing,
        args: tuple[Abstract, ...],
        keywords: dict[str, Abstract],
        complete: bool,
        frame: Frame,
    ) -> Abstract:
        """Call an object of this file or of a known library."""
        if isinstance(target, Perhaps):
            return UNKNOWN
        if isinstance(target, Function):
            return self.enter(target, args, keywords)
        if isinstance(target, Class):
            return self.instantiate(target, args, keywords, complete)
        if isinstance(target, Instance):
            for name in ("forward", "__call__"):
                method = self.flow.method(target.scope, name)
                if method is not None:
                    return self.enter(Function(method, target.frame, target), args, keywords)
            return UNKNOWN
        value = as_values(args[0]) if args else UNKNOWN
        if isinstance(target, Transform | Chain):
            return applied(target, value, self.enterer(frame))
        if isinstance(target, Sequence):
            return self.run_through(target.steps, value, frame)
        if isinstance(target, Layer):
            return library.layer(target, value)
        if isinstance(target, Partial):
            merged = {**target.keywords, **keywords}
            return self.invoke(target.target, target.args + args, merged, complete, frame)
        if isinstance(target, Named):
            return library.call(self, target.qualified, list(args), keywords, complete, frame)
        return UNKNOWN

    def run_through(self, steps: Iterable[Abstract], value: Values, frame: Frame) -> Values:
        """Return what a chain of modules makes of a value."""
        for step in steps:
            module = step.part if isinstance(step, Perhaps) else step
            if isinstance(module, Items):
                result = self.run_through(module.parts, value, frame)
            elif isinstance(module, Thing):
                result = as_values(self.invoke(module, (value,), {}, True, frame))
            else:
                result = UNKNOWN
            value = join(value, result) if isinstance(step, Perhaps) else result
        return value

    def enterer(self, frame: Frame) -> Callable[..., Abstract]:
        """Return how transforms call what is not torchvision's."""

        def enter(target: Abstract, args: tuple[Abstract, ...]) -> Abstract:
            if isinstance(target, Thing):
                return self.invoke(target, tuple(args), {}, True, frame)
            return UNKNOWN

        return enter

    def instantiate(
        self,
        target: Class,
        args: tuple[Abstract, ...],
        keywords: dict[str, Abstract],
        complete: bool,
    ) -> Abstract:
        """Make an object of a class of this file."""
        scope = target.scope
        init = self.flow.method(scope, "__init__")
        parameters: dict[tuple[int, str], Abstract] = {}
        if init is not None:
            parameters = bound(init, list(args), keywords, method=True)
        if self._derives(scope, "Sequential"):
            return Sequence(args)
        frame = Frame({**target.frame.parameters, **parameters}, None, target.frame.depth)
        instance = Instance(scope, frame)
        frame.instance = instance
        return instance

    def _derives(self, scope: Scope, base: str) -> bool:
        node = scope.node
        if not isinstance(node, cst.ClassDef) or self.flow.method(scope, "__init__") is not None:
            return False
        return any((dotted(b.value) or "").rpartition(".")[2] == base for b in node.bases)

    def enter(
        self, target: Function, args: tuple[Abstract, ...], keywords: dict[str, Abstract]
    ) -> Abstract:
        """Return what a function of this file returns for these arguments."""
        scope = target.scope
        depth = target.frame.depth + 1
        if depth > MAX_CALLS:
            return EXHAUSTED
        if not (scope.returns or scope.yields):
            return UNKNOWN
        parameters = bound(scope, list(args), keywords, method=is_method(scope))
        for binding in scope.params:
            key = (id(scope), binding.name)
            if key not in parameters:
                default: Abstract = UNKNOWN
                if binding.value is not None and scope.outer is not None:
                    default = self.evaluate(binding.value, scope.outer, target.frame)
                parameters[key] = default
        frame = self._frame(target, parameters, depth)
        if frame is None:
            return UNKNOWN
        if scope.yields:
            found = [self.evaluate(node, place, frame) for node, place in yielded(scope)[:8]]
            return Loader(Items(tuple(found), complete=False)) if found else UNKNOWN
        results = [self.evaluate(node, place, frame) for node, place in scope.returns[:8]]
        return union([r for r in results if r != NOTHING] or [UNKNOWN])

    def _frame(
        self, target: Function, parameters: dict[tuple[int, str], Abstract], depth: int
    ) -> Frame | None:
        """Return the activation for these arguments; ``None`` if it is being evaluated already."""
        key = (id(target.scope), id(target.instance), depth, tuple(sorted_items(parameters)))
        if key not in self._frames:
            everything = {**target.frame.parameters, **parameters}
            self._frames[key] = Frame(everything, target.instance, depth)
        return self._frames[key]

    def comprehension(self, node: cst.CSTNode) -> Scope | None:
        """Return the scope of a comprehension."""
        if self._comprehensions is None:
            scopes = self.flow.facts.scopes
            self._comprehensions = {
                id(s.node): s for s in scopes if s.kind in ("comprehension", "lambda")
            }
        return self._comprehensions.get(id(node))


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


def _in_range(value: Values) -> bool:
    return value.known and excess(value.reach) <= 0 and value.kind != "number"


def _tensors(value: Abstract) -> list[Values]:
    parts = value.parts if isinstance(value, Items) else (value,)
    return [part for part in parts if isinstance(part, Values)]


def named_helper(result: Abstract, name: str) -> Abstract:
    """A helper whose name says so handles the range, unless its own code shows otherwise."""
    if isinstance(result, Values) and not result.known and says_handled(name):
        return dataclasses.replace(result, known=True)
    return result


def _batched(value: Abstract) -> Abstract:
    """Return samples after a loader stacked them."""
    if isinstance(value, Items):
        return Items(tuple(_batched(p) for p in value.parts), value.complete)
    if isinstance(value, Table):
        return Table({k: _batched(v) for k, v in value.entries.items()})
    if isinstance(value, Values) and value.kind == "tensor":
        return dataclasses.replace(value, ranks=Ranks.DIMENSIONS)
    return value
