"""What the rows of the group ``torch`` say of paths happens: real libraries save twice.

Each writer replaces what its first call wrote under exactly the given name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch
torch: Any = pytest.importorskip("torch")
pytest.importorskip("safetensors")

Save = Callable[[Any, str], object]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def scripted(module: Any) -> Any:
    return torch.jit.script(module)


def safetensors_file(module: Any, path: str) -> None:
    from safetensors.torch import save_file

    save_file(module.state_dict(), path)


def safetensors_model(module: Any, path: str) -> None:
    from safetensors.torch import save_model

    save_model(module, path)


def exported(module: Any, path: str) -> None:
    torch.export.save(torch.export.export(module, (torch.rand(1, module.in_features),)), path)


def onnx(module: Any, path: str) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    torch.onnx.export(module, (torch.rand(1, module.in_features),), path, verbose=False)


def accelerate(module: Any, path: str) -> None:
    library: Any = pytest.importorskip("accelerate")
    library.Accelerator(cpu=True).save(module.state_dict(), path)


WRITERS: dict[str, Save] = {
    "torch.save": lambda module, path: torch.save(module.state_dict(), path),
    "torch.jit.save": lambda module, path: torch.jit.save(scripted(module), path),
    "ScriptModule.save": lambda module, path: scripted(module).save(path),
    "torch.export.save": exported,
    "safetensors.save_file": safetensors_file,
    "safetensors.save_model": safetensors_model,
    "accelerate": accelerate,
}
SLOW = "torch.export.save"  # exports twice
CASES = [pytest.param(n, marks=pytest.mark.slow) if n == SLOW else n for n in WRITERS]
SUFFIXES = {"torch.export.save": ".pt2"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_the_second_save_replaces_the_first(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{SUFFIXES.get(name, '.bin')}"
    WRITERS[name](torch.nn.Linear(40, 50), str(path))
    first = path.stat().st_size
    WRITERS[name](torch.nn.Linear(2, 1), str(path))
    assert path.stat().st_size < first  # the smaller one is all that is there
    assert names(tmp_path) == [path.name]  # no suffix is appended


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [case for case in CASES if case != "accelerate"])
def test_no_folder_is_made(name: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r".*"):
        WRITERS[name](torch.nn.Linear(2, 1), str(tmp_path / "new" / "model.pt2"))
    assert not (tmp_path / "new").exists()


def test_a_distributed_checkpoint_is_a_folder(tmp_path: Path) -> None:
    import torch.distributed.checkpoint as dcp

    for size in (1000, 2):
        dcp.save({"a": torch.rand(size)}, checkpoint_id=str(tmp_path / "step"))
    assert names(tmp_path / "step") == [".metadata", "__0_0.distcp"]
    assert (tmp_path / "step" / "__0_0.distcp").stat().st_size < 3000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_lightning_replaces_checkpoints_and_makes_folders(tmp_path: Path) -> None:
    """Slow: ``import lightning`` takes 20 s."""
    lightning: Any = pytest.importorskip("lightning")

    class Model(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self, size: int) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(size, size)

        def training_step(self, batch: Any, index: int) -> Any:
            return self.layer(batch).sum()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters())

    path, sizes = tmp_path / "new" / "model.x", []
    for size in (50, 2):
        trainer = lightning.Trainer(
            max_steps=1,
            logger=False,
            enable_checkpointing=False,
            accelerator="cpu",
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Model(size), torch.utils.data.DataLoader(torch.rand(1, size)))
        trainer.save_checkpoint(str(path))
        sizes.append(path.stat().st_size)
    assert sizes[1] < sizes[0]
    fabric = lightning.Fabric(accelerator="cpu", devices=1)
    fabric.save(str(path), {"a": torch.rand(1)})
    assert path.stat().st_size < sizes[1]
    assert names(path.parent) == ["model.x"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_onnx_replaces_the_graph(tmp_path: Path) -> None:
    """Slow: the exporter takes some seconds."""
    for size in (40, 2):
        onnx(torch.nn.Linear(size, size), str(tmp_path / "model.bin"))
    assert (tmp_path / "model.bin").stat().st_size < 40_000
    assert "model.bin" in names(tmp_path)
