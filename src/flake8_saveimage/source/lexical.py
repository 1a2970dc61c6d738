"""What the text of a file says about saves, by regular expressions made from the writers' rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flake8_saveimage.knowledge.writers import BY_NAME, LEAVES, PACKAGES, VENDORED

# The patterns below are run over whole files. Each begins with a letter or quote to look for, and
# what must stand before it is checked behind it: a leading \b would try every character.

# Strings and comments. A string that does not end hides nothing: it is no valid Python.
_HIDDEN = re.compile(
    r"""\#[^\n]*
    |\"\"\"[^\\"]*(?:(?:\\.|"(?!""))[^\\"]*)*\"\"\"
    |'''[^\\']*(?:(?:\\.|'(?!''))[^\\']*)*'''
    |"[^"\\\n]*(?:\\.[^"\\\n]*)*"
    |'[^'\\\n]*(?:\\.[^'\\\n]*)*'""",
    re.VERBOSE | re.DOTALL,
)
_IMPORT = re.compile(
    r"f(?<!\wf)rom\s+(?P<module>[.\w]+)\s+import[ \t]*(?P<names>\([^()]*\)|(?:[^\n\\;]|\\.)*)"
    r"|i(?<!\wi)mport\b(?P<modules>(?:[^\n\\;]|\\.)*)",
    re.DOTALL,
)
_ALIAS = re.compile(r"([\w.]+|\*)(?:[ \t]+as[ \t]+(\w+))?")
_CONTINUED = re.compile(r"\\\r?\n")


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


def _mention(package: str, inner: str, leaves: str) -> str:
    """Return a pattern for `torch.save`, or for what gives the function or its package a name.

    `import torch as th`, `from torch import save`, `th = torch`. How far it looks is limited, so
    that no text takes more than linear time.
    """
    return (
        rf"{package}(?:\s*\.\s*(?:{inner}))?(?:\s*\.\s*(?:{leaves})\b|\s*\.?[ \t]*\\\r?\n|"
        rf"[ \t]+as[ \t]|\s*\#[^\n]{{0,200}}\n\s*\.|"
        rf"[ \t]+import[ \t]*(?:\*|[^\n]{{0,200}}(?:[(\\]|\b(?:{leaves}|{inner})\b))|"
        rf"(?:(?<=={package})|(?<=[ ]{package}))[ \t]*[\n;,)])"
    )


def _mentions() -> Iterator[str]:
    """Yield patterns for the functions of a package itself, whose names are often common words."""
    names = [name.split(".") for name in BY_NAME]
    for package in sorted(PACKAGES):
        leaves = {parts[1] for parts in names if parts[0] == package and len(parts) == 2}
        inner = {p[1] for p in names if p[0] == package and len(p) == 3 and p[2] in leaves}
        if leaves:
            yield _mention(package, _any_of(inner) or r"(?!)", _any_of(leaves))


_COMMON = {name.partition(".")[2] for name in BY_NAME if name.count(".") == 1}
# A name such as save_image says enough by itself.
_DISTINCTIVE = sorted(LEAVES - _COMMON)
_WORDS = re.compile("|".join(rf"{word}(?<!\w{word})(?!\w)" for word in sorted(_COMMON)))
_MENTIONED = re.compile("|".join(_mentions()))
_LEAVES = _any_of(LEAVES)
_MODULES = _any_of({part for name in BY_NAME for part in name.split(".")[1:-1]})
_IN_BRACES = re.compile(rf"\{{[^{{}}]{{0,200}}(?:{_LEAVES})\s*\(")
_USED = re.compile(rf"\.\s*(?:{_LEAVES})\b")


def may_save(source: str) -> bool:
    """Say whether a text with a writer's package and name in it could hold a save call."""
    # What nearly every file without a save call lacks, found by the fastest searches there are.
    if not any(name in source for name in _DISTINCTIVE) and not (
        _WORDS.search(source) and _MENTIONED.search(source)
    ):
        return False
    code = _CONTINUED.sub(" ", _HIDDEN.sub(" ", source))
    return _code_may_save(code) or _has_formatted_save(source)


def _code_may_save(code: str) -> bool:
    """Look at the imports, then for a use of what they bind. Strings and comments are gone."""
    bases = set(PACKAGES)
    bare: set[str] = set()
    found = False
    for module, name, alias in _imported(code):
        package = (module or name).partition(".")[0] in PACKAGES or name in VENDORED
        found = found or package or name == "*"
        if package and name == "*":
            bare |= LEAVES
        elif package and (alias or module):
            (bare if name in LEAVES else bases).add(alias or name)
    if not found:
        return False
    # a name that is only imported, to be offered to others, saves nothing here
    if bare and re.search(rf"\b(?:{'|'.join(bare)})\b", _IMPORT.sub(" ", code)) is not None:
        return True
    names = "|".join(bases)
    if re.search(rf"(?:{names})(?:\s*\.\s*\w+){{0,5}}?\s*\.\s*(?:{_LEAVES})\b", code) is not None:
        return True
    as_value = rf"=\s*(?:{names})(?:\s*\.\s*(?:{_MODULES}))?[ \t]*(?:[\n;,)]|$)"  # th = torch
    return _USED.search(code) is not None and re.search(as_value, code) is not None


def _has_formatted_save(source: str) -> bool:
    """Say whether a format string may hold a call: ``f"{torch.save(x, path)}"``."""
    return any(map(_is_formatted_save, _HIDDEN.finditer(source)))


def _is_formatted_save(match: re.Match[str]) -> bool:
    prefix = match.string[max(0, match.start() - 2) : match.start()]
    return not {"f", "F"}.isdisjoint(prefix) and _IN_BRACES.search(match.group()) is not None


def _imported(code: str) -> Iterator[tuple[str, str, str]]:
    """Yield module, name and alias of the imports in a text without strings and comments.

    The module is empty for ``import name as alias``, the alias if there is none.
    """
    for match in _IMPORT.finditer(code):
        for name, alias in _ALIAS.findall(match["names"] or match["modules"] or ""):
            yield match["module"] or "", name, alias
