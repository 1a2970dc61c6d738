"""How loud a finding is for programs that ask: SARIF viewers and GitHub use the same words."""

from __future__ import annotations

import functools
from typing import Literal

from flake8_saveimage.rules import all_rules

Level = Literal["error", "warning"]


@functools.cache
def level(code: str) -> Level:
    """Return ``"error"`` for a rule that is on by default, ``"warning"`` for an opt-in rule."""
    return "error" if any(rule.code == code and rule.default for rule in all_rules()) else "warning"
