"""A new user's first hour, walked again."""

from __future__ import annotations

import sys

import pytest
from neighbours import ROOT, run


def test_what_happens_is_what_the_page_shows() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")

    done = run(sys.executable, ROOT / "docs" / "walk.py", "--check", cwd=ROOT)

    assert done.returncode == 0, done.stdout + done.stderr
