"""What the text of a file says of saves, before anything is parsed: by regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator

PACKAGES = frozenset({"torch", "torchvision"})
NAMES = frozenset({"save", "save_image"})

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
    r"f(?<!\wf)rom\s+(?P<module>[.\w]+)\s+import[ \t]*(?P<names>\([^()]*\)|(?:[^\n\\;]|\\.)*)"
    r"|i(?<!\wi)mport\b(?P<modules>(?:[^\n\\;]|\\.)*)",
    re.DOTALL,
)
_ALIAS = re.compile(r"([\w.]+|\*)(?:[ \t]+as[ \t]+(\w+))?")
_WORD = re.compile(r"save(?<!\wsave)(?!\w)")
# `torch.save`, or what gives it another name: `import torch as th`, `from torch import save`,
# `th = torch`. How far it looks is limited, so that no text takes more than linear time.
_MENTIONED = re.compile(
    r"torch(?:\s*\.\s*serialization)?(?:\s*\.\s*save\b|\s*\.?[ \t]*\\\r?\n|[ \t]+as[ \t]|"
    r"\s*\#[^\n]{0,200}\n\s*\.|"
    r"[ \t]+import[ \t]*(?:\*|[^\n]{0,200}(?:[(\\]|\b(?:save|serialization)\b))|"
    r"(?:(?<==torch)|(?<==[ ]torch))[ \t]*[\n;,)])"
)
_IN_BRACES = re.compile(r"\{[^{}]{0,200}save(?:_image)?\s*\(")
_USED = re.compile(r"\.\s*save(?:_image)?\b")
_CONTINUED = re.compile(r"\\\r?\n")


def may_save(source: str) -> bool:
    """Say whether a text with the words "torch" and "save" in it could hold a save call."""
    # What nearly every file without a save call lacks, found by the fastest searches there are.
    if "save_image" not in source and not (_WORD.search(source) and _MENTIONED.search(source)):
        return False
    code = _CONTINUED.sub(" ", HIDDEN.sub(" ", source))
    return _code_may_save(code) or has_formatted_save(source)


def _code_may_save(code: str) -> bool:
    """Look at the imports, then for a use of what they bind. Strings and comments are gone."""
    bases = set(PACKAGES)
    bare: set[str] = set()
    found = False
    for module, name, alias in imported(code):
        package = (module or name).partition(".")[0] in PACKAGES
        found = found or package or name == "*"
        if package and name == "*":
            bare |= NAMES
        elif package and (alias or module):
            (bare if name in NAMES else bases).add(alias or name)
    if not found:
        return False
    # a name that is only imported, to be offered to others, saves nothing here
    if bare and re.search(rf"\b(?:{'|'.join(bare)})\b", IMPORT.sub(" ", code)) is not None:
        return True
    names = "|".join(bases)
    if re.search(rf"(?:{names})(?:\s*\.\s*\w+){{0,5}}?\s*\.\s*save(?:_image)?\b", code) is not None:
        return True
    as_value = (
        rf"=\s*(?:{names})(?:\s*\.\s*(?:utils|serialization))?[ \t]*(?:[\n;,)]|$)"  # th = torch
    )
    return _USED.search(code) is not None and re.search(as_value, code) is not None


def has_formatted_save(source: str) -> bool:
    """Say whether a format string may hold a call: ``f"{torch.save(x, path)}"``."""
    return any(map(_is_formatted_save, HIDDEN.finditer(source)))


def _is_formatted_save(match: re.Match[str]) -> bool:
    prefix = match.string[max(0, match.start() - 2) : match.start()]
    return not {"f", "F"}.isdisjoint(prefix) and _IN_BRACES.search(match.group()) is not None


def imported(code: str) -> Iterator[tuple[str, str, str]]:
    """Yield module, name and alias of the imports in a text without strings and comments.

    The module is empty for ``import name as alias``, the alias if there is none.
    """
    for match in IMPORT.finditer(code):
        for name, alias in _ALIAS.findall(match["names"] or match["modules"] or ""):
            yield match["module"] or "", name, alias
