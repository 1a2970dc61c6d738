"""Functions that open what a save writes to."""

from __future__ import annotations

# file objects without a path of their own, and temporary files
MEMORY = frozenset(
    "BytesIO StringIO NamedTemporaryFile TemporaryFile SpooledTemporaryFile mkstemp".split()
)
OPENERS = frozenset({"open", "GFile", "File"})
