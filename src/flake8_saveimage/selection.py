"""Which rules are on: flake8's decision, with one promise added.

An opt-in rule stays off until it is selected by name or prefix. flake8 alone would switch every
opt-in rule on for anyone whose configuration has an ``ignore =`` line, because that line replaces
the default ignore list in which plugins put their opt-in rules.
"""

from __future__ import annotations

import functools
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from flake8.style_guide import DecisionEngine


@functools.cache
def known_codes() -> tuple[str, ...]:
    """Return the codes of all rules, sorted, without importing the rules."""
    folder = str(Path(__file__).with_name("rules"))
    names = (module.name for module in pkgutil.iter_modules([folder]))
    return tuple(sorted(name.upper() for name in names if name.startswith("svi")))


def active_codes(
    options: argparse.Namespace, engine: DecisionEngine | None = None
) -> frozenset[str]:
    """Return the codes of the rules that flake8's options switch on.

    ``engine`` is the one of a style guide whose per-file ignores count; by default that of the
    options themselves.
    """
    from flake8.style_guide import Decision, DecisionEngine, Selected

    from flake8_saveimage.rules import all_rules

    engine = engine or DecisionEngine(options)
    return frozenset(
        rule.code
        for rule in all_rules()
        if engine.decision_for(rule.code) is Decision.Selected
        and (rule.default or engine.was_selected(rule.code) is Selected.Explicitly)
    )
