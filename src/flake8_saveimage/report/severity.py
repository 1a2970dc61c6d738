"""How loud a finding is for programs that ask: SARIF viewers and GitHub use the same words."""

from __future__ import annotations

from typing import Literal

from flake8_saveimage.rules.index import opt_in_codes

Level = Literal["error", "warning"]


def level(code: str) -> Level:
    """Return ``"error"`` for a rule that is on by default, ``"warning"`` for an opt-in rule."""
    return "warning" if code in opt_in_codes() else "error"
