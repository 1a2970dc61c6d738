"""Files that are rewritten on purpose, by the same words as in the linter."""

from __future__ import annotations

from flake8_saveimage.knowledge.words import is_rolling_file as is_rolling

__all__ = ["is_rolling"]
