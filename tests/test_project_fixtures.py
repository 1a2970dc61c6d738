"""Every project among the fixtures: each of its files is checked with imports followed.

What is expected stands on the line, as in the other fixtures.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.project.program import importer_for
from flake8_saveimage.source import gate
from test_fixtures import FIXTURES, expected

PROJECTS = FIXTURES / "projects"
FILES = sorted(PROJECTS.glob("*/**/*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECTS)))
def test_project_fixture(path: Path) -> None:
    raw = path.read_bytes()
    source = gate.admit(raw)
    found = []
    if source is not None:
        importer = importer_for(str(path), str(PROJECTS / path.relative_to(PROJECTS).parts[0]))
        found = analyse(source.lines, path=str(path), importer=importer)
    assert sorted((f.line, f.column, f.code) for f in found) == expected(raw.decode("utf-8"))


def test_there_are_projects() -> None:
    assert len(FILES) >= 20
