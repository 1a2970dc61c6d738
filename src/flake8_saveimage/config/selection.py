"""Which rules are on: flake8's decision, with one promise added.

An opt-in rule stays off until it is selected by name or prefix. flake8 alone would switch every
opt-in rule on for anyone whose configuration has an ``ignore =`` line, because that line replaces
the default ignore list in which plugins put their opt-in rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.index import known_codes, opt_in_codes

if TYPE_CHECKING:
    import argparse

    from flake8.style_guide import DecisionEngine


def active_codes(
    options: argparse.Namespace, engine: DecisionEngine | None = None
) -> frozenset[str]:
    """Return the codes of the rules that flake8's options switch on.

    ``engine`` is the one of a style guide whose per-file ignores count; by default that of the
    options themselves.
    """
    from flake8.style_guide import Decision, DecisionEngine, Selected

    engine = engine or DecisionEngine(options)
    return frozenset(
        code
        for code in known_codes()
        if engine.decision_for(code) is Decision.Selected
        and (code not in opt_in_codes() or engine.was_selected(code) is Selected.Explicitly)
    )
