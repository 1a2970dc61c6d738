"""What Windows and macOS do otherwise, simulated: neither can run here."""

from __future__ import annotations

import ntpath
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest
from commandline import LOOP, Command, lines, write

from flake8_saveimage import report
from flake8_saveimage.check.runner import CheckedFile
from flake8_saveimage.report import Style, make_run, render, sarif
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source import discovery, writing

SPAWNED = """\
import multiprocessing
import sys

from flake8_saveimage.cli import main

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    sys.exit(main(sys.argv[1:]))
"""


def test_worker_processes_are_spawned(tmp_path: Path, command: Command) -> None:
    """As Windows and macOS start them: nothing of the parent's memory is there."""
    padding = "x = 0  # padding\n" * 6000
    write(tmp_path, {f"m{n}.py": LOOP + padding for n in range(4)} | {"spawned.py": SPAWNED})
    wanted = command("check", "--jobs=1", ".")
    done = subprocess.run(
        [sys.executable, "spawned.py", "check", "--jobs=2", "."],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, wanted.stdout)
    assert len(lines(done.stdout)) == 4


@pytest.mark.parametrize(("coding", "form"), [("cp1252", "full"), ("ascii", "html")])
def test_a_console_of_few_characters(
    tmp_path: Path, command: Command, coding: str, form: str
) -> None:
    write(tmp_path, {"grün_中.py": LOOP.replace("numbers", "数字") + "# ünï 中\n"})
    environment = {"PYTHONIOENCODING": coding, "PYTHONUTF8": "0"}
    done = command("check", "--format", form, ".", env=environment)
    assert done.returncode == 1
    assert b"SVI101" in done.stdout


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the modules that make addresses of paths what they would have on Windows."""
    system = SimpleNamespace(path=ntpath, sep="\\", fsencode=os.fsencode)
    monkeypatch.setattr(report, "os", system)
    monkeypatch.setattr(sarif, "os", system)
    monkeypatch.setattr(sarif, "PurePath", PureWindowsPath)


@pytest.mark.usefixtures("windows")
def test_reports_name_files_with_slashes() -> None:
    finding = Finding(4, 5, "SVI101", "said", 4, 20)
    for path, address in (
        ("src\\my gan\\train.py", "src/my%20gan/train.py"),
        (".\\train.py", "train.py"),
        ("C:\\work\\train.py", "file:///C:/work/train.py"),
    ):
        run = make_run([CheckedFile(path, (finding,), text=LOOP)])
        assert f'"uri": "{address}"' in render("sarif", run, Style())
        assert "\\" not in render("github", run, Style())
        assert "\\\\" not in render("html", run, Style()).partition('"path":')[2][:60]


def test_names_match_whatever_their_case_where_the_system_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"TRAIN.PY": LOOP, "Build/x.py": LOOP})
    monkeypatch.setattr(os.path, "normcase", ntpath.normcase)
    monkeypatch.chdir(tmp_path)
    assert discovery.find(["."], exclude=["build"], patterns=["*.py"]).files == ["./TRAIN.PY"]


def test_a_file_that_another_program_holds_open_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to rename over an open file, and has no owner to keep."""

    def refused(*_: object) -> None:
        raise PermissionError(13, "The process cannot access the file")

    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    monkeypatch.delattr(os, "chown")
    writing.replace(str(path), b"old", b"new")
    assert path.read_bytes() == b"new"
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(writing.WriteError, match="cannot be written: The process"):
        writing.replace(str(path), b"new", b"newer")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.py"]
    assert path.read_bytes() == b"new"
