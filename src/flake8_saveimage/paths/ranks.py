"""Does every process of a distributed job reach a save, and write the same path?

Walk from the save outward over the calls that lead to it. On each way there must be something that
starts or joins the processes before the save; a test of the rank anywhere silences. What is not
understood is taken for such a test: a false alarm costs more than a miss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.knowledge.ranks import (
    COLLECTIVES,
    DISTINCT,
    JOINS,
    LAUNCHER_VARIABLES,
    PROCESSES,
    SPAWNS,
    says_rank,
    says_several,
    says_size,
    says_writer,
    text_may_join,
)
from flake8_saveimage.knowledge.words import says_metric
from flake8_saveimage.paths.dependence import Dependence
from flake8_saveimage.paths.destination import destination
from flake8_saveimage.paths.guards import conjuncts, guards
from flake8_saveimage.paths.loops import yields_numbers
from flake8_saveimage.paths.usage import moved_away
from flake8_saveimage.syntax.arguments import bind, positional_parameters, written_arguments
from flake8_saveimage.syntax.flow import Flow, enclosing_method
from flake8_saveimage.syntax.nodes import (
    child_nodes,
    dotted,
    last_name,
    last_part,
    literal_key,
    string_value,
)
from flake8_saveimage.syntax.reaching import goes_straight
from flake8_saveimage.syntax.routes import Route
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import Binding, CallSite, Place, Scope

_MAX_FUNCTIONS = 24  # looked into from one save outward
_MAX_DEPTH = 3  # calls into functions that may join the processes
_MAX_ALIASES = 4  # from a name to what it was assigned from
_MAX_CALLERS = 8


class Joined(NamedTuple):
    """The call after which, or in which, the code runs in each process; its qualified name."""

    call: cst.Call
    name: str

    @property
    def is_torch(self) -> bool:
        """Whether the processes are those of torch.distributed."""
        return self.name in JOINS and self.name.startswith("torch.")


def every_rank(
    site: SaveCall, route: Route, dependence: Dependence, processes: Processes
) -> Joined | None:
    """Return what makes several processes write the path of a save, if nothing tells them apart.

    A save on a ``route`` is judged from the outermost call on.
    """
    target = destination(site)
    steps = [site.call_site, *(step.call for step in route)]
    if target is None or not processes.may_be_several:
        return None
    if any(map(processes.is_guarded, steps[:-1])):
        return None
    if any(processes.joined_before(step.place) for step in steps[:-1]):
        return None  # a matter of the file with the save
    joined = processes.joined_around(steps[-1])
    if joined is None or processes.differs(target.path, target.place):
        return None
    value = dependence.evaluate(target.path, target.place)
    if value.temporary or moved_away(target.path, site.place, dependence):
        return None
    return joined


class Processes:
    """Looks for what starts processes, and for what tells them apart. Answers are remembered.

    One serves all saves of a file.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._narrowed = flow.narrowed("join")
        self._joins: dict[int, Joined | None] = {}
        self._joining: dict[int, list[tuple[CallSite, Joined]]] = {}
        self._constructed: dict[int, Joined | None] = {}
        self._pending: set[int] = set()  # suites whose guards are being looked at

    @cached_property
    def may_be_several(self) -> bool:
        """Whether the text of the file, or of what it calls in other files, can start a job."""
        facts = self.flow.facts
        if text_may_join(facts.text) or facts.star_imports:
            return True
        names = {self.flow.resolve(call.node.func, call.place) for call in facts.calls}
        place = Place(facts.scope.block, 0)
        return any(self.flow.reaches(name, place, "join") for name in sorted(filter(None, names)))

    @cached_property
    def _spawned(self) -> dict[int, Joined]:
        return self._started_by(SPAWNS)

    @cached_property
    def _numbered(self) -> dict[int, Joined]:
        return {**self._spawned, **self._started_by(PROCESSES)}

    def _started_by(self, starters: frozenset[str]) -> dict[int, Joined]:
        """Return the functions that some calls start in other processes, by ``id``."""
        found: dict[int, Joined] = {}
        for leaf in {last_part(name) for name in starters}:
            for site in self.flow.calls_named(leaf):
                name = self.flow.resolve(site.node.func, site.place)
                if name not in starters:
                    continue
                given = bind(("fn",), written_arguments(site.node)).given
                started = given.get("target" if leaf == "Process" else "fn")
                function = self.flow.definition(started.value, site.place) if started else None
                if function is not None and name is not None:
                    found[id(function)] = Joined(site.node, name)
        return found

    # -- what starts the processes -------------------------------------------------------------

    def joined_around(self, first: CallSite) -> Joined | None:
        """Return what joins the processes on the ways to a call; ``None`` if one is guarded."""
        found: Joined | None = None
        queue, seen = [first], set[int]()
        while queue:
            step = queue.pop()
            if self.is_guarded(step) or len(seen) > _MAX_FUNCTIONS:
                return None
            joined = self.joined_before(step.place)
            function = step.place.scope.function
            if joined is not None:
                found = found or joined
            elif id(function) not in seen and function.kind == "function":
                seen.add(id(function))
                queue += self.flow.callers(function)
        return found

    def joined_before(self, place: Place) -> Joined | None:
        """Return what joined the processes in the function of a place, before it."""
        function = place.scope.function
        if id(function) in self._spawned:
            return self._spawned[id(function)]
        for call, joined in self._joining_calls(function):
            before = call.place.order < place.order
            if before and goes_straight(call.place.block, place.block):
                return joined
        if id(function) not in self._constructed:
            self._constructed[id(function)] = self._joined_by_constructor(function)
        return self._constructed[id(function)]

    def _joining_calls(self, function: Scope) -> list[tuple[CallSite, Joined]]:
        """Return the calls of a function that join the processes."""
        if id(function) not in self._joining:
            found = ((call, self._joined_by(call, _MAX_DEPTH)) for call in function.calls)
            self._joining[id(function)] = [(c, joined) for c, joined in found if joined is not None]
        return self._joining[id(function)]

    def _joined_by_constructor(self, function: Scope) -> Joined | None:
        """A method that all processes must call, of an object whose constructor joined them."""
        owner = function.owner_class
        if owner is None or all(call.name not in COLLECTIVES for call in function.calls):
            return None
        constructor = self._narrowed.method(owner, "__init__")
        return self._joined_in(constructor, _MAX_DEPTH) if constructor is not None else None

    def _joined_by(self, call: CallSite, depth: int) -> Joined | None:
        name = self.flow.resolve(call.node.func, call.place)
        if name in JOINS and name is not None:
            return None if _is_one_rank(call.node) else Joined(call.node, name)
        variable = _required_variable(call.node)
        if variable is not None:
            return Joined(call.node, variable)
        function = self._narrowed.definition(call.node.func, call.place) if depth else None
        if function is not None and function.kind == "class":
            function = self._narrowed.method(function, "__init__")
        if function is None or id(function) in self._numbered:
            return None
        return self._joined_in(function, depth - 1)

    def _joined_in(self, function: Scope, depth: int) -> Joined | None:
        if id(function) not in self._joins:
            self._joins[id(function)] = None  # a function that calls itself ends here
            found = (self._joined_by(call, depth) for call in function.calls)
            self._joins[id(function)] = next(filter(None, found), None)
        return self._joins[id(function)]

    # -- tests of the rank ---------------------------------------------------------------------

    def is_guarded(self, step: CallSite) -> bool:
        """Say whether a test of the rank, or of there being several, decides on a call."""
        scope: Scope | None = step.place.scope.function
        while scope is not None:
            if any(map(says_writer, (scope.name, *map(last_part, scope.decorators())))):
                return True
            scope = scope.parent
        if _is_conditional(step) and self._tells_apart(step.statement, step.place):
            return True
        return self._is_guarded_place(step.place)

    def _is_guarded_place(self, place: Place) -> bool:
        if id(place.block) in self._pending:
            return False
        self._pending.add(id(place.block))
        found = any(
            self._tells_apart(test, guard.place, holds=holds)
            for guard in guards(place)
            for test, holds in conjuncts(guard)
        )
        self._pending.discard(id(place.block))
        return found

    def _tells_apart(self, test: cst.CSTNode | None, place: Place, *, holds: bool = True) -> bool:
        """Say whether a test may come out in another way in another process."""
        if test is None:
            return False
        names = [last_name(node) for node in _names_in(test)] + list(_strings_in(test))
        if any(says_rank(name) or says_writer(name) or says_size(name) for name in names):
            return True
        if not holds and any(map(says_several, names)):
            return True
        return any(self._is_from_rank(node, place, 1) for node in _operands(test))

    def _is_from_rank(self, node: cst.BaseExpression, place: Place, depth: int) -> bool:
        """Say whether a name or call stands for the rank or for a test of it."""
        called = isinstance(node, cst.Call)
        named = node.func if isinstance(node, cst.Call) else node
        leaf = last_name(named)
        if (
            says_rank(leaf)
            or says_writer(leaf)
            or (called and any(map(says_rank, _strings_in(node))))
        ):
            return True
        if depth > _MAX_ALIASES:
            return False
        function = self.flow.definition(named, place)
        if function is not None and function.kind == "function":
            return any(
                self._value_is_from_rank(value, here, depth)
                or (dotted(value) in ("True", "False") and self._is_guarded_place(here))
                for value, here in function.returns
            )
        return not called and any(
            self._is_number(binding)
            or any(self._value_is_from_rank(v, here, depth) for v, here in self._values(binding))
            or (binding.kind == "assign" and self._is_guarded_place(binding.place))
            for binding in self._bindings(named, place)
        )

    def _value_is_from_rank(self, value: cst.BaseExpression, place: Place, depth: int) -> bool:
        return any(self._is_from_rank(node, place, depth + 1) for node in _operands(value))

    def _is_number(self, binding: Binding) -> bool:
        """Say whether a parameter is given the number of the process by what starts it."""
        function = binding.place.scope
        return id(function) in self._numbered and function.params[:1] == [binding]

    # -- the path ------------------------------------------------------------------------------

    def differs(self, node: cst.CSTNode, place: Place, depth: int = 0) -> bool:
        """Say whether an expression may have another value in another process."""
        for name in _names_in(node):
            leaf = last_name(name)
            if says_rank(leaf) or leaf in DISTINCT or says_metric(leaf):
                return True
            if depth < _MAX_ALIASES and self._made_from_rank(name, place, depth + 1):
                return True
        return False

    def _made_from_rank(self, node: cst.BaseExpression, place: Place, depth: int) -> bool:
        function = self.flow.definition(node, place)
        if function is not None and function.kind == "function":
            return any(self.differs(value, here, depth) for value, here in function.returns)
        return any(
            _yields_data(binding)
            or (
                id(binding.place.scope) in self._numbered
                and binding.place.scope.params[:1] == [binding]
            )
            or any(self.differs(value, here, depth) for value, here in self._values(binding))
            for binding in self._bindings(node, place)
        )

    # -- names ---------------------------------------------------------------------------------

    def _bindings(self, node: cst.BaseExpression, place: Place) -> Sequence[Binding]:
        name = dotted(node)
        if name is None:
            return ()
        found = [reach.binding for reach in self.flow.lookup(name, place).reaches]
        if found or "." not in name:
            return found
        method = enclosing_method(place)
        if method is not None and name.partition(".")[0] == method.self_name:
            return self.flow.attribute_bindings(name, place)
        return self.flow.attribute_stores(last_part(name))

    def _values(self, binding: Binding) -> Iterator[tuple[cst.BaseExpression, Place]]:
        """Yield what is bound, and where it is evaluated: for a parameter, what callers pass."""
        if binding.kind in ("assign", "aug", "with") and binding.value is not None:
            yield binding.value, binding.place
        function = binding.place.scope
        if binding.kind != "param" or function.kind != "function":
            return
        names = positional_parameters(function.node)
        own = names[1:] if function.self_name is not None else names
        for site in self.flow.callers(function)[:_MAX_CALLERS]:
            given = bind(own, written_arguments(site.node)).given.get(binding.name)
            if given is not None:
                yield given.value, site.place


