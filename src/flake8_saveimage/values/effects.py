"""What happens to a value between the binding of its name and a use: ``x.clamp_(0, 1)`` and so on.

In-place methods, stores into parts (``out[:, 0] = y``), growing lists, helpers that work in place,
and optimizers, which change what they were given to anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import libcst as cst

from flake8_saveimage.syntax.arguments import Arguments
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.scopes import Binding, Block, CallSite, Place, Scope
from flake8_saveimage.values.context import Context
from flake8_saveimage.values.domain import (
    UNKNOWN,
    Abstract,
    Items,
    Literally,
    Origin,
    Perhaps,
    Thing,
    Values,
    as_values,
    constant,
    fresh,
    located,
)
from flake8_saveimage.values.dtypes import DTypes
from flake8_saveimage.values.intervals import WHOLE
from flake8_saveimage.values.merging import merged
from flake8_saveimage.values.naming import says_handled
from flake8_saveimage.values.objects import Frame, Sequential, Table
from flake8_saveimage.values.operations import OPERATIONS, apply

_OPTIMIZERS = (
    "Adam", "AdamW", "SGD", "LBFGS", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam",
)  # fmt: skip
_GROWING = frozenset({"append", "extend", "insert", "appendleft", "add_module"})


class Event(NamedTuple):
    """Something that changes the value of a name without binding it."""

    kind: Literal["method", "grow", "store", "helper"]
    place: Place
    node: cst.CSTNode | None
    name: str = ""
    nested: bool = False  # in a function defined here, which may be called or not


class Effects:
    """The in-place changes, indexed by function and name when first needed."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._events: dict[int, dict[str, list[Event]]] = {}
        self._optimizers: dict[Flow, list[CallSite]] = {}

    def between(
        self, name: str, value: Abstract, binding: Binding, place: Place, frame: Frame
    ) -> Abstract:
        """Return the value that a binding gave to ``name`` as it has become at ``place``."""
        if isinstance(value, Values) and self._is_trained(name, place, frame.flow):
            origin = Origin("an optimizer", "unbounded")
            value = dataclasses.replace(
                UNKNOWN, kind=value.kind, sources=frozenset({name}), origin=origin
            )
        scope = place.scope.function
        if scope is not binding.place.scope.function:
            return value
        for event in self._of(scope, frame.flow).get(name, ()):
            timing = _timing(event, binding, place)
            if timing is None:
                continue
            always, repeated = timing
            value = self._after(event, value, always, repeated, frame)
        return value

    def _is_trained(self, name: str, place: Place, flow: Flow) -> bool:
        """Whether an optimizer was given this tensor itself."""
        if flow not in self._optimizers:
            self._optimizers[flow] = [
                site
                for called, sites in flow.facts.calls_by_name.items()
                if called in _OPTIMIZERS or "optim" in called.lower()
                for site in sites
                if site.node.args
            ]
        for site in self._optimizers[flow]:
            same = site.place.scope.function is place.scope.function or "." in name
            if same and any(name in _listed(a.value) for a in site.node.args):
                return True
        return False

    # -- finding them --------------------------------------------------------------------------

    def _of(self, scope: Scope, flow: Flow) -> dict[str, list[Event]]:
        if id(scope) not in self._events:
            events: dict[str, list[Event]] = {}
            calls: set[tuple[str, int]] = set()
            for site in reversed(scope.calls):  # in a chain, the innermost happens first
                for name, event in _of_call(site, flow):
                    events.setdefault(name, []).append(event)
                    calls.add((name, site.place.order))
            for inner in scope.scopes:
                if inner.kind in ("function", "lambda") and inner.outer is not None:
                    for name, event in _of_nested(inner, inner.outer, flow):
                        events.setdefault(name, []).append(event)
            for name, event in _stores(scope, calls):
                events.setdefault(name, []).append(event)
            for found_events in events.values():
                found_events.sort(key=lambda e: e.place.order)
            self._events[id(scope)] = events
        return self._events[id(scope)]

    # -- what they do --------------------------------------------------------------------------

    def _after(
        self, event: Event, value: Abstract, always: bool, repeated: bool, frame: Frame
    ) -> Abstract:
        if event.kind == "grow":
            return self._grown(event, value, always and not repeated, frame)
        if isinstance(value, Table):
            return self._with_entry(event, value, frame)
        if isinstance(value, Thing | Items | Literally | DTypes):
            return value
        if repeated:
            value = dataclasses.replace(value, interval=WHOLE, scale=(1.0, 0.0))
        if event.kind == "helper":
            changed: Abstract = dataclasses.replace(
                value, interval=WHOLE, reach=None, known=True, origin=None
            )
        elif event.kind == "method":
            changed = self._called(event, value, frame)
        else:
            changed = self._stored(event, value, frame)
        return changed if always else merged([value, changed])

    def _called(self, event: Event, value: Values, frame: Frame) -> Abstract:
        node = event.node
        assert isinstance(node, cst.Call)
        qualified = "." in event.name
        name = event.name if qualified else f"Tensor.{event.name}"
        if name not in OPERATIONS:
            return fresh(node)
        passed = self.context.arguments(node, event.place, frame)
        rest = passed.positional[1:] if qualified else passed.positional
        return located(
            apply(name, Arguments((value, *rest), passed.keywords, passed.complete)), node
        )

    def _grown(self, event: Event, value: Abstract, sure: bool, frame: Frame) -> Abstract:
        node = event.node
        assert isinstance(node, cst.Call)
        if isinstance(value, Sequential):
            steps = self._grown(event, Items(value.steps), sure, frame)
            return Sequential(steps.parts) if isinstance(steps, Items) else value
        if not isinstance(value, Items) or not node.args:
            return value
        added = self.context.evaluate(node.args[-1].value, event.place, frame)
        parts: tuple[Abstract, ...] = (added,)
        whole = True
        if event.name == "extend":
            parts = added.parts if isinstance(added, Items) else (UNKNOWN,)
            whole = isinstance(added, Items) and added.complete
        if not sure:
            looped = all(block.kind != "arm" for block in event.place.block.chain())
            parts = tuple(Perhaps(part, looped) for part in parts)
        return Items(value.parts + parts, value.complete and sure and whole)

    def _with_entry(self, event: Event, value: Table, frame: Frame) -> Abstract:
        found = _assignment(event.node)
        if found is None:
            return value
        target, right = found
        index = target.slice[0].slice if target.slice else None
        if isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString):
            stored = self.context.evaluate(right, event.place, frame)
            return Table({**value.entries, index.value.evaluated_value: stored})
        return value

    def _stored(self, event: Event, value: Values, frame: Frame) -> Abstract:
        """``x[index] = y``: some of the values are those of ``y`` now."""
        open_claim = dataclasses.replace(value, interval=WHOLE, reach=None, origin=value.unbounded)
        found = _assignment(event.node)
        if found is None:
            return open_claim
        target, right = found
        if isinstance(event.node, cst.AugAssign):
            return open_claim
        stored = as_values(self.context.evaluate(right, event.place, frame))
        if any(_is_condition(element) for element in target.slice):
            return dataclasses.replace(open_claim, known=True)  # `x[x > 1] = 1`
        if constant(stored) is not None:
            return dataclasses.replace(open_claim, marks=value.marks | {"masked"})
        origin = stored.origin if stored.known else stored.unbounded or value.unbounded
        return dataclasses.replace(
            open_claim, reach=stored.reach, known=stored.known, origin=origin
        )


