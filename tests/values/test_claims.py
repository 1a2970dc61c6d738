"""The claims written behind the expressions in ``fixtures/claims`` are those of the analysis."""

from __future__ import annotations

from pathlib import Path

import pytest
from claiming import FILES, annotated


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_claims(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert annotated(source).splitlines() == source.splitlines()


def test_there_are_claims() -> None:
    assert sum(path.read_text(encoding="utf-8").count("show(") for path in FILES) >= 500
