"""The gate: from a file's bytes to whether it is worth parsing with libcst.

The gate only refuses: nearly every file stops here, for the price of a search. It looks at the text
first, then at the :mod:`ast`, and what passes is judged by libcst. Every command and the plugin use
it. Regular expressions are compiled for the first file that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.knowledge.writers import DEFAULT, Table
from flake8_saveimage.source import reading

if TYPE_CHECKING:
    import ast


def admit(raw: bytes, table: Table = DEFAULT) -> reading.Source | None:
    """Decode a file's bytes if it may save something; ``None`` if it is not worth parsing.

    Raises ``SourceError`` for a file that may save something but cannot be decoded or parsed.
    """
    if not bytes_may_save(raw, table):
        return None
    source = reading.decode(raw)
    return source if tree_may_save(reading.parse(source.lines), table) else None


def is_worth_parsing(text: str, tree: ast.AST | None = None, table: Table = DEFAULT) -> bool:
    """Say whether a decoded text passes the gate; ``tree`` is its syntax tree, if it is known.

    Raises ``SourceError`` as :func:`admit` does.
    """
    if not text_may_save(text, table):
        return False
    reading.check_size(len(text))
    return tree_may_save(reading.parse(text) if tree is None else tree, table)


def bytes_may_save(raw: bytes, table: Table = DEFAULT) -> bool:
    """Say whether a file's bytes could hold a save call."""
    words = table.raw_words.items()
    found = any(p in raw and any(leaf in raw for leaf in leaves) for p, leaves in words)
    return found and text_may_save(reading.skim(raw), table)


def text_may_save(text: str, table: Table = DEFAULT) -> bool:
    """Say whether a text could hold a call of a writer."""
    words = table.words.items()
    if not any(p in text and any(leaf in text for leaf in leaves) for p, leaves in words):
        return False
    from flake8_saveimage.source.lexical import lexicon_of  # compiles patterns

    return lexicon_of(table).may_save(text)


def tree_may_save(tree: ast.AST, table: Table = DEFAULT) -> bool:
    """Say whether a writer's package is imported and something called like a writer is used."""
    import ast

    leaves = {*table.leaves, *table.vendored}
    imported = used = False
    # the imports, which stand at the top, first; then from the end, where programs save
    top: list[ast.AST] = list(ast.iter_child_nodes(tree))
    imports = [node for node in top if isinstance(node, ast.Import | ast.ImportFrom)]
    stack = [*top, *imports]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            package = not node.level and (node.module or "").partition(".")[0] in table.packages
            package = package or not names.isdisjoint(table.vendored)
            imported = imported or package or "*" in names
            used = used or (package and not names.isdisjoint({*leaves, "*"}))
        elif isinstance(node, ast.Import):
            packages = {alias.name.partition(".")[0] for alias in node.names}
            imported = imported or not packages.isdisjoint(table.packages)
        elif isinstance(node, ast.Attribute):
            used = used or node.attr in leaves or node.attr in table.methods
        if imported and used:
            return True
        stack.extend(ast.iter_child_nodes(node))
    return False