def _of_nested(inner: Scope, outer: Place, flow: Flow) -> Iterator[tuple[str, Event]]:
    """A closure for an optimizer clamps the image of the function around it."""
    for site in reversed(inner.calls):
        for name, event in _of_call(site, flow):
            if name.partition(".")[0] not in inner.bindings and event.kind != "grow":
                yield name, event._replace(place=outer, nested=True)


def _of_call(site: CallSite, flow: Flow) -> list[tuple[str, Event]]:
    func, name = site.node.func, site.name
    if isinstance(func, cst.Attribute):
        receiver = dotted(_changed_object(func.value))
        if receiver is not None:
            receiver = receiver.removesuffix(".data")
            if name in _GROWING:
                return [(receiver, Event("grow", site.place, site.node, name))]
            if name.endswith("_") and not name.endswith("__"):
                return _in_place(receiver, site, flow)
    alone = isinstance(site.statement, cst.Expr) and site.statement.value is site.node
    if not alone or not says_handled(name):
        return []
    targets = [dotted(argument.value) for argument in site.node.args]
    event = Event("helper", site.place, site.node, name)
    return [(target, event) for target in targets if target is not None]


def _in_place(receiver: str, site: CallSite, flow: Flow) -> list[tuple[str, Event]]:
    """``x.clamp_(0, 1)``, or ``torch.clamp_(x, 0, 1)``."""
    qualified = flow.resolve(site.node.func, site.place)
    if qualified is None:
        changed = [
            (name, Event("helper", site.place, site.node)) for name in _seen_by(site, receiver)
        ]
        return [(receiver, Event("method", site.place, site.node, site.name)), *changed]
    if qualified in OPERATIONS and site.node.args:
        target = dotted(site.node.args[0].value)
        if target is not None:
            return [(target, Event("method", site.place, site.node, qualified))]
    return []


