"""Every fixture: what is expected stands on the line, and every other line is silent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.rules import all_rules

FIXTURES = Path(__file__).parent.parent / "fixtures"
EXPECT = re.compile(r"#\s*expect:((?:\s+SVI\d{3}:\d+)+)")
FAMILIES = {"SVI1": ("SVI1",), "SVI2": ("SVI2", "SVI3"), "SVI3": ("SVI2", "SVI3")}
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_fixture(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    family = FAMILIES[path.parts[-3][:4]]
    codes = {rule.code for rule in all_rules() if rule.code.startswith(family)}
    found = sorted((f.line, f.column, f.code) for f in analyse(source, codes=codes))
    assert found == expected(source)


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_fixture_stands_in_the_right_folder(path: Path) -> None:
    """A fixture of a rule's ``fires`` folder names that rule; one of ``silent`` does not."""
    codes = {code for _line, _column, code in expected(path.read_text(encoding="utf-8"))}
    assert (path.parts[-3] in codes) == (path.parts[-2] == "fires")


def test_there_are_fixtures() -> None:
    assert len(FILES) >= 240
