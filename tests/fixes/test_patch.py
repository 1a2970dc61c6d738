"""Patches: what ``git apply`` and ``patch`` make of them, in linear time."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path
from types import FrameType

import pytest

from flake8_saveimage import FixOptions, fix_source
from flake8_saveimage.fixes.patch import unified
from flake8_saveimage.fixes.text import Change, applied


def changes_of(text: str, chance: random.Random) -> list[Change]:
    """Return random changes that do not overlap or touch."""
    found, position = [], 0
    while position <= len(text) and chance.random() < 0.7:
        start = chance.randint(position, min(len(text), position + 9))
        end = chance.randint(start, min(len(text), start + 5))
        found.append(Change(start, end, "".join(chance.choices("xy\n", k=chance.randint(0, 3)))))
        position = end + 1
    return found


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("seed", range(60))
def test_git_applies_them(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    text = "".join(chance.choices("ab\n", k=chance.randint(0, 60)))
    changes = changes_of(text, chance)
    after = applied(text, changes)
    (tmp_path / "a.txt").write_bytes(text.encode())
    patch = unified("a.txt", text.encode(), after.encode())
    if after == text:
        return
    done = subprocess.run(
        ["git", "apply", "--unidiff-zero", "-"], cwd=tmp_path, input=patch, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stderr, patch)
    assert (tmp_path / "a.txt").read_bytes() == after.encode()


@pytest.mark.parametrize("line", ["torch.save(i, 'x.bin')", "torch.save(x[i], f'{n}.bin')"])
def test_the_work_grows_with_the_number_of_saves(line: str) -> None:
    def calls(count: int) -> int:
        """Return how many functions are called to fix and to show ``count`` saves."""
        source = f"import torch\nn, x = 0, []\nfor i in range(3):\n{f'    {line}{chr(10)}' * count}"
        made = 0

        def counting(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal made
            made += event.endswith("call")

        sys.setprofile(counting)
        try:
            result = fix_source(source, options=FixOptions(unsafe=True))
            patch = unified("a.py", source.encode(), result.code.encode())
        finally:
            sys.setprofile(None)
        assert result.code.count("    safe_save(") == count
        assert patch.count(b"\n+    safe_save(") == count
        return made

    calls(20)
    assert calls(200) < 4.4 * calls(50)
