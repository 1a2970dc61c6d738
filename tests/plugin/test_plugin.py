"""The plugin inside the real flake8 process."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flake8_saveimage import __version__
from flake8_saveimage.check import analysis
from flake8_saveimage.plugin import SaveImagePlugin
from flake8_saveimage.source.reading import Unparsable

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"

LOOP = """\
import torch

for epoch in range(3):
    torch.save(epoch, "numbers.pt")
"""

HOOK = """\
import torch


def on_tick(state):
    torch.save(state, "state.pt")
"""


def flake8(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flake8", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_installed_and_on_by_default(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LOOP)
    done = flake8(tmp_path, "--isolated", "a.py")
    assert done.stdout.startswith("a.py:4:5: SVI101 ")
    assert done.returncode == 1
    assert f"flake8-saveimage: {__version__}" in flake8(tmp_path, "--version").stdout


def test_standard_input_and_its_name(tmp_path: Path) -> None:
    done = flake8(tmp_path, "--isolated", "--stdin-display-name", "x.py", "-", stdin=LOOP)
    assert done.stdout.startswith("x.py:4:5: SVI101 ")


def test_opt_in_rules_stay_off_under_an_ignore_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LOOP.replace("numbers", "latest"))
    for arguments in ([], ["--ignore=E203"], ["--extend-ignore=E203"]):
        assert flake8(tmp_path, "--isolated", *arguments, "a.py").stdout == ""
    for arguments in (["--extend-select=SVI105"], ["--select=SVI"], ["--select=E,SVI1"]):
        done = flake8(tmp_path, "--isolated", *arguments, "a.py")
        assert done.stdout.startswith("a.py:4:5: SVI105 ")


@pytest.mark.parametrize("key", ["saveimage-hooks", "saveimage_hooks"])
def test_hooks_from_the_command_line_and_from_files(tmp_path: Path, key: str) -> None:
    (tmp_path / "a.py").write_text(HOOK)
    before = flake8(tmp_path, "--isolated", "a.py").stdout
    assert "SVI103" not in before
    done = flake8(tmp_path, "--isolated", "--saveimage-hooks=after_step,on_tick", "a.py")
    assert "a.py:5:5: SVI103 " in done.stdout
    (tmp_path / "setup.cfg").write_text(f"[flake8]\n{key} =\n  on_tick\n")
    assert "a.py:5:5: SVI103 " in flake8(tmp_path, "a.py").stdout


def test_parallel_processes_agree(tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"f{i}.py").write_text(LOOP)
    serial = flake8(tmp_path, "--isolated", "--jobs=1", ".")
    parallel = flake8(tmp_path, "--isolated", "--jobs=2", ".")
    assert serial.stdout == parallel.stdout
    assert serial.stdout.count("SVI101") == 12


def test_files_that_import_each_other_give_the_same_in_any_order(tmp_path: Path) -> None:
    root = tmp_path / "projects"
    shutil.copytree(PROJECTS, root)
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*.py"))
    options = ("--isolated", "--select=SVI")

    def found(*arguments: str) -> list[str]:
        return sorted(flake8(root, *options, *arguments).stdout.splitlines())

    expected = found("--jobs=1", *files)
    assert len(expected) > 20
    assert found("--jobs=1", *reversed(files)) == expected
    assert found("--jobs=2", *files[::2], *files[1::2]) == expected
    assert sorted(line for file in files for line in found("--jobs=1", file)) == expected


def test_syntax_errors_stay_flake8s_business(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(LOOP + "def broken(:\n")
    done = flake8(tmp_path, "--isolated", "a.py")
    assert "E999" in done.stdout
    assert "SVI" not in done.stdout
    assert done.stderr == ""


def test_the_gates_keep_libcst_out(tmp_path: Path) -> None:
    code = (
        "import ast, sys; from flake8_saveimage.plugin import SaveImagePlugin as P\n"
        "for s in sys.argv[1:]: assert not list(P(ast.parse(s), s.splitlines(True)).run())\n"
        "print(*sorted(m for m in sys.modules if m.split('.')[0] in ('libcst', 'torch')))"
    )
    sources = ["x = 1\n", "import torch\n", "import json\nmodel.save('a')  # torch\n", ""]
    done = subprocess.run(
        [sys.executable, "-c", code, *sources], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


def test_called_without_flake8s_options() -> None:
    plugin = SaveImagePlugin(ast.parse(LOOP), LOOP.splitlines(keepends=True), "a.py")
    assert [(line, column, text[:6]) for line, column, text, _ in plugin.run()] == [
        (4, 4, "SVI101")
    ]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            Unparsable("strange syntax", 3, 7),
            "cannot be parsed by libcst: strange syntax (line 3, column 7)",
        ),
        (RecursionError(), "cannot be checked: nested too deeply"),
        (
            KeyError("x"),
            "could not be checked, a defect of flake8-saveimage (KeyError: 'x' at test_plugin.py:",
        ),
    ],
)
def test_what_cannot_be_checked_is_said_and_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    message: str,
) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise error

    monkeypatch.setattr(analysis, "diagnose", refuse)
    plugin = SaveImagePlugin(ast.parse(LOOP), LOOP.splitlines(keepends=True), "a\n.py")
    assert list(plugin.run()) == []
    assert f"'a\\n.py' {message}" in caplog.text


def test_a_source_that_is_too_large_is_not_read(caplog: pytest.LogCaptureFixture) -> None:
    text = LOOP + "x = 1\n" * 400_000
    plugin = SaveImagePlugin(ast.parse(LOOP), text.splitlines(keepends=True), "a.py")
    assert list(plugin.run()) == []
    assert "'a.py' is too large to be checked (2 MB; the limit is 2 MB)" in caplog.text
