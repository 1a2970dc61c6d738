"""What else a file and its project do with a saved file, as far as their text shows.

After a fix the given path holds the newest file and older ones lie beside it. Reading the path
keeps its meaning; listing its folder, deleting the file or naming it in a shell command may not.
Names are compared as words: what cannot be told apart counts as the same.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

import libcst as cst

from flake8_saveimage.check.analysis import Analysis
from flake8_saveimage.fixes.names import Names
from flake8_saveimage.fixes.project import NO_PROJECT, Project, Statement, kinds_of
from flake8_saveimage.paths.texts import last_component, split_text
from flake8_saveimage.rules.save import Save
from flake8_saveimage.syntax.nodes import code_of, dotted
from flake8_saveimage.syntax.scopes import Place

# Functions that show a path to the user.
_SHOWING = frozenset(
    "print info debug warning error exception critical log warn set_description add_argument"
    " ArgumentParser write".split()
)
# Words of a path that say nothing about which folder it is.
_GENERIC = frozenset(
    "os path join args arg opt opts options config cfg conf self cls str Path pathlib format f"
    " fspath abspath dir folder file name filename fname epoch step i idx index getcwd cwd png jpg"
    " pth pt".split()
)
_MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Target:
    """How a saved file can be recognised elsewhere.

    ``name`` is its last component with ``*`` for what is not known, ``stem`` the longest known
    piece of it; ``folders`` are the words of the folder part and ``holders`` the variables
    that hold the whole path.
    """

    name: str
    stem: str
    folders: frozenset[str]
    holders: frozenset[str]

    @property
    def is_constant(self) -> bool:
        """Whether the whole name is known."""
        return bool(self.name) and "*" not in self.name

    @property
    def token(self) -> str:
        """The word by which another file mentions the file, ``""`` if it could mean anything."""
        if self.is_constant:
            return self.name.strip(".-")
        return self.stem.strip(".-") if re.search(r"\w{3}", self.stem) and "_" in self.stem else ""


class Evidence:
    """Answers for the saves of one file."""

    def __init__(
        self, analysis: Analysis, names: Names, project: Project = NO_PROJECT, filename: str = ""
    ) -> None:
        self._analysis = analysis
        self._scopes = analysis.flow.facts.scopes
        self._names = names
        self._project = project
        self._filename = filename
        self._targets: dict[int, Target] = {}

    def is_read(self, save: Save) -> bool:
        """Say whether the file is read back by its name, here or in the project."""
        target = self.target(save)
        if target.token and self._project.mentions(target.token, self._filename):
            return True
        known = target.name if target.is_constant else target.stem
        if re.search(r"\w{3}", known) and any(known in text for text in self._other_texts):
            return True
        readers = (statement for statement in self._statements if "reads" in statement.kinds)
        return any(not target.holders.isdisjoint(statement.chains) for statement in readers)

    def numbers_files(self, save: Save) -> bool:
        """Say whether the program itself may write ``x_1.pt`` beside ``x.pt``, as backups are."""
        target = self.target(save)
        if not target.is_constant:
            others = itertools.chain.from_iterable(self._patterns.values())
            return any(name != target.name or self._names_saved[name] > 1 for name in others)
        ends = [
            *(match.start() for match in re.finditer(r"(?<=.)\.", target.name)),
            len(target.name),
        ]
        return any(self._may_be_numbered(target.name[:end], target.name[end:]) for end in ends)

    def _may_be_numbered(self, stem: str, suffix: str) -> bool:
        if f"{stem}_" in self._numbered or self._project.mentions(f"{stem}_", self._filename):
            return True
        if not self._patterns:
            return False
        name = f"{stem}_1{suffix}"
        starts = (name[:length] for length in range(len(name) + 1))
        return any(fnmatchcase(name, n) for start in starts for n in self._patterns.get(start, ()))

    @cached_property
    def _names_saved(self) -> Counter[str]:
        return Counter(self.target(save).name for save in self._analysis.saves)

    @cached_property
    def _patterns(self) -> dict[str, list[str]]:
        """The names that saves write where a part behind ``_`` is not known, by their start."""
        found: dict[str, list[str]] = {}
        for name in self._names_saved:
            if "_*" in name:
                found.setdefault(name.partition("*")[0], []).append(name)
        return found

    @cached_property
    def _numbered(self) -> frozenset[str]:
        """The beginnings of texts that a number follows: ``model_`` of ``"model_%d.pt"``."""
        found = (re.findall(r"[\w.\-]+_(?=$|[%{\d])", text) for text, _ in self._texts)
        return frozenset(itertools.chain.from_iterable(found))

    def hazard(self, save: Save) -> str:
        """Return what would notice further files beside the saved one, ``""`` if nothing does."""
        target = self.target(save)
        for statement in self._statements:
            what = _hazard(statement, target)
            if what:
                return what
        for statement in self._project.statements(self._filename):
            what = _hazard(statement, target)
            if what:
                return f"{what} in {statement.file}"
        return ""

    def patched(self, save: Save) -> str:
        """Return the file that replaces the save function (in a test), ``""`` if none does."""
        leaf = save.site.writer.leaf
        needed = {leaf} if "_" in leaf else {leaf, save.site.writer.name.split(".")[-2]}
        for statement in (*self._statements, *self._project.statements(self._filename)):
            if "patches" in statement.kinds and needed <= statement.words:
                return statement.file or "this file"
        is_bound = any(dotted(save.call.func) in scope.bindings for scope in self._scopes)
        return "this file" if is_bound and isinstance(save.call.func, cst.Attribute) else ""

    def target(self, save: Save) -> Target:
        """Return how the saved file can be recognised."""
        found = self._targets.get(id(save))
        if found is None:
            found = self._targets[id(save)] = self._target(save)
        return found

    def _target(self, save: Save) -> Target:
        path = save.site.destination
        value = save.path.value
        text = value.text if value is not None else None
        pieces = split_text(last_component(text)) if text is not None else [""]
        known = [piece for piece in pieces[::2] if re.search(r"\w", piece)]
        stem = max((re.sub(r"\.\w+$", "", piece) for piece in known), key=len, default="")
        name = "*".join(pieces[::2]) if known and text is not None else ""
        if path is None:
            return Target(name, stem.strip("._-"), frozenset(), frozenset())
        words = self._words(path, save.place)
        folder = "" if text is None else text[: len(text) - len(last_component(text))]
        words |= set(re.findall(r"\w+", "".join(split_text(folder)[::2])))
        words -= set(re.findall(r"\w+", "".join(pieces[::2])))
        return Target(name, stem, frozenset(words - _GENERIC), frozenset(self._holders(path, save)))

    def _words(self, node: cst.CSTNode, place: Place, depth: int = 0) -> set[str]:
        """Return the variables that an expression is made of, followed through assignments."""
        found: set[str] = set()
        stack = [node]
        while stack:
            current = stack.pop()
            if isinstance(current, cst.Name):
                found.add(current.value)
                found |= self._words_of_name(current.value, place, depth)
            elif isinstance(current, cst.Attribute):
                found.add(current.attr.value)
                stack.append(current.value)
            elif isinstance(current, cst.Arg):
                stack.append(current.value)
            elif isinstance(current, cst.Call):
                stack.extend(current.args)
                if isinstance(current.func, cst.Attribute):
                    stack.append(current.func.value)
            else:
                stack.extend(current.children)
        return found

    def _words_of_name(self, name: str, place: Place, depth: int) -> set[str]:
        found: set[str] = set()
        if depth >= _MAX_DEPTH:
            return found
        for reach in self._analysis.flow.lookup(name, place).reaches:
            binding = reach.binding
            if binding.kind == "assign" and binding.value is not None:
                found |= self._words(binding.value, binding.place, depth + 1)
        return found

    def _holders(self, path: cst.BaseExpression, save: Save) -> Iterator[str]:
        """Yield the dotted names that hold the path: ``path``, ``self.path`` that it came from."""
        queue, place = [(path, save.place)], save.place
        for _ in range(_MAX_DEPTH):
            if not queue:
                return
            node, place = queue.pop()
            while isinstance(node, cst.Call) and len(node.args) == 1:
                node = node.args[0].value  # str(path)
            name = dotted(node)
            if name is None:
                return
            yield name
            for reach in self._analysis.flow.lookup(name, place).reaches:
                if reach.binding.kind == "assign" and reach.binding.value is not None:
                    queue.append((reach.binding.value, reach.binding.place))

    # -- this file -----------------------------------------------------------------------------

    @cached_property
    def _statements(self) -> list[Statement]:
        """The calls of this file that list, delete, read, run or patch something."""
        saves = {id(save.call) for save in self._analysis.saves}
        found = []
        for site in self._analysis.flow.facts.calls:
            kinds = kinds_of(site.name, dotted(site.node.func) or "")
            if kinds and id(site.node) not in saves and not self._opens_for_save(site.node):
                found.append(Statement.of(code_of(site.node), kinds))
        return found

    def _opens_for_save(self, call: cst.Call) -> bool:
        """``open(path, "wb")``: it writes."""
        return any(
            isinstance(a.value, cst.SimpleString) and re.fullmatch(r"[wax]b?\+?", a.value.raw_value)
            for a in call.args
        )

    @cached_property
    def _texts(self) -> list[tuple[str, cst.CSTNode]]:
        """The texts of all literals but docstrings and those that are only shown."""
        texts: list[tuple[str, cst.CSTNode]] = []
        for node in self._names.strings:
            if isinstance(self._names.parents.get(id(node)), cst.Expr):
                continue
            literal = node.evaluated_value if isinstance(node, cst.SimpleString) else node.value
            if isinstance(literal, str) and not self._is_only_shown(node):
                texts.append((literal, node))
        return texts

    @cached_property
    def _other_texts(self) -> list[str]:
        """The texts of literals that do not make the paths of saves."""
        own = {id(node) for save in self._analysis.saves for node in self._makers(save)}
        return [
            text
            for text, node in self._texts
            if all(id(outer) not in own for outer in (node, *self._names.ancestors(node)))
        ]

    def _is_only_shown(self, node: cst.CSTNode) -> bool:
        """Say whether a text goes to a log or an error, which does not use the file."""
        for outer in self._names.ancestors(node):
            if isinstance(outer, cst.Call):
                return (dotted(outer.func) or "").rpartition(".")[2] in _SHOWING
            if isinstance(outer, cst.BaseSmallStatement):
                return isinstance(outer, cst.Raise | cst.Assert)
        return False

    def _makers(self, save: Save) -> Iterator[cst.CSTNode]:
        """Yield the path's expression and, where a name holds it, the values bound to it."""
        target = save.path.destination
        nodes = {save.site.destination, target.path if target is not None else None} - {None}
        for node in nodes:
            assert node is not None
            yield node
            name = dotted(node)
            for reach in self._analysis.flow.lookup(name, save.place).reaches if name else ():
                if reach.binding.value is not None and reach.binding.kind in ("assign", "param"):
                    yield reach.binding.value


def _hazard(statement: Statement, target: Target) -> str:
    """Return what a statement does to the file or its folder that more files would change."""
    names_file = bool(target.stem) and any(target.stem in text for text in statement.texts)
    names_file = names_file or not target.holders.isdisjoint(statement.chains)
    names_folder = not target.folders.isdisjoint(statement.words)
    if "deletes" in statement.kinds and (names_file or names_folder):
        return "the file is deleted" if names_file else "its folder is deleted"
    if "lists" in statement.kinds:
        matched = target.name and any(_matches(text, target) for text in statement.texts)
        here = statement.is_closed and statement.texts in ((), (".",))
        if names_folder or matched or here:
            return "its folder is listed"
    if "runs" in statement.kinds and (names_file or names_folder):
        return "a command names it"
    return ""


def _matches(pattern: str, target: Target) -> bool:
    """Say whether a pattern of :mod:`glob` may match the file."""
    folder, _, last = pattern.replace("\\", "/").rpartition("/")
    if folder and target.folders.isdisjoint(re.findall(r"\w+", folder)):
        return False
    return "*" in last and fnmatchcase(target.name.replace("*", "X"), last)
