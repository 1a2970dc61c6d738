"""CONTRIBUTING shows a rule as it is."""

from __future__ import annotations

from pathlib import Path

from blocks import ROOT, blocks

RULES = ROOT / "src" / "flake8_saveimage" / "rules"


def code(rule: Path) -> str:
    """Return what stands below a rule's docstring and imports."""
    return rule.read_text(encoding="utf-8").partition("def check(")[2]


def test_the_rule_shown_is_the_rule() -> None:
    shown = next(
        block.text
        for block in blocks(ROOT / "CONTRIBUTING.md")
        if block.tested_by is not None and block.language == "python"
    )
    assert shown == "def check(" + code(RULES / "svi301.py")
