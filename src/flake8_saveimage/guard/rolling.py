"""Files that are rewritten on purpose, by the field's own names for them."""

from __future__ import annotations

import re
from pathlib import PurePath

_ROLLING = re.compile(r"(?<![a-z])(best|last|latest)(?![a-z])", re.IGNORECASE)
_CHECKPOINT = re.compile(r"(?<![a-z])checkpoint(?![a-z])", re.IGNORECASE)


def is_rolling(path: str) -> bool:
    """``best``, ``last`` or ``latest`` in the file's name, or ``checkpoint`` and no number.

    A number in ``checkpoint_10.pt`` promises one file per step, so that one is meant to stay.
    """
    stem = PurePath(path).stem
    if _ROLLING.search(stem):
        return True
    return bool(_CHECKPOINT.search(stem)) and not any(c.isdigit() for c in stem)
