"""All rules: one module each, found by its name. Importing this package loads none of them."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

from flake8_saveimage.rules.index import known_codes

if TYPE_CHECKING:
    from flake8_saveimage.rules.base import Rule

__all__ = ["all_rules", "documentation", "rule"]


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, sorted by code."""
    return tuple(map(rule, known_codes()))


def rule(code: str) -> Rule:
    """Return the rule with a code; raises ``KeyError`` if there is none."""
    if code not in known_codes():
        raise KeyError(code)
    found: Rule = importlib.import_module(f"{__name__}.{code.lower()}").RULE
    return found


def documentation(code: str) -> str:
    """Return the documentation of a rule: the docstring of its module (Markdown)."""
    return rule(code).documentation
