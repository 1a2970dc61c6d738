"""``check``: output, exit status, selection by code, standard input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import LOOP, MIXED, Command, codes, findings, lines, write


def test_clean_folder_prints_nothing_and_exits_0(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": "x = 1\n", "b.py": "import torch\ntorch.save(1, input())\n"})
    done = command("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_findings_are_printed_in_flake8s_form_and_exit_1(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"train.py": LOOP})
    done = command("check", "train.py")
    assert done.returncode == 1
    (line,) = lines(done.stdout)
    assert line.startswith("train.py:4:5: SVI101 ")
    assert done.stderr == b""


def test_opt_in_rules_stay_off_until_selected(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"m.py": MIXED})
    default = codes(command("check", "m.py").stdout)
    assert default == ["5:SVI104", "7:SVI101", "9:SVI101", "9:SVI203"]
    assert "8:SVI105" in codes(command("check", "--extend-select", "SVI105", "m.py").stdout)
    assert codes(command("check", "--select", "SVI105", "m.py").stdout) == ["8:SVI105"]
    assert codes(command("check", "--select=SVI2", "m.py").stdout) == ["9:SVI203"]
    assert codes(command("check", "--ignore", "SVI1", "m.py").stdout) == ["9:SVI203"]


def test_json_is_one_document_with_the_promised_keys(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"b.py": LOOP, "a.py": "é = 1; " + LOOP, "broken.py": LOOP + "def\n"})
    done = command("check", "--format", "json", ".", "missing.py")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert set(document) == {"version", "findings", "errors"}
    assert [f["file"] for f in document["findings"]] == ["./a.py", "./b.py"]
    for finding in document["findings"]:
        assert set(finding) == {
            "file", "line", "column", "code", "message", "fix", "save", "related",
        }  # fmt: skip
        assert (finding["line"], finding["column"], finding["code"]) == (4, 5, "SVI101")
        assert finding["save"] == {"file": finding["file"], "line": 4, "column": 5}
        assert [(r["file"], r["line"]) for r in finding["related"]] == [(finding["file"], 3)]
        assert not finding["message"].startswith("SVI")
        assert finding["fix"] == "safe"
    assert [e["file"] for e in document["errors"]] == ["./broken.py", "missing.py"]
    assert all(set(error) == {"file", "message"} for error in document["errors"])


def test_json_of_a_clean_file_is_a_whole_document_too(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": "x = 1\n"})
    done = command("check", "--format=json", "a.py")
    document = json.loads(done.stdout)
    assert (document["findings"], document["errors"], done.returncode) == ([], [], 0)


def test_columns_count_characters(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": 'import torch\nfor i in "ab":\n    "é"; torch.save(i, "x.pt")\n'})
    assert findings(command("check").stdout)[0].startswith("./a.py:3:10: SVI101 ")


def test_output_file_holds_the_report(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP})
    done = command("check", "--output-file", "report.json", "--format", "json", "a.py")
    assert (done.returncode, done.stdout) == (1, b"")
    assert len(json.loads((tmp_path / "report.json").read_text())["findings"]) == 1
    done = command("check", "--output-file", "no/such/folder/report.txt", "a.py")
    assert done.returncode == 2
    assert len(lines(done.stderr)) == 1


def test_standard_input_is_checked_under_its_display_name(tmp_path: Path, command: Command) -> None:
    done = command("check", "-", stdin=LOOP.encode())
    assert done.stdout.startswith(b"stdin:4:5: SVI101 ")
    done = command("check", "--stdin-display-name", "src/a.py", "-", stdin=LOOP.encode())
    assert done.stdout.startswith(b"src/a.py:4:5: SVI101 ")
    write(tmp_path, {".flake8": "[flake8]\nexclude = src\nper-file-ignores = t.py:SVI101\n"})
    done = command("check", "--stdin-display-name", "src", "-", stdin=LOOP.encode())
    assert (done.returncode, done.stdout) == (0, b"")
    done = command("check", "--stdin-display-name", "t.py", "-", stdin=LOOP.encode())
    assert (done.returncode, done.stdout) == (0, b"")
    assert command("check", "-", stdin=b"x = 1\n").returncode == 0


def test_exit_zero_hides_findings_but_no_errors(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP})
    done = command("check", "--exit-zero", "a.py")
    assert done.returncode == 0
    assert len(findings(done.stdout)) == 1
    assert command("check", "--exit-zero", "a.py", "missing.py").returncode == 2


def test_statistics_count_each_code(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"m.py": MIXED})
    done = command("check", "--statistics", "m.py")
    counts = [line.split()[:2] for line in lines(done.stdout) if ": SVI" not in line]
    assert counts == [["2", "SVI101"], ["1", "SVI104"], ["1", "SVI203"]]
    done = command("check", "--statistics", "--format", "json", "m.py")
    json.loads(done.stdout)
    assert b"2     SVI101" in done.stderr


def test_source_and_caret_on_demand(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": 'import torch\nfor i in "ab":\n\ttorch.save(i, "\x0c漢.pt"); 1\n'})
    done = command("check", "--show-source", "--color", "never", "a.py")
    _, source, caret, _ = lines(done.stdout)
    assert source == '    3 |     torch.save(i, "\\x0c漢.pt"); 1'
    assert caret == "      |     " + "^" * len('torch.save(i, "\\x0c漢_.pt")')


@pytest.mark.parametrize(
    ("arguments", "environment", "coloured"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_follows_the_usual_conventions(
    tmp_path: Path,
    command: Command,
    arguments: list[str],
    environment: dict[str, str],
    coloured: bool,
) -> None:
    write(tmp_path, {"a.py": LOOP})
    done = command("check", *arguments, "a.py", env=environment)
    assert (b"\033[" in done.stdout) is coloured


def test_many_files_in_parallel_give_the_same_output(tmp_path: Path, command: Command) -> None:
    filler = "".join(f"def function_{i}(x):\n    return x + {i}\n\n\n" for i in range(60))
    write(tmp_path, {f"f{i:02}.py": LOOP + filler for i in range(40)})
    serial = command("check", "--jobs", "1", ".")
    parallel = command("check", "--jobs", "3", ".")
    assert len(findings(serial.stdout)) == 40
    assert serial.stdout == parallel.stdout


def test_a_file_given_twice_is_reported_once(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP})
    assert len(findings(command("check", "a.py", "a.py").stdout)) == 1


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    import subprocess
    import sys

    write(tmp_path, {"a.py": "import torch\n" + 'for i in "ab": torch.save(i, "x")\n' * 1000})
    process = subprocess.Popen(
        [sys.executable, "-m", "flake8_saveimage", "check", "a.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1
