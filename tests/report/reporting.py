"""Real findings of real files, and the report made of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from flake8_saveimage.check.runner import Checker
from flake8_saveimage.config import options as config
from flake8_saveimage.fixes import annotated
from flake8_saveimage.report import Run, Style, make_run, render

TRAIN = """\
import torch
from torchvision.utils import save_image


def train(loader, model, out):
    for epoch in range(10):
        for i, batch in enumerate(loader):
            fake = model(batch)
            save_image(
                torch.tanh(fake),
                f"{out}/fake.png",
            )
        torch.save(model.state_dict(), f"{out}/net.pth")
        torch.save(fake, f"{out}/net.pth")
"""
"""SVI101 and SVI201 (line 9, a call of four lines), SVI101 (13, 14), SVI107 (14)."""

UNICODE = """\
import torch

for name in names:
	where = "\U0001f3a8äöü"; torch.save(name, "\U0001f3a8.pt")
"""
"""SVI101 in line 4, column 18: behind a tab and characters of one to four bytes."""

FIXED_NAME = 'import torch\n\ntorch.save({}, "weights.pt")'
"""SVI104 in line 3, which has no line break."""

BROKEN = "import torch\ntorch.save(1,\n"


def options(*flags: str) -> argparse.Namespace:
    """Return the configuration with every rule on."""
    loaded, _ = config.load(config.Request(True, None, (), ("--extend-select=SVI", *flags)))
    return loaded


def check(files: dict[str, str], folder: Path) -> Run:
    """Write files, check them from within the folder (the caller has gone there)."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    checker = Checker(options(), annotate=annotated)
    return make_run([checker(name) for name in files])


def report(name: str, run: Run) -> str:
    """Return the report in a format."""
    return render(name, run, Style())
