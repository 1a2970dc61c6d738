"""The whole story: flake8 reports, ``fix`` rewrites, the script runs, every image is on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch

SCRIPT = Path(__file__).parents[2] / "fixtures" / "e2e" / "dcgan.py"
SAVES = {"real": 6, "fake": 6, "netG": 2}


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder."""
    environment = {**os.environ, "KEPT": str(cwd / "kept.pt"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def train(folder: Path) -> dict[str, Any]:
    """Run the script and return what it handed to be saved."""
    import torch

    done = run("-W", "error", "train.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    return dict(torch.load(folder / "kept.pt"))


def written(folder: Path, kind: str) -> list[Path]:
    """Return the files of one kind, oldest first."""
    return sorted((folder / "out").glob(f"{kind}*"), key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SCRIPT, tmp_path / "train.py")
    return tmp_path


def test_as_it_is_the_script_loses_its_images(folder: Path) -> None:
    train(folder)

    assert {kind: len(written(folder, kind)) for kind in SAVES} == {"real": 1, "fake": 3, "netG": 1}


def test_flake8_reports_every_save_that_loses_something(folder: Path) -> None:
    done = run("-m", "flake8", "--isolated", "--select=SVI", "train.py", cwd=folder)

    found = [line.split(" ", 2)[1] for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert sorted(found) == ["SVI101", "SVI101", "SVI102", "SVI201"]


def test_fixed_the_script_keeps_every_image_and_checkpoint(folder: Path) -> None:
    import torch
    from torchvision.transforms.functional import pil_to_tensor
    from torchvision.utils import make_grid

    done = run("-m", "flake8_saveimage", "fix", "--isolated", "train.py", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    again = (folder / "train.py").read_bytes()
    run("-m", "flake8_saveimage", "fix", "--isolated", "train.py", cwd=folder)
    assert (folder / "train.py").read_bytes() == again
    assert run("-m", "flake8_saveimage", "check", "--isolated", "train.py", cwd=folder).stdout == ""

    kept = train(folder)

    assert {kind: len(written(folder, kind)) for kind in SAVES} == SAVES
    for kind, low in (("real", 0.0), ("fake", -1.0)):
        for path, tensor in zip(written(folder, kind), kept[kind], strict=True):
            grid = make_grid((tensor - low) / (1 - low))
            pixels = _pixels(path, pil_to_tensor)
            assert torch.equal(pixels, grid.mul(255).add(0.5).clamp(0, 255).byte()), path
    for path, weights in zip(written(folder, "netG"), kept["weights"], strict=True):
        loaded = torch.load(path)
        assert all(torch.equal(loaded[name], value) for name, value in weights.items())


def _pixels(path: Path, pil_to_tensor: Any) -> Any:
    from PIL import Image

    with Image.open(path) as image:
        return pil_to_tensor(image)
