"""How messages name files."""

from __future__ import annotations

import re

import libcst as cst

from flake8_saveimage.paths.texts import SymbolicText, last_component, split_text
from flake8_saveimage.source.reading import printable
from flake8_saveimage.syntax.nodes import code_of


def display(value: SymbolicText, path: cst.BaseExpression) -> str:
    """Return how a message calls the file: its last component, unknown parts in braces."""
    if value.text is not None:
        pieces = split_text(last_component(value.text))
        known = "".join(pieces[::2])
        if re.search(r"\w", known):
            shown = (
                piece if index % 2 == 0 else "{" + (piece.partition("|")[0] or "...") + "}"
                for index, piece in enumerate(pieces)
            )
            return f"'{on_one_line(''.join(shown))}'"
    code = code_of(path)
    return on_one_line(code) if len(code) <= 60 and "\n" not in code else "the file"


def on_one_line(text: str) -> str:
    """Return a text as a message can show it: on one line, printable, not too long."""
    text = printable(text)
    return text if len(text) <= 80 else text[:77] + "..."
