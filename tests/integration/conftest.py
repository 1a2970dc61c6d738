"""A git repository to run the neighbouring tools in."""

from __future__ import annotations

from pathlib import Path

import pytest
from neighbours import run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty git repository with an identity of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    run("git", "init", "--quiet", "--initial-branch=main", cwd=folder, status=0)
    run("git", "config", "user.email", "someone@example.org", cwd=folder, status=0)
    run("git", "config", "user.name", "Someone", cwd=folder, status=0)
    return folder
