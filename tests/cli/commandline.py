"""Real processes: the command as a user starts it, and flake8 beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

Done = subprocess.CompletedProcess[bytes]

LOOP = """\
import torch

for epoch in range(3):
    torch.save(epoch, "numbers.pt")
"""
"""One SVI101, in line 4, column 5."""

MIXED = """\
import torch
import torchvision.utils as vutils
from data import images

torch.save(1, "first.pt")
for epoch in range(3):
    torch.save(epoch, "numbers.pt")
    torch.save(epoch, "best.pt")
    vutils.save_image(images[epoch], "picture.png")
    torch.save(epoch, "silenced.pt")  # noqa: SVI101
"""
"""SVI104 (line 5), SVI101 (7 and 9), SVI105 (8, opt-in), SVI203 (9); line 10 is silenced."""


def run(
    module: str,
    *arguments: str,
    cwd: Path,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
) -> Done:
    """Run ``python -m module`` in a folder, without colours or a user's own configuration."""
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    environment.update({"HOME": str(cwd.parent / "nobody"), **(env or {})})
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env=environment,
        timeout=120,
        check=False,
    )


Command = Callable[..., Done]


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    """Create files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def findings(output: bytes) -> list[str]:
    """Return the lines of text output that are about this project's codes, as flake8 has them."""
    found = (line for line in output.decode().splitlines() if ": SVI" in line)
    return sorted(line.replace(" [*] ", " ", 1) for line in found)


def codes(output: bytes) -> list[str]:
    """Return ``line:code`` of each finding in text output of one file."""
    return [f"{line.split(':')[1]}:{line.split()[1]}" for line in findings(output)]


def lines(output: bytes) -> Sequence[str]:
    """Return output as lines."""
    return output.decode().splitlines()
