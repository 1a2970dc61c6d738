"""Every fixture, fixed: pyflakes finds nothing new, and what is left is what is reported next."""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from pyflakes.checker import Checker

from flake8_saveimage import FixOptions, fix_source
from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.check.following import Following

FIXTURES = Path(__file__).parents[2] / "fixtures"
FILES = sorted({*FIXTURES.glob("SVI*/*/*.py"), *FIXTURES.glob("fix/*.py")})


def complaints(source: str) -> Counter[str]:
    found = Checker(ast.parse(source)).messages
    return Counter(message.message % message.message_args for message in found)


def ends_alike(message: str) -> str:
    """Return a message without the lines that it names, which fixes move."""
    return re.sub(r"\d+", "N", message)


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
def test_every_fixture_is_fixed_once_and_for_all(unsafe: bool) -> None:
    options = FixOptions(accept=lambda _finding: True, unsafe=unsafe)
    fixed = 0
    for path in FILES:
        before = path.read_text(encoding="utf-8")
        result = fix_source(before, filename=path.name, options=options)
        left = Counter((finding.code, ends_alike(finding.message)) for finding in result.left)
        reported = analyse(
            result.code,
            path=os.path.realpath(path.name),
            importer=Following().importer(path.name, result.code),
        )
        assert left == Counter((f.code, ends_alike(f.message)) for f in reported), path
        if not result.applied:
            assert result.code == before, path
            continue
        fixed += 1
        assert complaints(result.code) <= complaints(before), path
        again = fix_source(result.code, filename=path.name, options=options)
        assert again.code == result.code, path
        assert not again.applied, path
    assert fixed > 100
