"""All tests here need torch; without it the folder is left out, and the header says so."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HAS_TORCH = importlib.util.find_spec("torch") is not None
collect_ignore_glob = [] if HAS_TORCH else ["test_*.py"]


def pytest_report_header() -> str | None:
    if HAS_TORCH:
        return None
    return "torch is not installed: tests/runtime is left out"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.torch)


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python code in a new process, in the test's own folder."""

    def run(code: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(code), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, *command, str(script)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=500,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


# As root nothing is write-protected. Another user might not be able to read the modules that are
# imported late, so the process stays root and gives up its capabilities.
UNPRIVILEGED = """
import ctypes, os, sys
if os.geteuid() == 0 and sys.platform == "linux":
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None, use_errno=True).capset(header, none) == 0, ctypes.get_errno()
elif os.geteuid() == 0:
    os.setuid(65534)
"""


@pytest.fixture
def run_unprivileged(
    run_script: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """As `run_script`, in a process that the modes of files hold for, even if root runs it."""
    return lambda code: run_script(UNPRIVILEGED + textwrap.dedent(code))
