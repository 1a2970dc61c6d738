"""A notebook through nbqa: checked, and fixed in place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from neighbours import run

CELLS = [
    ["import torch\n", "from torchvision.utils import save_image\n"],
    [
        "%matplotlib inline\n",
        "for epoch in range(3):\n",
        '    save_image(torch.rand(4, 3, 8, 8), "samples.png")\n',
    ],
]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook whose second cell overwrites its image."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(CELLS)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    path = tmp_path / "samples.ipynb"
    document = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


@pytest.mark.parametrize("command", ["flake8_saveimage check", "flake8 --isolated --select=SVI"])
def test_a_finding_names_the_cell(notebook: Path, command: str) -> None:
    done = run("nbqa", command, notebook.name, cwd=notebook.parent, status=1)

    assert "samples.ipynb:cell_2:3:5: SVI101" in done.stdout
    assert done.stdout.count("SVI101") == 1


def test_fix_edits_the_cell_and_keeps_the_rest(notebook: Path) -> None:
    before = json.loads(notebook.read_text())

    run("nbqa", "flake8_saveimage fix --unsafe-fixes", notebook.name, cwd=notebook.parent)

    after = json.loads(notebook.read_text())
    first, second = ("".join(cell["source"]) for cell in after["cells"])
    assert "from flake8_saveimage.runtime import safe_save_image" in first
    assert "%matplotlib inline" in second
    assert 'safe_save_image(torch.rand(4, 3, 8, 8), "samples.png", non_finite="zero")' in second
    assert {**after, "cells": []} == {**before, "cells": []}
    run("nbqa", "flake8_saveimage check", notebook.name, cwd=notebook.parent, status=0)
