"""Functions of the user's own, named in the configuration, are checked like the known ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commandline import Command, codes, run, write

from flake8_saveimage.config.options import ConfigError, Request, table_for

LINE = "mylib.io.save_picture path=filename value=image range=0,1"
TABLE = """\
[[tool.flake8-saveimage.writer]]
name = "mylib.io.save_picture"
path = "filename"
value = "image"
range = [0, 1]
"""
PARAMETERS = 'parameters = ["filename", "image"]\n'
KEYWORDS = """\
import torch
from mylib.io import save_picture

for batch in loader:
    save_picture(image=batch, filename="picture.png")
save_picture(image=torch.tanh(batch), filename=name)
"""
POSITIONS = KEYWORDS.replace("image=", "").replace("filename=", "")
BY_POSITION = """\
import mylib.io as io

for batch in loader:
    io.save_picture("picture.png", batch)
    io.save_picture(f"{batch}.png", batch)
"""
DEFINITION = {
    "mylib/__init__.py": "",
    "mylib/io.py": "def save_picture(image, filename, quality=9):\n    encode(image, filename)\n",
}
LOOP = ["5:SVI101"]
BOTH = ["5:SVI101", "6:SVI201"]


@pytest.mark.parametrize(
    ("files", "source", "expected"),
    [
        ({}, KEYWORDS, []),
        ({"pyproject.toml": TABLE}, KEYWORDS, BOTH),
        ({"setup.cfg": f"[flake8]\nsaveimage-writer = {LINE}\n"}, KEYWORDS, BOTH),
        ({"tox.ini": f"[flake8]\nsaveimage-writer =\n  a.b path=c\n  {LINE}\n"}, KEYWORDS, BOTH),
        (
            {".flake8": f"[flake8]\nsaveimage_writer = {LINE.partition(' value')[0]}"},
            KEYWORDS,
            LOOP,
        ),
        # without its definition the order of the parameters is not known
        ({"pyproject.toml": TABLE}, POSITIONS, []),
        ({"pyproject.toml": TABLE, **DEFINITION}, POSITIONS, BOTH),
        ({"pyproject.toml": TABLE + PARAMETERS}, BY_POSITION, ["4:SVI101"]),
    ],
)
def test_it_is_checked(
    tmp_path: Path,
    command: Command,
    files: dict[str, str | bytes],
    source: str,
    expected: list[str],
) -> None:
    write(tmp_path, {"p.py": source, **files})
    assert codes(command("check", "p.py").stdout) == expected


def test_flake8_checks_it_too(tmp_path: Path) -> None:
    write(tmp_path, {"p.py": KEYWORDS, ".flake8": f"[flake8]\nsaveimage-writer = {LINE}\n"})
    assert b"SVI101" in run("flake8", "p.py", cwd=tmp_path).stdout
    assert b"SVI101" not in run("flake8", "--isolated", "p.py", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TABLE.replace("[[", "[").replace("]]", "]"), "with two brackets: [[...writer]]"),
        (TABLE.replace("name", "nome"), "each needs a 'name'"),
        (TABLE.replace("path", "paht"), "'paht' is none of name, path, value, range, parameters"),
        (TABLE.replace('"filename"', "3"), "mylib.io.save_picture: 'path' must be a string"),
        (TABLE.replace('"filename"', '"the file"'), "'path' must be the name of a parameter"),
        (TABLE.replace('path = "filename"\n', ""), "'path' must be the name of a parameter"),
        (TABLE.replace("mylib.io.", ""), "'save_picture' must be a function with its module"),
        (TABLE.replace("[0, 1]", "[-1, 1]"), "'range' must be [0, 1] or [0, 255]"),
        (TABLE.replace("[0, 1]", '"unit"'), "'range' must be an array"),
        (TABLE + 'parameters = ["image"]\n', "'filename' is not among its 'parameters'"),
        (TABLE + TABLE, "mylib.io.save_picture is there twice"),
        (TABLE.replace("mylib.io.save_picture", "torch.save"), "torch.save is known already"),
    ],
)
def test_a_mistake_gets_a_clear_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, said: str
) -> None:
    write(tmp_path, {"pyproject.toml": table})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=re.escape("[[tool.flake8-saveimage.writer]]: ")) as error:
        table_for(Request())
    assert said in str(error.value)


def test_a_mistake_is_one_line(tmp_path: Path, command: Command) -> None:
    table = TABLE.replace("path", "paht")
    write(tmp_path, {"p.py": KEYWORDS, "pyproject.toml": table})
    done = command("check", "p.py")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"'paht' is none of name, path" in done.stderr


@pytest.mark.parametrize("tool", ["flake8", "flake8_saveimage"])
def test_a_mistake_in_a_line(tmp_path: Path, tool: str) -> None:
    write(tmp_path, {"p.py": KEYWORDS, ".flake8": "[flake8]\nsaveimage-writer = mylib.io.save\n"})
    done = run(tool, *(["check"] if tool != "flake8" else []), "p.py", cwd=tmp_path)
    assert done.returncode != 0
    said = b"saveimage-writer: mylib.io.save: 'path' must be the name of a parameter"
    assert said in done.stdout + done.stderr
