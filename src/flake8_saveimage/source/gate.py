"""Does this file save anything at all? Text first, then the ``ast`` that flake8 already has.

The gate only refuses: nearly every file stops here, for the price of a search. What passes is
judged by libcst. Regular expressions are compiled for the first file that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast


def text_may_save(source: str) -> bool:
    """Say whether the text could hold a ``save_image`` or ``torch.save`` call."""
    if "save" not in source or "torch" not in source:
        return False
    from flake8_saveimage.source import lexical

    return lexical.may_save(source)


def tree_may_save(tree: ast.AST) -> bool:
    """Say whether torch or torchvision is imported and something called ``save...`` is used."""
    import ast

    from flake8_saveimage.source.lexical import NAMES, PACKAGES

    imported = used = False
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            package = not node.level and (node.module or "").partition(".")[0] in PACKAGES
            imported = imported or package or "*" in names
            used = used or (package and not names.isdisjoint(NAMES | {"*"}))
        elif isinstance(node, ast.Import):
            packages = {alias.name.partition(".")[0] for alias in node.names}
            imported = imported or not packages.isdisjoint(PACKAGES)
        elif isinstance(node, ast.Attribute) and node.attr in NAMES:
            used = True
        if imported and used:
            return True
        stack.extend(ast.iter_child_nodes(node))
    return False
