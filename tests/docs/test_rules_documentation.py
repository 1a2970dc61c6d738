"""A rule is complete: a page with examples that hold, fixtures, changelog, README's table."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.rules import all_rules, documentation
from flake8_saveimage.rules.base import Rule

ROOT = Path(__file__).resolve().parents[2]


def _rule_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rule_pages", ROOT / "docs" / "rule_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rule_pages = _rule_pages()
every_rule = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)


def codes(source: str, rule: Rule) -> list[str]:
    """Return the findings of one rule in a file's text."""
    return [finding.code for finding in analyse(source, codes={rule.code})]


@every_rule
def test_headings(rule: Rule) -> None:
    sections = rule_pages.sections(rule.code)
    assert [heading for heading in sections if heading] == list(rule_pages.HEADINGS)
    assert all(sections.values()), "a section is empty"


@every_rule
def test_first_line_is_the_title(rule: Rule) -> None:
    first = documentation(rule.code).splitlines()[0]
    title = rule.title
    assert first.rstrip(".").replace("`", "").lower().startswith(title[:12].lower())


@every_rule
def test_bad_example_fires(rule: Rule) -> None:
    source = rule_pages.example(rule.code, "Example")
    assert source, "there is no example"
    compile(source, rule.code, "exec")
    assert codes(source, rule)


@every_rule
def test_good_example_is_silent(rule: Rule) -> None:
    source = rule_pages.example(rule.code, "Use instead")
    assert source, "there is no example of the good way"
    compile(source, rule.code, "exec")
    assert codes(source, rule) == []


@every_rule
@pytest.mark.parametrize("kind", ["fires", "silent"])
def test_fixtures_of_both_kinds(rule: Rule, kind: str) -> None:
    assert list((ROOT / "fixtures" / rule.code / kind).glob("*.py"))


@every_rule
def test_changelog_names_the_rule(rule: Rule) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^- {rule.code} ", changelog, re.MULTILINE)


def test_no_folder_of_fixtures_without_a_rule() -> None:
    folders = {path.name for path in (ROOT / "fixtures").glob("SVI*")}
    assert folders <= {rule.code for rule in all_rules()}


def test_table_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = rule_pages.TABLE.search(readme)
    assert shown is not None
    assert shown.group() == rule_pages.table(""), "run: python docs/rule_pages.py"


def test_pages_of_the_site() -> None:
    pages = rule_pages.pages()
    assert {f"rules/{rule.code}.md" for rule in all_rules()} < set(pages)
    assert all(f"]({rule.code}.md)" in pages["rules/index.md"] for rule in all_rules())
    for rule in all_rules():
        assert pages[f"rules/{rule.code}.md"].startswith(f"# {rule.code}: {rule.title}\n")
        assert "## Fix safety" in pages[f"rules/{rule.code}.md"]
