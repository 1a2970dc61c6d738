"""The pictures of README, and the table of the modules, show what is there now."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_the_terminal_is_what_the_command_prints() -> None:
    command = [sys.executable, ROOT / "docs" / "make_screens.py", "--check"]
    done = subprocess.run(command, check=False)
    assert done.returncode == 0, "run: python docs/make_screens.py"


def test_the_readme_is_short_and_begins_with_pictures() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.count("\n") <= 150
    before, _, _ = readme.partition("\n## ")
    for name in ("colours.png", "terminal.svg", "report.png"):
        assert f"(docs/assets/{name})" in before
        assert f"(assets/{name})" in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")


def test_the_module_layout_is_the_one_that_is_checked() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (layers,) = re.findall(r"^layers = \[$(.*?)^\]$", project, re.MULTILINE | re.DOTALL)
    wanted = [
        name for name in re.findall(r"\w+", layers) if name not in ("__main__", "runtime", "guard")
    ]
    page = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    table = "".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    shown = re.findall(r"`(\w+)`", table)
    assert sorted(shown) == sorted(wanted)
    place = {name: number for number, name in enumerate(reversed(wanted))}
    order = [place[name] for name in shown if name not in ("plugin", "cli", "paths", "values")]
    assert order == sorted(order)
