"""Every way of writing a file is seen, whoever opens it. Real libraries, in one real run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch

Run = Callable[..., Any]
Write = Callable[..., Path]

SETUP = """\
import contextlib, importlib.util, io, json, os, pickle, shutil, sys, tempfile, warnings, zipfile
from pathlib import Path
import fsspec, numpy as np, torch
import torchvision.io
from PIL import Image
from torchvision.utils import save_image

warnings.simplefilter("ignore")

class Model(torch.nn.Module):
    def forward(self, x):
        return x + 1

scripted = torch.jit.script(Model())
image = torch.rand(3, 4, 4)
pixels = torch.zeros(3, 4, 4, dtype=torch.uint8)

def through_memory(path):  # as Lightning does
    buffer = io.BytesIO()
    torch.save(1, buffer)
    with fsspec.open(path, "wb") as file:
        file.write(buffer.getvalue())

def in_transaction(path):
    files = fsspec.filesystem("file")
    with files.transaction, files.open(os.path.abspath(path), "wb") as file:
        file.write(b"x")

def to_file(path):
    with open(path, "wb") as file:
        torch.save(1, file)

def image_to_file(path):
    with open(path, "wb") as file:
        save_image(image, file, format="png")

def replaced(path):
    torch.save(1, "new.tmp")
    os.replace("new.tmp", path)

def moved(path):
    with tempfile.NamedTemporaryFile(dir=".", delete=False) as file:
        file.write(b"x")
    shutil.move(file.name, path)

def renamed_in_pathlib(path):
    Path("new.tmp").write_bytes(b"x")
    Path("new.tmp").replace(path)

def packaged(path):
    from torch.package import PackageExporter
    with PackageExporter(path) as package:
        package.save_pickle("a", "b.pkl", 1)

def exported(path):
    torch.export.save(torch.export.export(Model(), (torch.rand(2),)), path)

def by_descriptor(path):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(descriptor, b"x")
    os.close(descriptor)

def zipped(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "b")

def distributed(path):
    import torch.distributed.checkpoint as dcp
    dcp.save({"a": torch.rand(3)}, checkpoint_id=path)

def onnx(path):
    torch.onnx.export(Model(), (torch.rand(2),), path, verbose=False)

def opencv(path):
    import cv2
    assert cv2.imwrite(path, np.zeros((3, 3, 3), np.uint8))

def safetensors(path):
    from safetensors.torch import save_file
    save_file({"a": torch.rand(2)}, path)

def plotted(path):
    import matplotlib
    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    plt.savefig(path)
