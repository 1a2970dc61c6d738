"""Workflows, issue forms and the citation against their published schemas, and against tox.ini."""

from __future__ import annotations

import re
import sys

import pytest
import yaml
from neighbours import ROOT, run

GITHUB = ROOT / ".github"
FORMS = ["false-alarm.yml", "miss.yml"]


def valid(schema: str, *paths: str) -> None:
    """Check files by a schema that ``check-jsonschema`` brings along."""
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema)
    files = [ROOT / path for path in paths]
    run(*command, "--force-filetype", "yaml", *files, cwd=ROOT, status=0)


@pytest.mark.parametrize("name", ["tests.yml", "publish.yml"])
def test_workflows_are_valid_and_have_timeouts(name: str) -> None:
    valid("vendor.github-workflows", f".github/workflows/{name}")
    valid("custom.github-workflows-require-timeout", f".github/workflows/{name}")


def test_issue_forms_are_valid_and_ask_for_the_smallest_example() -> None:
    valid("vendor.github-issue-forms", *(f".github/ISSUE_TEMPLATE/{name}" for name in FORMS))
    valid("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml")
    for name in FORMS:
        form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / name).read_text(encoding="utf-8"))
        (example,) = (field for field in form["body"] if field["id"] == "example")
        assert example["validations"]["required"] is True


def test_the_citation_is_valid() -> None:
    valid("vendor.citation-file-format", "CITATION.cff")


def test_each_supported_python_is_tested_on_each_system() -> None:
    workflow = yaml.safe_load((GITHUB / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["python"]["strategy"]["matrix"]
    assert {word.partition("-")[0] for word in matrix["system"]} == {"ubuntu", "macos", "windows"}
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    listed = re.findall(r"py3(\d\d)", re.findall(r"^env_list = (.*)$", tox, re.MULTILINE)[0])
    classified = re.findall(r":: 3\.(\d\d)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert [f"3.{minor}" for minor in listed] == matrix["python"]
    assert listed == classified


def test_publishing_needs_no_password_and_only_a_tag_starts_it() -> None:
    text = (GITHUB / "workflows" / "publish.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads "on" as true
    assert workflow["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in text
    assert "password" not in text
