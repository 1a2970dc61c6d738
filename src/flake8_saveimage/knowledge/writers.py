"""One row for each function that writes a file: what every stage knows of it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from flake8_saveimage.knowledge.writer import Image, Normalizer, Writer

_FLOATS = frozenset({"float"})
_BYTES = Image("CHW", range=(0, 255), dtypes=frozenset({"uint8"}), error="RuntimeError")
# Pillow, and what writes with it
_PICTURE = Image(
    "HWC", dtypes=frozenset({"uint8", "int", "bool"}), error="TypeError (OSError for grey images)"
)
_OF_IMAGEIO = _PICTURE._replace(since="imageio 2.28")
_JPEG = {"jpg": "JPEG", "jpeg": "JPEG", "jfif": "JPEG"}
# Calls that begin a figure anew, or end it.
_FIGURES = frozenset("figure subplots subplot_mosaic Figure clf cla clear close".split())
_FRAMES = (
    *(f"pandas.{name}" for name in "DataFrame Series concat merge pivot_table".split()),
    *(f"pandas.DataFrame.from_{name}" for name in ("dict", "records")),
    *(f"pandas.read_{name}" for name in "csv excel json parquet pickle table".split()),
)

WRITERS = (
    Writer(
        "torchvision.utils.save_image",
        "torch",
        "tensor fp format",
        value="tensor",
        path="fp",
        format="format",
        accepts=Image("CHW", range=(0, 1), dtypes=_FLOATS, error="RuntimeError"),
        normalizer=Normalizer("normalize", "value_range"),
        renamed={"range": "value_range", "filename": "fp"},
        missing=("torch.utils.save_image",),
        lossy=_JPEG,
        helper="safe_save_image",
        defined_in="torchvision.utils",
    ),
    Writer(
        "torch.save",
        "torch",
        "obj f pickle_module pickle_protocol _use_new_zipfile_serialization"
        " _disable_byteorder_record",
        value="obj",
        path="f",
        aliases=("torch.serialization.save",),
        helper="safe_save",
        defined_in="torch.serialization",
    ),
    Writer(
        "torchvision.io.write_png",
        "torch",
        "input filename compression_level",
        value="input",
        path="filename",
        aliases=("torchvision.io.image.write_png",),
        accepts=_BYTES,
    ),
    Writer(
        "torchvision.io.write_jpeg",
        "torch",
        "input filename quality",
        value="input",
        path="filename",
        aliases=("torchvision.io.image.write_jpeg",),
        accepts=_BYTES,
    ),
    Writer(
        "torchvision.io.write_file",
        "torch",
        "filename data",
        value="data",
        path="filename",
        aliases=("torchvision.io.image.write_file",),
    ),
    Writer("torch.jit.save", "torch", "m f _extra_files", value="m", path="f"),
    Writer(
        "torch.jit.ScriptModule.save",
        "torch",
        "f _extra_files",
        value="self",
        path="f",
        made_by=(
            "torch.jit.script",
            "torch.jit.trace",
            "torch.jit.freeze",
            "torch.jit.optimize_for_inference",
        ),
    ),
    Writer("torch.export.save", "torch", "ep f", value="ep", path="f"),
    Writer(
        "torch.onnx.export",
        "torch",
        "model args f",
        value="model",
        path="f",
        aliases=("torch.onnx.utils.export",),
    ),
    Writer(
        "torchaudio.save",
        "torch",
        "uri src sample_rate",
        value="src",
        path="uri",
        renamed={"filepath": "uri"},
    ),
    Writer(
        "safetensors.torch.save_file",
        "torch",
        "tensors filename metadata",
        value="tensors",
        path="filename",
    ),
    Writer(
        "safetensors.torch.save_model",
        "torch",
        "model filename metadata force_contiguous",
        value="model",
        path="filename",
    ),
    Writer(
        "torch_xla.core.xla_model.save",
        "torch",
        "data file_or_path master_only global_master",
        value="data",
        path="file_or_path",
        coordinated=True,
    ),
    Writer(
        "accelerate.Accelerator.save",
        "torch",
        "obj f safe_serialization",
        value="obj",
        path="f",
        made_by=("accelerate.Accelerator", "accelerate.accelerator.Accelerator"),
        coordinated=True,
    ),
    Writer(
        "lightning.Trainer.save_checkpoint",
        "torch",
        "filepath weights_only storage_options",
        path="filepath",
        made_by=("lightning.Trainer", "lightning.pytorch.Trainer", "pytorch_lightning.Trainer"),
        coordinated=True,
    ),
    Writer(
        "lightning.Fabric.save",
        "torch",
        "path state filter",
        value="state",
        path="path",
        made_by=("lightning.Fabric", "lightning.fabric.Fabric", "lightning_fabric.Fabric"),
        coordinated=True,
    ),
    Writer(
        "PIL.Image.Image.save",
        "images",
        "fp format",
        value="self",
        path="fp",
        format="format",
        made_by=(
            *(f"PIL.Image.{name}" for name in "open new fromarray frombytes merge blend".split()),
            "torchvision.transforms.functional.to_pil_image",
            "torchvision.transforms.v2.functional.to_pil_image",
            "torchvision.transforms.ToPILImage()",
            "torchvision.transforms.v2.ToPILImage()",
        ),
        accepts=_PICTURE._replace(refused_by="Image.fromarray"),
    ),
    Writer(
        "cv2.imwrite",
        "images",
        "filename img params",
        value="img",
        path="filename",
        accepts=Image("HWC", "BGR", range=(0, 255)),
    ),
    Writer(
        "imageio.imwrite",
        "images",
        "uri im format",
        value="im",
        path="uri",
        aliases=("imageio.v2.imwrite", "imageio.imsave", "imageio.v2.imsave"),
        accepts=_OF_IMAGEIO,
    ),
    Writer(
        "imageio.v3.imwrite",
        "images",
        "uri image",
        value="image",
        path="uri",
        accepts=_OF_IMAGEIO,
    ),
    Writer(
        "imageio.mimsave",
        "images",
        "uri ims format",
        value="ims",
        path="uri",
        aliases=("imageio.mimwrite", "imageio.v2.mimsave", "imageio.v2.mimwrite"),
        accepts=_OF_IMAGEIO._replace(formats=(".gif",)),
    ),
    Writer(
        "skimage.io.imsave",
        "images",
        "fname arr",
        value="arr",
        path="fname",
        accepts=_OF_IMAGEIO,
    ),
    Writer(
        "matplotlib.pyplot.imsave",
        "images",
        "fname arr",
        value="arr",
        path="fname",
        aliases=("matplotlib.image.imsave",),
        accepts=Image(
            "HWC",
            range=(0, 1),
            dtypes=frozenset({"uint8", "float"}),
            outside="raises",
            error="ValueError",
            if_coloured=True,
        ),
        stretch=Normalizer("cmap", "vmin vmax"),
    ),
    Writer(
        "scipy.misc.imsave",
        "images",
        "name arr format",
        value="arr",
        path="name",
        accepts=Image("HWC"),
        stretch=Normalizer("", ""),
    ),
    Writer(
        "torchvision.io.write_video",
        "images",
        "filename video_array fps",
        value="video_array",
        path="filename",
        accepts=Image("HWC", range=(0, 255), outside="wrapped"),
    ),
    Writer(
        "numpy.save",
        "arrays",
        "file arr",
        value="arr",
        path="file",
        suffix=".npy",
        rewritten=True,
    ),
    Writer(
        "numpy.savez",
        "arrays",
        "file",
        path="file",
        aliases=("numpy.savez_compressed",),
        suffix=".npz",
        rewritten=True,
    ),
    Writer(
        "numpy.savetxt",
        "arrays",
        "fname X fmt",
        value="X",
        path="fname",
        rewritten=True,
    ),
    Writer(
        "scipy.io.savemat",
        "arrays",
        "file_name mdict appendmat",
        value="mdict",
        path="file_name",
        rewritten=True,
    ),
    Writer(
        "pickle.dump",
        "arrays",
        "obj file protocol",
        value="obj",
        path="file",
        handle=True,
        rewritten=True,
    ),
    Writer(
        "joblib.dump",
        "arrays",
        "value filename compress",
        value="value",
        path="filename",
        aliases=("sklearn.externals.joblib.dump",),
        rewritten=True,
    ),
    Writer(
        "matplotlib.pyplot.savefig",
        "plots",
        "fname",
        path="fname",
        aliases=("matplotlib.pylab.savefig",),
        begins=_FIGURES,
        rewritten=True,
    ),
    Writer(
        "matplotlib.figure.Figure.savefig",
        "plots",
        "fname",
        value="self",
        path="fname",
        made_by=(
            "matplotlib.figure.Figure",
            "matplotlib.pyplot.subplot_mosaic[0]",
            *(f"matplotlib.pyplot.{name}" for name in ("figure", "gcf", "subplots[0]")),
        ),
        begins=_FIGURES,
        rewritten=True,
    ),
    Writer(
        "pandas.DataFrame.to_csv",
        "tables",
        "path_or_buf sep",
        value="self",
        path="path_or_buf",
        made_by=_FRAMES,
        opening="mode",
        rewritten=True,
    ),
    Writer(
        "pandas.DataFrame.to_parquet",
        "tables",
        "path engine",
        value="self",
        path="path",
        made_by=_FRAMES,
        rewritten=True,
    ),
    Writer(
        "pandas.DataFrame.to_json",
        "tables",
        "path_or_buf orient",
        value="self",
        path="path_or_buf",
        made_by=_FRAMES,
        opening="mode",
        rewritten=True,
    ),
    Writer(
        "json.dump",
        "tables",
        "obj fp",
        value="obj",
        path="fp",
        handle=True,
        rewritten=True,
    ),
    Writer(
        "yaml.dump",
        "tables",
        "data stream",
        value="data",
        path="stream",
        aliases=("yaml.safe_dump",),
        handle=True,
        rewritten=True,
    ),
)

SAVE_IMAGE, TORCH_SAVE = (row for row in WRITERS if row.helper)

_HELPER_MODULE = "flake8_saveimage.runtime"
# The runtime helper itself: what it writes is checked further. It also takes its path as `path=`.
HELPERS = (
    Writer(
        f"{_HELPER_MODULE}.safe_save_image",
        "helper",
        "tensor fp format",
        value="tensor",
        path="fp",
        format="format",
        accepts=Image(
            "CHW",
            range=(0, 1),
            dtypes=frozenset({"float", "uint8", "int", "long", "bool"}),
        ),
        normalizer=Normalizer("normalize", "value_range"),
        renamed={"path": "fp"},
        mode="atomic",
        lossy=_JPEG,
    ),
    Writer(
        f"{_HELPER_MODULE}.safe_save",
        "helper",
        TORCH_SAVE.signature,
        value="obj",
        path="f",
        renamed={"path": "f"},
        mode="atomic",
    ),
)

# Methods that return an object of the same class: an image, a module.
SAME_CLASS = frozenset(
    (
        "convert copy crop filter resize rotate transpose eval cpu cuda to dropna reset_index"
        " sort_values set_index sort_index fillna drop rename head tail round"
    ).split()
)
# What a class of networks is derived from.
NETWORKS = ("torch.nn.", "lightning.", "pytorch_lightning.")
# Functions beside the writers that `from torchvision.utils import *` brings.
STARRED = frozenset({"torchvision.utils.make_grid"})
# Packages that are not the user's own.
PACKAGES = frozenset(
    name.partition(".")[0] for row in (*WRITERS, *HELPERS) for name in (*row.names, *row.made_by)
)
GROUPS = tuple(dict.fromkeys(row.group for row in WRITERS))


class Own(NamedTuple):
    """A function of the user's that writes a file, as a configuration names it.

    Without ``parameters`` they are those of its definition, where that is part of the project.
    """

    name: str
    path: str
    value: str = ""
    parameters: tuple[str, ...] = ()
    range: tuple[float, float] | None = None

    @property
    def row(self) -> Writer:
        """Its row."""
        accepts = None
        if self.range is not None:
            accepts = Image("", "", self.range, dtypes=frozenset({"float", "uint8"}))
        signature = " ".join(self.parameters)
        return Writer(self.name, "own", signature, self.path, self.value, accepts)


class Choice(NamedTuple):
    """Which writers are looked for: groups of rows, and functions of the user's own."""

    groups: tuple[str, ...] = ("torch",)
    own: tuple[Own, ...] = ()


