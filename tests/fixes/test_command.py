"""The fix as a command of libcst's own tool, run as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import libcst as cst
import pytest
from libcst.codemod import CodemodContext, CodemodTest

from flake8_saveimage import SaveImageCommand

SCRIPT = """\
import torch
from torchvision.utils import save_image

for i in range(3):
    save_image(torch.rand(3, 4, 4), "a.png")
    torch.save(i, "b.pth")  # noqa: SVI101
    torch.save(i, f"c{i % 2}.pth")
"""
FIXED = """\
import torch
from flake8_saveimage.runtime import safe_save_image

for i in range(3):
    safe_save_image(torch.rand(3, 4, 4), "a.png", non_finite="zero")
    torch.save(i, "b.pth")  # noqa: SVI101
    torch.save(i, f"c{i % 2}.pth")
"""


class TestCommand(CodemodTest):
    TRANSFORM = SaveImageCommand

    def test_fixes_what_is_on_by_default(self) -> None:
        self.assertCodemod(SCRIPT, FIXED, isolated=True)

    def test_selects(self) -> None:
        call = 'torch.save(i, f"c{i % 2}.pth")'
        after = SCRIPT.replace(call, 'safe_save(i, f"c{i % 2}.pth", keep=3)').replace(
            "import torch\n", "import torch\nfrom flake8_saveimage.runtime import safe_save\n"
        )
        self.assertCodemod(SCRIPT, after, isolated=True, select="SVI106", unsafe_fixes=True)

    def test_nothing_to_do(self) -> None:
        self.assertCodemod("x = 1\n", "x = 1\n", isolated=True)


def tool(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "libcst.tool", "codemod", "-x"]
    return subprocess.run(
        [*command, "flake8_saveimage.SaveImageCommand", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "train.py").write_text(SCRIPT)
    (package / "same.py").write_text(SCRIPT)
    (package / "other.py").write_text("x = 1\r\n")
    return tmp_path


def test_libcst_tool_rewrites_files(project: Path) -> None:
    done = tool("pkg", "--no-format", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (project / "pkg" / "train.py").read_text() == FIXED
    assert (project / "pkg" / "same.py").read_text() == FIXED
    assert (project / "pkg" / "other.py").read_bytes() == b"x = 1\r\n"


def test_libcst_tool_has_the_options_of_the_command(project: Path) -> None:
    (project / "setup.cfg").write_text("[flake8]\nextend-select = SVI106\n")
    done = tool(
        "pkg", "--no-format", "--unsafe-fixes", "--ignore=SVI101", "--vendor=pkg/saving",
        cwd=project,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (project / "pkg" / "train.py").read_text()
    assert "from .saving import safe_save" in text
    assert 'safe_save(i, f"c{i % 2}.pth", keep=3)' in text
    assert 'save_image(torch.rand(3, 4, 4), "a.png")' in text
    assert (project / "pkg" / "saving" / "__init__.py").is_file()


def test_libcst_tool_shows_a_diff(project: Path) -> None:
    done = tool("pkg/train.py", "-u", "1", "--no-format", cwd=project)
    assert '+    safe_save_image(torch.rand(3, 4, 4), "a.png", non_finite="zero")' in done.stdout
    assert (project / "pkg" / "train.py").read_text() == SCRIPT


def test_what_is_left_is_a_warning() -> None:
    context = CodemodContext(filename="train.py")
    source = 'import torch\nfor p in q:\n    with open("x", "wb") as f:\n        torch.save(p, f)\n'
    module = cst.parse_module(source)
    assert SaveImageCommand(context, isolated=True).transform_module(module).code == source
    assert [warning.split()[:2] for warning in context.warnings] == [["train.py:4:9", "SVI101"]]
