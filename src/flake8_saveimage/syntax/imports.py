"""Names that other files of the project define: what is asked of whoever finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from flake8_saveimage.syntax.scopes import Binding, Facts, Scope


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a qualified name means in another file.

    ``bindings`` are those of a name at the top level of the file with ``facts``; ``rest`` are the
    attributes that the qualified name takes of it (``Config.OUT``).
    """

    bindings: Sequence[Binding]
    facts: Facts
    rest: Sequence[str] = ()

    @property
    def defined(self) -> Scope | None:
        """The function or class that the name stands for, if it is the only one."""
        scopes = {id(binding.defined): binding.defined for binding in self.bindings}
        only = next(iter(scopes.values())) if len(scopes) == 1 else None
        return only if not self.rest else None


class Importer(Protocol):
    """Finds definitions in other files of the project."""

    def find(self, qualified: str, importing: Facts) -> Foreign | None:
        """Return what a qualified name, as the file ``importing`` uses it, means elsewhere."""


class NoImporter:
    """Every name from another file is unknown."""

    def find(self, qualified: str, importing: Facts) -> Foreign | None:
        """Return ``None``."""
        return None
