"""NumPy, imported when the first image is converted: checkpoints are saved without it."""

from __future__ import annotations

import importlib
from typing import Any


class _NumPy:
    def __getattr__(self, name: str) -> Any:
        found = getattr(importlib.import_module("numpy"), name)
        setattr(self, name, found)
        return found


np = _NumPy()
