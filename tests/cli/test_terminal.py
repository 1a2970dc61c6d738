"""What a user sees on a terminal: excerpts, width, closing lines, colours."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from commandline import LOOP, Command, write
from terminal import on_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")

TWO = """\
import torch
from torch import nn
from torchvision.utils import save_image

generator = nn.Sequential(nn.Linear(16, 3 * 32 * 32), nn.Tanh(), nn.Unflatten(1, (3, 32, 32)))

for epoch in range(3):
    save_image(generator(torch.randn(8, 16)), "a_rather_long_folder_name/another/picture.png")
"""
"""SVI101 and SVI201 at one call."""


def test_one_excerpt_for_two_findings_of_a_call(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": TWO})
    shown = on_terminal(tmp_path, "check", "a.py", columns=300)
    assert [line.split(" ")[1] for line in shown if line.startswith("a.py:")] == [
        "SVI101",
        "SVI201",
    ]
    assert len([line for line in shown if "8 |" in line]) == 1
    assert len([line for line in shown if "^^^" in line]) == 1


@pytest.mark.parametrize("columns", [40, 80, 300])
@pytest.mark.parametrize("form", ["concise", "full"])
def test_lines_fit_the_terminal_and_a_hundred_columns(
    tmp_path: Path, columns: int, form: str
) -> None:
    write(tmp_path, {"a.py": TWO})
    shown = on_terminal(tmp_path, "check", "--output-format", form, "a.py", columns=columns)
    findings = shown[: -len([line for line in shown if line.startswith(("Found", "[*]"))])]
    assert max(map(len, findings)) <= min(columns, 100)
    text = " ".join(" ".join(findings).split())
    assert "values lie in [-1, 1]" in text
    assert any("^" in line for line in shown) is (form == "full")


def test_nothing_is_wrapped_in_a_pipe(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": TWO})
    done = command("check", "a.py", env={"COLUMNS": "40"})
    assert len(done.stdout.splitlines()) == 2


def test_closing_lines_count_and_name_the_next_command(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": TWO, "b c.py": LOOP, "clean.py": "x = 1\n"})
    shown = on_terminal(tmp_path, "check", "a.py", "b c.py", "clean.py")
    assert shown[-4:-1] == ["    2  a.py", "    1  b c.py", "Found 3 findings in 2 files."]
    assert shown[-1].startswith("[*] 3 can be fixed: ")
    following = shlex.split(shown[-1].partition(": ")[2])
    assert following[:3] == ["flake8-saveimage", "fix", "--diff"]
    assert b"+++ b/b c.py" in command(*following[1:]).stdout


def test_nothing_found_is_said_only_of_files_that_were_looked_at(tmp_path: Path) -> None:
    write(tmp_path, {"clean.py": "x = 1\n", "bad.py": "def f(:\n", "empty/a.txt": ""})
    assert on_terminal(tmp_path, "check", "clean.py") == ["All checks passed!"]
    assert on_terminal(tmp_path, "fix", "clean.py") == ["All checks passed!"]
    assert on_terminal(tmp_path, "check", "-q", "clean.py") == []
    (nothing,) = on_terminal(tmp_path, "check", "empty")
    assert nothing == "flake8-saveimage: no Python files in 'empty'"
    error, closing = on_terminal(tmp_path, "check", ".")
    assert error.startswith("flake8-saveimage: error: ./bad.py: cannot be parsed")
    assert closing == "1 file could not be checked."
    (missing, *_) = on_terminal(tmp_path, "check", "gone.py")
    assert "no such file" in missing


def test_the_patch_is_coloured_on_a_terminal_and_plain_in_a_pipe(
    tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {"a.py": LOOP})
    shown = on_terminal(tmp_path, "fix", "--diff", "--unsafe-fixes", "a.py", plain=False)
    assert shown[0] == "\033[1m--- a/a.py\033[m"
    assert any(line.startswith("\033[32m+") for line in shown)
    assert any(line.startswith("\033[31m-") for line in shown)
    plain = command("fix", "--diff", "--unsafe-fixes", "a.py").stdout
    assert b"\033" not in plain
    forced = command("fix", "--diff", "--unsafe-fixes", "--color=always", "a.py").stdout
    assert b"\033[32m+" in forced
    assert forced.count(b"\n") == plain.count(b"\n")


def test_what_fix_leaves_and_advises_fits_the_terminal(tmp_path: Path) -> None:
    opened = (
        "for step in range(3):\n"
        "    with open('another_rather_long_folder_name/weights.pt', 'wb') as file:\n"
        "        torch.save(step, file)\n"
    )
    write(tmp_path, {"a.py": TWO + opened})
    shown = on_terminal(tmp_path, "fix", "a.py", columns=72)
    assert " [no fix: the file is opened before the call]" in " ".join(map(str.strip, shown))
    assert any(line.startswith("Machines that run this code") for line in shown)
    assert max(map(len, shown)) <= 72
