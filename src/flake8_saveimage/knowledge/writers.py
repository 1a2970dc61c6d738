"""One row for each function that writes a file: what every stage knows of it.

Rows are named tuples because the gate reads them in every run of flake8, and dataclasses take
longer to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["image", "object"]
Channels = Literal["RGB", "BGR"]


class Image(NamedTuple):
    """What a writer of images takes.

    ``range``: the values that black and white are saved from. ``dtypes``: ``"float"``, ``"uint8"``,
    ``"int"``, ``"bool"``. ``layout``: the order of height, width and channels, ``channels`` that of
    the colours. ``outside``: what becomes of values outside of ``range``; ``otherwise``: what the
    writer does with another dtype, and ``error`` the exception if it raises one.
    """

    range: tuple[float, float]
    dtypes: frozenset[str]
    layout: Literal["CHW", "HWC"]
    channels: Channels
    outside: Literal["clipped", "wrapped", "scaled"]
    otherwise: Literal["raises", "converted"]
    error: str = ""


class Normalizer(NamedTuple):
    """The keywords that have a writer scale values itself: a switch, and the range it maps."""

    switch: str
    bounds: str


class Writer(NamedTuple):
    """A function that writes a file.

    ``group`` is the library family. ``parameters`` are the positional parameters in order;
    ``value`` and ``path`` are those that take what is saved and where; ``format`` names the file
    format. ``accepts`` is ``None`` for writers of objects. ``renamed`` maps removed keywords to
    their successors. ``helper`` is the function of the runtime helper that can replace it
    (empty if none can).
    ``aliases`` are further qualified names, ``missing`` names that people write for it although
    they do not exist. ``defined_in`` is the module whose function the guard replaces.

    ``method_of`` is the class whose method it is; ``appended`` the suffix that it adds to a path
    without one; ``mode`` how it opens the file; ``single``: one file holds one object; ``lossy``
    maps suffixes of formats that change pixels to their names; ``takes_file`` says whether an open
    file is accepted in place of a path; ``picture``: it writes an image although ``accepts`` does
    not say from what; ``coordinated``: all processes of a job call it, and one of them
    writes.
    """

    name: str
    group: str
    parameters: tuple[str, ...]
    value: str
    path: str
    helper: str
    defined_in: str
    accepts: Image | None = None
    normalizer: Normalizer | None = None
    renamed: Mapping[str, str] = {}
    aliases: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    format: str = ""
    method_of: str = ""
    appended: str = ""
    mode: Literal["truncate", "append", "atomic"] = "truncate"
    single: bool = True
    lossy: Mapping[str, str] = {}
    takes_file: bool = True
    picture: bool = False
    coordinated: bool = False

    @property
    def kind(self) -> Kind:
        """What it saves."""
        return "image" if self.picture or self.accepts is not None else "object"

    @property
    def leaf(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]

    @property
    def is_helper(self) -> bool:
        """Whether it is a function of the runtime helper."""
        return self.group == "helper"

    @property
    def names(self) -> tuple[str, ...]:
        """Every qualified name that calls of it may have."""
        return (self.name, *self.aliases, *self.missing)


_FLOATS = frozenset({"float"})
_JPEG = {"jpg": "JPEG", "jpeg": "JPEG", "jfif": "JPEG"}

WRITERS = (
    Writer(
        "torchvision.utils.save_image",
        group="torch",
        parameters=("tensor", "fp", "format"),
        value="tensor",
        path="fp",
        format="format",
        accepts=Image(
            range=(0, 1),
            dtypes=_FLOATS,
            layout="CHW",
            channels="RGB",
            outside="clipped",
            otherwise="raises",
            error="RuntimeError",
        ),
        normalizer=Normalizer("normalize", "value_range"),
        renamed={"range": "value_range", "filename": "fp"},
        missing=("torch.utils.save_image",),
        lossy=_JPEG,
        helper="safe_save_image",
        defined_in="torchvision.utils",
    ),
    Writer(
        "torch.save",
        group="torch",
        parameters=(
            "obj",
            "f",
            "pickle_module",
            "pickle_protocol",
            "_use_new_zipfile_serialization",
            "_disable_byteorder_record",
        ),
        value="obj",
        path="f",
        aliases=("torch.serialization.save",),
        helper="safe_save",
        defined_in="torch.serialization",
    ),
    Writer(
        "torchvision.io.write_png",
        group="torch",
        parameters=("input", "filename", "compression_level"),
        value="input",
        path="filename",
        aliases=("torchvision.io.image.write_png",),
        picture=True,
        takes_file=False,
        helper="",
        defined_in="torchvision.io.image",
    ),
    Writer(
        "torchvision.io.write_jpeg",
        group="torch",
        parameters=("input", "filename", "quality"),
        value="input",
        path="filename",
        aliases=("torchvision.io.image.write_jpeg",),
        picture=True,
        takes_file=False,
        helper="",
        defined_in="torchvision.io.image",
    ),
    Writer(
        "torchvision.io.write_file",
        group="torch",
        parameters=("filename", "data"),
        value="data",
        path="filename",
        aliases=("torchvision.io.image.write_file",),
        takes_file=False,
        helper="",
        defined_in="torchvision.io.image",
    ),
    Writer(
        "torch.jit.save",
        group="torch",
        parameters=("m", "f", "_extra_files"),
        value="m",
        path="f",
        helper="",
        defined_in="torch.jit._serialization",
    ),
    Writer(
        "torch.export.save",
        group="torch",
        parameters=("ep", "f"),
        value="ep",
        path="f",
        helper="",
        defined_in="torch.export",
    ),
    Writer(
        "torch.onnx.export",
        group="torch",
        parameters=("model", "args", "f"),
        value="model",
        path="f",
        aliases=("torch.onnx.utils.export",),
        helper="",
        defined_in="torch.onnx",
    ),
    Writer(
        "torchaudio.save",
        group="torch",
        parameters=("uri", "src", "sample_rate"),
        value="src",
        path="uri",
        renamed={"filepath": "uri"},
        helper="",
        defined_in="torchaudio",
    ),
    Writer(
        "safetensors.torch.save_file",
        group="torch",
        parameters=("tensors", "filename", "metadata"),
        value="tensors",
        path="filename",
        takes_file=False,
        helper="",
        defined_in="safetensors.torch",
    ),
    Writer(
        "safetensors.torch.save_model",
        group="torch",
        parameters=("model", "filename", "metadata", "force_contiguous"),
        value="model",
        path="filename",
        takes_file=False,
        helper="",
        defined_in="safetensors.torch",
    ),
    Writer(
        "torch_xla.core.xla_model.save",
        group="torch",
        parameters=("data", "file_or_path", "master_only", "global_master"),
        value="data",
        path="file_or_path",
        coordinated=True,
        helper="",
        defined_in="torch_xla.core.xla_model",
    ),
)

_HELPER_MODULE = "flake8_saveimage.runtime"
# The runtime helper itself: what it writes is checked further. It also takes its path as `path=`.
HELPERS = (
    Writer(
        f"{_HELPER_MODULE}.safe_save_image",
        group="helper",
        parameters=("tensor", "fp", "format"),
        value="tensor",
        path="fp",
        format="format",
        accepts=Image(
            range=(0, 1),
            dtypes=frozenset({"float", "uint8", "int", "bool"}),
            layout="CHW",
            channels="RGB",
            outside="clipped",
            otherwise="converted",
        ),
        normalizer=Normalizer("normalize", "value_range"),
        renamed={"path": "fp"},
        mode="atomic",
        lossy=_JPEG,
        helper="",
        defined_in=_HELPER_MODULE,
    ),
    Writer(
        f"{_HELPER_MODULE}.safe_save",
        group="helper",
        parameters=WRITERS[1].parameters,
        value="obj",
        path="f",
        renamed={"path": "f"},
        mode="atomic",
        helper="",
        defined_in=_HELPER_MODULE,
    ),
)

BY_NAME: Mapping[str, Writer] = {name: row for row in (*WRITERS, *HELPERS) for name in row.names}
SAVE_IMAGE, TORCH_SAVE = BY_NAME["torchvision.utils.save_image"], BY_NAME["torch.save"]
PACKAGES = frozenset(name.partition(".")[0] for name in BY_NAME)
LEAVES = frozenset(name.rpartition(".")[2] for name in BY_NAME)
# Copies of the helper are imported from a module of any name.
VENDORED: Mapping[str, Writer] = {row.leaf: row for row in HELPERS}

IMAGES = tuple(row for row in WRITERS if row.accepts is not None)
# What torch pickles: the helper can write it, tensors with their whole storage.
OBJECTS = tuple(row for row in WRITERS if row.helper == TORCH_SAVE.helper)
PICTURES = tuple(row for row in WRITERS if row.kind == "image")
NORMALIZING = tuple(row for row in WRITERS if row.normalizer is not None)
TRUNCATING = tuple(row for row in WRITERS if row.mode == "truncate")
UNCOORDINATED = tuple(row for row in TRUNCATING if not row.coordinated)
LOSSY = tuple(row for row in (*WRITERS, *HELPERS) if row.lossy)
MISSING = tuple(row for row in WRITERS if row.missing)
SINGLE = tuple(row for row in OBJECTS if row.single)


def writer_of(name: str) -> Writer | None:
    """Return the row of a qualified name, if it is a writer's, or that of a copied helper."""
    module, _, leaf = name.rpartition(".")
    return BY_NAME.get(name) or (VENDORED.get(leaf) if module else None)
