"""The save calls of a file: which writer they reach and what they pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from flake8_saveimage.knowledge.writer import Kind, Writer
from flake8_saveimage.knowledge.writers import Table
from flake8_saveimage.syntax.arguments import (
    Bound,
    bind,
    positional_parameters,
    written_arguments,
)
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.makers import maker_of
from flake8_saveimage.syntax.nodes import dotted, last_part
from flake8_saveimage.syntax.scopes import Binding, CallSite, Facts, Place


@dataclass(eq=False)
class SaveCall:
    """One call of a writer.

    ``qualified_name`` is what the callee resolves to, ``siblings`` are all save calls of the file
    in source order, ``index`` is the place of this one among them.
    """

    flow: Flow
    call_site: CallSite
    qualified_name: str
    writer: Writer
    siblings: Sequence[SaveCall]
    index: int

    @property
    def call(self) -> cst.Call:
        """The call itself."""
        return self.call_site.node

    @property
    def place(self) -> Place:
        """Where the call is evaluated."""
        return self.call_site.place

    @property
    def kind(self) -> Kind:
        """What the writer saves."""
        return self.writer.kind

    @cached_property
    def arguments(self) -> dict[str, cst.Arg]:
        """The arguments by parameter name; those after ``*args`` are left out.

        Removed keywords are kept under their old names.
        """
        return dict(self._bound.given)

    @cached_property
    def has_star_arguments(self) -> bool:
        """Whether ``*args`` or ``**kwargs`` hide what is passed."""
        return not self._bound.complete

    @cached_property
    def _bound(self) -> Bound[cst.Arg]:
        return bind(self._parameters(), written_arguments(self.call))

    def _parameters(self) -> Sequence[str]:
        """Return the positional parameters; if its row lacks them, those of its definition."""
        if self.writer.signature:
            return self.writer.parameters
        defined = self.flow.definition(self.call.func, self.place)
        return positional_parameters(defined.node) if defined is not None else ()

    def argument(self, name: str) -> cst.BaseExpression | None:
        """Return the value passed for a parameter, also under its removed names."""
        given = self.arguments.get(name)
        if given is None and self.writer.renamed:
            old = (old for old, new in self.writer.renamed.items() if new == name)
            given = next((self.arguments[name] for name in old if name in self.arguments), None)
        return given.value if given is not None else None

    @cached_property
    def saved(self) -> cst.BaseExpression | None:
        """The tensor or object that is saved."""
        if self.writer.value == "self":
            return self.call.func.value if isinstance(self.call.func, cst.Attribute) else None
        return self.argument(self.writer.value)

    @cached_property
    def destination(self) -> cst.BaseExpression | None:
        """The path (or file object) that is written."""
        return self.argument(self.writer.path)


def save_calls(flow: Flow) -> list[SaveCall]:
    """Return the save calls of the checked file, in source order."""
    names = _names(flow.facts, flow.writers)
    found: list[SaveCall] = []
    for call in flow.facts.calls:
        site = save_call(flow, call, found) if call.name in names else None
        if site is not None:
            found.append(site)
    return found


def save_call(flow: Flow, call: CallSite, siblings: Sequence[SaveCall] = ()) -> SaveCall | None:
    """Return a call as a save call, if it is one; ``siblings`` are the saves before it."""
    table, function = flow.writers, call.node.func
    target = flow.resolve(function, call.place)
    writer = table.function(target) if target is not None else None
    if writer is None and isinstance(function, cst.Attribute) and call.name in table.methods:
        maker = maker_of(flow, function.value, call.place)
        writer = table.methods[call.name].get(maker or "")
        target = writer.name if writer is not None else None
    if target is None or writer is None:
        return None
    return SaveCall(flow, call, target, writer, siblings, len(siblings))


def _names(facts: Facts, table: Table) -> frozenset[str]:
    """Return the writers' last names and those that the file gives them (``s = torch.save``)."""
    known = {*table.leaves, *table.vendored, *table.methods}
    grew = True
    while grew:  # `s = torch.save; t = s`: a few rounds at most
        grew = False
        for scope in facts.scopes:
            for name, bindings in scope.bindings.items():
                last = last_part(name)
                if last not in known and any(_last_name(b) in known for b in bindings):
                    known.add(last)
                    grew = True
    return frozenset(known)


def _last_name(binding: Binding) -> str | None:
    if binding.kind == "import":
        return last_part(binding.source)
    if binding.kind == "assign" and not binding.pattern:
        return last_part(dotted(binding.value))
    return None
