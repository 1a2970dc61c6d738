"""Every fixture: what is expected stands on the line, and every other line is silent.

All rules run, opt-in rules included, so that a false alarm of another family shows.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.knowledge.writers import DEFAULT, Choice, Table, table_of
from flake8_saveimage.source import gate

FIXTURES = Path(__file__).parent.parent / "fixtures"
EXPECT = re.compile(r"#\s*expect:((?:\s+SVI\d{3}:\d+)+)")
WRITERS = re.compile(r"^# writers: (.+)$", re.MULTILINE)
FILES = sorted(FIXTURES.glob("SVI*/*/*.py"))


def expected(source: str) -> list[tuple[int, int, str]]:
    """Return (line, column, code) of each ``# expect: SVI101:9`` comment."""
    found = []
    for number, line in enumerate(source.splitlines(), 1):
        match = EXPECT.search(line)
        for item in match.group(1).split() if match else ():
            code, column = item.split(":")
            found.append((number, int(column), code))
    return sorted(found)


def table_for(source: str) -> Table:
    """Return the writers of the groups in a ``# writers: torch, images`` comment."""
    groups = WRITERS.search(source)
    return table_of(Choice(tuple(groups[1].split(", ")))) if groups else DEFAULT


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_fixture(path: Path) -> None:
    raw = path.read_bytes()
    table = table_for(raw.decode("utf-8"))
    source = gate.admit(raw, table)
    found = analyse(source.lines, table=table) if source is not None else []
    assert sorted((f.line, f.column, f.code) for f in found) == expected(raw.decode("utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_fixture_stands_in_the_right_folder(path: Path) -> None:
    """A fixture of a rule's ``fires`` folder names that rule; one of ``silent`` does not."""
    codes = {code for _line, _column, code in expected(path.read_text(encoding="utf-8"))}
    assert (path.parts[-3] in codes) == (path.parts[-2] == "fires")


def test_there_are_fixtures() -> None:
    assert len(FILES) >= 240
