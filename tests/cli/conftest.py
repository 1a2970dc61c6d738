"""The command and flake8, started in the folder of the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import Command, Done, run


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run ``flake8-saveimage`` in the test's folder; a traceback is never acceptable."""

    def start(*arguments: str, **keywords: object) -> Done:
        keywords.setdefault("cwd", tmp_path)
        done = run("flake8_saveimage", *arguments, **keywords)  # type: ignore[arg-type]
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done

    return start


@pytest.fixture
def flake8(tmp_path: Path) -> Command:
    """Run flake8 in the test's folder."""
    return lambda *arguments, **keywords: run("flake8", *arguments, cwd=tmp_path, **keywords)
