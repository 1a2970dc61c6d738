"""A script with the bug, and commands run as a user of the neighbouring tools runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BUG = """\
import torch
from torchvision.utils import save_image

for epoch in range(3):
    save_image(torch.rand(4, 3, 8, 8), "samples.png")
"""

HELPER = """\
import torch


def keep(state, name="weights.pt"):
    torch.save(state, name)
"""

CALLER = """\
from keeping import keep

for epoch in range(3):
    keep({"epoch": epoch})
"""


def run(
    *command: str | Path, cwd: Path, env: dict[str, str] | None = None, status: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of this environment and return what it printed; check its exit status."""
    here = Path(sys.executable).parent
    variables = {**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}", **(env or {})}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if status is not None:
        assert done.returncode == status, done.stdout + done.stderr
    return done
