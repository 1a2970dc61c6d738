"""The oldest versions that the documentation promises are those of pyproject.toml."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROMISED = " ".join((ROOT / "docs" / "index.md").read_text(encoding="utf-8").split())
NEEDED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["runtime"]]
FLOORS = [re.split(r">=|;", needed)[:2] for needed in NEEDED if not needed.startswith("tomli")]


@pytest.mark.parametrize(("name", "oldest"), FLOORS)
def test_the_floor_is_promised(name: str, oldest: str) -> None:
    assert re.search(rf"\b{name} {re.escape(oldest)}\b", PROMISED)


def test_there_are_no_caps() -> None:
    assert all(re.fullmatch(r"[\w-]+>=[\d.]+", needed.partition(";")[0]) for needed in NEEDED)
    assert PROJECT["requires-python"] == ">=3.10"
