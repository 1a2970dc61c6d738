"""What does the value of an expression depend on? Names are followed to their reaching definitions.

A :class:`~flake8_saveimage.paths.texts.Value` says from what an expression gets its value:

- a :class:`~flake8_saveimage.syntax.module.Loop`: it differs from pass to pass of that loop;
- a function's :class:`~flake8_saveimage.syntax.module.Scope`: it differs from one run of that
  function to the next, through something that cannot be seen from here;
- a parameter's :class:`~flake8_saveimage.syntax.module.Binding`: whatever the caller passes.

What is not understood is :meth:`Dependence.opaque`: it may differ each time it is evaluated, that
is in every pass of the loops around it and in every run of its function. A false alarm costs more
than a miss.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.paths.hooks import is_hook
from flake8_saveimage.paths.texts import (
    NOTHING,
    QUOTIENT,
    REMAINDER,
    Source,
    Sources,
    Value,
    concatenated,
    constants,
    either,
    formatted_with,
    hinted,
    is_text,
    joined_path,
    known_text,
    literal_value,
    names_in,
    path_attribute,
    percent_format,
    str_format,
    union,
    unknown,
    with_hint,
    with_part,
)
from flake8_saveimage.syntax.flow import Flow, enclosing_method
from flake8_saveimage.syntax.nodes import dotted, last_name, literal_key
from flake8_saveimage.syntax.reaching import Lookup, Reach
from flake8_saveimage.syntax.scopes import Binding, Loop, Pattern, Place, Scope

_MAX_DEPTH = 60
# Steps for one question: variables of a loop that all depend on each other have no end of ways.
_FUEL = 5_000


_CONFIG_NAMES = frozenset(
    "opt opts option options arg args argv cfg cfgs config configs configuration conf hparams hp"
    " hparam hps params param settings setting flags flag parsed namespace constants c".split()
)
_CONFIG_ENDINGS = tuple("_params _args _config _cfg _opt _opts _options _hparams _settings".split())
_CONFIG_CALLS = re.compile(
    r"(parse_(known_|intermixed_)?args|parse_args_into_dataclasses|get_(args|parser|config|options"
    r"|cfg|opts|params|arguments)|(load|read|parse|make|build)_(args|config|cfg|options|yaml)"
    r"|[Nn]amespace|EasyDict|edict|OmegaConf\.\w+|ConfigDict|yaml\.\w*load|json\.load|safe_load)$"
)
# Attributes that name a folder: they do not change from one image to the next.
_FOLDER = re.compile(r"(^|_)(dir|dirs|dirname|folder|root|outf|outdir|logdir|directory)$|[a-z]dir$")
# What these count changes behind the back of the code that only reads it.
_COUNTS = re.compile(
    r"epoch|step|iter|count|index|idx|batch|(^|_)(i|n|num)($|_)|next|advance", re.I
)
# Functions that name or make a folder: the same one for the same arguments.
_GIVES_FOLDER = re.compile(
    r"(^|_)(dir|folder|root|directory)$|^(mk|make|ensure|check|create)_?dirs?$"
    r"|(^|_)(data|output|root|project|results?|home|cache|base|work)_path$"
)
_PATH_ATTRIBUTES = frozenset("name stem parent parents suffix suffixes parts anchor".split())

_PURE_BUILTINS = frozenset(
    "str int float type repr format abs len min max sum sorted list tuple set dict reversed bool"
    " hex oct bin ord chr frozenset ascii bytes divmod pow enumerate zip range slice".split()
)
_PURE_FUNCTIONS = frozenset(
    "os.getpid os.uname tempfile.gettempdir socket.gethostname platform.node getpass.getuser"
    " os.fspath os.fsdecode os.getcwd os.getenv os.environ.get os.path.join os.path.basename"
    " os.path.dirname os.path.split os.path.splitext os.path.abspath os.path.normpath"
    " os.path.expanduser os.path.expandvars os.path.realpath os.path.relpath os.path.normcase"
    " os.path.commonpath posixpath.join ntpath.join path.join osp.join"
    " pathlib.Path pathlib.PurePath pathlib.PosixPath pathlib.PurePosixPath pathlib.WindowsPath"
    " Path pathlib.Path.cwd pathlib.Path.home Path.cwd Path.home copy.copy copy.deepcopy"
    " hydra.utils.to_absolute_path hydra.utils.get_original_cwd"
    " tqdm.tqdm tqdm.trange tqdm.auto.tqdm tqdm.auto.trange tqdm.notebook.tqdm tqdm trange"
    " rich.progress.track track itertools.islice itertools.product itertools.chain"
    " itertools.combinations itertools.permutations itertools.zip_longest itertools.repeat"
    " numpy.arange numpy.linspace np.arange np.linspace torch.arange torch.linspace"
    " torch.utils.data.DataLoader DataLoader fastprogress.progress_bar progress_bar"
    " fastprogress.master_bar master_bar natsort.natsorted natsorted"
    " torch.load".split()
)
_JOINS = frozenset({"os.path.join", "posixpath.join", "ntpath.join", "path.join", "osp.join"})
_PATHS = frozenset(
    "pathlib.Path pathlib.PurePath pathlib.PosixPath pathlib.PurePosixPath Path".split()
)
_LISTINGS = frozenset("os.listdir os.scandir os.walk glob.glob glob.iglob listdir glob".split())
_LISTING_METHODS = frozenset("iterdir glob rglob".split())
_ROUNDING = frozenset("round math.floor math.ceil math.trunc numpy.round numpy.floor".split())
_PURE_METHODS = frozenset(
    "format format_map join zfill rjust ljust center replace strip lstrip rstrip lower upper title"
    " capitalize swapcase casefold split rsplit splitlines partition rpartition removeprefix"
    " removesuffix encode decode expandtabs translate with_name with_suffix with_stem joinpath"
    " resolve absolute expanduser as_posix as_uri relative_to item tolist numpy cpu detach long int"
    " float keys values items copy strftime isoformat hexdigest squeeze flatten view reshape"
    " to cuda state_dict".split()
)
_ITEM_METHODS = frozenset({"keys", "values", "items", "tolist", "copy", "split"})
_TRANSPARENT_ITERATIONS = frozenset(
    "tqdm.tqdm tqdm.auto.tqdm tqdm.notebook.tqdm tqdm rich.progress.track track list tuple sorted"
    " reversed set itertools.islice fastprogress.progress_bar progress_bar fastprogress.master_bar"
    " master_bar natsort.natsorted natsorted iter".split()
)
_RANGES = frozenset(
    "range trange xrange tqdm.trange tqdm.auto.trange tqdm.notebook.trange itertools.count"
    " numpy.arange np.arange torch.arange prange".split()
)
_ONE_SHOT = frozenset(
    "iter zip map filter enumerate reversed open itertools.cycle itertools.chain"
    " itertools.count itertools.islice itertools.product".split()
)
# A clock, read to the second (or coarser): two saves in one second get one name.
_COARSE_CLOCKS = frozenset("time.strftime time.ctime time.asctime datetime.date.today".split())
_RANDOM = frozenset(
    "random.randint random.choice random.randrange numpy.random.randint torch.randint".split()
)
_CONSTRUCTORS = frozenset(
    "__init__ __new__ __post_init__ __attrs_post_init__ __setstate__ setup setUp initialize"
    " init reset_parameters build prepare configure setup_method setUpClass".split()
)


_NO_CYCLE = 1 << 30


class _Pending(NamedTuple):
    """A value that lacks what the binding at index ``root`` of the active ones will add."""

    value: Value
    root: int


class Dependence:
    """Evaluates expressions of one file to :class:`Value`; answers are remembered."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._scope_of: dict[int, Scope] = {id(s.node): s for s in flow.facts.scopes}
        self._bindings: dict[int, Value] = {}
        # What is being evaluated, from the outside in, and the loops that carried it there.
        self._active: dict[int, tuple[Loop, ...]] = {}
        # Evaluated, but part of a cycle whose first binding is still active.
        self._pending: dict[int, _Pending] = {}
        self._cycle_floor = _NO_CYCLE
        self._calls: list[Scope] = []
        self._depth = 0
        self._fuel = _FUEL

    # -- the door ------------------------------------------------------------------------------

    def evaluate(self, node: cst.BaseExpression, place: Place) -> Value:
        """Return what ``node``, evaluated at ``place``, depends on."""
        if self._depth == 0:
            self._fuel = _FUEL
        self._fuel -= 1
        if self._depth > _MAX_DEPTH or self._fuel < 0:
            return self.opaque(place)
        self._depth += 1
        try:
            return self._evaluate(node, place)
        finally:
            self._depth -= 1

    def opaque(self, place: Place, hint: str = "") -> Value:
        """Return the value of something that may differ each time it is evaluated at ``place``."""
        around: Sources = frozenset([*place.loops(), place.scope.function])
        return Value(around, around, text=unknown(hint))

    def _evaluate(self, node: cst.BaseExpression, place: Place) -> Value:
        if isinstance(node, cst.SimpleString):
            return literal_value(node, place)
        if isinstance(node, cst.Name):
            return self._name(node.value, place)
        if isinstance(node, cst.Attribute):
            return self._attribute(node, place)
        if isinstance(node, cst.FormattedString):
            return self._formatted(node, place)
        if isinstance(node, cst.Call):
            return self._call(node, place)
        if isinstance(node, cst.BinaryOperation):
            return self._binary(node, place)
        if isinstance(node, cst.ConcatenatedString):
            left, right = self.evaluate(node.left, place), self.evaluate(node.right, place)
            return concatenated([left, right])
        if isinstance(node, cst.Integer | cst.Float):
            return Value(text=node.value)
        if isinstance(node, cst.Subscript):
            return self._subscript(node, place)
        if isinstance(node, cst.IfExp):
            branches = [self.evaluate(node.body, place), self.evaluate(node.orelse, place)]
            test = self.evaluate(node.test, place).without_text()
            return union([*branches, test], either(branches))
        if isinstance(node, cst.NamedExpr):
            return self.evaluate(node.value, place)
        if isinstance(node, cst.Await):
            return self.evaluate(node.expression, place)
        return self._composite(node, place)

    def _composite(self, node: cst.BaseExpression, place: Place) -> Value:
        if isinstance(node, cst.UnaryOperation):
            return self.evaluate(node.expression, place).without_text()
        if isinstance(node, cst.BooleanOperation):
            branches = [self.evaluate(node.left, place), self.evaluate(node.right, place)]
            return union(branches, either(branches))
        if isinstance(node, cst.Comparison):
            parts = [node.left, *(target.comparator for target in node.comparisons)]
            return union(self.evaluate(part, place).without_text() for part in parts)
        if isinstance(node, cst.Tuple | cst.List | cst.Set):
            return union(self.evaluate(e.value, place).without_text() for e in node.elements)
        if isinstance(node, cst.Dict):
            return union(self.evaluate(e.value, place).without_text() for e in node.elements)
        if isinstance(node, cst.ListComp | cst.SetComp | cst.GeneratorExp):
            return self._comprehension(node, place)
        return self.opaque(place)

    # -- names ---------------------------------------------------------------------------------

    def _name(self, name: str, place: Place, key: str | None = None) -> Value:
        lookup = self.flow.lookup(name, place)
        if lookup.owner is None:
            return self._mutated(Value(text=unknown(name)), name, lookup, place, key)
        reaches = lookup.reaches
        if not reaches:
            reaches = tuple(Reach(b, ()) for b in lookup.owner.bindings.get(name, ()))
        value = self._join([self.binding(reach, place) for reach in reaches], name)
        rebound = self._rebound(name, lookup, place)
        if rebound:
            value = union([value, *rebound], unknown(name))
        return self._mutated(value, name, lookup, place, key)

    def _rebound(self, name: str, lookup: Lookup, place: Place) -> list[Value]:
        """Return what the functions add that rebind a name through ``global`` or ``nonlocal``."""
        here = place.scope.function
        owner = self.flow.owner_of(name, here) or lookup.owner
        found: list[Value] = []
        own = False
        for binding in owner.shared.get(name, ()) if owner is not None else ():
            function = binding.place.scope.function
            if function is not here:
                runs = self._runs(function)
                sources = runs and runs | frozenset(binding.place.loops())
                found.append(Value(sources, sources) if sources else self.opaque(place))
            elif not own and not (lookup.local and lookup.complete):
                own = True  # what an earlier run of this function, or an earlier pass, has left
                reaches, _complete = self.flow.reaching(here, name, place)
                activation: Sources = frozenset([here])
                found.append(Value(activation, activation))
                found += [self.binding(reach, place) for reach in reaches]
        return found

    def _mutated(
        self, value: Value, name: str, lookup: Lookup, place: Place, key: str | None = None
    ) -> Value:
        """Add the loops and runs in which the object behind ``name`` is changed in place."""
        found: set[Source] = set()
        here = place.loops()
        owner = lookup.owner or self.flow.facts.scope
        if name == owner.self_name:
            return value  # `self.step()` changes attributes, which are looked at one by one
        for scope in _with_nested(owner):
            for where, changed in scope.mutations.get(name, ()):
                if key is not None and changed is not None and changed != key:
                    continue  # config["epoch"] = epoch leaves config["out"] alone
                if scope.function is place.scope.function:
                    around = {id(loop) for loop in where.loops()}
                    found.update(loop for loop in here if id(loop) in around)
                    if where.order < place.order:  # filled by this run with who knows what
                        found.add(scope.function)
                else:
                    found.update([*here, place.scope.function])
        if not found:
            return value
        if "." not in name and self.flow.class_of(cst.Name(name), place) is not None:
            return value  # nor does a method of a class of this file, whatever it is called
        grown = frozenset(found)
        return replace(
            value, deps=value.deps | grown, solid=value.solid | grown, text=unknown(name)
        )

    def binding(self, reach: Reach, place: Place) -> Value:
        """Return what a binding's value depends on when it is used at ``place``."""
        key = id(reach.binding)
        value = self._bindings.get(key)
        if value is None:
            if key in self._active:  # its own value of an earlier pass: `i += 1`
                return self._around_again(reach, list(self._active).index(key))
            pending = self._pending.get(key)
            if pending is None:
                value = self._evaluate_binding(reach)
            else:  # in a cycle with something that is still being evaluated
                value = union([pending.value, self._around_again(reach, pending.root)])
                value = replace(value, text=pending.value.text)
        return self._after_loops(_settled_before(value, reach.binding, place), place)

    def _around_again(self, reach: Reach, index: int) -> Value:
        """Return what a cycle adds that closes at ``index``: the loops that carry it around."""
        self._cycle_floor = min(self._cycle_floor, index)
        passed = [loop for loops in list(self._active.values())[index + 1 :] for loop in loops]
        carried: Sources = frozenset([*passed, *reach.loops])
        return Value(carried, carried, text=unknown(reach.binding.name))

    def _evaluate_binding(self, reach: Reach) -> Value:
        """Evaluate a binding; those of one cycle are settled together, when its first one is."""
        index = len(self._active)
        if index > _MAX_DEPTH:
            return self.opaque(reach.binding.place)
        key = id(reach.binding)
        outer_floor, self._cycle_floor = self._cycle_floor, _NO_CYCLE
        self._active[key] = reach.loops
        try:
            value = self._bound(reach.binding)
        finally:
            del self._active[key]
        if self._cycle_floor < index:
            self._pending[key] = _Pending(value, self._cycle_floor)
            self._cycle_floor = min(self._cycle_floor, outer_floor)
            return value
        self._cycle_floor = outer_floor
        self._bindings[key] = value
        for member, pending in list(self._pending.items()):
            if pending.root >= index:
                shared = replace(
                    pending.value,
                    deps=pending.value.deps | value.deps,
                    solid=pending.value.solid | value.solid,
                )
                self._bindings[member] = shared
                del self._pending[member]
        return value

    def _after_loops(self, value: Value, place: Place) -> Value:
        """Leave out the loops that are over at ``place``; add what decides how they ended.

        ``while os.path.exists(p): n += 1`` leaves with another ``n`` each time.
        """
        function = place.scope.function
        here = {id(loop) for loop in place.loops()}
        over = frozenset(
            source
            for source in value.deps
            if isinstance(source, Loop)
            and id(source) not in here
            and source.block.scope.function is function
        )
        if not over:
            return value
        value = replace(value, deps=value.deps - over, solid=value.solid - over)
        extra = [
            self.opaque(loop.place)
            for loop in over
            if isinstance(loop, Loop) and (loop.breaks or isinstance(loop.node, cst.While))
        ]
        return union([value, *extra], value.text) if extra else value

    def _bound(self, binding: Binding) -> Value:
        place = binding.place
        if binding.kind == "param":
            return self._parameter(binding)
        if binding.kind == "for":
            return self._loop_target(binding)
        if binding.kind == "aug":
            return self._augmented(binding)
        if binding.kind in ("import", "def", "class"):
            return Value(text=unknown(binding.name))
        if binding.kind in ("except", "unseen") or binding.value is None:
            return self.opaque(place, binding.name)
        if binding.pattern:
            return self._unpacked(binding.value, binding.pattern, place)
        value = self.evaluate(binding.value, place)
        if value.text is not None and not value.constant:
            return replace(value, text=hinted(value.text, binding.name))
        return value

    def _parameter(self, binding: Binding) -> Value:
        function = binding.place.scope
        if binding.name == function.self_name:
            return Value(frozenset([binding]))
        hint = binding.name
        if isinstance(binding.value, cst.SimpleString) and function.outer is not None:
            hint += "|" + (literal_value(binding.value, function.outer).text or "")
        temporary = binding.name in ("tmp_path", "tmpdir", "tmp_path_factory", "tmpdir_factory")
        sources: Sources = frozenset([binding])
        return Value(sources, sources, text=unknown(hint), temporary=temporary)

    def _augmented(self, binding: Binding) -> Value:
        node = binding.node
        assert isinstance(node, cst.AugAssign)
        place = binding.place
        if "." in binding.name and isinstance(node.target, cst.Attribute):
            before = self._attribute(node.target, place)
        else:
            before = self._name(binding.name, place)
        value = self.evaluate(node.value, place)
        if isinstance(node.operator, cst.AddAssign) and before.constant and value.text is not None:
            return concatenated([before, value])
        return union([before, value], unknown(binding.name))

    def _unpacked(self, node: cst.BaseExpression, pattern: Pattern, place: Place) -> Value:
        while pattern and pattern[0] >= 0 and isinstance(node, cst.Tuple | cst.List):
            if pattern[0] >= len(node.elements):
                break
            node, pattern = node.elements[pattern[0]].value, pattern[1:]
        value = self.evaluate(node, place)
        return value if not pattern else union([value], unknown())

    # -- loop targets --------------------------------------------------------------------------

    def _loop_target(self, binding: Binding) -> Value:
        loop = next((b.loop for b in binding.place.block.chain() if b.loop is not None), None)
        if loop is None or loop.iter is None:
            return self.opaque(binding.place)
        item = self._element(loop.iter, loop.place, binding.pattern)
        sources: Sources = frozenset([loop])
        return union([item.without_text(), Value(sources, sources)], unknown(binding.name))

    def _element(self, node: cst.BaseExpression, place: Place, pattern: Pattern) -> Value:
        """Return what an element of the iterable ``node`` depends on, beside its loop."""
        if isinstance(node, cst.Call):
            name = self._called(node, place)
            values = [argument.value for argument in node.args if not argument.star]
            if name == "enumerate" and values:
                if pattern[:1] == (0,):
                    return union(self.evaluate(value, place) for value in values[1:])
                return self._element(values[0], place, pattern[1:])
            if name in ("zip", "itertools.zip_longest") and values:
                if pattern and 0 <= pattern[0] < len(values):
                    return self._element(values[pattern[0]], place, pattern[1:])
                return union(self._element(value, place, ()) for value in values)
            if name in _TRANSPARENT_ITERATIONS and values:
                return self._element(values[0], place, pattern)
            if name in _RANGES:
                return union(self.evaluate(value, place) for value in values)
            if name in _LISTINGS:
                return union(self.evaluate(value, place) for value in values)
            if isinstance(node.func, cst.Attribute):
                method = node.func.attr.value
                if method in _LISTING_METHODS or method in _ITEM_METHODS:
                    return self.evaluate(node.func.value, place)
        if isinstance(node, cst.Name):
            return union([self.evaluate(node, place), self._exhausted(node, place)])
        return self.evaluate(node, place)

    def _exhausted(self, node: cst.Name, place: Place) -> Value:
        """An iterator made outside goes on where it stopped: it varies with the loops between."""
        for binding, _loops in self.flow.lookup(node.value, place).reaches:
            value = binding.value
            if binding.kind != "assign":
                continue
            one_shot = isinstance(value, cst.GeneratorExp) or (
                isinstance(value, cst.Call) and self._called(value, binding.place) in _ONE_SHOT
            )
            if one_shot:
                outside = {id(loop) for loop in binding.place.loops()}
                between = frozenset(loop for loop in place.loops() if id(loop) not in outside)
                return Value(between, between)
        return Value()

    def _comprehension(self, node: cst.BaseSimpleComp, place: Place) -> Value:
        scope = self._scope_of.get(id(node))
        if scope is None:
            return self.opaque(place)
        block = scope.block
        clause: cst.CompFor | None = node.for_in
        own: set[Source] = set()
        for binding in (b for bindings in scope.bindings.values() for b in bindings):
            inner = binding.place.block
            if inner.loop is not None:
                own.add(inner.loop)
                block = inner if inner.start >= block.start else block
        value = self.evaluate(node.elt, Place(block, block.end)).without_text()
        iterables = []
        while clause is not None:
            iterables.append(self._element(clause.iter, place, ()).without_text())
            clause = clause.inner_for_in
        value = replace(value, deps=value.deps - own, solid=value.solid - own)
        return union([value, *iterables]).without_text()

    # -- attributes ----------------------------------------------------------------------------

    def _attribute(self, node: cst.Attribute, place: Place, key: str | None = None) -> Value:
        name = dotted(node)
        if node.attr.value in ("__name__", "__class__", "__qualname__", "__module__"):
            return union([self.evaluate(node.value, place).without_text()], unknown(name or ""))
        if name is None:
            base = self.evaluate(node.value, place)
            if node.attr.value in _PATH_ATTRIBUTES:
                return union([base], path_attribute(base, node.attr.value))
            return union([base, self.opaque(place)], unknown(node.attr.value))
        lookup = self.flow.lookup(name, place)
        if lookup.local and lookup.complete:
            values = [self.binding(reach, place) for reach in lookup.reaches]
            return self._mutated(self._join(values, name), name, lookup, place, key)
        method = enclosing_method(place)
        base_name, _, rest = name.partition(".")
        if method is not None and base_name == method.self_name:
            return self._mutated(self._own_attribute(node, name, rest, method, place), name,
                                 lookup, place, key)  # fmt: skip
        return self._foreign_attribute(node, name, lookup, place)

    def _own_attribute(
        self, node: cst.Attribute, name: str, rest: str, method: Scope, place: Place
    ) -> Value:
        """``self.x``: invariant if only the constructor assigns it."""
        owner = method.owner_class
        assert owner is not None
        hint = unknown(rest)
        receiver: Sources = frozenset(method.params[:1])
        unseen = union([self.opaque(place), Value(receiver)], hint)
        bindings = self.flow.class_attribute(owner, rest)
        if not bindings:
            getter = self.flow.method(owner, rest)
            if getter is not None and "property" in getter.decorators():
                return self._property(getter, unseen, receiver, place)
            invariant = self._inherited_invariant(owner, rest)
            return Value(receiver, text=hint) if invariant else unseen
        own = any(b.place.scope.function is place.scope.function for b in bindings)
        if own and not all(self._settled(b, owner) for b in bindings):
            return unseen
        values = []
        for binding in bindings:
            value = self.binding(Reach(binding, ()), binding.place)
            if self._settled(binding, owner):
                values.append(
                    replace(value, deps=receiver if value.deps else NOTHING, solid=NOTHING)
                )
                continue
            assigned = self._assigned_by(binding, rest)
            if assigned is None:
                return unseen
            values.append(replace(value, deps=assigned | receiver, solid=assigned))
        joined = self._join(values, rest)
        if not joined.constant and joined.text is not None:
            joined = replace(joined, text=hinted(joined.text, rest))
        return joined

    def _property(self, getter: Scope, unseen: Value, receiver: Sources, place: Place) -> Value:
        if not getter.returns or getter in self._calls or getter.yields:
            return unseen
        self._calls.append(getter)
        try:
            returned = [self.evaluate(expr, where) for expr, where in getter.returns]
        finally:
            self._calls.pop()
        passed = {getter.params[0]: Value(receiver)} if getter.params else {}
        return self.substitute(self._join(returned, getter.name), getter, passed, place)

    def _holds_config(self, bindings: Sequence[Binding]) -> bool:
        return all(b.value is not None and self._config_like(b.value, b.place) for b in bindings)

    def _settled(self, binding: Binding, owner: Scope, depth: int = 0) -> bool:
        """Say whether a binding of an attribute is made once in the life of the object."""
        if binding.kind == "aug":
            return False
        function = binding.place.scope
        if function is owner or function.kind == "class":
            return True
        function = function.function
        if function.name in _CONSTRUCTORS:
            return True
        if depth > 2 or function.owner_class is None:
            return False
        callers = self.flow.callers(function)
        return bool(callers) and all(
            site.place.scope.function.owner_class is function.owner_class
            and not site.place.loops()
            and self._constructs(site.place.scope.function, depth + 1)
            for site in callers
        )

    def _constructs(self, function: Scope, depth: int) -> bool:
        if function.name in _CONSTRUCTORS:
            return True
        if depth > 3:
            return False
        callers = self.flow.callers(function)
        return bool(callers) and all(
            self._constructs(site.place.scope.function, depth + 1) for site in callers
        )

    def _inherited_invariant(self, owner: Scope, rest: str) -> bool:
        """``self.args.out``, ``self.logger.log_dir``: not bound here, but surely a setting."""
        first, _, more = rest.partition(".")
        if not more:
            return _is_config(first) or _FOLDER.search(first) is not None
        if any(_is_config(part) for part in rest.split(".")[:-1]):
            return True
        holder = self.flow.class_attribute(owner, first)
        if not all(self._settled(b, owner) for b in holder):
            return False
        if _FOLDER.search(rest) is not None or _shouts(rest):
            return True
        return bool(holder) and self._holds_config(holder)

    def _assigned_by(self, binding: Binding, attribute: str) -> Sources | None:
        """Return what changes an attribute that a method other than the constructor assigns.

        It changes when that method runs: in the loops around its call sites in this file, and
        those of its callers. ``None`` if that cannot be told.
        """
        function = binding.place.scope.function
        if binding.kind != "assign" or _COUNTS.search(attribute) or _COUNTS.search(function.name):
            return None
        runs = self._runs(function)
        return runs and runs | frozenset(binding.place.loops())

    def _runs(self, function: Scope) -> Sources | None:
        """Return the loops around the calls of a function and of its callers, and all of these."""
        found: set[Source] = set()
        queue = [function]
        for current in queue:
            if current.kind != "function" or is_hook(current, self.flow.facts):
                return None
            found.add(current)
            for site in self.flow.callers(current):
                found.update(site.place.loops())
                caller = site.place.scope.function
                if caller.kind == "function" and caller not in queue:
                    queue.append(caller)
        return frozenset(found)

    def _foreign_attribute(
        self, node: cst.Attribute, name: str, lookup: Lookup, place: Place
    ) -> Value:
        """``args.out``, ``config.OUT``, ``Config.OUT``, ``path.stem``, ``module.NAME``."""
        attribute = node.attr.value
        hint = unknown(name)
        if lookup.reaches:  # args.lr = lr, somewhere in sight
            values = [self.binding(reach, place) for reach in lookup.reaches]
            value = self._mutated(self._join(values, name), name, lookup, place)
            base = self.evaluate(node.value, place)
            return value if lookup.complete else union([value, base], hint)
        if isinstance(node.value, cst.Name):
            base = self._name(node.value.value, place, repr(attribute)).without_text()
        else:
            base = self.evaluate(node.value, place).without_text()
        base = union([base, *self._set_elsewhere(attribute, name, place)])
        owner = self.flow.class_of(node.value, place)
        if owner is not None:
            return self._class_member(owner, attribute, base, place)
        full = self.flow.resolve(node, place)
        if full is not None and full.count(".") <= 2:
            return Value(text=hint)
        if attribute in _PATH_ATTRIBUTES:
            full_base = self.evaluate(node.value, place)
            return union([full_base], path_attribute(full_base, attribute))
        folder = _FOLDER.search(attribute) is not None
        if folder or _shouts(attribute) or self._config_like(node.value, place):
            return union([base], hint)
        return union([base, self.opaque(place)], hint)

    def _class_member(self, owner: Scope, attribute: str, base: Value, place: Place) -> Value:
        bindings = self.flow.class_attribute(owner, attribute)
        if not bindings or not all(self._settled(b, owner) for b in bindings):
            if bindings or not _FOLDER.search(attribute):
                return union([base, self.opaque(place)], unknown(attribute))
            return union([base], unknown(attribute))
        values = [self.binding(Reach(b, ()), b.place) for b in bindings]
        joined = self._join(values, attribute)
        return replace(joined, deps=base.deps, solid=base.solid)

    def _set_elsewhere(self, attribute: str, name: str, place: Place) -> list[Value]:
        """Return what other functions add that assign this attribute (``args.epoch = epoch``)."""
        base = name.rpartition(".")[0]
        found = []
        for binding in self.flow.facts.attribute_stores.get(attribute, ()):
            function = binding.place.scope.function
            if function is place.scope.function or function.kind == "module":
                continue
            if binding.name.rpartition(".")[0] != base or base in ("self", "cls"):
                continue
            runs = self._runs(function)
            sources = runs and runs | frozenset(binding.place.loops())
            found.append(Value(sources, sources) if sources else self.opaque(place))
        return found

    def _config_like(self, node: cst.BaseExpression, place: Place, depth: int = 0) -> bool:
        """Say whether ``node`` is an object that holds options, which do not change on the way."""
        name = dotted(node)
        if isinstance(node, cst.Subscript):
            return self._config_like(node.value, place, depth)
        if isinstance(node, cst.Call):
            called = dotted(node.func)
            return called is not None and _CONFIG_CALLS.search(called) is not None
        if name is None:
            return False
        if _is_config(name.rpartition(".")[2]):
            return True
        if "." in name and isinstance(node, cst.Attribute):
            return self._config_like(node.value, place, depth)
        if depth > 3:
            return False
        reaches = self.flow.lookup(name, place).reaches
        return bool(reaches) and all(
            reach.binding.kind == "assign"
            and reach.binding.value is not None
            and self._config_like(reach.binding.value, reach.binding.place, depth + 1)
            for reach in reaches
        )

    # -- operations ----------------------------------------------------------------------------

    def _formatted(self, node: cst.FormattedString, place: Place) -> Value:
        pieces: list[Value] = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                pieces.append(Value(text=part.value.replace("{{", "{").replace("}}", "}")))
                continue
            assert isinstance(part, cst.FormattedStringExpression)
            value = self.evaluate(part.expression, place)
            text = known_text(value, names_in(part.expression))
            if not value.constant:
                text = hinted(text, names_in(part.expression))
            spec = "".join(
                p.value for p in part.format_spec or () if isinstance(p, cst.FormattedStringText)
            )
            value = replace(value, text=text if not spec else unknown(text))
            pieces.append(formatted_with(value, spec))
        return concatenated(pieces)

    def _binary(self, node: cst.BinaryOperation, place: Place) -> Value:
        if isinstance(node.operator, cst.Add):
            return self._sum(node, place)
        left, right = self.evaluate(node.left, place), self.evaluate(node.right, place)
        if isinstance(node.operator, cst.Modulo):
            if is_text(node.left) or (left.text is not None and "%" in left.text):
                elements = node.right.elements if isinstance(node.right, cst.Tuple) else ()
                pieces = [self.evaluate(element.value, place) for element in elements] or [right]
                return percent_format(left, right, node.right, constants(pieces))
            return union([left.weakened(REMAINDER), right], unknown())
        if isinstance(node.operator, cst.FloorDivide):
            return union([left.weakened(QUOTIENT), right], unknown())
        is_path = left.text is not None and right.text is not None
        if isinstance(node.operator, cst.Divide) and is_path:
            return joined_path([left, right])
        return union([left.without_text(), right.without_text()], unknown())

    def _sum(self, node: cst.BinaryOperation, place: Place) -> Value:
        """A chain of ``+``, from the left, without recursion into its length."""
        terms: list[cst.BaseExpression] = []
        current: cst.BaseExpression = node
        while isinstance(current, cst.BinaryOperation) and isinstance(current.operator, cst.Add):
            terms.append(current.right)
            current = current.left
        terms.append(current)
        terms.reverse()
        values = []
        for term in terms:
            value = self.evaluate(term, place)
            if value.text is not None and not value.constant:
                value = replace(value, text=hinted(value.text, names_in(term)))
            values.append(value)
        if any(isinstance(term, cst.Integer | cst.Float) for term in terms):
            return union([value.without_text() for value in values], unknown(names_in(node.left)))
        return concatenated(values)

    def _subscript(self, node: cst.Subscript, place: Place) -> Value:
        key = literal_key(node)
        if isinstance(node.value, cst.Name):
            base = self._name(node.value.value, place, key)
        elif isinstance(node.value, cst.Attribute):
            base = self._attribute(node.value, place, key)
        else:
            base = self.evaluate(node.value, place)
        values = [base.without_text()]
        for element in node.slice:
            if isinstance(element.slice, cst.Index):
                values.append(self.evaluate(element.slice.value, place).without_text())
        return union(values, unknown(names_in(node)))

    # -- calls ---------------------------------------------------------------------------------

    def _called(self, node: cst.Call, place: Place) -> str | None:
        """Return the qualified name of what is called; an unbound name stands for itself."""
        full = self.flow.resolve(node.func, place)
        if full is not None:
            return full
        name = dotted(node.func)
        if name is None:
            return None
        base = name.partition(".")[0]
        return name if self.flow.lookup(base, place).owner is None else None

    def _call(self, node: cst.Call, place: Place) -> Value:
        name = self._called(node, place)
        arguments = [self.evaluate(argument.value, place) for argument in node.args]
        if name is not None:
            known = self._known_function(name, node, arguments, place)
            if known is not None:
                return known
        function = self.flow.definition(node.func, place)
        if function is not None and function.kind == "function":
            entered = self._entered(function, node, arguments, place)
            if entered is not None:
                return entered
        if isinstance(node.func, cst.Attribute) and self._is_pure(node.func, place):
            return self._method(node, node.func, arguments, place)
        hint = unknown(names_in(node.func))
        plain = [value.without_text() for value in arguments]
        if _GIVES_FOLDER.search(last_name(node.func)):
            receiver = getattr(node.func, "value", None)
            if isinstance(receiver, cst.BaseExpression):
                plain.append(self.evaluate(receiver, place).without_text())
            return union(plain, hint)
        return union([self.opaque(place), *plain], hint)

    def _is_pure(self, func: cst.Attribute, place: Place) -> bool:
        """Say whether a method gives the same answer for the same receiver and arguments."""
        if func.attr.value == "get":  # config.get("out"), but not queue.get()
            return self._config_like(func.value, place)
        return func.attr.value in _PURE_METHODS

    def _known_function(
        self, name: str, node: cst.Call, arguments: list[Value], place: Place
    ) -> Value | None:
        if name.startswith("tempfile.") and name not in _PURE_FUNCTIONS:
            return replace(self.opaque(place), temporary=True)
        if name in _JOINS:
            if any(argument.star for argument in node.args):
                return union([value.without_text() for value in arguments], unknown())
            return joined_path(
                [with_hint(v, names_in(a.value)) for v, a in zip(arguments, node.args, strict=True)]
            )
        if name in _PATHS:
            if not arguments:
                return Value(text=".")
            return joined_path(arguments)
        if name == "str" or name == "os.fspath":
            return union(arguments, arguments[0].text if len(arguments) == 1 else unknown())
        if name in _ROUNDING:
            return union([value.weakened("a rounded number") for value in arguments], unknown())
        if name == "int" and len(arguments) == 1:
            return self._truncated(node, arguments[0], place)
        if name == "getattr" and len(arguments) >= 2:
            return union([value.without_text() for value in arguments], unknown())
        if name in _RANDOM:
            return self.opaque(place).weakened("a random number")
        if name in _COARSE_CLOCKS:
            return self.opaque(place).weakened("a clock read in seconds")
        if name in _PURE_BUILTINS or name in _PURE_FUNCTIONS:
            return union([value.without_text() for value in arguments], unknown())
        return None

    def _truncated(self, node: cst.Call, value: Value, place: Place) -> Value:
        inner = node.args[0].value
        if isinstance(inner, cst.BinaryOperation) and isinstance(inner.operator, cst.Divide):
            return union([value.weakened("a rounded number")], unknown())
        if isinstance(inner, cst.Call) and self._called(inner, place) == "time.time":
            return value.weakened("a clock read in seconds")
        return union([value], value.text)

    def _method(
        self, node: cst.Call, func: cst.Attribute, arguments: list[Value], place: Place
    ) -> Value:
        method = func.attr.value
        receiver = self.evaluate(func.value, place)
        pieces = [receiver, *arguments]
        if method in ("format", "format_map"):
            if any(_hides_locals(argument) for argument in node.args):
                return union([self.opaque(place)], known_text(receiver))
            return str_format(receiver, arguments, node)
        if method == "joinpath":
            return joined_path(pieces)
        if method in ("resolve", "absolute", "expanduser", "as_posix"):
            return union([receiver], receiver.text)
        if method in ("with_suffix", "with_name", "with_stem"):
            return union(pieces, with_part(receiver, method, arguments))
        if method == "strftime":
            text = arguments[0].text if arguments else None
            coarse = text is None or "%f" not in text
            value = union([value.without_text() for value in pieces], unknown())
            return value.weakened("a clock read in seconds") if coarse else value
        return union([value.without_text() for value in pieces], unknown(names_in(func.value)))

    def _entered(
        self, function: Scope, node: cst.Call, arguments: list[Value], place: Place
    ) -> Value | None:
        """Return what a call of a function of this file depends on, by what it returns."""
        if function.yields or not function.returns or len(self._calls) > 4:
            return None
        if function in self._calls or function.decorators():
            return None
        passed = self.passed(function, node, place)
        if passed is None:
            return None
        self._calls.append(function)
        try:
            returned = [self.evaluate(expr, where) for expr, where in function.returns]
        finally:
            self._calls.pop()
        joined = self._join(returned, function.name)
        return self.substitute(joined, function, passed, place)

    def passed(self, function: Scope, node: cst.Call, place: Place) -> dict[Binding, Value] | None:
        """Return what a call passes for each parameter, or ``None`` if that cannot be told."""
        if any(argument.star for argument in node.args):
            return None
        parameters = list(function.params)
        found: dict[Binding, Value] = {}
        if function.self_name is not None and isinstance(node.func, cst.Attribute | cst.Call):
            receiver = node.func.value if isinstance(node.func, cst.Attribute) else node.func
            found[parameters.pop(0)] = self.evaluate(receiver, place)
        elif function.self_name is not None:  # Trainer(...) -> __init__, stopper(...) -> __call__
            found[parameters.pop(0)] = self.evaluate(node.func, place)
        by_name = {binding.name: binding for binding in parameters}
        for index, argument in enumerate(node.args):
            keyword = argument.keyword.value if argument.keyword is not None else None
            target = by_name.get(keyword) if keyword else None
            if target is None and keyword is None and index < len(parameters):
                target = parameters[index]
            if target is not None:
                found[target] = self.evaluate(argument.value, place)
        for binding in parameters:
            if binding not in found and binding.value is not None and function.outer is not None:
                found[binding] = self.evaluate(binding.value, function.outer)
        return found

    def substitute(
        self, value: Value, function: Scope, passed: dict[Binding, Value], place: Place
    ) -> Value:
        """Express a value found inside ``function`` in the terms of a call at ``place``."""
        pieces = [Value(weak=value.weak, templates=value.templates, temporary=value.temporary)]
        for source in value.deps:
            solid = source in value.solid
            if isinstance(source, Binding):
                if source in passed:
                    piece = passed[source].without_text()
                elif source.place.scope is function:
                    piece = self.opaque(place)
                else:
                    piece = Value(frozenset([source]), frozenset([source]))
            elif source is function or (
                isinstance(source, Loop) and source.block.scope.function is function
            ):
                piece = self.opaque(place)
            else:
                piece = Value(frozenset([source]), frozenset([source]))
            if not solid and not isinstance(source, Binding):
                piece = replace(piece, solid=NOTHING)
            pieces.append(piece)
        return union(pieces, value.text)

    # -- joins ---------------------------------------------------------------------------------

    def _join(self, values: Sequence[Value], name: str) -> Value:
        if len(values) == 1:
            return values[0]
        return union(values, either(values) if values else unknown(name))


def _settled_before(value: Value, binding: Binding, place: Place) -> Value:
    """A value bound outside of a loop is the same in all its passes, whatever it was made from."""
    if binding.place.scope.function is not place.scope.function:
        return value
    around = {id(loop) for loop in binding.place.loops()}
    inner = frozenset(loop for loop in place.loops() if id(loop) not in around)
    if inner.isdisjoint(value.deps):
        return value
    return replace(value, deps=value.deps - inner, solid=value.solid - inner)


def _with_nested(scope: Scope) -> list[Scope]:
    found = [scope]
    for item in found:
        found.extend(item.scopes)
    return found


def _is_config(name: str) -> bool:
    lowered = name.lower().lstrip("_")
    return lowered in _CONFIG_NAMES or lowered.endswith(_CONFIG_ENDINGS)


def _shouts(name: str) -> bool:
    last = name.rpartition(".")[2]
    return len(last) > 1 and last.isupper()


def _hides_locals(argument: cst.Arg) -> bool:
    value = argument.value
    return bool(argument.star) or (
        isinstance(value, cst.Call) and dotted(value.func) in ("locals", "globals", "vars")
    )
