"""The save calls of a file: which function they reach and what they pass."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import libcst as cst

from flake8_saveimage.dependence import Dependence
from flake8_saveimage.flow import Flow
from flake8_saveimage.module import Binding, CallSite, Facts, Place, dotted

if TYPE_CHECKING:
    from flake8_saveimage.paths import PathFact
    from flake8_saveimage.ranges import RangeFact

# Qualified name -> (what is saved, positional parameters).
_IMAGE_PARAMETERS = ("tensor", "fp", "format")
_OBJECT_PARAMETERS = (
    "obj", "f", "pickle_module", "pickle_protocol", "_use_new_zipfile_serialization",
)  # fmt: skip
TARGETS: dict[str, tuple[Literal["image", "object"], tuple[str, ...]]] = {
    "torchvision.utils.save_image": ("image", _IMAGE_PARAMETERS),
    "torch.utils.save_image": ("image", _IMAGE_PARAMETERS),
    "torch.save": ("object", _OBJECT_PARAMETERS),
    "torch.serialization.save": ("object", _OBJECT_PARAMETERS),
}
_NAMES = frozenset({"save", "save_image"})


class SaveSite:
    """One call of torchvision's ``save_image`` or of ``torch.save``.

    ``kind`` is ``"image"`` or ``"object"``; ``qualified_name`` what the callee resolves to.
    """

    def __init__(self, flow: Flow, call: CallSite, qualified_name: str) -> None:
        self.flow = flow
        self.facts: Facts = flow.facts
        self.call_site = call
        self.call: cst.Call = call.node
        self.place: Place = call.place
        self.qualified_name = qualified_name
        self.kind, self.parameters = TARGETS[qualified_name]
        # Shared by all sites of a file, so that answers are found once.
        self.siblings: list[SaveSite] = []
        self.index = 0
        self.dependence: Dependence

    @cached_property
    def arguments(self) -> dict[str, cst.Arg]:
        """The arguments by parameter name; those after ``*args`` are left out.

        The removed names ``filename=`` and ``range=`` are kept under those names.
        """
        found: dict[str, cst.Arg] = {}
        positional = iter(self.parameters)
        starred = False
        for argument in self.call.args:
            if argument.keyword is not None:
                found[argument.keyword.value] = argument
            elif argument.star:
                starred = True
            elif not starred:
                name = next(positional, None)
                if name is not None:
                    found[name] = argument
        return found

    @cached_property
    def has_star_arguments(self) -> bool:
        """Whether ``*args`` or ``**kwargs`` hide what is passed."""
        return any(argument.star for argument in self.call.args)

    def argument(self, *names: str) -> cst.BaseExpression | None:
        """Return the value passed for the first of the parameters that is given."""
        for name in names:
            if name in self.arguments:
                return self.arguments[name].value
        return None

    @property
    def saved(self) -> cst.BaseExpression | None:
        """The tensor or object that is saved."""
        return self.argument("tensor", "obj")

    @property
    def destination(self) -> cst.BaseExpression | None:
        """The path (or file object) that is written."""
        return self.argument("fp", "f", "filename")

    @cached_property
    def path(self) -> PathFact:
        """Which loops the path depends on, and whether the overwriting is meant."""
        from flake8_saveimage.paths import path_fact

        return path_fact(self)

    @cached_property
    def values(self) -> RangeFact:
        """What values and dtype reach the call."""
        from flake8_saveimage.ranges import range_fact

        return range_fact(self)


def save_sites(flow: Flow) -> list[SaveSite]:
    """Return the save calls of the file, in source order."""
    names = _names(flow.facts)
    sites = []
    for call in flow.facts.calls:
        if call.name in names:
            target = flow.resolve(call.node.func, call.place)
            if target in TARGETS:
                sites.append(SaveSite(flow, call, target))
    dependence = Dependence(flow)
    for index, site in enumerate(sites):
        site.siblings, site.index = sites, index
        site.dependence = dependence
    return sites


def _names(facts: Facts) -> frozenset[str]:
    """The save functions' names and those that the file gives them (``s = torch.save``)."""
    known = set(_NAMES)
    grew = True
    while grew:  # `s = torch.save; t = s`: a few rounds at most
        grew = False
        for scope in facts.scopes:
            for name, bindings in scope.bindings.items():
                last = name.rpartition(".")[2]
                if last not in known and any(_last_name(b) in known for b in bindings):
                    known.add(last)
                    grew = True
    return frozenset(known)


def _last_name(binding: Binding) -> str | None:
    if binding.kind == "import":
        return (binding.source or "").rpartition(".")[2]
    if binding.kind == "assign" and not binding.pattern:
        value = binding.value
        if isinstance(value, cst.Name | cst.Attribute):
            return (dotted(value) or "").rpartition(".")[2]
    return None
