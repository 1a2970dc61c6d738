"""The example project runs, loses files, and loses none once it is fixed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch

SHAPES = Path(__file__).resolve().parents[2] / "examples" / "shapes"
TWO_PROCESSES = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def saved(folder: Path, pattern: str) -> int:
    """Count the files that a program saved."""
    return len(list((folder / "out").glob(pattern)))


def test_every_image_and_checkpoint_is_kept_after_the_fix(tmp_path: Path) -> None:
    for state in ("before", "after"):
        folder = tmp_path / state
        shutil.copytree(SHAPES, folder, ignore=shutil.ignore_patterns("out", "__pycache__"))
        if state == "after":
            run("-m", "flake8_saveimage", "fix", "--unsafe-fixes", ".", cwd=folder)
        run("train.py", cwd=folder)
        run("evaluate.py", cwd=folder)
        assert saved(folder, "real_*.png") == 3
        assert saved(folder, "samples*.png") == (1 if state == "before" else 3)
        assert saved(folder, "fake_*.png") == (4 if state == "before" else 8)
        assert saved(folder, "difference_*.png") == 8


def test_in_two_processes(tmp_path: Path) -> None:
    shutil.copytree(SHAPES, tmp_path / "shapes", ignore=shutil.ignore_patterns("out"))
    run(*TWO_PROCESSES, "train_ddp.py", cwd=tmp_path / "shapes")
    assert saved(tmp_path / "shapes", "ddp*.pt") == 3
