"""``writers`` chooses which groups of functions are checked, from every kind of configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import Command, codes, run, write

PICTURES = """\
import cv2
for frame in frames:
    cv2.imwrite("picture.png", frame)
"""
FOUND = ["3:SVI101"]


@pytest.mark.parametrize(
    ("files", "arguments", "expected"),
    [
        ({}, [], []),
        ({}, ["--saveimage-writers", "torch,images"], FOUND),
        ({}, ["--isolated", "--saveimage-writers=images"], FOUND),
        ({"pyproject.toml": '[tool.flake8-saveimage]\nwriters = ["torch", "images"]\n'}, [], FOUND),
        ({"pyproject.toml": '[tool.flake8-saveimage]\nwriters = ["torch"]\n'}, [], []),
        ({"setup.cfg": "[flake8]\nsaveimage-writers = torch, images\n"}, [], FOUND),
        ({".flake8": "[flake8]\nsaveimage_writers = images\n"}, [], FOUND),
        ({".flake8": "[flake8]\nsaveimage-writers = images\n"}, ["--isolated"], []),
    ],
)
@pytest.mark.parametrize("path", ["p.py", "."])
def test_groups(
    tmp_path: Path,
    command: Command,
    files: dict[str, str | bytes],
    arguments: list[str],
    expected: list[str],
    path: str,
) -> None:
    write(tmp_path, {"p.py": PICTURES, **files})
    assert codes(command("check", *arguments, path).stdout) == expected


def test_flake8_chooses_them_too(tmp_path: Path) -> None:
    write(tmp_path, {"p.py": PICTURES, ".flake8": "[flake8]\nsaveimage-writers = images\n"})
    assert b"SVI101" in run("flake8", "p.py", cwd=tmp_path).stdout
    assert b"SVI101" not in run("flake8", "--isolated", "p.py", cwd=tmp_path).stdout


@pytest.mark.parametrize("tool", ["flake8", "flake8_saveimage"])
def test_an_unknown_group_is_refused(tmp_path: Path, tool: str) -> None:
    write(tmp_path, {"p.py": PICTURES})
    check = ["check"] if tool != "flake8" else []
    done = run(tool, *check, "--saveimage-writers=pictures", "p.py", cwd=tmp_path)
    assert done.returncode != 0
    said = b"no group is called 'pictures'; the groups are torch, images"
    assert said in done.stdout + done.stderr
