"""The other files of a project, searched as text: who reads, lists, deletes or patches what.

The search is bounded, and each project is read once in a process. No file is parsed: a call is
recognised by its name and the text up to its closing parenthesis.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flake8_saveimage.project.roots import forget_roots, project_root

_MAX_FILES = 4000
_MAX_BYTES = 1_000_000
_MAX_CALL = 600  # characters of a call that are looked at
_SUFFIXES = (".py", ".ipynb", ".sh", ".bash", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".json")
_SKIPPED = frozenset(
    "node_modules __pycache__ site-packages build dist venv env .venv .git .tox .mypy_cache".split()
)

# The first versions in which `value_range=` and `fp=` have these names.
_RENAMED_IN = {"torchvision": (0, 9), "torch": (1, 8)}
_PIN = re.compile(r"\b(torchvision|torch)\b['\"]?\s*(==?|<=?|~=)\s*['\"]?(\d+)\.(\d+)(\.\d+)?")
_PINNING = re.compile(
    r"(?:.*requirements.*\.(?:txt|in)|setup\.(?:py|cfg)|pyproject\.toml|Pipfile|environment.*\.ya?ml)"
)

_KINDS = {
    "lists": "listdir scandir walk glob iglob rglob iterdir ImageFolder DatasetFolder make_archive"
    " copytree calculate_fid_given_paths calculate_metrics compute_fid",
    "deletes": "remove unlink rmtree rmdir removedirs",
    "runs": "system popen Popen check_call check_output getoutput getstatusoutput exec eval"
    " run_cmd subprocess.run subprocess.call",
    "patches": "patch setattr patch.object setitem",
    "reads": "open load imread read_image decode_image read_file load_state_dict_from_file"
    " getsize exists isfile is_file stat copy copyfile copy2 move load_from_checkpoint imshow"
    " log_artifact upload_file from_pretrained load_model resume load_checkpoint",
}
_KINDS_OF: dict[str, frozenset[str]] = {}
for _kind, _names in _KINDS.items():
    for _name in _names.split():
        _KINDS_OF[_name] = _KINDS_OF.get(_name, frozenset()) | {_kind}
# Reading by name keeps its meaning; only whether a name is mentioned at all matters elsewhere.
_NOTICED = "|".join(re.escape(n) for n, kinds in _KINDS_OF.items() if kinds != {"reads"})
_CALL = re.compile(rf"(?<!\w)((?:\w+\.)*(?:{_NOTICED}))\s*\(")
_SHELL = re.compile(r"(?m)^[^#\n]*\b(?:rm|mv|cp|ls|find|tar|zip|rsync|unzip|du)\b[^\n]*")
_REPLACED = re.compile(r"(?m)^[ \t]*((?:\w+\.)+\w+)[ \t]*=(?!=)[^\n]*")
_TOKEN = re.compile(r"[\w.\-]+")
_CHAIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_TEXT = re.compile(r"""(['"])((?:(?!\1)[^\\\n]|\\.)*)\1""")


def kinds_of(name: str, dotted: str) -> frozenset[str]:
    """Return what a called function does: ``"lists"``, ``"deletes"``, ``"runs"`` and so on."""
    last_two = ".".join(dotted.split(".")[-2:])
    return _KINDS_OF.get(name, frozenset()) | _KINDS_OF.get(last_two, frozenset())


class Statement(NamedTuple):
    """One call (or line of a shell script) that may concern a saved file.

    ``texts`` are its string literals, ``words`` all its words, ``chains`` its dotted names.
    """

    kinds: frozenset[str]
    words: frozenset[str]
    texts: tuple[str, ...]
    chains: frozenset[str]
    file: str = ""

    @classmethod
    def of(cls, code: str, kinds: frozenset[str], file: str = "") -> Statement:
        """Return the statement that a piece of code is."""
        texts = tuple(match[2] for match in _TEXT.finditer(code))
        without = _TEXT.sub(" ", code)
        chains = frozenset(_CHAIN.findall(without))
        return cls(kinds, frozenset(re.findall(r"\w+", code)), texts, chains, file)

    @property
    def is_closed(self) -> bool:
        """Whether it only names what it says: ``os.listdir()``, not ``os.listdir(folder)``."""
        return len(self.chains) <= 1


class Project:
    """What the files below a folder mention."""

    def __init__(self, root: str | None) -> None:
        self.root = root

    def mentions(self, word: str, but: str) -> bool:
        """Say whether a file other than ``but`` mentions a name."""
        there = self._index[0].get(word, ())
        return any(path != _real(but) for path in there)

    def statements(self, but: str) -> Iterator[Statement]:
        """Yield the statements of other files that list, delete, run or patch something."""
        statements = self._index[1]
        if not statements:
            return iter(())
        own = os.path.relpath(_real(but), self.root) if self.root and but else ""
        return (statement for statement in statements if statement.file != own)

    def imports(self, filename: str, name: str) -> bool:
        """Say whether another file may use ``name`` of the module ``filename``."""
        own, stem = _real(filename), os.path.splitext(os.path.basename(filename))[0]
        if stem == "__init__":
            stem = os.path.basename(os.path.dirname(own))
        stem = re.escape(stem)
        pattern = re.compile(
            rf"\bfrom\s+[\w.]*\b{stem}\s+import\b(?:\s*\([^)]*|[^\n]*)(?:\b{name}\b|\*)"
            rf"|\b{stem}\.{name}\b|\b{stem}['\"]?\s*,\s*['\"]{name}\b"
        )
        aliased = re.compile(rf"\bimport\s+(?:[\w.]+\.)?{stem}\s+as\s+(\w+)|"
                             rf"\bfrom\s+[\w.]+\s+import\s+{stem}\s+as\s+(\w+)")  # fmt: skip
        for path in self._index[0].get(os.path.splitext(os.path.basename(own))[0], ()):
            text = _text(path) if path != own else ""
            if pattern.search(text):
                return True
            names = {first or second for first, second in aliased.findall(text)}
            if any(re.search(rf"\b{alias}\.{name}\b", text) for alias in names):
                return True
        return False

    def holds(self, text: str, but: str) -> bool:
        """Say whether a file other than ``but`` holds a text as it is."""
        own = _real(but)
        return any(text in _text(path) for path in self._files if path != own)

    @functools.cached_property
    def old_pin(self) -> str:
        """The file that allows only versions of torchvision with the old keywords, or ``""``."""
        if self.root is None:
            return ""
        names = sorted(os.listdir(self.root))
        for name in filter(_PINNING.fullmatch, names):
            if any(_is_old(*pin.groups()) for pin in _PIN.finditer(_text(f"{self.root}/{name}"))):
                return name
        return ""

    @functools.cached_property
    def _files(self) -> list[str]:
        return list(_files_below(self.root)) if self.root is not None else []

    @functools.cached_property
    def _index(self) -> tuple[dict[str, tuple[str, ...]], list[Statement]]:
        """The files (two of them) that hold each word, and the statements of all files."""
        words: dict[str, tuple[str, ...]] = {}
        statements: list[Statement] = []
        for path in self._files:
            text = _text(path)
            for word in set(_words(text)):
                there = words.get(word, ())
                if len(there) < 50:
                    words[word] = (*there, path)
            assert self.root is not None
            statements += _statements(text, os.path.relpath(path, self.root))
        return words, statements


NO_PROJECT = Project(None)


def _is_old(package: str, operator: str, major: str, minor: str, patch: str | None) -> bool:
    version, limit = (int(major), int(minor)), _RENAMED_IN[package]
    if operator == "<":
        return version <= limit
    return version < limit and (operator != "~=" or patch is not None)


def _words(text: str) -> Iterator[str]:
    for token in _TOKEN.findall(text):
        yield token.strip(".-")
        stem = token.rpartition(".")[0]
        if stem:
            yield from (stem, *token.split("."))


def _statements(text: str, file: str) -> Iterable[Statement]:
    if not file.endswith((".py", ".ipynb")):
        for match in _SHELL.finditer(text) if file.endswith((".sh", ".bash")) else ():
            found = Statement.of(match.group(), frozenset({"runs"}), file)
            yield found._replace(texts=(match.group(),))
        return
    for match in _CALL.finditer(text):
        name = match[1]
        kinds = kinds_of(name.rpartition(".")[2], name)
        start = text.rfind("\n", 0, match.start()) + 1
        yield Statement.of(_call_at(text, start, match.end()), kinds, file)
    for match in _REPLACED.finditer(text):  # `torch.save = fake`
        yield Statement.of(match[1], frozenset({"patches"}), file)


def _call_at(text: str, start: int, inside: int) -> str:
    """Return the text of a call up to its closing parenthesis, as far as a short look finds it."""
    depth = 1
    end = min(len(text), inside + _MAX_CALL)
    for index in range(inside, end):
        depth += (text[index] == "(") - (text[index] == ")")
        if depth == 0:
            return text[start : index + 1]
    return text[start:end]


def _files_below(root: str) -> Iterator[str]:
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED and not f.endswith(".egg-info"))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(_SUFFIXES) and os.path.isfile(path):  # a pipe would wait for ever
                count += 1
                if count > _MAX_FILES:
                    return
                yield path


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _real(path: str) -> str:
    return _realpath(os.path.abspath(path)) if path else ""


_realpath = functools.lru_cache(maxsize=256)(os.path.realpath)


def project_of(filename: str) -> Project:
    """Return the project of a file; one without other files if the file is not on the disk."""
    if not os.path.isfile(filename):
        return NO_PROJECT
    return _project(project_root(filename))


def forget_projects() -> None:
    """Read the projects anew: before a run, because files may have changed."""
    _project.cache_clear()
    _realpath.cache_clear()
    forget_roots()


@functools.cache
def _project(root: str) -> Project:
    return Project(root)