class Table:
    """The rows that are looked for: ``functions`` by name, ``methods`` by leaf and maker.

    ``words`` are packages and their functions, one of which is in every text with a save.
    """

    def __init__(self, rows: Iterable[Writer]) -> None:
        self.functions: dict[str, Writer] = {}
        self.methods: dict[str, dict[str, Writer]] = {}
        for row in rows:
            for maker in row.made_by:
                self.methods.setdefault(row.leaf, {})[maker] = row
            if not row.made_by:
                self.functions.update(dict.fromkeys(row.names, row))
        # Copies of the helper are imported from a module of any name.
        self.vendored: Mapping[str, Writer] = {row.leaf: row for row in HELPERS}
        self.leaves = frozenset(name.rpartition(".")[2] for name in self.functions)
        makers = {maker for rows in self.methods.values() for maker in rows}
        self.packages = frozenset(name.partition(".")[0] for name in (*self.functions, *makers))
        self.words = self._words()
        self.raw_words = {
            package.encode(): tuple(leaf.encode() for leaf in leaves)
            for package, leaves in self.words.items()
        }

    def _words(self) -> dict[str, tuple[str, ...]]:
        """Words that contain other ones, as "torchvision" contains "torch", are left out."""
        packages = _shortest(self.packages)
        found: dict[str, set[str]] = {"": set(self.vendored)}
        names = [(name, name.rpartition(".")[2]) for name in self.functions]
        names += [(maker, leaf) for leaf, rows in self.methods.items() for maker in rows]
        for name, leaf in names:
            package = next(p for p in packages if p in name.partition(".")[0])
            found.setdefault(package, set()).add(leaf)
        return {package: tuple(_shortest(leaves)) for package, leaves in found.items()}

    def function(self, name: str) -> Writer | None:
        """Return the row of a qualified name, if it is a writer's, or that of a copied helper."""
        module, _, leaf = name.rpartition(".")
        return self.functions.get(name) or (self.vendored.get(leaf) if module else None)


def _shortest(words: Iterable[str]) -> list[str]:
    """Return the words that contain no other one."""
    kept: list[str] = []
    for word in sorted(words, key=lambda word: (len(word), word)):
        if not any(short in word for short in kept):
            kept.append(word)
    return kept


@functools.cache
def table_of(choice: Choice) -> Table:
    """Return the rows that a configuration chooses."""
    chosen = (row for row in WRITERS if row.group in choice.groups)
    return Table((*chosen, *(own.row for own in choice.own), *HELPERS))


DEFAULT = table_of(Choice())
EVERYTHING = table_of(Choice(GROUPS))
