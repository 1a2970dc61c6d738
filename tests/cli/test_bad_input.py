"""Bad input: one clear line, the right exit status, no traceback, no file damaged."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from commandline import LOOP, Command, findings, lines, write

NOT_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads and writes everything"
)

LATIN_1 = LOOP.replace("import", "# caf\xe9\nimport").encode("latin-1")

UNREADABLE = {
    "syntax_error.py": LOOP.encode() + b"def broken(:\n",
    "latin_1.py": LATIN_1,
    "wrong_coding_line.py": b"# coding: ascii\n" + LATIN_1,
    "unknown_coding_line.py": b"# coding: klingon\n" + LOOP.encode(),
    "not_a_text_coding.py": b"# coding: rot13\n" + LOOP.encode(),
    "nul_byte.py": LOOP.encode() + b"x = 1\x00\n",
    "deep.py": LOOP.encode() + b"x = " + b"(" * 2000 + b")" * 2000 + b"\n",
}


@pytest.mark.parametrize("subcommand", ["check", "fix"])
def test_files_that_cannot_be_understood(tmp_path: Path, command: Command, subcommand: str) -> None:
    write(tmp_path, UNREADABLE)
    done = command(subcommand, *UNREADABLE)
    assert done.returncode == 2
    errors = lines(done.stderr)
    for name, error in zip(sorted(UNREADABLE), errors, strict=True):
        assert error.startswith(f"flake8-saveimage: error: {name}: ")
    assert done.stdout == b""
    for name, content in UNREADABLE.items():
        assert (tmp_path / name).read_bytes() == content


def test_one_bad_file_does_not_hide_the_others(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"bad.py": LOOP + "def broken(:\n", "good.py": LOOP})
    done = command("check", ".")
    assert done.returncode == 2
    assert len(findings(done.stdout)) == 1
    assert len(lines(done.stderr)) == 1


def test_messages_name_the_place_and_the_way_out(tmp_path: Path, command: Command) -> None:
    write(tmp_path, UNREADABLE)
    message = "\n".join(lines(command("check", ".").stderr))
    assert "syntax_error.py: cannot be parsed: invalid syntax (line 5, column " in message
    assert "latin_1.py: is not valid UTF-8 (byte 0xe9 in line 1) and has no coding line" in message
    assert "klingon" in message


def test_what_saves_nothing_is_parsed_only_if_it_is_little(
    tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {"a.py": "def broken(:\n", "empty.py": ""})
    assert command("check", ".").returncode == 2
    assert command("fix", "empty.py").returncode == 0
    write(tmp_path, {"b.py": "x = 1\n" * 200_000})
    done = command("check", ".")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_folder_without_python_files(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"data/a.txt": "x"})
    done = command("check", "data")
    assert done.returncode == 0
    assert lines(done.stderr) == ["flake8-saveimage: no Python files in 'data'"]


@pytest.mark.parametrize("subcommand", ["check", "fix"])
def test_path_that_does_not_exist(tmp_path: Path, command: Command, subcommand: str) -> None:
    done = command(subcommand, "nope.py")
    assert done.returncode == 2
    assert lines(done.stderr)[0] == "flake8-saveimage: error: nope.py: no such file or folder"


def test_read_only_file_is_not_fixed(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP})
    (tmp_path / "a.py").chmod(0o444)
    done = command("fix", "--unsafe-fixes", "a.py")
    assert done.returncode == 2
    assert lines(done.stderr)[0].startswith("flake8-saveimage: error: a.py: is read-only")
    assert (tmp_path / "a.py").read_text() == LOOP
    assert [path.name for path in tmp_path.iterdir()] == ["a.py"]


@NOT_ROOT
def test_unreadable_file_and_folder(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP, "closed/b.py": LOOP})
    (tmp_path / "a.py").chmod(0)
    (tmp_path / "closed").chmod(0)
    try:
        done = command("check", ".")
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert done.returncode == 2
    assert len(lines(done.stderr)) == 2


def test_pipes_loops_and_dangling_links_in_a_folder(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP})
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere.py").symlink_to(tmp_path / "gone.py")
    (tmp_path / "self.py").symlink_to("self.py")
    done = command("check", ".")
    assert done.returncode == 1
    assert len(findings(done.stdout)) == 1
    assert done.stderr == b""
    done = command("check", "self.py", "/dev/zero")
    assert done.returncode == 2
    assert len(lines(done.stderr)) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="file names of bytes")
def test_odd_file_names_are_never_printed_raw(tmp_path: Path, command: Command) -> None:
    names = ["new\nline.py", "esc\x1b[31m.py", "é.py", os.fsdecode(b"\xff.py"), "\u202e.py"]
    write(tmp_path, dict.fromkeys(names, LOOP))
    done = command("check", ".", env={"PYTHONIOENCODING": "utf-8"})
    assert len(lines(done.stdout)) == len(names)
    assert b"\x1b" not in done.stdout
    assert b"\xff" not in done.stdout
    assert "\u202e" not in done.stdout.decode()
    assert "./é.py:4:5" in done.stdout.decode()
    write(tmp_path, dict.fromkeys(names, LOOP + "def\n"))
    errors = lines(command("check", ".").stderr)
    assert len(errors) == len(names)
    command("check", "--format", "json", ".").stdout.decode("ascii")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["chek"], "unknown command 'chek' (did you mean 'check'?)"),
        (["check", "--slect", "SVI1"], "unknown option '--slect' (did you mean '--select'?)"),
        (["check", "--select", "SV101"], "--select: no rule is called 'SV101'"),
        (["check", "--ignore", "svi3004", "."], "(did you mean 'SVI304'?)"),
        (["check", "--format", "xml"], "argument --output-format/--format: invalid choice: 'xml'"),
        (["check", "--jobs", "many", "."], "'many' must be 'auto' or an integer"),
        (["check", "--config", "none.cfg", "."], "none.cfg"),
        (["check", "--per-file-ignores", "oops", "."], "per-file-ignores"),
        (["explain", "SVI999"], "no rule is called 'SVI999'"),
    ],
)
def test_mistakes_on_the_command_line(
    tmp_path: Path, command: Command, arguments: list[str], expected: str
) -> None:
    write(tmp_path, {"a.py": LOOP})
    done = command(*arguments)
    assert done.returncode == 2
    assert expected in done.stderr.decode()
    assert len(lines(done.stderr)) <= 2
    assert done.stdout == b""


def test_a_path_in_the_place_of_the_command_is_recognised(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP})
    done = command("a.py")
    assert done.returncode == 2
    assert b"flake8-saveimage check a.py" in done.stderr


def test_options_and_paths_may_be_mixed(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP, "-b.py": LOOP})
    done = command("check", "a.py", "--select", "SVI101", "--", "-b.py")
    assert len(findings(done.stdout)) == 2
