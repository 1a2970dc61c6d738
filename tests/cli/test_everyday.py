"""What users of ruff and flake8 type on the first day."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from commandline import LOOP, MIXED, Command, codes, findings, lines, write

UNSAFE = LOOP.replace("torch.save", "x = torch.save")


# -- text --------------------------------------------------------------------------------------


def test_the_mark_is_at_what_fix_can_do(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP})
    (line,) = lines(command("check", "a.py").stdout)
    assert line.startswith("a.py:4:5: SVI101 [*] ")
    command("fix", "a.py")
    assert command("check", "a.py").returncode == 0


def test_concise_and_full(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": MIXED})
    concise = lines(command("check", "--output-format", "concise", "a.py").stdout)
    assert len(concise) == 4
    full = lines(command("check", "--output-format=full", "a.py").stdout)
    assert len(full) == 4 + 3 * 3  # two findings share one excerpt
    assert concise == [line for line in full if line.startswith("a.py:")]
    assert lines(command("check", "--format=text", "a.py").stdout) == concise


# -- options -----------------------------------------------------------------------------------


def test_count(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": MIXED})
    assert lines(command("check", "--count", "a.py").stdout)[-1] == "4"
    done = command("check", "--count", "--format", "json", "a.py")
    assert len(json.loads(done.stdout)["findings"]) == 4
    assert lines(done.stderr) == ["4"]


def test_verbose_says_what_was_looked_at_and_quiet_nothing(
    tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {"a.py": LOOP, "setup.cfg": "[flake8]\nextend-ignore = E1\n"})
    said = command("check", "-v", ".").stderr.decode()
    assert re.search(r"configuration: \S*setup\.cfg", said)
    assert re.search(r"checked 1 file in \d+\.\d s", said)
    assert "Found 1 finding in 1 file." in said
    assert "All checks passed!" in command("check", "-v", "--ignore=SVI", ".").stderr.decode()
    write(tmp_path, {"setup.cfg": "[flake8]\nselect = E\n"})
    quiet = command("check", "-q", ".")
    assert quiet.stderr == b""
    assert len(findings(quiet.stdout)) == 1
    assert command("fix", "-q", "--diff", ".").stderr == b""


def test_rules_in_any_case_and_by_name(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": MIXED})
    name = json.loads(command("check", "--format=json", "a.py").stdout)["findings"][0]["code"]
    assert name == "SVI104"
    assert codes(command("check", "--select", "svi101", "a.py").stdout) == ["7:SVI101", "9:SVI101"]
    wanted = command("check", "--select", "Loop-Invariant-Path,svi203", "a.py").stdout
    assert codes(wanted) == ["7:SVI101", "9:SVI101", "9:SVI203"]
    write(tmp_path, {"pyproject.toml": '[tool.flake8-saveimage]\nselect = ["svi104"]\n'})
    assert codes(command("check", "a.py").stdout) == ["5:SVI104"]
    done = command("check", "--select", "loop-invariant-pth", "a.py")
    assert done.returncode == 2
    assert b"(did you mean 'loop-invariant-path'?)" in done.stderr
    assert b"SVI101" in command("explain", "loop-invariant-path").stdout


def test_check_fixes_and_reports_what_is_left(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP, "b.py": UNSAFE})
    diff = command("check", "--diff", ".")
    assert diff.stdout == command("fix", "--diff", ".").stdout
    assert (tmp_path / "a.py").read_text() == LOOP
    done = command("check", "--fix", ".")
    assert done.returncode == 1
    assert [line.split(":")[0] for line in findings(done.stdout)] == ["./b.py"]
    assert lines(done.stderr)[0] == "Fixed 1 of 2 findings in 1 file; 1 more with --unsafe-fixes."
    assert "safe_save" in (tmp_path / "a.py").read_text()
    left = command("check", "--fix", "--unsafe-fixes", "--format=json", ".")
    assert (left.returncode, json.loads(left.stdout)["findings"]) == (0, [])
    done = command("check", "--fix", "-", stdin=LOOP.encode())
    assert done.returncode == 2
    assert b"flake8-saveimage fix -" in done.stderr


def test_fix_without_a_path_is_this_folder(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"src/a.py": LOOP})
    assert command("fix").returncode == 0
    assert "safe_save" in (tmp_path / "src/a.py").read_text()


def test_show_fixes(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP, "b.py": MIXED})
    done = command("fix", "--show-fixes", "--unsafe-fixes", ".")
    assert lines(done.stdout)[:2] == ["./a.py:", "    1 x SVI101 (loop-invariant-path)"]
    assert "    2 x SVI101 (loop-invariant-path)" in lines(done.stdout)
    assert lines(done.stderr)[0].startswith("Fixed ")


def test_show_settings(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"setup.cfg": "[flake8]\nextend-select = SVI105\nexclude = build\n"})
    done = command("check", "--show-settings", "--ignore", "svi101")
    settings = dict(line.split(": ", 1) for line in lines(done.stdout) if ": " in line)
    assert settings["configuration"].endswith("setup.cfg")
    rules = settings["rules"].split()
    assert "SVI105" in rules
    assert "SVI101" not in rules
    assert "build" in settings["exclude"]
    assert command("fix", "--show-settings").returncode == 0


def test_wrong_options_suggest_the_right_one(command: Command) -> None:
    for wrong, right in (
        ("--statistic", "--statistics"),
        ("--outputformat=json", "--output-format"),
        ("--fixx", "--fix"),
        ("--extend-slect=SVI", "--extend-select"),
    ):
        done = command("check", wrong, ".")
        assert done.returncode == 2
        assert f"(did you mean '{right}'?)" in done.stderr.decode()


def test_a_name_for_standard_input_needs_standard_input(command: Command) -> None:
    done = command("check", "--stdin-display-name", "a.py", ".")
    assert done.returncode == 2
    assert b"'-'" in done.stderr


@pytest.mark.parametrize("words", [[], ["check"], ["fix"], ["explain"]])
def test_help_tells_the_exit_status(command: Command, words: list[str]) -> None:
    assert b"Exit status: 0" in command(*words, "--help").stdout


# -- what is never silent ----------------------------------------------------------------------


@pytest.mark.parametrize("content", ["def f(:\n", b"\x7fELF\x00\x00\x01", b"x = '\xff'\n"])
@pytest.mark.parametrize("path", [".", "bad.py"])
@pytest.mark.parametrize("name", ["check", "fix"])
def test_a_file_that_is_no_python_is_reported_though_it_saves_nothing(
    tmp_path: Path, command: Command, content: str | bytes, path: str, name: str
) -> None:
    write(tmp_path, {"bad.py": content, "good.py": "x = 1\n"})
    done = command(name, path)
    assert done.returncode == 2
    (error,) = lines(done.stderr)
    assert "bad.py: " in error


def test_a_broken_file_that_opts_out_is_left_alone(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"bad.py": "# flake8: noqa\ndef f(:\n"})
    done = command("check", ".")
    assert (done.returncode, done.stderr) == (0, b"")


def test_select_without_our_rules_does_not_silence_the_command(
    tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {"a.py": MIXED, "setup.cfg": "[flake8]\nselect = E,F,W\nignore = SVI104\n"})
    done = command("check", "a.py")
    assert codes(done.stdout) == ["7:SVI101", "9:SVI101", "9:SVI203"]
    (warning,) = lines(done.stderr)
    assert "'select' in setup.cfg has none of the SVI rules" in warning
    assert "'extend-select = SVI'" in warning
    write(tmp_path, {"setup.cfg": "[flake8]\nselect = E,F,W\nextend-select = SVI2\n"})
    done = command("check", "a.py")
    assert (codes(done.stdout), done.stderr) == (["9:SVI203"], b"")


def test_wrong_spellings_in_configurations_are_one_warning_each(
    tmp_path: Path, command: Command
) -> None:
    write(
        tmp_path,
        {
            "a.py": LOOP,
            "setup.cfg": "[flake8]\nextend-slect = SVI105\nmax_complexity = 9\n"
            "per-file-ignore=a:B1\ndocstring-convention = google\nignore-names = x\n",
            "pyproject.toml": "[tool.flake8_saveimage]\nselect = []\n[tool.flake8]\n[tool.ruff]\n",
        },
    )
    done = command("check", "a.py")
    assert lines(done.stderr) == [
        "flake8-saveimage: warning: setup.cfg: there is no option 'extend-slect'; "
        "did you mean 'extend-select'?",
        "flake8-saveimage: warning: setup.cfg: there is no option 'per-file-ignore'; "
        "did you mean 'per-file-ignores'?",
        "flake8-saveimage: warning: pyproject.toml: [tool.flake8] is not read; "
        "the table is [tool.flake8-saveimage]",
        "flake8-saveimage: warning: pyproject.toml: [tool.flake8_saveimage] is not read; "
        "the table is [tool.flake8-saveimage]",
    ]


# -- baseline ----------------------------------------------------------------------------------


def test_a_baseline_hides_what_was_there_wherever_it_has_moved(
    tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {"src/a.py": MIXED, "b.py": LOOP})
    env = {"CI": ""}
    first = command("check", "--baseline", "known.json", ".", env=env)
    assert (first.returncode, first.stdout) == (0, b"")
    assert b"wrote the baseline known.json: 5 findings" in first.stderr
    listed = json.loads((tmp_path / "known.json").read_text())["findings"]
    assert listed[0] == {
        "file": "b.py",
        "code": "SVI101",
        "call": 'torch.save(epoch, "numbers.pt")',
    }

    moved = "# a comment\n\n" + LOOP.replace("epoch, ", "epoch,\n               ")
    write(tmp_path, {"b.py": moved, "src/a.py": MIXED})
    second = command("check", "--baseline", "known.json", ".", env=env)
    assert (second.returncode, second.stdout, second.stderr) == (0, b"", b"")
    below = command("check", "--baseline", "../known.json", cwd=tmp_path / "src", env=env)
    assert below.stdout == b""

    # the same call a second time is new, and so is another one
    write(
        tmp_path, {"b.py": moved + '    torch.save(epoch, "numbers.pt")\n    torch.save(1, "x")\n'}
    )
    third = command("check", "--select=SVI1", "--baseline", "known.json", "b.py", env=env)
    assert third.returncode == 1
    assert codes(third.stdout) == ["8:SVI101", "8:SVI107", "9:SVI101"]
    assert third.stderr == b""


def test_a_baseline_says_what_is_gone_and_never_appears_in_ci(
    tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {"b.py": LOOP})
    missing = command("check", "--baseline", "known.json", "b.py", env={"CI": "true"})
    assert missing.returncode == 2
    assert not (tmp_path / "known.json").exists()
    command("check", "--baseline", "known.json", "b.py", env={"CI": ""})
    write(tmp_path, {"b.py": "x = 1\n"})
    done = command("check", "--baseline", "known.json", "b.py", env={"CI": "true"})
    assert done.returncode == 0
    assert b"1 listed finding no longer occurs" in done.stderr
    for content in ("{", "[]", '{"findings": [{}]}', '{"findings": 3}'):
        write(tmp_path, {"known.json": content})
        wrong = command("check", "--baseline", "known.json", "b.py")
        assert wrong.returncode == 2
        assert lines(wrong.stderr) == [
            "flake8-saveimage: error: known.json: is not a baseline of flake8-saveimage"
        ]


def test_the_version_names_what_a_report_needs(command: Command) -> None:
    text = command("--version").stdout.decode()
    python = ".".join(map(str, sys.version_info[:3]))
    assert re.fullmatch(
        rf"flake8-saveimage \S+ \(Python {python}, libcst \S+, flake8 \S+\)\n", text
    )
