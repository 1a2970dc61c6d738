"""What CONTRIBUTING shows is done in a copy of the repository, and works there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from blocks import ROOT, blocks

COPIED = ("src", "fixtures", "tests", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")
CACHES = shutil.ignore_patterns("__pycache__", ".pytest_cache", "*.egg-info")


@pytest.fixture
def copy(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a copy of the repository with the blocks that the test is named for."""
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=CACHES)
        else:
            shutil.copy(source, target)
    shown = [
        block
        for block in blocks(ROOT / "CONTRIBUTING.md")
        if block.tested_by is not None and block.tested_by[1] == request.node.name
    ]
    assert shown
    for block in shown:
        assert block.title is not None
        write(tmp_path, block.title, block.text)
    return tmp_path


def write(folder: Path, title: str, text: str) -> None:
    """Write a block to the place that its title names."""
    name, _, place = title.partition(", ")
    path = folder / name
    if not place:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8")
    if place == "at the end":
        path.write_text(before + text, encoding="utf-8")
        return
    line = place.removeprefix("below ") + "\n"
    assert before.count(line) == 1
    path.write_text(before.replace(line, line + text), encoding="utf-8")


def run_tests(folder: Path, *arguments: str) -> None:
    """Run some tests of the copy on its own code."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


def test_new_rule(copy: Path) -> None:
    run_tests(copy, "tests/test_fixtures.py", "tests/test_architecture.py", "-k", "SVI110 or index")
    run_tests(copy, "tests/docs/test_rules_documentation.py", "-k", "SVI110 and not changelog")


def test_new_writer(copy: Path) -> None:
    run_tests(copy, "tests/test_fixtures.py", "-k", "onnx_save or SVI303")


def test_new_operation(copy: Path) -> None:
    run_tests(copy, "tests/values/test_claims.py")


def test_new_hook(copy: Path) -> None:
    run_tests(copy, "tests/test_fixtures.py", "-k", "mmengine or SVI103")
