"""pyflakes has nothing new to say about a fixed file."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from pyflakes.checker import Checker

from flake8_saveimage import FixOptions, fix_source

FIXTURES = Path(__file__).parents[2] / "fixtures"
FILES = sorted({*FIXTURES.glob("SVI*/*/*.py"), *FIXTURES.glob("fix/*.py")})


def complaints(source: str) -> Counter[str]:
    found = Checker(ast.parse(source)).messages
    return Counter(message.message % message.message_args for message in found)


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_every_fixture_is_fixed_once_and_for_all(unsafe: bool) -> None:
    options = FixOptions(accept=lambda _finding: True, unsafe=unsafe)
    fixed = 0
    for path in FILES:
        before = path.read_text(encoding="utf-8")
        result = fix_source(before, filename=path.name, options=options)
        if not result.applied:
            assert result.code == before, path
            continue
        fixed += 1
        assert complaints(result.code) <= complaints(before), path
        again = fix_source(result.code, filename=path.name, options=options)
        assert again.code == result.code, path
        assert not again.applied, path
    assert fixed > 100
