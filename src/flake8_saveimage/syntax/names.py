"""What a name stands for: qualified names, through imports and aliases."""

from __future__ import annotations

import libcst as cst

from flake8_saveimage.knowledge.writers import BY_NAME, PACKAGES
from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.reaching import Reaching
from flake8_saveimage.syntax.scopes import Facts, Place

# What `from torchvision.utils import *` is known to bring.
_STARRED = frozenset({*BY_NAME, "torchvision.utils.make_grid"})
_MAX_ALIASES = 8


class Resolution(Reaching):
    """Resolves names to qualified names. Answers are remembered.

    A name that another file of the project defines resolves to the name that its import gives it:
    ``models.Generator``, or ``.models.Generator`` with a dot for each level of a relative import.
    """

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts)
        self._resolved: dict[tuple[str, int, int], str | None] = {}

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
            return name if base in PACKAGES and rest else self._from_star(name)
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
        full_names = {f"{source}.{rest}" if rest else source for source in sources}
        return full_names.pop() if len(full_names) == 1 else None

    def _from_star(self, name: str) -> str | None:
        """A name that nothing binds, under ``from torchvision.utils import *``."""
        candidates = (f"{module}.{name}" for module in self.facts.star_imports)
        return next((full for full in candidates if full in _STARRED), None)


def _is_none(node: cst.CSTNode | None) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"
