"""One row for each function that reads a file back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "object", "any"]


@dataclass(frozen=True, slots=True)
class Reader:
    """A function that reads a file.

    ``path`` is the parameter that takes the file, the first one; empty for a method of the path
    itself. ``kind`` is what such a file holds.
    """

    name: str
    kind: Kind
    path: str = ""


READERS = (
    Reader("torch.load", "object", "f"),
    Reader("torch.jit.load", "object", "f"),
    Reader("safetensors.torch.load_file", "object", "filename"),
    Reader("safetensors.torch.load_model", "object", "filename"),
    Reader("safetensors.safe_open", "object", "filename"),
    Reader("lightning.LightningModule.load_from_checkpoint", "object", "checkpoint_path"),
    Reader("joblib.load", "object", "filename"),
    Reader("numpy.load", "object", "file"),
    Reader("numpy.loadtxt", "object", "fname"),
    Reader("scipy.io.loadmat", "object", "file_name"),
    Reader("pandas.read_csv", "object", "filepath_or_buffer"),
    Reader("pandas.read_json", "object", "path_or_buf"),
    Reader("pandas.read_parquet", "object", "path"),
    Reader("PIL.Image.open", "image", "fp"),
    Reader("cv2.imread", "image", "filename"),
    Reader("imageio.imread", "image", "uri"),
    Reader("imageio.v2.imread", "image", "uri"),
    Reader("imageio.v3.imread", "image", "uri"),
    Reader("matplotlib.pyplot.imread", "image", "fname"),
    Reader("matplotlib.image.imread", "image", "fname"),
    Reader("skimage.io.imread", "image", "fname"),
    Reader("torchvision.io.read_image", "image", "path"),
    Reader("torchvision.io.decode_image", "image", "input"),
    Reader("torchvision.datasets.folder.default_loader", "image", "path"),
    Reader("builtins.open", "any", "file"),
    Reader("pathlib.Path.open", "any"),
    Reader("pathlib.Path.read_bytes", "any"),
)

READ_NAMES = frozenset(row.name.rpartition(".")[2] for row in READERS)
