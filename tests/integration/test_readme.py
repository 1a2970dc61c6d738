"""README's two command lines, on a copy of this repository as a user would have it."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from neighbours import ROOT, run

COMMANDS = re.findall(r"^\$ (python -m pip .*)$", (ROOT / "README.md").read_text("utf-8"), re.M)


def test_first_command_prints_findings(tmp_path: Path) -> None:
    """A fresh virtual environment with nothing but pip runs the line as it stands."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
    for name in ("src", "examples"):
        shutil.copytree(ROOT / name, checkout / name)
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path, status=0)
    path = f"{tmp_path / 'venv' / 'bin'}:/usr/bin:/bin"

    done = run("bash", "-c", COMMANDS[0], cwd=checkout, env={"PATH": path}, status=1)

    assert re.search(r"^examples/\S+\.py:\d+:\d+: SVI\d{3} ", done.stdout, re.MULTILINE)
    assert "error" not in done.stderr.lower().replace("errors", "")


def test_second_command_is_the_one_of_ci() -> None:
    assert COMMANDS[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
