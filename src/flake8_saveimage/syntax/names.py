"""What a name stands for: qualified names, through imports and aliases."""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.knowledge.writers import DEFAULT, PACKAGES, STARRED, Table
from flake8_saveimage.syntax.imports import Aim, Foreign, Importer, NoImporter, TextPlace
from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.reaching import Lookup, Reaching, without_fallbacks
from flake8_saveimage.syntax.scopes import Binding, Facts, Place

_MAX_ALIASES = 8


class Resolution(Reaching):
    """Resolves names to qualified names. Answers are remembered.

    A name that another file of the project defines resolves to the name that its import gives it:
    ``models.Generator``, or ``.models.Generator`` with a dot for each level of a relative import.
    """

    def __init__(self, facts: Facts, importer: Importer, writers: Table = DEFAULT) -> None:
        super().__init__(facts)
        self.writers = writers
        self._importer = importer
        self._resolved: dict[tuple[str, int, int], str | None] = {}
        self._foreign: dict[tuple[str, int], Foreign | None] = {}

    @property
    def follows_imports(self) -> bool:
        """Whether other files of the project are looked into."""
        return not isinstance(self._importer, NoImporter)

    def foreign(self, qualified: str, place: Place) -> Foreign | None:
        """Return what a qualified name, used at a place, means in another file of the project."""
        root = place.scope.root
        key = (qualified, id(root))
        if key not in self._foreign:
            self._foreign[key] = None  # files that import each other end here
            self._foreign[key] = self._find(qualified, self.facts_of(root))
        return self._foreign[key]

    def is_of_object(self, qualified: str, place: Place) -> bool:
        """Tell ``module.options.out`` of another file from ``package.module.NAME``."""
        found = self.foreign(qualified, place)
        return found is not None and bool(found.rest)

    def reaches(self, qualified: str, place: Place, aim: Aim) -> bool:
        """Say by text whether a call of a name from another file may do something."""
        return self._importer.reaches(qualified, self.facts_of(place.scope), aim)

    def reader(self, name: str) -> TextPlace | None:
        """Return a call that reads a file of this name, in the checked file or its project."""
        return self._importer.reader(name, self.facts)

    def _lookup(self, name: str, place: Place) -> Lookup:
        """Find bindings; of an import that the project has, not what stands in for it."""
        found = super()._lookup(name, place)
        if len(found.reaches) < 2 or not self.follows_imports:
            return found
        kept = without_fallbacks([reach.binding for reach in found.reaches], self._is_found)
        return found._replace(reaches=tuple(r for r in found.reaches if r.binding in kept))

    def _is_found(self, binding: Binding) -> bool:
        return (
            binding.source is not None and self.foreign(binding.source, binding.place) is not None
        )

    def _find(self, qualified: str, importing: Facts) -> Foreign | None:
        if qualified.partition(".")[0] in PACKAGES:
            return None
        found = self._importer.find(qualified, importing)
        if found is not None and all(facts is not found.facts for facts in self.files):
            self.files.append(found.facts)
        return found

    def resolve(self, node: cst.BaseExpression, place: Place) -> str | None:
        """Return the qualified name that ``node`` stands for through imports and aliases.

        ``vutils.save_image`` -> ``torchvision.utils.save_image`` after ``import torchvision.utils
        as vutils``. ``None`` if the name is not (only) an import.
        """
        name = dotted(node)
        return self.resolve_name(name, place) if name is not None else None

    def resolve_name(self, name: str, place: Place, depth: int = 0) -> str | None:
        """Like :meth:`resolve`, for a dotted name."""
        key = (name, id(place.block), place.order)
        if key not in self._resolved:
            self._resolved[key] = None  # an alias of itself ends here
            self._resolved[key] = self._resolve_name(name, place, depth)
        return self._resolved[key]

    def _resolve_name(self, name: str, place: Place, depth: int) -> str | None:
        if depth > _MAX_ALIASES:
            return None
        base, _, rest = name.partition(".")
        lookup = self.lookup(base, place)
        if lookup.owner is None:
            return name if base in PACKAGES and rest else self._from_star(name, place)
        sources: set[str] = set()
        for binding, _loops in lookup.reaches:
            if binding.kind == "import" and binding.source:
                sources.add(binding.source)
            elif _is_none(binding.value) and binding.kind == "assign":
                continue  # `except ImportError: save_image = None`
            elif binding.kind == "assign" and not binding.pattern and binding.value is not None:
                target = dotted(binding.value)
                full = self.resolve_name(target, binding.place, depth + 1) if target else None
                if full is None:
                    return None
                sources.add(full)
            else:
                return None
        if not sources:
            return None
        if len(sources) != 1:
            return None
        source = sources.pop()
        return self._passed_on(f"{source}.{rest}" if rest else source, place)

    def _passed_on(self, qualified: str, place: Place) -> str:
        """Return the library's own name for one that a file of the project only passes on."""
        if qualified.partition(".")[0] in PACKAGES:
            return qualified
        importing = self.facts_of(place.scope)
        return self._importer.library_name(qualified, importing) or qualified

    def _from_star(self, name: str, place: Place) -> str | None:
        """A name that nothing binds, under ``from torchvision.utils import *``."""
        base = name.partition(".")[0]
        for module in self.facts_of(place.scope).star_imports:
            full = f"{module}.{name}"
            if full in self.writers.functions or full in STARRED:
                return full
            if self.foreign(f"{module}.{base}", place) is not None:
                return self._passed_on(full, place)
        return None


def _is_none(node: cst.CSTNode | None) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"
