"""The linter never imports torch: neither where it is absent nor where it is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures"
HOOK = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "numpy", "PIL"):
            raise AssertionError(f"the linter imports {name}")

sys.meta_path.insert(0, Refuse())
"""
ANALYSE = """
from pathlib import Path
from flake8_saveimage.check.analysis import analyse
count = sum(len(analyse(Path(name).read_text(encoding="utf-8"))) for name in sys.argv[1:])
print(count, sorted(m for m in sys.modules if m.partition(".")[0] in ("torch", "torchvision")))
"""


def test_nothing_of_torch_is_imported() -> None:
    files = sorted(map(str, FIXTURES.glob("SVI[23]*/*/*.py")))
    assert len(files) >= 120
    done = subprocess.run(
        [sys.executable, "-c", HOOK + ANALYSE, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    count, _, modules = done.stdout.partition(" ")
    assert int(count) > 60
    assert modules.strip() == "[]"


def test_the_hook_would_notice() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOOK + "import torch"], capture_output=True, text=True, check=False
    )
    assert "the linter imports torch" in done.stderr