def _yields_data(binding: Binding) -> bool:
    """Say whether a loop takes its values from data, of which each process may get its own."""
    if binding.kind != "for" or binding.value is None:
        return False
    iterable: cst.BaseExpression = binding.value
    while isinstance(iterable, cst.Call) and last_name(iterable.func) == "tqdm" and iterable.args:
        iterable = iterable.args[0].value
    if isinstance(iterable, cst.Call) and last_name(iterable.func) == "enumerate":
        return binding.pattern[:1] != (0,)
    if isinstance(iterable, cst.Call) and last_name(iterable.func) in ("items", "keys"):
        return binding.pattern[:1] not in ((), (0,))
    return not yields_numbers(iterable)


def _required_variable(call: cst.Call) -> str | None:
    """Return the launcher's variable that a call requires: ``int(os.environ["LOCAL_RANK"])``."""
    for argument in call.args:
        node = argument.value
        if isinstance(node, cst.Subscript) and last_name(node.value) == "environ":
            key = (literal_key(node) or "").strip("'")
            if key in LAUNCHER_VARIABLES:
                return key
    return None


def _is_one_rank(call: cst.Call) -> bool:
    """``init_process_group(rank=0)``: what follows is the code of one process."""
    return any(
        argument.keyword is not None
        and argument.keyword.value == "rank"
        and isinstance(argument.value, cst.Integer)
        for argument in call.args
    )


