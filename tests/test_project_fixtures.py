"""Every project among the fixtures: each of its files is checked with imports followed.

What is expected stands on the line, as in the other fixtures.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.check.following import Following
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source import gate
from test_fixtures import FIXTURES, expected

PROJECTS = FIXTURES / "projects"
FILES = sorted(PROJECTS.glob("*/**/*.py"))


def findings(path: Path) -> list[Finding]:
    raw = path.read_bytes()
    following = Following(fallback=str(PROJECTS))
    program = gate.admit(raw) or following.admit(str(path), raw)
    if program is None:
        return []
    importer = following.importer(str(path), program.lines)
    return analyse(program.lines, path=str(path), importer=importer)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECTS)))
def test_project_fixture(path: Path) -> None:
    found = sorted((f.line, f.column, f.code) for f in findings(path))
    assert found == expected(path.read_text(encoding="utf-8"))


def test_the_gate_in_force_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that a test replaces while this module is imported is forgotten again."""
    name = "flake8_saveimage.project.gate"
    path = PROJECTS / "helpers" / "train.py"
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, name, raising=False)
        with patch.context() as broken:
            broken.setattr(gate, "bytes_may_save", lambda *_: False)
            fresh = importlib.import_module(name)
            assert not findings(path)
        fresh._look_at.cache_clear()
        assert len(findings(path)) == 6


def test_there_are_projects() -> None:
    assert len(FILES) >= 14
