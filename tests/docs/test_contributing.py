"""CONTRIBUTING shows the code as it is."""

from __future__ import annotations

from blocks import ROOT, blocks


def test_the_rule_shown_is_the_rule() -> None:
    shown = next(
        block.text
        for block in blocks(ROOT / "CONTRIBUTING.md")
        if block.tested_by is not None and block.language == "python"
    )
    rule = ROOT / "src" / "flake8_saveimage" / "rules" / "svi104.py"
    assert rule.read_text(encoding="utf-8").endswith(f"\n{shown}")


def test_the_smallest_rule_is_shown() -> None:
    rules = ROOT / "src" / "flake8_saveimage" / "rules"
    assert (rules / "svi104.py").exists()
