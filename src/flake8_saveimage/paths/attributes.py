"""Attributes: of the object itself, of objects of this file, of settings and paths. Subscripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from flake8_saveimage.knowledge.calls import CONSTRUCTORS, PATH_ATTRIBUTES
from flake8_saveimage.knowledge.words import (
    is_constant_name,
    says_counter,
    says_folder,
    says_settings,
)
from flake8_saveimage.paths.arguments import seen_from_call
from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.formatting import path_attribute
from flake8_saveimage.paths.settings import holds_settings
from flake8_saveimage.paths.texts import (
    NOTHING,
    Sources,
    SymbolicText,
    hinted,
    join,
    names_in,
    union,
    unknown,
    varying,
)
from flake8_saveimage.syntax.flow import enclosing_method
from flake8_saveimage.syntax.nodes import dotted, last_part, literal_key
from flake8_saveimage.syntax.reaching import Lookup, Reach
from flake8_saveimage.syntax.scopes import Binding, Place, Scope

# The same for every object of a class.
_OF_THE_CLASS = frozenset({"__name__", "__class__", "__qualname__", "__module__"})


def subscript(evaluation: Evaluation, node: cst.Subscript, place: Place) -> SymbolicText:
    """``config["out"]``, ``names[i]``."""
    key = literal_key(node)
    if isinstance(node.value, cst.Name):
        base = evaluation.name(node.value.value, place, key)
    elif isinstance(node.value, cst.Attribute):
        base = attribute(evaluation, node.value, place, key)
    else:
        base = evaluation.evaluate(node.value, place)
    values = [base.without_text()]
    for element in node.slice:
        if isinstance(element.slice, cst.Index):
            values.append(evaluation.evaluate(element.slice.value, place).without_text())
    return union(values, unknown(names_in(node)))


def attribute(
    evaluation: Evaluation, node: cst.Attribute, place: Place, key: str | None = None
) -> SymbolicText:
    """``self.x``, ``args.out``, ``path.stem``; ``key`` is the literal that subscripts it."""
    name = dotted(node)
    if node.attr.value in _OF_THE_CLASS:
        return union([evaluation.evaluate(node.value, place).without_text()], unknown(name or ""))
    if name is None:
        base = evaluation.evaluate(node.value, place)
        if node.attr.value in PATH_ATTRIBUTES:
            return union([base], path_attribute(base, node.attr.value))
        return union([base, evaluation.opaque(place)], unknown(node.attr.value))
    lookup = evaluation.flow.lookup(name, place)
    if lookup.local and lookup.complete:
        values = [evaluation.binding(reach, place) for reach in lookup.reaches]
        return evaluation.mutated(join(values, name), name, lookup, place, key)
    method = enclosing_method(place)
    base_name, _, rest = name.partition(".")
    if method is not None and base_name == method.self_name:
        own = _Own(evaluation, method, place).value(rest)
        return evaluation.mutated(own, name, lookup, place, key)
    return _foreign(evaluation, node, name, lookup, place, key)


class _Own:
    """Attributes of the object itself: invariant if only the constructor assigns them."""

    def __init__(self, evaluation: Evaluation, method: Scope, place: Place) -> None:
        assert method.owner_class is not None
        self.evaluation = evaluation
        self.owner = method.owner_class
        self.place = place
        self.root = self.owner.root
        self.receiver: Sources = frozenset(method.params[:1])

    def value(self, rest: str) -> SymbolicText:
        """Return the value of ``self.rest``."""
        bindings = self.evaluation.flow.class_attribute(self.owner, rest)
        if not bindings:
            return self._unbound(rest)
        here = self.place.scope.function
        own = [b for b in bindings if b.place.scope.function is here]
        others = [b for b in bindings if b.place.scope.function is not here]
        if own and not all(_is_settled(self.evaluation, b, self.owner) for b in others):
            return self._unseen(rest)
        if own and not all(_is_settled(self.evaluation, b, self.owner) for b in own):
            return self._changed_here(own, rest)
        values = []
        for binding in bindings:
            value = self._assigned(binding, rest)
            if value is None:
                return self._unseen(rest)
            values.append(value)
        joined = join(values, rest)
        outside = self._assigned_from_outside(rest)
        if outside:
            joined = union([joined, *outside], unknown(rest))
        if not joined.constant and joined.text is not None:
            joined = replace(joined, text=hinted(joined.text, rest))
        return joined

    def _assigned_from_outside(self, rest: str) -> list[SymbolicText]:
        """``trainer.epoch = epoch``, in this file or another."""
        return [
            self.evaluation.assigned_elsewhere(binding, self.place)
            for binding in self.evaluation.flow.attribute_stores(rest)
            if self._may_be_of_this_class(binding)
            and (binding.place.scope.function.kind != "module" or binding.place.loops())
        ]

    def _may_be_of_this_class(self, binding: Binding) -> bool:
        """Say whether ``x.attribute = value`` may set an attribute of an object of the class."""
        base = binding.name.rpartition(".")[0]
        if base == binding.place.scope.function.self_name:
            return False  # one of the bindings of the class, or of another one
        owner = self.evaluation.flow.class_of(cst.Name(base), binding.place)
        return owner is self.owner or (owner is None and binding.place.scope.root is not self.root)

    def _changed_here(self, own: Sequence[Binding], rest: str) -> SymbolicText:
        """``self.epoch += 1`` in this function alone: the same until the next one."""
        loops = {loop for binding in own for loop in binding.place.loops()}
        around = [loop for loop in self.place.loops() if loop in loops]
        return varying([*around, self.place.scope.function, *self.receiver], unknown(rest))

    def _unseen(self, rest: str) -> SymbolicText:
        receiver = SymbolicText(self.receiver)
        return union([self.evaluation.opaque(self.place), receiver], unknown(rest))

    def _unbound(self, rest: str) -> SymbolicText:
        """What no method of this file binds: a property, something inherited."""
        getter = self.evaluation.flow.method(self.owner, rest)
        if getter is not None and "property" in getter.decorators():
            returned = self.evaluation.returned(getter)
            if returned is None:
                return self._unseen(rest)
            passed = {binding: SymbolicText(self.receiver) for binding in getter.params[:1]}
            return seen_from_call(self.evaluation, returned, getter, passed, self.place)
        if self._is_inherited_setting(rest):
            return SymbolicText(self.receiver, text=unknown(rest))
        return self._unseen(rest)

    def _assigned(self, binding: Binding, rest: str) -> SymbolicText | None:
        """Return what one binding of the attribute gives it, ``None`` if that cannot be told."""
        value = self.evaluation.binding(Reach(binding, ()), binding.place)
        if _is_settled(self.evaluation, binding, self.owner):
            return replace(value, deps=self.receiver if value.deps else NOTHING, solid=NOTHING)
        function = binding.place.scope.function
        if binding.kind != "assign" or says_counter(rest) or says_counter(function.name):
            return None
        changes = self.evaluation.changes_with(binding)
        if changes is None:
            return None
        return replace(value, deps=changes | self.receiver, solid=changes)

    def _is_inherited_setting(self, rest: str) -> bool:
        """``self.args.out``, ``self.logger.log_dir``: not bound here, but a setting."""
        first, _, more = rest.partition(".")
        if not more:
            return says_settings(first) or says_folder(first)
        if any(says_settings(part) for part in rest.split(".")[:-1]):
            return True
        holder = self.evaluation.flow.class_attribute(self.owner, first)
        if not all(_is_settled(self.evaluation, b, self.owner) for b in holder):
            return False
        if says_folder(last_part(rest)) or is_constant_name(rest):
            return True
        return bool(holder) and _hold_settings(self.evaluation, holder)


def _hold_settings(evaluation: Evaluation, bindings: Sequence[Binding]) -> bool:
    return all(
        b.value is not None and holds_settings(evaluation.flow, b.value, b.place) for b in bindings
    )


# -- bound once in the life of the object ------------------------------------------------------


def _is_settled(evaluation: Evaluation, binding: Binding, owner: Scope) -> bool:
    """Say whether a binding of an attribute is made once in the life of the object."""
    if binding.kind == "aug":
        return False
    scope = binding.place.scope
    if scope.kind == "class":
        return True
    function = scope.function
    if function.name in CONSTRUCTORS:
        return True
    if function.owner_class is None:
        return False
    callers = evaluation.flow.callers(function)
    return bool(callers) and all(
        site.place.scope.function.owner_class is function.owner_class
        and not site.place.loops()
        and _constructs(evaluation, site.place.scope.function, 1)
        for site in callers
    )


def _constructs(evaluation: Evaluation, function: Scope, depth: int) -> bool:
    """Say whether a function only runs while its object is constructed."""
    if function.name in CONSTRUCTORS:
        return True
    if depth > 3:
        return False
    callers = evaluation.flow.callers(function)
    return bool(callers) and all(
        _constructs(evaluation, site.place.scope.function, depth + 1) for site in callers
    )


# -- other objects -----------------------------------------------------------------------------


def _foreign(
    evaluation: Evaluation,
    node: cst.Attribute,
    name: str,
    lookup: Lookup,
    place: Place,
    key: str | None,
) -> SymbolicText:
    """``args.out``, ``config.OUT``, ``Config.OUT``, ``path.stem``, ``module.NAME``."""
    last = node.attr.value
    hint = unknown(name)
    if lookup.reaches:  # args.lr = lr, somewhere in sight
        values = [evaluation.binding(reach, place) for reach in lookup.reaches]
        value = evaluation.mutated(join(values, name), name, lookup, place)
        base = evaluation.evaluate(node.value, place)
        return value if lookup.complete else union([value, base], hint)
    if isinstance(node.value, cst.Name):
        base = evaluation.name(node.value.value, place, repr(last)).without_text()
    else:
        base = evaluation.evaluate(node.value, place).without_text()
    base = union([base, *_set_elsewhere(evaluation, last, name, place)])
    owner = evaluation.flow.class_of(node.value, place)
    if owner is not None:
        return _class_member(evaluation, owner, last, base, place)
    full = evaluation.flow.resolve(node, place)
    if full is not None:
        member = evaluation.elsewhere(full, place, key)
        known = evaluation.flow.foreign(full, place)
        if member is None and known is None and full.lstrip(".").count(".") <= 2:
            member = SymbolicText(text=hint)
        if member is not None:
            return evaluation.mutated(member, name, lookup, place, key)
    if last in PATH_ATTRIBUTES:
        full_base = evaluation.evaluate(node.value, place)
        return union([full_base], path_attribute(full_base, last))
    if says_folder(last) or is_constant_name(last):
        return union([base], hint)
    if holds_settings(evaluation.flow, node.value, place):
        return union([base], hint)
    return union([base, evaluation.opaque(place)], hint)


def _class_member(
    evaluation: Evaluation, owner: Scope, name: str, base: SymbolicText, place: Place
) -> SymbolicText:
    bindings = evaluation.flow.class_attribute(owner, name)
    if not bindings and says_folder(name):
        return union([base], unknown(name))
    if not bindings or not all(_is_settled(evaluation, b, owner) for b in bindings):
        return union([base, evaluation.opaque(place)], unknown(name))
    if any(isinstance(binding.node, cst.AnnAssign) for binding in bindings):
        return union([base], unknown(name))  # the default of a field: an object may have another
    values = [evaluation.binding(Reach(b, ()), b.place) for b in bindings]
    return replace(join(values, name), deps=base.deps, solid=base.solid)


def _set_elsewhere(
    evaluation: Evaluation, last: str, name: str, place: Place
) -> list[SymbolicText]:
    """Return what other functions add that assign this attribute (``args.epoch = epoch``)."""
    base = name.rpartition(".")[0]
    if base in ("self", "cls"):
        return []
    here, root = place.scope.function, place.scope.root
    return [
        evaluation.assigned_elsewhere(binding, place)
        for binding in evaluation.flow.attribute_stores(last)
        if (binding.name == name or binding.place.scope.root is not root)
        and (function := binding.place.scope.function) is not here
        and (function.kind != "module" or binding.place.loops())
    ]
