"""How messages name files and loops."""

from __future__ import annotations

import re

import libcst as cst

from flake8_saveimage.paths.texts import SymbolicText, last_component, split_text
from flake8_saveimage.syntax.nodes import code_of
from flake8_saveimage.syntax.scopes import Loop


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
            return f"'{_clean(''.join(shown))}'"
    code = code_of(path)
    return _clean(code) if len(code) <= 60 and "\n" not in code else "the file"


def _clean(text: str) -> str:
    """Keep a message on one line whatever the source holds."""
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= 80 else text[:77] + "..."


def loop_variable(loop: Loop) -> str:
    """Return the target of a loop as the source writes it (``"i, batch"``), or ``""``."""
    if loop.target is None:
        return ""
    target = loop.target
    if isinstance(target, cst.Tuple):
        target = target.with_changes(lpar=(), rpar=())
    code = code_of(target)
    return _clean(" ".join(code.split()))
