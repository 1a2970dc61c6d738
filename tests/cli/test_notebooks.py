"""Notebooks through the command: what is found, where, and what a fix leaves alone."""

from __future__ import annotations

import difflib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commandline import Command, findings, lines, write
from hypothesis import given
from hypothesis import strategies as st

from flake8_saveimage.source.ipython import mask
from flake8_saveimage.source.notebook import Notebook

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
LOOP = ["import torch\n", "for epoch in range(3):\n", '    torch.save(epoch, "numbers.pt")']
BUGS = {"gan.ipynb": [2, 6], "training.ipynb": [1, 3], "colab.ipynb": [2, 4]}
"""The cells of each notebook that a fix must change: the imports, and the call."""


def notebook(*cells: list[str], nbformat: int = 4, language: str = "python") -> str:
    """Return a notebook's text."""
    document = {
        "cells": [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells],
        "metadata": {"language_info": {"name": language}},
        "nbformat": nbformat,
    }
    return json.dumps(document, indent=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the notebooks."""
    for path in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


def test_findings_name_cell_line_and_column(folder: Path, command: Command) -> None:
    done = command("check", ".")
    assert done.returncode == 1
    places = [" ".join(line.split(" ")[:3]) for line in findings(done.stdout)]
    assert places == [
        "./colab.ipynb:cell 4:3:5: SVI101",
        "./gan.ipynb:cell 6:5:5: SVI101",
        "./gan.ipynb:cell 6:5:5: SVI201",
        "./training.ipynb:cell 3:4:2: SVI101",
    ]
    assert done.stderr == b""
    by_name = command("check", "gan.ipynb", "--show-source", "--color=never")
    assert '    5 |     save_image(fake, "out/samples.png")' in lines(by_name.stdout)


def test_folders_are_searched_without_jupyters_copies(folder: Path, command: Command) -> None:
    write(folder, {".ipynb_checkpoints/a-checkpoint.ipynb": notebook(LOOP), "b.txt": ""})
    assert b"checkpoint" not in command("check").stdout
    assert findings(command("check", "--filename", "*.py").stdout) == []
    write(folder, {".flake8": "[flake8]\nfilename = *.py, *gan.ipynb\n"})
    assert len(findings(command("check").stdout)) == 2


@pytest.mark.parametrize("name", BUGS)
def test_fix_changes_the_source_of_these_cells_and_no_other_byte(
    folder: Path, command: Command, name: str
) -> None:
    before = (folder / name).read_bytes().decode()
    assert command("fix", "--unsafe-fixes", name).returncode == 0
    after = (folder / name).read_bytes().decode()
    old, new = json.loads(before), json.loads(after)
    for number, (was, now) in enumerate(zip(old["cells"], new["cells"], strict=True), 1):
        assert (was["source"] != now["source"]) is (number in BUGS[name])
        assert type(was["source"]) is type(now["source"])
        assert was.pop("source") is not None
        assert now.pop("source") is not None
    assert old == new
    changed = _changed_places(before, after)
    assert changed
    assert all(_is_in_source(before, at) for at in changed)
    assert command("check", name).returncode == 0
    assert command("fix", "--unsafe-fixes", name).stderr == b""
    assert (folder / name).read_bytes().decode() == after


def _changed_places(before: str, after: str) -> list[int]:
    """Return the offsets in ``before`` of what is different, line by line where there are lines."""
    units = [text.splitlines(keepends=True) for text in (before, after)]
    if len(units[0]) == 1:
        units = [list(before), list(after)]
    offsets = [0]
    for unit in units[0]:
        offsets.append(offsets[-1] + len(unit))
    matcher = difflib.SequenceMatcher(None, *units, autojunk=False)
    return [offsets[i] for tag, i, *_ in matcher.get_opcodes() if tag != "equal"]


def _is_in_source(text: str, at: int) -> bool:
    return any(cell.start < at <= cell.end for cell in Notebook(text)._cells)


def test_magics_and_shell_lines_are_kept(folder: Path, command: Command) -> None:
    command("fix", "--unsafe-fixes", ".")
    text = {name: (folder / name).read_text(encoding="utf-8") for name in BUGS}
    for line in (
        "%env OMP_NUM_THREADS=1",
        "!mkdir -p out",
        "host = !hostname",
        "%%time",
        "generator?",
    ):
        assert f'"{line}' in text["gan.ipynb"]
    assert r"!pip install -q torch \\\n    torchvision\nimport torch\n" in text["colab.ipynb"]
    assert "%%bash" in text["colab.ipynb"]
    assert not any("_ipython_" in content or "_cell_" in content for content in text.values())


def test_the_patch_is_what_fix_does(folder: Path, command: Command) -> None:
    patch = command("fix", "--diff", "--unsafe-fixes", ".").stdout
    assert patch.count(b"--- a/") == 3
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "apply"], cwd=folder, input=patch, check=True)
    applied = {name: (folder / name).read_bytes() for name in BUGS}
    for name in BUGS:
        shutil.copy(NOTEBOOKS / name, folder / name)
    command("fix", "--unsafe-fixes", ".")
    assert {name: (folder / name).read_bytes() for name in BUGS} == applied


def test_from_standard_input(folder: Path, command: Command) -> None:
    raw = (folder / "gan.ipynb").read_bytes()
    done = command("check", "--stdin-display-name", "a.ipynb", "-", stdin=raw)
    assert findings(done.stdout)[0].startswith("a.ipynb:cell 6:5:5: SVI101")
    done = command("fix", "--unsafe-fixes", "--stdin-display-name", "a.ipynb", "-", stdin=raw)
    command("fix", "--unsafe-fixes", "gan.ipynb")
    assert done.stdout == (folder / "gan.ipynb").read_bytes()


def test_noqa_is_read_and_written(folder: Path, command: Command) -> None:
    command("check", "--add-noqa", ".")
    assert command("check", ".").returncode == 0
    cell = json.loads((folder / "training.ipynb").read_text())["cells"][2]["source"]
    assert cell[-1] == "\ttorch.save(model.state_dict(), 'weights.pt')  # noqa: SVI101"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (notebook(LOOP)[:-20], "is not valid JSON: "),
        (notebook(LOOP, nbformat=3), "is a notebook of nbformat 3: convert it with "),
        (notebook(LOOP, nbformat=9), "is a notebook of an unknown form (nbformat 9)"),
        ("[1, 2]", "is not a Jupyter notebook: it has no nbformat"),
        ("", "is not valid JSON: "),
        (b"\xff\xfe", "is not valid UTF-8"),
        (notebook(LOOP, ["x = (\n"]), "cell 2 cannot be parsed: "),
        (notebook(LOOP).replace('"import torch\\n"', "5"), "cell 1 has no text as its source"),
        ('{"nbformat": 4, "cells": 5, "metadata": {}}', "of an unknown form"),
        ("[" * 100_000, "is not valid JSON: nested too deeply"),
    ],
)
def test_what_cannot_be_checked_is_one_clear_line(
    tmp_path: Path, command: Command, content: str | bytes, message: str
) -> None:
    write(tmp_path, {"a.ipynb": content, "b.py": "x = 1\n"})
    for name in ("check", "fix"):
        done = command(name, ".")
        assert done.returncode == 2
        line, *rest = lines(done.stderr)
        assert line.startswith("flake8-saveimage: error: ./a.ipynb: ")
        assert message in line
        assert len(rest) <= (name == "fix")
    whole = content if isinstance(content, bytes) else content.encode()
    assert (tmp_path / "a.ipynb").read_bytes() == whole


def test_another_language_is_no_error_but_said(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.ipynb": notebook(LOOP, language="R")})
    for name in ("check", "fix"):
        done = command(name, "a.ipynb")
        assert (done.returncode, done.stdout) == (0, b"")
        (line,) = lines(done.stderr)
        assert line == "flake8-saveimage: a.ipynb: is a notebook of R, not of Python"


def test_a_cell_without_code_and_the_empty_notebook(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.ipynb": notebook(), "b.ipynb": notebook([], ["\n", "\n"], LOOP)})
    done = command("check", ".")
    assert [line.split(": ")[0] for line in findings(done.stdout)] == ["./b.ipynb:cell 3:3:5"]


MAGICS = [
    ("%time x = 1\n", "{0}_()\n"),
    ("if x:\n    !ls \\\n  -l\n", "if x:\n    {1}_()\n    {2}_()\n"),
    ("x = %sql select 1\n", "x = {0}_()\n"),
    ("a, b = !ls\n", "a, b = {0}_()\n"),
    ("torch.save?\n??x\n", "{0}_()\n{1}_()\n"),
    ("x = ('a'\n% b)\n!ls\n", "x = ('a'\n% b)\n{2}_()\n"),
    ('"""\n!no\n"""\n!yes "\n!yes\n', '"""\n!no\n"""\n{3}_()\n{4}_()\n'),
    ("x = 1 \\\n  % 2\n!ls", "x = 1 \\\n  % 2\n{2}_()"),
    ("\n%%timeit -n 1\nx = 1\n", "\n{1}_()\nx = 1\n"),
    ("# what? 100% of it\nx = 1\n", "# what? 100% of it\nx = 1\n"),
    (", f a b\n/f 1\n;f a\n", "{0}_()\n{1}_()\n{2}_()\n"),
    ("def f():\r\n    return 1\r\n!ls\r\n", "def f():\r\n    return 1\r\n{2}_()\r\n"),
]


@pytest.mark.parametrize(("source", "expected"), MAGICS)
def test_lines_of_ipython_become_calls(source: str, expected: str) -> None:
    masked = mask(source, "m")
    assert masked is not None
    assert masked.text == expected.replace("{", "m").replace("}", "")
    compile(masked.text, "cell", "exec")
    assert masked.restored(masked.text) == source


@pytest.mark.parametrize(
    "magic", ["bash", "html", "writefile x.py", "javascript", "R", "script sh"]
)
def test_a_cell_of_something_else_is_left_out(magic: str) -> None:
    assert mask(f"%%{magic}\ntorch.save(x, 'y')\n", "m") is None
    assert mask(f"# a title\n%%{magic}\ntorch.save(x, 'y')\n", "m") is None


_PIECES = st.sampled_from(
    ["x", " = ", "%", "!", "?", "(", ")", "\\", "'", '"', '"""', "#", "\n", "\n    ", "\r\n", "é"]
)


