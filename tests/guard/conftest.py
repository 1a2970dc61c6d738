"""Scripts under guard are real processes: these helpers write and run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

TIMEOUT = 120


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """Write a script into the test's folder."""

    def write(source: str, name: str = "train.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source))
        return path

    return write


def _environment() -> dict[str, str]:
    hidden = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def python(tmp_path: Path) -> Run:
    """``python ARGS...`` in the test's folder."""

    def run(*arguments: object, env: dict[str, str] | None = None) -> Outcome:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env={**_environment(), **(env or {})},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def guarded(python: Run) -> Run:
    """``python -m flake8_saveimage.guard ARGS...`` in the test's folder."""

    def run(*arguments: object, env: dict[str, str] | None = None) -> Outcome:
        return python("-m", "flake8_saveimage.guard", *arguments, env=env)

    return run


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start ``python -m flake8_saveimage.guard ARGS...`` in the test's folder, to be signalled."""

    def run(*arguments: object, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "flake8_saveimage.guard", *map(str, arguments)],
            cwd=tmp_path,
            env={**_environment(), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture
def reported(guarded: Run, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run under guard and return the JSON report; the script must succeed."""

    def run(*arguments: object, env: dict[str, str] | None = None) -> dict[str, Any]:
        output = tmp_path / "report.json"
        outcome = guarded("--format=json", f"--output={output}", *arguments, env=env)
        assert outcome.status == 0, outcome.err
        report: dict[str, Any] = json.loads(output.read_text())
        assert report["incomplete"] is None
        return report

    return run
