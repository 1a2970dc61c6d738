"""Does each iteration save data of its own, and none of an earlier one?

Curves, histories and tables are rewritten whole as they grow, which loses nothing. So for the
writers of such files a path rule needs proof: everything that is saved is followed to where it is
made, and must be made in the iteration, from the data of the iteration.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import libcst as cst

from flake8_saveimage.knowledge.calls import COLLECTIONS, PAIRING, PURE_FUNCTIONS, PURE_METHODS
from flake8_saveimage.knowledge.words import says_history
from flake8_saveimage.knowledge.writers import PACKAGES
from flake8_saveimage.paths.loops import yields_numbers
from flake8_saveimage.paths.settings import holds_settings
from flake8_saveimage.syntax.arguments import bind, written_arguments
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.nodes import child_nodes, dotted, last_name
from flake8_saveimage.syntax.reaching import Reach
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import Binding, CallSite, Loop, Place, Scope

_MAX_STEPS = 2_000
_MAX_DEPTH = 40
_MAX_FUNCTIONS = 30

Region = Loop | Scope
Content = tuple[cst.BaseExpression, Place]


class Origin(IntEnum):
    """Where a value is from; of the parts of a value, the greatest counts."""

    FIXED = 0  # the same in each iteration
    CHANGED = 1  # a counter, or an object on which the iteration works
    DATA = 2  # made in the iteration, from what is new in it
    STATE = 3  # of an object that is older, and may keep what it was given
    KEPT = 4  # may hold what an earlier iteration left


def renews(site: SaveCall, region: Region) -> bool:
    """Say whether each iteration of a loop, or run of a function, saves data of its own."""
    return _Renewal(site, region).holds()


def repeats(first: SaveCall, second: SaveCall) -> bool:
    """Say whether the second save may hold all that the first one holds."""
    begins = second.writer.begins
    if begins:
        calls = second.place.scope.function.calls
        between = (c for c in calls if first.place.order < c.place.order < second.place.order)
        return not any(call.name in begins for call in between)
    return bool(_names(first) & _names(second))


def _names(site: SaveCall) -> set[str]:
    stack: list[cst.CSTNode] = [node for node, _place in _arguments(site)]
    found = set()
    while stack:
        node = stack.pop()
        name = dotted(node)
        if name is None:
            stack.extend(child_nodes(node))
        elif isinstance(node, cst.Name | cst.Attribute) and not _is_imported(site, node):
            found.add(name)
    return found


def _is_imported(site: SaveCall, node: cst.BaseExpression) -> bool:
    return site.flow.resolve(node, site.place) is not None


def _arguments(site: SaveCall) -> Iterator[Content]:
    """Yield what a call saves: all that it is given but the path."""
    if site.writer.value == "self" and site.saved is not None:
        yield site.saved, site.place
    for argument in site.call.args:
        if argument.value is not site.destination:
            yield argument.value, site.place


class _Renewal:
    """Follows what one save writes through one iteration of a region."""

    def __init__(self, site: SaveCall, region: Region) -> None:
        self.site = site
        self.flow: Flow = site.flow
        self.region = region
        self._owner = region.block.scope.function if isinstance(region, Loop) else region
        self._runs = self._functions_run()
        self._active: set[int] = set()
        self._steps = 0

    def holds(self) -> bool:
        contents = self._drawn() if self.site.writer.begins else _arguments(self.site)
        return max((self._origin(*c) for c in contents), default=Origin.FIXED) is Origin.DATA

    def _functions_run(self) -> set[int]:
        """Return the functions that run in an iteration on the way to the save."""
        stack, found = [self.site.place.scope.function], set[int]()
        while stack and len(found) < _MAX_FUNCTIONS:
            function = stack.pop()
            if function is not self._owner and id(function) not in found:
                found.add(id(function))
                stack += (call.place.scope.function for call in self.flow.callers(function))
        return found

    def _drawn(self) -> Iterator[Content]:
        """Yield what calls since the figure was begun are given; nothing if it never was."""
        begins, place = self.site.writer.begins, self.site.place
        calls = [c for c in place.scope.function.calls if self._is_inside(c.place)]
        orders = [c.place.order for c in calls if c.name in begins and _always(c, place)]
        before = [order for order in orders if order < place.order]
        if not orders:
            return
        for call in calls:
            if max(before, default=0) < call.place.order < place.order:
                for argument in call.node.args:
                    yield argument.value, call.place

    def _is_inside(self, place: Place) -> bool:
        function, region = place.scope.function, self.region
        if id(function) in self._runs or function is region:
            return True
        return isinstance(region, Loop) and (
            function is self._owner and region.start <= place.order <= region.end
        )

    # -- expressions ---------------------------------------------------------------------------

    def _origin(self, node: cst.CSTNode, place: Place) -> Origin:
        self._steps += 1
        if self._steps > _MAX_STEPS or len(self._active) > _MAX_DEPTH:
            return Origin.KEPT
        if isinstance(node, cst.Name):
            return self._name(node.value, place) or Origin.FIXED
        if isinstance(node, cst.Attribute):
            return self._attribute(node, place)
        if isinstance(node, cst.Call):
            return self._call(node, place)
        if isinstance(node, cst.Subscript):
            return self._subscript(node, place)
        if isinstance(node, cst.FormattedString | cst.Lambda):
            return Origin.FIXED
        return max((self._origin(n, place) for n in child_nodes(node)), default=Origin.FIXED)

    def _attribute(self, node: cst.Attribute, place: Place) -> Origin:
        name = dotted(node)
        known = self._name(name, place) if name is not None else None
        if known is not None:
            return known
        if self.flow.resolve(node, place) is not None or holds_settings(self.flow, node, place):
            return Origin.FIXED
        owner = self._origin(node.value, place)
        return owner if owner >= Origin.DATA else Origin.STATE

    def _subscript(self, node: cst.Subscript, place: Place) -> Origin:
        value = self._origin(node.value, place)
        index = max(self._origin(element.slice, place) for element in node.slice)
        picks = all(isinstance(element.slice, cst.Index) for element in node.slice)
        if Origin.CHANGED <= index <= Origin.DATA and (picks or value is Origin.FIXED):
            return Origin.DATA if value < Origin.KEPT else value
        return max(value, index)

    def _call(self, node: cst.Call, place: Place) -> Origin:
        given = max((self._origin(a.value, place) for a in node.args), default=Origin.FIXED)
        function, name = node.func, self.flow.resolve(node.func, place)
        if isinstance(function, cst.Attribute) and name is None:
            return self._method(function, given, place)
        if says_history(last_name(function)):
            return Origin.KEPT
        if not node.args and (name or "").partition(".")[0] not in PACKAGES:
            return Origin.STATE
        return self._made(given, pure=last_name(function) in PURE_FUNCTIONS)

    def _method(self, function: cst.Attribute, given: Origin, place: Place) -> Origin:
        receiver = self._origin(function.value, place)
        pure = function.attr.value in PURE_METHODS
        if receiver in (Origin.CHANGED, Origin.DATA, Origin.KEPT) or (pure and not given):
            return max(receiver, given)
        return self._made(given, pure=pure) or Origin.STATE

    def _made(self, given: Origin, *, pure: bool) -> Origin:
        """Return the origin of what a function makes of its arguments."""
        return Origin.DATA if given is Origin.CHANGED and not pure else given

    # -- names ---------------------------------------------------------------------------------

    def _name(self, name: str, place: Place) -> Origin | None:
        """Return the origin of a variable, ``None`` if this file does not bind it."""
        reaches = self.flow.lookup(name, place).reaches
        return max((self._reaching(reach) for reach in reaches), default=None)

    def _reaching(self, reach: Reach) -> Origin:
        binding = reach.binding
        if id(binding) in self._active:
            return Origin.FIXED
        if any(loop is self.region for loop in reach.loops):
            return Origin.KEPT
        self._active.add(id(binding))
        try:
            if self._is_inside(binding.place):
                return self._bound_inside(binding)
            return self._bound_outside(binding)
        finally:
            self._active.discard(id(binding))

    def _bound_inside(self, binding: Binding) -> Origin:
        if binding.kind == "param":
            return self._parameter(binding)
        if binding.kind == "for":
            return self._target(binding)
        if binding.kind in ("import", "def", "class"):
            return Origin.FIXED
        if binding.kind not in ("assign", "aug", "with") or binding.value is None:
            return Origin.KEPT
        found = self._origin(binding.value, binding.place)
        if binding.kind == "aug":
            found = max(found, self._name(binding.name, binding.place) or Origin.FIXED)
        return max((found, *self._added(binding)))

    def _added(self, binding: Binding) -> Iterator[Origin]:
        """Yield the origins of what the iteration adds to a collection that it has made."""
        function = binding.place.scope.function
        for place, _key, value in function.mutations.get(binding.name, ()):
            if value is not None:
                yield self._origin(value, place)
                continue
            calls = [c for c in function.calls if c.place.order == place.order]
            yield max(
                (self._origin(a.value, c.place) for c in calls for a in c.node.args),
                default=Origin.KEPT,
            )

    def _bound_outside(self, binding: Binding) -> Origin:
        if binding.kind in ("import", "def", "class"):
            return Origin.FIXED
        if binding.kind == "param" and binding.name == binding.place.scope.function.self_name:
            return Origin.STATE
        if _starts_empty(binding.value) or self._is_changed(binding) or says_history(binding.name):
            return Origin.KEPT
        return Origin.CHANGED if self._is_worked_on(binding) else Origin.FIXED

    def _is_changed(self, binding: Binding) -> bool:
        """Say whether an iteration may change an older object, or bind its name again."""
        name, owner = binding.name, binding.place.scope.function
        for scope in self.flow.facts_of(owner).scopes:
            if scope.function is owner:
                places = [b.place for b in scope.bindings.get(name, ())]
                places += [change.place for change in scope.mutations.get(name, ())]
                if any(map(self._is_inside, places)):
                    return True
            elif name in scope.mutations and owner.kind == "module":
                return True
        return False

    def _is_worked_on(self, binding: Binding) -> bool:
        """Say whether an iteration calls a method of an older object, or passes it to a call."""
        for call in binding.place.scope.function.calls:
            if self._is_inside(call.place) and call.node is not self.site.call:
                taken = [argument.value for argument in call.node.args]
                if isinstance(call.node.func, cst.Attribute):
                    taken.append(call.node.func.value)
                if any(dotted(node) == binding.name for node in taken):
                    return True
        return False

    def _target(self, binding: Binding) -> Origin:
        loop = binding.place.block.loop
        if loop is None or loop.iter is None:
            return Origin.KEPT
        paired = isinstance(loop.iter, cst.Call) and last_name(loop.iter.func) in PAIRING
        if yields_numbers(loop.iter) or (paired and binding.pattern[:1] == (0,)):
            return Origin.CHANGED
        if loop is not self.region and self._origin(loop.iter, loop.place) is Origin.KEPT:
            return Origin.KEPT
        return Origin.DATA

    def _parameter(self, binding: Binding) -> Origin:
        function = binding.place.scope.function
        if binding.name == function.self_name:
            return Origin.STATE
        if function is self.region:
            return Origin.DATA
        return max(
            (self._passed(binding, c) for c in self._calls_of(function)), default=Origin.STATE
        )

    def _calls_of(self, function: Scope) -> Iterator[CallSite]:
        """Yield the calls of a function that an iteration may make."""
        return (call for call in self.flow.callers(function) if self._is_inside(call.place))

    def _passed(self, parameter: Binding, call: CallSite) -> Origin:
        function = parameter.place.scope.function
        names = [p.name for p in function.params if p.name != function.self_name]
        bound = bind(names, written_arguments(call.node))
        given = bound.given.get(parameter.name)
        if given is not None:
            return self._origin(given.value, call.place)
        return Origin.FIXED if bound.complete and parameter.value is not None else Origin.STATE


def _always(call: CallSite, place: Place) -> bool:
    """Say whether a call is made whenever a place is reached, or in the same suite after it."""
    return call.place.block.anchor.contains(place.block)


def _starts_empty(value: cst.BaseExpression | None) -> bool:
    """``losses = []``, ``history = defaultdict(list)``: something is going to fill it."""
    if isinstance(value, cst.List | cst.Dict):
        return not value.elements
    return isinstance(value, cst.Call) and last_name(value.func) in COLLECTIONS
