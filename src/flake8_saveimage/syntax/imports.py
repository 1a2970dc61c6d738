"""Names that other files of the project define: what is asked of whoever finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from flake8_saveimage.syntax.scopes import Binding, Facts, Scope

Aim: TypeAlias = Literal["save", "join"]
"""What code of other files is looked for: code that saves, or that joins the processes of a job."""


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


@dataclass(frozen=True, slots=True, eq=False)
class TextPlace:
    """A line that was found by text: what stands there is not parsed. ``name`` is what it calls."""

    path: str
    line: int
    text: str
    name: str


class Importer(Protocol):
    """Finds definitions in other files of the project."""

    def library_name(self, qualified: str, importing: Facts) -> str | None:
        """Return a library's own name for one that files of the project only pass on."""

    def reaches(self, qualified: str, importing: Facts, aim: Aim) -> bool:
        """Say by text whether a call of a name that a file imports may do something."""

    def reader(self, name: str, checked: Facts) -> TextPlace | None:
        """Return a call that reads a file of this name, in the checked file or the project."""

    def find(self, qualified: str, importing: Facts) -> Foreign | None:
        """Return what a qualified name, as the file ``importing`` uses it, means elsewhere."""


class NoImporter:
    """Every name from another file is unknown."""

    def library_name(self, qualified: str, importing: Facts) -> str | None:
        """Return ``None``."""
        return None

    def reaches(self, qualified: str, importing: Facts, aim: Aim) -> bool:
        """Return ``False``."""
        return False

    def reader(self, name: str, checked: Facts) -> TextPlace | None:
        """Return ``None``."""
        return None

    def find(self, qualified: str, importing: Facts) -> Foreign | None:
        """Return ``None``."""
        return None


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Finds only what may do something, by text: the rest need not be parsed."""

    importer: Importer
    aim: Aim

    def library_name(self, qualified: str, importing: Facts) -> str | None:
        """Return a library's own name for one that files of the project only pass on."""
        return self.importer.library_name(qualified, importing)

    def reaches(self, qualified: str, importing: Facts, aim: Aim) -> bool:
        """Say by text whether a call of a name that a file imports may do something."""
        return self.importer.reaches(qualified, importing, aim)

    def reader(self, name: str, checked: Facts) -> TextPlace | None:
        """Return a call that reads a file of this name, in the checked file or the project."""
        return self.importer.reader(name, checked)

    def find(self, qualified: str, importing: Facts) -> Foreign | None:
        """Return what a qualified name means elsewhere, if it may do what is looked for."""
        if not self.importer.reaches(qualified, importing, self.aim):
            return None
        return self.importer.find(qualified, importing)
