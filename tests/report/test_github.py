"""GitHub annotations, read back by the rules with which GitHub's runner reads commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from reporting import BROKEN, FIXED_NAME, TRAIN, check, report

from flake8_saveimage.check.runner import CheckedFile
from flake8_saveimage.report import make_run
from flake8_saveimage.rules.finding import Finding


def parse(line: str) -> tuple[str, dict[str, str], str]:
    """Split ``::command name=value,name=value::message`` and undo the escapes."""
    match = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
    assert match is not None, line
    command, properties, message = match.groups()
    pairs = dict(pair.split("=", 1) for pair in properties.split(","))
    escapes = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}

    def plain(text: str) -> str:
        for escape, character in escapes.items():
            text = text.replace(escape, character)
        return text.replace("%25", "%")

    return command, {name: plain(value) for name, value in pairs.items()}, plain(message)


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_one_annotation_for_each_finding_and_each_error(tmp_path: Path) -> None:
    run = check({"./src/a.py": FIXED_NAME, "b.py": BROKEN}, tmp_path)
    first, second = map(parse, report("github", run).splitlines())
    assert first[0] == second[0] == "error"
    assert first[1] == {
        "file": "src/a.py", "line": "3", "endLine": "3", "col": "1", "endColumn": "29",
        "title": "SVI104",
    }  # fmt: skip
    assert first[2].startswith("'weights.pt' is overwritten by every run;")
    assert second[1] == {"file": "b.py", "title": "flake8-saveimage"}
    assert second[2].startswith("cannot be parsed")


def test_opt_in_rules_warn(tmp_path: Path) -> None:
    run = check({"a.py": 'import torch\nfor i in x:\n    torch.save(i, "last.pt")\n'}, tmp_path)
    (annotation,) = map(parse, report("github", run).splitlines())
    assert (annotation[0], annotation[1]["title"]) == ("warning", "SVI105")


def test_calls_of_several_lines_have_no_end_column(tmp_path: Path) -> None:
    lines = report("github", check({"train.py": TRAIN}, tmp_path)).splitlines()
    (several, *_), (one, *_) = (
        [parse(line)[1] for line in lines if parse(line)[1]["line"] == number]
        for number in ("9", "13")
    )
    assert (several["col"], "endColumn" in several, "endLine" in several) == ("13", False, False)
    assert (one["col"], one["endColumn"]) == ("9", "57")


def test_nothing_in_a_name_or_message_can_add_a_command_or_a_property() -> None:
    name = "a,line=9::\r\n::error file=b.py::100%0A.py"
    finding = Finding(1, 1, "SVI101", "50%\r\n::set-output name=x::y,z", 1, 9)
    run = make_run([CheckedFile(name, (finding,), text="x\n"), CheckedFile("c", error="1\n::d")])
    lines = report("github", run).splitlines()
    assert len(lines) == 2
    _, properties, message = parse(lines[0])
    assert properties["file"] == name
    assert properties["line"] == "1"
    assert message == finding.message
    assert parse(lines[1])[2] == "1\n::d"
