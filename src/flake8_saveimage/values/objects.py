"""What a name can stand for beside tensors and constants: functions, classes, modules, loaders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flake8_saveimage.syntax.scopes import Scope
from flake8_saveimage.values.calls import Arguments
from flake8_saveimage.values.domain import Abstract, Thing


class Frame:
    """One activation: what the parameters of the entered functions stand for, and ``self``.

    ``parameters`` are those of all functions around; ``depth`` counts how deep calls were entered.
    """

    __slots__ = ("depth", "instance", "parameters")

    def __init__(
        self,
        parameters: Mapping[tuple[int, str], Abstract],
        instance: Instance | None = None,
        depth: int = 0,
    ) -> None:
        self.parameters = parameters
        self.instance = instance
        self.depth = depth


@dataclass(frozen=True, slots=True, eq=False)
class Function(Thing):
    """A function or lambda of this file, and the activation that it closes over."""

    scope: Scope
    frame: Frame
    instance: Instance | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Class(Thing):
    """A class of this file."""

    scope: Scope
    frame: Frame


@dataclass(frozen=True, slots=True, eq=False)
class Instance(Thing):
    """An object of a class of this file; ``frame`` binds the parameters of its ``__init__``."""

    scope: Scope
    frame: Frame
    attributes: dict[str, Abstract] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Layer(Thing):
    """A module of ``torch.nn`` by its class name, and where it is made."""

    name: str
    arguments: Arguments
    node: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Sequence(Thing):
    """``nn.Sequential``: modules applied one after the other."""

    steps: tuple[Abstract, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset(Thing):
    """A dataset of ``torchvision.datasets``: pairs of a transformed image and a label."""

    transform: Abstract | None


@dataclass(frozen=True, slots=True, eq=False)
class Loader(Thing):
    """Something that yields the items of ``source``: a DataLoader, an iterator, a progress bar."""

    source: Abstract


@dataclass(frozen=True, slots=True, eq=False)
class Table(Thing):
    """A dict with constant keys."""

    entries: Mapping[object, Abstract]


@dataclass(frozen=True, slots=True, eq=False)
class Named(Thing):
    """A function or class of a library, by its qualified name."""

    qualified: str


@dataclass(frozen=True, slots=True, eq=False)
class Partial(Thing):
    """``functools.partial``: a callable and the arguments that it already has."""

    target: Thing
    args: tuple[Abstract, ...]
    keywords: Mapping[str, Abstract]
