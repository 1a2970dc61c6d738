"""Notebooks are run before and after ``fix``: every image and checkpoint is on disk afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def run(path: Path) -> None:
    """Execute a notebook in its folder."""
    document = nbformat.read(path, as_version=4)
    nbformat.validate(document)
    document.cells = [cell for cell in document.cells if "vscode" not in cell.metadata]
    nbclient.NotebookClient(
        document, timeout=120, resources={"metadata": {"path": path.parent}}
    ).execute()


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("gan.ipynb", "out/samples.png", "out/samples.png out/samples_1.png out/samples_2.png"),
        ("training.ipynb", "weights.pt", "weights.pt weights_1.pt"),
        ("clean.ipynb", "step_0.pt step_1.pt step_2.pt", "step_0.pt step_1.pt step_2.pt"),
    ],
)
def test_a_fixed_notebook_keeps_every_file(
    tmp_path: Path, name: str, before: str, after: str
) -> None:
    for state in ("before", "after"):
        folder = tmp_path / state
        folder.mkdir()
        shutil.copy(NOTEBOOKS / name, folder / name)
    command = [sys.executable, "-m", "flake8_saveimage", "fix", "--unsafe-fixes", name]
    done = subprocess.run(command, cwd=tmp_path / "after", check=False, timeout=120)
    assert done.returncode == 0

    for state, expected in (("before", before), ("after", after)):
        folder = tmp_path / state
        run(folder / name)
        written = [p for p in folder.rglob("*") if p.suffix in (".pt", ".png")]
        assert sorted(str(p.relative_to(folder)) for p in written) == expected.split()