def _seen_by(site: CallSite, name: str) -> Iterator[str]:
    """Yield the tensors of which ``name`` is a view: ``for t, m, s in zip(images, mean, std)``."""
    for binding in site.place.scope.bindings.get(name, ()):
        source = binding.value if binding.kind == "for" else None
        parts = [a.value for a in source.args] if isinstance(source, cst.Call) else [source]
        for part in parts:
            whole = dotted(part) if part is not None else None
            if whole is not None:
                yield whole


def _changed_object(receiver: cst.BaseExpression) -> cst.BaseExpression:
    """Return ``x`` of ``x.mul_(2).sub_(1)``: the methods that change it return it."""
    while (
        isinstance(receiver, cst.Call)
        and isinstance(receiver.func, cst.Attribute)
        and receiver.func.attr.value.endswith("_")
    ):
        receiver = receiver.func.value
    return receiver


def _timing(event: Event, binding: Binding, place: Place) -> tuple[bool, bool] | None:
    """Return whether an event always happens between binding and use, and whether repeatedly.

    ``None`` if it cannot happen there.
    """
    here, order = event.place.block, event.place.order
    around_binding = set(map(id, binding.place.block.chain()))
    repeated = any(id(loop.block) not in around_binding for loop in event.place.loops())
    if binding.place.order < order < place.order:
        if _exclusive(here, place.block):
            return None
        if event.nested:
            return False, True
        return here.anchor.contains(place.block), repeated
    shared = [loop for loop in place.loops() if loop.block.contains(here)]
    carried = any(id(loop.block) not in around_binding for loop in shared)
    if carried and order >= place.order:
        return False, True
    if shared and binding.place.order > order >= shared[-1].start and not carried:
        # bound in this loop further down: the binding reaches the use with the next iteration
        return (False, repeated) if binding.place.order > place.order else None
    return None


def _exclusive(first: Block, second: Block) -> bool:
    """Whether two blocks are different arms of one fork."""
    arms = {id(b.fork): b for b in second.chain() if b.fork is not None}
    return any(b.fork is not None and arms.get(id(b.fork), b) is not b for b in first.chain())


def _listed(node: cst.BaseExpression) -> set[str]:
    """Return the names that stand as elements of an optimizer's first argument."""
    found: set[str] = set()
    stack: list[cst.CSTNode] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Name | cst.Attribute):
            full = dotted(current)
            if full is not None:
                found.add(full)
        elif isinstance(current, cst.List | cst.Tuple):
            stack.extend(element.value for element in current.elements)
        elif isinstance(current, cst.Dict):
            stack.extend(e.value for e in current.elements)
        elif (
            isinstance(current, cst.Call)
            and isinstance(current.func, cst.Attribute)
            and current.func.attr.value == "requires_grad_"
        ):
            stack.append(current.func.value)
    return found


def _stores(scope: Scope, calls: set[tuple[str, int]]) -> Iterator[tuple[str, Event]]:
    """Yield the stores into parts of a name, ``x[0] = y``; those of ``calls`` are left out."""
    written: dict[str, list[cst.CSTNode]] | None = None
    for name, places in scope.mutations.items():
        rest = [place for place, *_ in places if (name, place.order) not in calls]
        if rest and written is None:
            written = _written_stores(scope)
        nodes: Sequence[cst.CSTNode | None] = written.get(name, ()) if written else ()
        if len(nodes) != len(rest):
            nodes = [None] * len(rest)
        for place, node in zip(rest, nodes, strict=True):
            yield name, Event("store", place, node)


_SUITES = ("body", "handlers", "orelse", "finalbody", "cases")


def _written_stores(scope: Scope) -> dict[str, list[cst.CSTNode]]:
    """Return the assignments to subscripts in a function by name, in source order."""
    found: dict[str, list[cst.CSTNode]] = {}
    stack: list[object] = [scope.block.suite]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Assign | cst.AugAssign):
            name = _target(node)
            if name is not None:
                found.setdefault(name, []).append(node)
        elif isinstance(node, tuple | list):
            stack.extend(reversed(node))
        elif node is not None and not isinstance(node, cst.FunctionDef | cst.ClassDef | cst.Expr):
            stack.extend(getattr(node, field, None) for field in reversed(_SUITES))
    return found


def _target(node: cst.CSTNode) -> str | None:
    found = _assignment(node)
    if found is None:
        return None
    base: cst.BaseExpression = found[0]
    while isinstance(base, cst.Subscript):
        base = base.value
    return dotted(base)


def _assignment(node: cst.CSTNode | None) -> tuple[cst.Subscript, cst.BaseExpression] | None:
    if isinstance(node, cst.Assign):
        target = node.targets[0].target
    elif isinstance(node, cst.AugAssign):
        target = node.target
    else:
        return None
    return (target, node.value) if isinstance(target, cst.Subscript) else None


def _is_condition(element: cst.SubscriptElement) -> bool:
    return isinstance(element.slice, cst.Index) and isinstance(element.slice.value, cst.Comparison)
