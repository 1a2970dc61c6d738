"""What a row about a function that writes a file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["image", "object"]
Channels = Literal["RGB", "BGR", ""]

# Rows are named tuples because the gate reads them in every run of flake8, and dataclasses take
# longer to load.


class Image(NamedTuple):
    """What a writer of images takes.

    ``layout``: the order of height, width and channels, ``channels`` that of the colours (empty:
    not known).
    ``range``: the values that black and white are saved from; ``None`` if the row does not say.
    ``dtypes``: those that it takes, of ``"float"``, ``"uint8"``, ``"int"``, ``"long"`` (int64) and
    ``"bool"``; for another one it raises ``error`` (empty if it converts them), since the version
    ``since`` of a library, as ``refused_by`` (empty: the writer itself). ``outside``: what becomes
    of values outside of ``range``. ``if_coloured``: it raises for images with colours only.
    ``formats``: the suffixes with which it raises (empty: all but :data:`FLOAT_FORMATS`).
    """

    layout: Literal["CHW", "HWC", ""]
    channels: Channels = "RGB"
    range: tuple[float, float] | None = None
    dtypes: frozenset[str] = frozenset()
    outside: Literal["clipped", "wrapped", "raises"] = "clipped"
    error: str = ""
    since: str = ""
    refused_by: str = ""
    if_coloured: bool = False
    formats: tuple[str, ...] = ()


# Files that hold floating-point pixels as they are.
FLOAT_FORMATS = (".tif", ".tiff", ".exr", ".hdr", ".pfm", ".npy", ".npz", ".bsdf", ".fits", ".nii")


class Normalizer(NamedTuple):
    """The keywords that have a writer scale values itself: a switch, and the range it maps.

    ``bounds`` may be two keywords. Without a switch it always scales, but not bytes.
    """

    switch: str
    bounds: str


class Writer(NamedTuple):
    """A function that writes a file.

    ``group`` is the library family. ``signature`` are the positional parameters in order;
    ``value`` and ``path`` are those that take what is saved and where; ``format`` names the file
    format. ``accepts`` is ``None`` for writers of objects. ``renamed`` maps removed keywords to
    their successors. ``helper`` is the function of the runtime helper that can replace it
    (empty if none can).
    ``aliases`` are further qualified names, ``missing`` names that people write for it although
    they do not exist. ``defined_in`` is the module whose function the guard replaces.

    ``made_by`` are the classes and functions that make the objects whose method it is (empty for a
    function); its ``value`` is then ``"self"`` if it saves the object. ``mode`` says how it opens
    the file; ``single``: one file holds one object; ``lossy`` maps suffixes of formats that change
    pixels to their names; ``coordinated``: all processes of a job call it, and one of them writes.

    ``suffix`` is what it appends to a path that ends otherwise; ``opening`` is the parameter that
    takes the mode in which it opens the file; ``handle``: it takes an open file only.
    ``rewritten``: such files are usually rewritten whole as their content grows, so that a path
    rule asks for proof that each save holds data of its own. ``begins`` are the calls that begin
    what it saves anew (a figure): what is passed to calls since then is saved.
    """

    name: str
    group: str
    signature: str
    path: str
    value: str = ""
    accepts: Image | None = None
    normalizer: Normalizer | None = None
    stretch: Normalizer | None = None
    renamed: Mapping[str, str] = {}
    aliases: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    made_by: tuple[str, ...] = ()
    format: str = ""
    mode: Literal["truncate", "append", "atomic"] = "truncate"
    single: bool = True
    lossy: Mapping[str, str] = {}
    coordinated: bool = False
    suffix: str = ""
    opening: str = ""
    handle: bool = False
    rewritten: bool = False
    begins: frozenset[str] = frozenset()
    helper: str = ""
    defined_in: str = ""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The positional parameters in order."""
        return tuple(self.signature.split())

    @property
    def kind(self) -> Kind:
        """What it saves."""
        return "image" if self.accepts is not None else "object"

    @property
    def leaf(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]

    @property
    def is_helper(self) -> bool:
        """Whether it is a function of the runtime helper."""
        return self.group == "helper"

    @property
    def truncates(self) -> bool:
        """Whether it destroys what the file held before."""
        return self.mode == "truncate"

    @property
    def pickles(self) -> bool:
        """Whether torch pickles what it saves, tensors with their whole storage."""
        return "safe_save" in (self.helper, self.leaf)

    @property
    def names(self) -> tuple[str, ...]:
        """Every qualified name that calls of it may have."""
        return (self.name, *self.aliases, *self.missing)