def _is_conditional(step: CallSite) -> bool:
    """Say whether the statement of a call need not run it: ``rank == 0 and torch.save(...)``."""
    statement = step.statement
    value = statement.value if isinstance(statement, cst.Expr | cst.Assign) else None
    return value is not step.node and not isinstance(value, cst.Call)


def _operands(root: cst.CSTNode) -> Iterator[cst.Name | cst.Attribute | cst.Call]:
    """Yield the names and calls that the outcome of a test depends on; not what calls are given."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Name | cst.Attribute | cst.Call):
            yield node
        elif isinstance(node, cst.IfExp):
            stack.append(node.test)
        elif isinstance(node, _COMPOSED):
            stack.extend(child_nodes(node))


_COMPOSED = (
    cst.Comparison
    | cst.ComparisonTarget
    | cst.BooleanOperation
    | cst.UnaryOperation
    | cst.BinaryOperation
)


def _names_in(root: cst.CSTNode) -> Iterator[cst.Name | cst.Attribute]:
    """Yield the names in an expression, dotted ones as a whole; of calls, those of keywords not."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Name | cst.Attribute):
            yield node
            if isinstance(node, cst.Attribute):
                stack.append(node.value)
        elif isinstance(node, cst.Arg):
            stack.append(node.value)
        else:
            stack.extend(child_nodes(node))


def _strings_in(root: cst.CSTNode) -> Iterator[str]:
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.SimpleString):
            yield str(string_value(node))
        stack.extend(child_nodes(node))
