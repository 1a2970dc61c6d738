"""The command's configuration, selection and ``# noqa`` against the real flake8 process."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import LOOP, MIXED, Command, findings, lines, write

pytestmark = pytest.mark.slow

NOQA = '''\
import torch

for epoch in range(3):
    torch.save(epoch, "a.pt")
    torch.save(epoch, "b.pt")  # noqa
    torch.save(epoch, "c.pt")  # NOQA:SVI101
    torch.save(epoch, "d.pt")  # noqa: E501
    torch.save(epoch, "e.pt")  # noqa: E501, SVI1
    torch.save(epoch, "f.pt")  # noqa : SVI101
    torch.save(epoch, "# noqa")
    torch.save(
        epoch,  # noqa: SVI101
        "g.pt",
    )  # noqa: SVI101
    torch.save(  # noqa: SVI101
        epoch, "h.pt"
    )
    torch.save("""
""", "i.pt")  # noqa: SVI101
    torch.save(epoch, \\
        "j.pt")  # noqa: SVI101
    text = f"""
{torch.save(epoch, "k.pt")}
"""  # noqa: SVI101
'''

TREE = {
    "mixed.py": MIXED,
    "noqa.py": NOQA,
    "whole_file.py": LOOP + "# flake8: noqa\n",
    "whole_file_code.py": LOOP + "# flake8: noqa: SVI101\n",
    "not_whole_file.py": LOOP + "x = 1  # flake8: noqa\n",
    "bom.py": b"\xef\xbb\xbf" + LOOP.encode(),
    "crlf.py": LOOP.replace("\n", "\r\n").encode(),
    "latin_1.py": b"# coding: latin-1\n# caf\xe9\n" + LOOP.encode(),
    "feed.py": LOOP.replace("for", "\x0cfor"),
    "src/deep/mixed.py": MIXED,
    "build/mixed.py": MIXED,
    "tests/test_save.py": MIXED,
    ".tox/mixed.py": MIXED,
    "stub.pyi": MIXED,
    "with space/mixed.py": MIXED,
}

CONFIGURATIONS = {
    "none": {},
    "empty section": {".flake8": "[flake8]\n"},
    "select ours": {"setup.cfg": "[flake8]\nselect = E,F,SVI\n"},
    "select some": {"tox.ini": "[flake8]\nselect = SVI1,SVI203\n"},
    "ignore others": {".flake8": "[flake8]\nignore = E203,W503\n"},
    "ignore ours": {".flake8": "[flake8]\nignore = SVI101\n"},
    "ignore all of ours": {".flake8": "[flake8]\nignore = SVI\n"},
    "extend-select opt-in": {".flake8": "[flake8]\nextend-select = SVI105\n"},
    "extend-select one, ignore": {".flake8": "[flake8]\nextend_select = SVI105\nignore=E1\n"},
    "extend-ignore": {".flake8": "[flake8]\nextend-ignore =\n    SVI101,\n    SVI203\n"},
    "select and ignore overlap": {".flake8": "[flake8]\nselect = SVI1\nignore = SVI10,SVI\n"},
    "longer select wins": {".flake8": "[flake8]\nselect = SVI101\nignore = SVI1\n"},
    "per-file-ignores": {
        ".flake8": "[flake8]\nper-file-ignores =\n    mixed.py:SVI104\n    tests/*:SVI1\n"
        "    src/deep/mixed.py:SVI203,SVI101\n"
    },
    "per-file-ignores absolute glob": {
        ".flake8": "[flake8]\nselect=SVI\nper_file_ignores = */build/*.py:SVI\n"
    },
    "exclude": {".flake8": "[flake8]\nexclude = build,src/deep\n"},
    "exclude relative": {".flake8": "[flake8]\nexclude = ./build/,mixed.py\n"},
    "exclude glob": {".flake8": "[flake8]\nexclude = *e*/mixed.py,te?ts\n"},
    "extend-exclude": {".flake8": "[flake8]\nextend-exclude = build, tests/test_*\n"},
    "filename": {".flake8": "[flake8]\nfilename = *.pyi,./src/*.py\n"},
    "disable-noqa": {".flake8": "[flake8]\ndisable-noqa = true\n"},
    "options of other plugins": {
        "setup.cfg": "[flake8]\nmax-complexity = 10\nimport-order-style = google\n"
        "builtins = _\nrequire-plugins =\nenable-extensions = X1\nmax-line-length = 100\n"
    },
    "format and output of flake8": {
        ".flake8": "[flake8]\nshow-source = false\nquiet = 0\ncount = false\njobs = 1\n"
    },
    "two files": {"setup.cfg": "[flake8]\nselect = SVI104\n", ".flake8": "[flake8]\nselect=E\n"},
    "no section in the first": {"setup.cfg": "[metadata]\n", "tox.ini": "[flake8]\nignore=SVI2\n"},
    "hooks": {".flake8": "[flake8]\nsaveimage-hooks = on_tick, after_step\n"},
}

COMMAND_LINES: list[list[str]] = [
    [],
    ["--isolated"],
    ["--select", "SVI"],
    ["--extend-select=SVI105"],
    ["--ignore", "SVI101,SVI2"],
    ["--extend-ignore", "SVI104"],
    ["--disable-noqa"],
    ["--exclude", "src,build"],
    ["--per-file-ignores", "mixed.py:SVI1"],
]


def both(
    command: Command, flake8: Command, arguments: list[str], paths: list[str]
) -> tuple[list[str], list[str]]:
    ours = command("check", *arguments, "--no-show-source", *paths)
    theirs = flake8("--format=default", *arguments, *paths)
    assert theirs.stderr == b"", theirs.stderr.decode()
    return lines_of(ours.stdout), findings(theirs.stdout)


def lines_of(output: bytes) -> list[str]:
    assert len(lines(output)) == len(findings(output))
    return findings(output)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_same_findings_under_every_configuration(
    tmp_path: Path, command: Command, flake8: Command, name: str
) -> None:
    write(tmp_path, {**TREE, **CONFIGURATIONS[name]})
    ours, theirs = both(command, flake8, [], ["."])
    assert ours == theirs
    if name in ("select others", "ignore all of ours"):
        assert not ours


@pytest.mark.parametrize("arguments", COMMAND_LINES, ids=" ".join)
def test_same_findings_with_options(
    tmp_path: Path, command: Command, flake8: Command, arguments: list[str]
) -> None:
    write(tmp_path, {**TREE, **CONFIGURATIONS["per-file-ignores"]})
    ours, theirs = both(command, flake8, arguments, ["."])
    assert ours == theirs
    assert ours


@pytest.mark.parametrize(
    "paths",
    [
        ["mixed.py", "src"],
        ["src/", "./tests"],
        ["build/mixed.py", ".tox/mixed.py", "stub.pyi"],
        [".tox"],
        ["with space", "src/../noqa.py"],
    ],
    ids=" ".join,
)
def test_same_files_for_the_same_paths(
    tmp_path: Path, command: Command, flake8: Command, paths: list[str]
) -> None:
    write(tmp_path, {**TREE, **CONFIGURATIONS["extend-exclude"]})
    ours, theirs = both(command, flake8, [], paths)
    assert ours == theirs


def test_configuration_files_named_on_the_command_line(
    tmp_path: Path, command: Command, flake8: Command
) -> None:
    write(tmp_path, {**TREE, ".flake8": "[flake8]\nselect = SVI101\n"})
    write(tmp_path, {"conf/one.cfg": "[flake8]\nexclude = deep\nignore = SVI104\n"})
    write(tmp_path, {"conf/two.cfg": "[flake8]\nextend-select = SVI105\n"})
    for arguments in (
        ["--config", "conf/one.cfg"],
        ["--append-config", "conf/two.cfg"],
        ["--config", "conf/one.cfg", "--append-config", "conf/two.cfg"],
    ):
        ours, theirs = both(command, flake8, arguments, ["."])
        assert ours == theirs
        assert ours


def test_the_folder_above_configures_too(tmp_path: Path, command: Command) -> None:
    from commandline import run

    write(tmp_path, {**TREE, ".flake8": "[flake8]\nselect = SVI104\nexclude = src/deep\n"})
    below = tmp_path / "tests"
    ours = run("flake8_saveimage", "check", ".", "../src", cwd=below)
    theirs = run("flake8", ".", "../src", cwd=below)
    assert findings(ours.stdout) == findings(theirs.stdout)
    assert len(findings(ours.stdout)) == 1


def test_opt_in_rules_do_not_come_on_by_an_ignore_line(
    tmp_path: Path, command: Command, flake8: Command
) -> None:
    write(tmp_path, {"m.py": MIXED, ".flake8": "[flake8]\nignore = E203\n"})
    ours, theirs = both(command, flake8, [], ["m.py"])
    assert ours == theirs
    assert not any("SVI105" in line for line in ours)
    write(tmp_path, {".flake8": "[flake8]\nignore = E203\nselect = SVI\n"})
    ours, theirs = both(command, flake8, [], ["m.py"])
    assert ours == theirs
    assert any("SVI105" in line for line in ours)


def test_a_configuration_that_selects_none_of_the_rules_is_pointed_out(
    tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {"m.py": MIXED, ".flake8": "[flake8]\nignore = SVI\n"})
    done = command("check", "m.py")
    assert (done.returncode, done.stdout) == (0, b"")
    (line,) = lines(done.stderr)
    assert ".flake8 selects none of the rules" in line


def test_broken_configuration_is_one_clear_line(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"m.py": MIXED})
    for text, expected in (
        ("[flake8]\nextend-ignore = SVI101 # because\n", "'#' supplied to"),
        ("[flake8]\nper-file-ignores = m.py\n", "per-file-ignores"),
        ("[flake8]\ndisable-noqa = perhaps\n", "perhaps"),
        ("[flake8]\njobs = some\n", "'some'"),
    ):
        write(tmp_path, {".flake8": text})
        done = command("check", "m.py")
        assert (done.returncode, done.stdout) == (2, b"")
        assert len(lines(done.stderr)) == 1
        assert expected in done.stderr.decode()
    write(tmp_path, {".flake8": "flake8\nno section\n"})
    done = command("check", "m.py")
    assert done.returncode == 1  # as flake8, which goes on without it; but said
    assert b"ignoring unparseable config" in done.stderr


def test_other_plugins_are_not_loaded(tmp_path: Path, command: Command) -> None:
    """A plugin that cannot even be imported breaks flake8 but not the command."""
    write(
        tmp_path,
        {
            "m.py": LOOP,
            ".flake8": "[flake8]\n[flake8:local-plugins]\nextension =\n  X = exploding:Plugin\n"
            "paths = .\n",
            "exploding.py": "raise SystemExit('loaded')\n",
        },
    )
    done = command("check", "m.py")
    assert (done.returncode, done.stderr) == (1, b"")
