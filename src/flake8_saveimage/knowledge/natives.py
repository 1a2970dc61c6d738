"""Functions that write a file from compiled code, where Python's audit hooks do not see it."""

from __future__ import annotations

from typing import NamedTuple


class Native(NamedTuple):
    """A function that truncates and writes one file without Python's ``open``.

    ``attribute`` is its place in ``module``, by whose import it comes to exist; ``position`` and
    ``keyword`` say which argument is the path. ``name`` is what a report calls it.
    """

    name: str
    module: str
    attribute: str
    position: int
    keyword: str


NATIVES = (
    # torch.save, torch.export.save, torch.package
    Native("torch.save", "torch.serialization", "torch._C.PyTorchFileWriter.__init__", 1, ""),
    Native("torch.jit.save", "torch.jit._script", "torch._C.ScriptModule.save", 1, "filename"),
    Native("torch.jit.save", "torch.jit._script", "torch._C.ScriptFunction.save", 1, "filename"),
    # write_png, write_jpeg
    Native("torchvision.io.write_file", "torchvision.io.image", "write_file", 0, "filename"),
    Native("safetensors.torch.save_file", "safetensors.torch", "save_file", 1, "filename"),
    Native("safetensors.numpy.save_file", "safetensors.numpy", "save_file", 1, "filename"),
    Native("cv2.imwrite", "cv2", "imwrite", 0, "filename"),
)
