"""The gate: from a file's bytes to whether it is worth parsing with libcst.

The gate only refuses: nearly every file stops here, for the price of a search. It looks at the text
first, then at the :mod:`ast`, and what passes is judged by libcst. Every command and the plugin use
it. Regular expressions are compiled for the first file that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.knowledge.writers import BY_NAME, LEAVES, PACKAGES, VENDORED
from flake8_saveimage.source import reading

if TYPE_CHECKING:
    import ast


def _pairs() -> list[tuple[str, str]]:
    """Return the pairs of a package and a function, one of which is in a file with a save.

    A pair that contains another one, as "torchvision" contains "torch", need not be looked for.
    """
    names = (name.split(".") for name in BY_NAME)
    pairs = sorted({(parts[0], parts[-1]) for parts in names} | {("", leaf) for leaf in VENDORED})
    return [
        pair
        for pair in pairs
        if not any(p in pair[0] and f in pair[1] and (p, f) != pair for p, f in pairs)
    ]


_PAIRS = _pairs()
_BYTES = [(package.encode(), leaf.encode()) for package, leaf in _PAIRS]


def admit(raw: bytes) -> reading.Source | None:
    """Decode a file's bytes if it may save something; ``None`` if it is not worth parsing.

    Raises ``SourceError`` for a file that may save something but cannot be decoded or parsed.
    """
    if not bytes_may_save(raw):
        return None
    source = reading.decode(raw)
    return source if tree_may_save(reading.parse(source.lines)) else None


def is_worth_parsing(text: str, tree: ast.AST | None = None) -> bool:
    """Say whether a decoded text passes the gate; ``tree`` is its syntax tree, if it is known.

    Raises ``SourceError`` as :func:`admit` does.
    """
    if not text_may_save(text):
        return False
    reading.check_size(len(text))
    return tree_may_save(reading.parse(text) if tree is None else tree)


def bytes_may_save(raw: bytes) -> bool:
    """Say whether a file's bytes could hold a save call."""
    has_words = any(leaf in raw and package in raw for package, leaf in _BYTES)
    return has_words and text_may_save(reading.skim(raw))


def text_may_save(text: str) -> bool:
    """Say whether a text could hold a call of a writer."""
    if not any(leaf in text and package in text for package, leaf in _PAIRS):
        return False
    from flake8_saveimage.source import lexical  # compiles patterns

    return lexical.may_save(text)


def tree_may_save(tree: ast.AST) -> bool:
    """Say whether a writer's package is imported and something called like a writer is used."""
    import ast

    imported = used = False
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            package = not node.level and (node.module or "").partition(".")[0] in PACKAGES
            package = package or not names.isdisjoint(VENDORED)
            imported = imported or package or "*" in names
            used = used or (package and not names.isdisjoint(LEAVES | {"*"}))
        elif isinstance(node, ast.Import):
            packages = {alias.name.partition(".")[0] for alias in node.names}
            imported = imported or not packages.isdisjoint(PACKAGES)
        elif isinstance(node, ast.Attribute) and node.attr in LEAVES:
            used = True
        if imported and used:
            return True
        stack.extend(ast.iter_child_nodes(node))
    return False
