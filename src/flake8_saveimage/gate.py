"""Does this file save anything at all? Text first, then the ``ast`` that flake8 already has.

The gate only refuses: nearly every file stops here, for the price of a search. What passes is
judged by libcst. Nothing but ``re`` and ``ast`` may be imported here.
"""

from __future__ import annotations

import ast
import re

_IMAGE = re.compile(r"\bsave_image\b")
_SAVE = re.compile(r"\bsave\b")
_TORCH = re.compile(r"\bimport\s.*\btorch|\bfrom\s+torch|\bimport\s*\\\s*torch")


def text_may_save(source: str) -> bool:
    """Say whether the text could hold a ``save_image`` or ``torch.save`` call."""
    if "torch" not in source or "save" not in source:
        return False
    if _TORCH.search(source) is None:
        return False
    return _IMAGE.search(source) is not None or _SAVE.search(source) is not None


def tree_may_save(tree: ast.AST) -> bool:
    """Say whether torch or torchvision is imported and something called ``save...`` is used."""
    imported = used = False
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.ImportFrom):
            if not node.level and (node.module or "").split(".")[0] in ("torch", "torchvision"):
                imported = True
                names = {alias.name for alias in node.names}
                used = used or not names.isdisjoint(("save", "save_image", "*"))
        elif isinstance(node, ast.Import):
            if any(alias.name.split(".")[0] in ("torch", "torchvision") for alias in node.names):
                imported = True
        elif isinstance(node, ast.Attribute) and node.attr in ("save", "save_image"):
            used = True
        if imported and used:
            return True
        stack.extend(ast.iter_child_nodes(node))
    return False
