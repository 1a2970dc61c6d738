"""The one file stands alone: vendored, without the package, without flake8 and libcst."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import flake8_saveimage
from flake8_saveimage import runtime

Run = Callable[..., subprocess.CompletedProcess[str]]
SOURCE = Path(runtime.__file__)


def test_a_vendored_copy_works_on_its_own(run_script: Run, tmp_path: Path) -> None:
    shutil.copy(SOURCE, tmp_path / "saving.py")
    done = run_script(
        """
        import sys
        import torch
        before = set(sys.modules)
        import saving
        new = {name.split(".")[0] for name in set(sys.modules) - before}
        assert not new & {"flake8", "libcst", "flake8_saveimage", "PIL", "torchvision"}, new
        print(saving.safe_save_image(torch.rand(3, 4, 4), "x.png"), saving.RUNTIME_VERSION)
        assert "torchvision" not in sys.modules
        """
    )
    assert done.stdout.split() == ["x.png", runtime.RUNTIME_VERSION]


def test_the_first_lines_say_what_it_is() -> None:
    head = SOURCE.read_text(encoding="utf-8").splitlines()[:4]
    assert re.match(r"# flake8-saveimage runtime \d+\.\d+\.\d+ ", head[0])
    assert runtime.RUNTIME_VERSION in head[0]
    assert head[1] == "# SPDX-License-Identifier: MIT"
    assert flake8_saveimage.__version__ == runtime.RUNTIME_VERSION


def test_it_imports_only_what_it_may() -> None:
    import sys

    allowed = sys.stdlib_module_names | {"torch", "PIL", "torchvision", "__future__"}
    for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert str(node.module).split(".")[0] in allowed
