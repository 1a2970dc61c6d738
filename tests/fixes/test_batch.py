"""The script for batch engines, run in repositories as an engine would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "batch" / "fix-repository.sh"
TRAIN = 'import torch\nfor i in range(3):\n    torch.save(i, "x.bin")\n'
HANDLE = 'import torch\nfor i in x:\n    with open("y", "wb") as f:\n        torch.save(i, f)\n'


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "left.py").write_text(HANDLE)
    for command in (["init", "-q"], ["add", "."]):
        assert run("git", *command, cwd=tmp_path).returncode == 0
    return tmp_path


def changes(repository: Path) -> list[str]:
    return run("git", "status", "--short", cwd=repository).stdout.splitlines()


def test_script_changes_the_working_tree_and_succeeds(repository: Path) -> None:
    done = run(str(SCRIPT), cwd=repository)
    assert done.returncode == 0, done.stderr
    assert changes(repository) == ["A  left.py", "AM train.py"]
    patch = run("git", "diff", cwd=repository).stdout
    assert '+    safe_save(i, "x.bin", keep=3)' in patch
    assert run(str(SCRIPT), cwd=repository).returncode == 0
    assert run("git", "diff", cwd=repository).stdout == patch


def test_script_vendors_the_helper(repository: Path) -> None:
    done = run(str(SCRIPT), cwd=repository, VENDOR="saving")
    assert done.returncode == 0, done.stderr
    assert changes(repository) == ["A  left.py", "AM train.py", "?? saving/"]
    assert "from saving import safe_save\n" in (repository / "train.py").read_text()


def test_script_fails_where_a_file_cannot_be_read(repository: Path) -> None:
    (repository / "broken.py").write_bytes(b'import torch\ntorch.save(x, "\xff")\n')
    assert run(str(SCRIPT), cwd=repository).returncode == 2
