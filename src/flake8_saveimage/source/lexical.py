"""What the text of a file says about saves, by regular expressions made from the writers' rows."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence

from flake8_saveimage.knowledge.writers import Table

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
_NOTHING = r"(?!)"
_CONTINUED = re.compile(r"\\\r?\n")


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


def _mention(package: str, inner: str, leaves: str) -> str:
    """Return a pattern for `torch.save`, or for what gives the function or its package a name.

    `import torch as th`, `from torch import save`, `th = torch`. How far it looks is limited, so
    that no text takes more than linear time.
    """
    return (
        rf"{package}(?:\s*\.\s*(?:{inner})){{0,3}}(?:\s*\.\s*(?:{leaves})\b|\s*\.?[ \t]*\\\r?\n|"
        rf"[ \t]+as[ \t]|\s*\#[^\n]{{0,200}}\n\s*\.|"
        rf"[ \t]+import[ \t]*(?:\*|[^\n]{{0,200}}(?:[(\\]|\b(?:{leaves}|{inner})\b))|"
        rf"(?:(?<=={package})|(?<=[ ]{package}))[ \t]*[\n;,)])"
    )


class Lexicon:
    """The patterns for a table of writers."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._bare = frozenset({*table.leaves, *table.vendored})
        names = [name.split(".") for name in table.functions]
        # A name such as save_image says enough by itself.
        common = {leaf for leaf in self._bare if "_" not in leaf}
        self._distinctive = sorted(self._bare - common)
        # a pattern for each: one that begins with a letter is searched for much faster
        self._words = [_word(word) for word in sorted(common)]
        self._mentioned = [re.compile(pattern) for pattern in _mentions(names)]
        leaves = _any_of(self._bare | set(table.methods))
        self._leaves = leaves
        self._modules = _any_of({part for parts in names for part in parts[1:-1]})
        self._in_braces = re.compile(rf"\{{[^{{}}]{{0,200}}(?:{leaves})\s*\(")
        self._used = re.compile(rf"\.\s*(?:{leaves})\b")
        # by package, the other words of a maker's name and the method
        self._methods: dict[str, list[list[str]]] = {}
        for leaf, makers in table.methods.items():
            for maker in makers:
                package, *words = maker.rstrip("()[]0123456789").split(".")
                self._methods.setdefault(package, []).append([*words, leaf])

    def may_save(self, source: str) -> bool:
        """Say whether a text with a writer's package and name in it could hold a save call."""
        # What nearly every file without a save call lacks, found by the fastest searches there are.
        methods = [
            [package, *words]
            for package, several in self._methods.items()
            if package in source
            for words in several
            if all(word in source for word in words)
        ]
        functions = any(name in source for name in self._distinctive) or (
            any(word.search(source) for word in self._words)
            and any(mention.search(source) for mention in self._mentioned)
        )
        if not methods and not functions:
            return False
        code = _CONTINUED.sub(" ", _HIDDEN.sub(" ", source))
        if any(all(_word(word).search(code) for word in words) for words in methods):
            return True
        return functions and (self._code_may_save(code) or self._has_formatted_save(source))

    def _code_may_save(self, code: str) -> bool:
        """Look at the imports, then for a use of what they bind. Strings and comments are gone."""
        table = self.table
        bases = {package for package in table.packages if package in code}
        bare: set[str] = set()
        found = False
        for module, name, alias in _imported(code):
            package = (module or name).partition(".")[0] in table.packages or name in table.vendored
            found = found or package or name == "*"
            if package and name == "*":
                bare |= self._bare
            elif package and (alias or module):
                (bare if name in self._bare else bases).add(alias or name)
        if not found:
            return False
        # a name that is only imported, to be offered to others, saves nothing here
        if bare and re.search(rf"\b(?:{'|'.join(bare)})\b", _IMPORT.sub(" ", code)) is not None:
            return True
        names = "|".join(bases)
        use = rf"(?:{names})(?:\s*\.\s*\w+){{0,5}}?\s*\.\s*(?:{self._leaves})\b"
        if re.search(use, code) is not None:
            return True
        as_value = rf"=\s*(?:{names})(?:\s*\.\s*(?:{self._modules}))?[ \t]*(?:[\n;,)]|$)"
        return self._used.search(code) is not None and re.search(as_value, code) is not None

    def _has_formatted_save(self, source: str) -> bool:
        """Say whether a format string may hold a call: ``f"{torch.save(x, path)}"``."""
        return any(map(self._is_formatted_save, _HIDDEN.finditer(source)))

    def _is_formatted_save(self, match: re.Match[str]) -> bool:
        prefix = match.string[max(0, match.start() - 2) : match.start()]
        has_call = self._in_braces.search(match.group()) is not None
        return not {"f", "F"}.isdisjoint(prefix) and has_call


@functools.cache
def lexicon_of(table: Table) -> Lexicon:
    """Return the patterns for a table of writers, compiled once."""
    return Lexicon(table)


@functools.cache
def _word(word: str) -> re.Pattern[str]:
    return re.compile(rf"{word}(?<!\w{word})(?!\w)")


def _mentions(names: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield patterns for functions whose names are common words."""
    for package in sorted({parts[0] for parts in names}):
        own = [parts for parts in names if parts[0] == package and "_" not in parts[-1]]
        inner = {part for parts in own for part in parts[1:-1]}
        if own:
            leaves = {parts[-1] for parts in own}
            yield _mention(package, _any_of(inner) or _NOTHING, _any_of(leaves))


def _imported(code: str) -> Iterator[tuple[str, str, str]]:
    """Yield module, name and alias of the imports in a text without strings and comments.

    The module is empty for ``import name as alias``, the alias if there is none.
    """
    for match in _IMPORT.finditer(code):
        for name, alias in _ALIAS.findall(match["names"] or match["modules"] or ""):
            yield match["module"] or "", name, alias
