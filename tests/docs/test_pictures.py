"""The pictures of README show what the commands print now."""

from __future__ import annotations

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