@given(st.lists(_PIECES, max_size=30).map("".join))
def test_masking_never_loses_anything(source: str) -> None:
    masked = mask(source, "m")
    if masked is not None:
        assert masked.restored(masked.text) == source
        assert masked.text.count("\n") == source.count("\n")


_CELLS = st.lists(st.lists(_PIECES, max_size=6).map("".join), max_size=4)


@given(_CELLS, st.sampled_from([None, 1, 2, "\t"]), st.booleans(), st.booleans())
def test_writing_back_what_was_read_changes_nothing(
    sources: list[str], indent: Any, as_list: bool, ascii_only: bool
) -> None:
    values = [source.splitlines(keepends=True) if as_list else source for source in sources]
    cells = [{"source": value, "cell_type": "code"} for value in values]
    document = {"nbformat": 4, "cells": cells, "metadata": {}}
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    from flake8_saveimage.source.reading import SourceError

    try:
        read = Notebook(text)
    except SourceError:
        return
    assert read.with_program(read.program) == text
    if not read.cells.numbers:
        return
    longer = read.with_program(read.program + "# é\n")
    wanted = [cell["source"] for cell in json.loads(text)["cells"]]
    got = [cell["source"] for cell in json.loads(longer)["cells"]]
    changed = [n for n, (a, b) in enumerate(zip(wanted, got, strict=True)) if a != b]
    assert changed == [read.cells.numbers[-1] - 1]
