"""What a name can stand for beside tensors and constants: functions, classes, layers, loaders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flake8_saveimage.syntax.arguments import Bound
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.scopes import Scope
from flake8_saveimage.values.domain import Abstract, Thing
from flake8_saveimage.values.operations import Passed


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One activation of a function in the file that ``flow`` describes.

    ``parameters`` holds the arguments of the functions around it, ``instance`` is ``self``;
    ``depth`` counts nested calls.
    """

    flow: Flow
    parameters: Mapping[tuple[int, str], Abstract] = field(default_factory=dict)
    instance: Instance | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Function(Thing):
    """A function or lambda of the program, and the activation that it closes over."""

    scope: Scope
    frame: Frame
    instance: Instance | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Class(Thing):
    """A class of the program."""

    scope: Scope
    frame: Frame


@dataclass(frozen=True, slots=True, eq=False)
class Instance(Thing):
    """An object of a class of the program; ``frame`` binds the parameters of its ``__init__``."""

    scope: Scope
    frame: Frame


@dataclass(frozen=True, slots=True, eq=False)
class Layer(Thing):
    """A layer of ``torch.nn``: its class name and the arguments of its constructor."""

    name: str
    arguments: Bound[Abstract]
    node: object


@dataclass(frozen=True, slots=True, eq=False)
class Sequential(Thing):
    """``nn.Sequential``: layers applied one after the other."""

    steps: tuple[Abstract, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Transform(Thing):
    """A transform of ``torchvision.transforms``: its name and its constructor's arguments."""

    name: str
    arguments: Bound[Abstract]
    node: object


@dataclass(frozen=True, slots=True, eq=False)
class Chain(Thing):
    """``Compose`` of transforms; ``complete`` is false if some of them are not visible."""

    steps: tuple[Abstract, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Dataset(Thing):
    """A dataset of ``torchvision.datasets``: pairs of a transformed image and a label."""

    transform: Abstract | None


@dataclass(frozen=True, slots=True, eq=False)
class Loader(Thing):
    """Something that yields the items of ``source``: a generator, or a DataLoader, which collates.

    Collating makes tensors of arrays, and stacks them.
    """

    source: Abstract
    collates: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Table(Thing):
    """A dict with constant keys."""

    entries: Mapping[Any, Abstract]


@dataclass(frozen=True, slots=True, eq=False)
class Named(Thing):
    """A function, class or constant of a library, by its qualified name."""

    qualified: str


@dataclass(frozen=True, slots=True, eq=False)
class LibraryObject(Thing):
    """An object of a library's class, by the qualified name of the class."""

    class_name: str


@dataclass(frozen=True, slots=True, eq=False)
class Partial(Thing):
    """``functools.partial``: a callable and the arguments that it already has."""

    target: Thing
    arguments: Passed