"""

WAYS = {
    "torch.save": ("a.pt", "torch.save(1, path)"),
    "torch.save, not ASCII": ("\u00fc.pt", "torch.save(1, path)"),
    "torch.save, legacy": ("b.pt", "torch.save(1, path, _use_new_zipfile_serialization=False)"),
    "torch.save to a file": ("c.pt", "to_file(path)"),
    "BytesIO, then fsspec": ("d.pt", "through_memory(path)"),
    "fsspec transaction": ("e.pt", "in_transaction(path)"),
    "save_image": ("f.png", "save_image(image, path)"),
    "save_image to a file": ("g.png", "image_to_file(path)"),
    "Image.save": ("h.png", "Image.new('RGB', (3, 3)).save(path)"),
    "np.save": ("i.npy", "np.save(path, pixels)"),
    "np.savez": ("j.npz", "np.savez(path, a=pixels)"),
    "np.memmap": ("k.dat", "np.memmap(path, mode='w+', shape=(3,)).flush()"),
    "pickle": ("l.pkl", "pickle.dump(1, open(path, 'wb'))"),
    "write_bytes": ("m.bin", "Path(path).write_bytes(b'x')"),
    "os.open": ("n.bin", "by_descriptor(path)"),
    "zipfile": ("o.zip", "zipped(path)"),
    "copy": ("p.bin", "shutil.copyfile(__file__, path)"),
    "os.replace": ("q.pt", "replaced(path)"),
    "shutil.move": ("r.bin", "moved(path)"),
    "Path.replace": ("s.bin", "renamed_in_pathlib(path)"),
    "write_png": ("t.png", "torchvision.io.write_png(pixels, path)"),
    "write_jpeg": ("u.jpg", "torchvision.io.write_jpeg(pixels, path)"),
    "torch.jit.save": ("v.pt", "torch.jit.save(scripted, path)"),
    "ScriptModule.save": ("w.pt", "scripted.save(path)"),
    "torch.export.save": ("x.pt2", "exported(path)"),
    "torch.package": ("y.pt", "packaged(path)"),
    "distributed checkpoint": ("z", "distributed(path)"),
}
IF_INSTALLED = {
    "onnx": ("a.onnx", "onnx(path)"),
    "cv2": ("b.png", "opencv(path)"),
    "safetensors": ("c.safetensors", "safetensors(path)"),
    "matplotlib": ("d.png", "plotted(path)"),
}


def test_every_way_of_writing_is_seen(script: Write, guarded: Run, tmp_path: Path) -> None:
    lines = [SETUP, "def main():"]
    for module, (name, call) in {**WAYS, **IF_INSTALLED}.items():
        condition = f"importlib.util.find_spec({module!r})" if module in IF_INSTALLED else "True"
        # `# way`: the line that must be named
        lines.append(f"    path = {name!r}")
        lines.append(f"    for _ in range(2 if {condition} else 0): {call}")
    train = script("\n".join([*lines, "main()", ""]))
    outcome = guarded("--format=json", "--output=r.json", train)
    assert outcome.status == 0, outcome.err
    report = json.loads((tmp_path / "r.json").read_text())
    found = {str(Path(f["path"]).relative_to(tmp_path)): f for f in report["overwritten"]}
    for name, _ in WAYS.values():
        if name == "z":
            name = next(path for path in found if path.endswith(".distcp"))
        assert (found[name]["saves"], found[name]["lost"]) == (2, 1), name
        assert {writes["file"] for writes in found[name]["writes"]} == {str(train)}, name
    for module, (name, _) in IF_INSTALLED.items():
        if _is_installed(module):
            assert (found[name]["saves"], found[name]["lost"]) == (2, 1), name
    assert report["incomplete"] is None
    functions = {name: file["writes"][0]["function"] for name, file in found.items()}
    assert functions["a.pt"] == "torch.save"
    assert functions["f.png"] == "save_image"
    assert functions["h.png"] == "PIL.Image.save"
    assert functions["v.pt"] == "torch.jit.save"


def _is_installed(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def test_lightnings_checkpoints_are_seen(script: Write, guarded: Run) -> None:
    pytest.importorskip("lightning")
    train = script("""\
        import warnings
        warnings.simplefilter("ignore")
        import lightning, torch
        from torch.utils.data import DataLoader

        class Model(lightning.LightningModule):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(2, 1)
            def training_step(self, batch, index):
                return self.layer(batch).sum()
            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters())

        trainer = lightning.Trainer(
            max_epochs=1, logger=False, enable_checkpointing=False, accelerator="cpu",
            enable_progress_bar=False, enable_model_summary=False,
        )
        trainer.fit(Model(), DataLoader(torch.rand(4, 2)))
        for _ in range(3):
            trainer.save_checkpoint("model.pt")
    """)
    err = guarded(train).err
    assert "model.pt: saved 3 times, 2 lost" in err
    assert "train.py:21 " in err


def test_what_loses_nothing_is_told_apart(script: Write, guarded: Run, tmp_path: Path) -> None:
    train = script("""\
        import os, torch
        from pathlib import Path
        for i in range(2):
            torch.save(i, f"{i}.pt")
            torch.save(i, "preview.bin")
            torch.save(i, "out_3.bin")
            open("train.log", "a").write("x")
            Path("metrics.json").write_text("{}")
            open("all.bin", "ab").write(b"x")
            open("run.lock", "w").close()
            os.makedirs(".cache", exist_ok=True)
            Path(".cache/x").write_bytes(b"x")
        os.remove("0.pt")
    """)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.flake8-saveimage.guard]\nallow = ['preview.*']\n"
    )
    outcome = guarded("--strict", "--allow", "out_*.bin", train)
    assert outcome.status == 0, outcome.err
    assert outcome.err.splitlines() == [
        "flake8-saveimage guard: 6 saves, 3 files: nothing lost; 1 save deleted by the run",
        "  2 files rewritten, as the name or --allow says:",
        "    preview.bin: saved 2 times, 1 lost",
        "      2x train.py:5 torch.save",
        "    out_3.bin: saved 2 times, 1 lost",
        "      2x train.py:6 torch.save",
        "  written, and not counted above: 1 log, 1 text file, 1 file opened to append or update, "
        "1 lock file, 1 cache file",
    ]
    (tmp_path / "pyproject.toml").write_text("[tool.flake8-saveimage.guard]\nallow = 'x'\n")
    outcome = guarded(train)
    assert outcome.status == 2
    assert "allow must be a list of strings" in outcome.err


def test_a_moved_folder_takes_its_files_along(script: Write, guarded: Run) -> None:
    train = script("""\
        import os, torch
        for i in range(2):
            os.mkdir("run")
            torch.save(i, "run/x.pt")
            os.rename("run", "old" if i else "older")
        torch.save(2, "older/x.pt")
    """)
    err = guarded(train).err
    assert "3 saves, 2 files: 1 save lost" in err
    assert "older/x.pt: saved 2 times, 1 lost" in err
