"""Does this file save anything at all? Text first, then the ``ast`` that flake8 already has.

The gate only refuses: nearly every file stops here, for the price of a search. What passes is
judged by libcst. Nothing but ``re`` and ``ast`` may be imported here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

_PACKAGES = frozenset({"torch", "torchvision"})
_NAMES = frozenset({"save", "save_image"})

# The patterns below are run over whole files. Each begins with a letter or quote to look for, and
# what must stand before it is checked behind it: a leading \b would try every character.

# Strings and comments. A string that does not end hides nothing: it is no valid Python.
HIDDEN = re.compile(
    r"""\#[^\n]*
    |\"\"\"[^\\"]*(?:(?:\\.|"(?!""))[^\\"]*)*\"\"\"
    |'''[^\\']*(?:(?:\\.|'(?!''))[^\\']*)*'''
    |"[^"\\\n]*(?:\\.[^"\\\n]*)*"
    |'[^'\\\n]*(?:\\.[^'\\\n]*)*'""",
    re.VERBOSE | re.DOTALL,
)
IMPORT = re.compile(
    r"f(?<!\wf)rom[ \t]+(?P<module>[.\w]+)[ \t]+import[ \t]*(?P<names>\([^)]*\)|(?:[^\n\\;]|\\.)*)"
    r"|i(?<!\wi)mport\b(?P<modules>(?:[^\n\\;]|\\.)*)",
    re.DOTALL,
)
_ALIAS = re.compile(r"([\w.]+|\*)(?:[ \t]+as[ \t]+(\w+))?")
_WORD = re.compile(r"save(?<!\wsave)(?!\w)")
# `torch.save`, or what gives it another name: `import torch as th`, `from torch import save`
_MENTIONED = re.compile(
    r"torch(?:\.serialization)?(?:\.save\b|[ \t]+as[ \t]|"
    r"[ \t]+import[ \t]*(?:\*|(?:\([^)]*|(?:[^\n\\]|\\.)*)\b(?:save|serialization)\b))",
    re.DOTALL,
)


def text_may_save(source: str) -> bool:
    """Say whether the text could hold a ``save_image`` or ``torch.save`` call."""
    if "save" not in source or "torch" not in source:
        return False
    # What nearly every file without a save call lacks, found by the fastest searches there are.
    if "save_image" not in source and not (_WORD.search(source) and _MENTIONED.search(source)):
        return False
    return _code_may_save(HIDDEN.sub(" ", source))


def _code_may_save(code: str) -> bool:
    """Look at the imports, then for a use of what they bind. Strings and comments are gone."""
    bases = set(_PACKAGES)
    bare: set[str] = set()
    found = False
    for module, name, alias in imported(code):
        package = (module or name).partition(".")[0] in _PACKAGES
        found = found or package or name == "*"
        if package and name == "*":
            bare |= _NAMES
        elif package and (alias or module):
            (bare if name in _NAMES else bases).add(alias or name)
    if not found:
        return False
    # a name that is only imported, to be offered to others, saves nothing here
    if bare and re.search(rf"\b(?:{'|'.join(bare)})\b", IMPORT.sub(" ", code)) is not None:
        return True
    use = rf"(?:{'|'.join(bases)})\s*\.[\w\s.]*\bsave(?:_image)?\b"
    return re.search(use, code) is not None


def imported(code: str) -> Iterator[tuple[str, str, str]]:
    """Yield module, name and alias of the imports in a text without strings and comments.

    The module is empty for ``import name as alias``, the alias if there is none.
    """
    for match in IMPORT.finditer(code):
        for name, alias in _ALIAS.findall(match["names"] or match["modules"] or ""):
            yield match["module"] or "", name, alias


def tree_may_save(tree: ast.AST) -> bool:
    """Say whether torch or torchvision is imported and something called ``save...`` is used."""
    import ast

    imported = used = False
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            package = not node.level and (node.module or "").partition(".")[0] in _PACKAGES
            imported = imported or package or "*" in names
            used = used or (package and not names.isdisjoint(_NAMES | {"*"}))
        elif isinstance(node, ast.Import):
            packages = {alias.name.partition(".")[0] for alias in node.names}
            imported = imported or not packages.isdisjoint(_PACKAGES)
        elif isinstance(node, ast.Attribute) and node.attr in _NAMES:
            used = True
        if imported and used:
            return True
        stack.extend(ast.iter_child_nodes(node))
    return False
