"""NumPy, imported when the first image is converted: checkpoints are saved without it."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    found = getattr(importlib.import_module("numpy"), name)
    globals()[name] = found
    return found
