"""Split a program of one file into a project of several, in a random way.

Functions, classes and names that are assigned once at the top level move into modules, which import
each other, and the script the modules, in every style: names, modules, aliases, stars, relative
ones, inside functions, through the ``__init__.py`` of a package, by ``sys.path``. Each line of the
project knows from which line of the program it comes.
"""

from __future__ import annotations

import ast
import os
import re
import runpy
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.check.following import Following
from flake8_saveimage.knowledge.writers import EVERYTHING, GROUPS, Choice

MODULES = ("consts", "helpers", "parts")
LAYOUTS = ("flat", "flat", "package", "inside", "exports", "namespace", "folder")
FORMS = ("name", "name", "renamed", "module", "alias", "star", "try")
ADDED = (
    "sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))",
    "sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'lib'))",
)
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)

Pick = Callable[..., Any]
Line = tuple[str, int]  # text, and the line of the program that it comes from, 0 for none


@dataclass
class Chunk:
    """A statement at the top level: its lines in the program, and what it uses."""

    node: ast.stmt
    lines: list[Line]
    used: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.used = {n.id for n in ast.walk(self.node) if isinstance(n, ast.Name)}

    @property
    def name(self) -> str:
        """The name that it binds, if it may move."""
        if isinstance(self.node, DEFINITIONS):
            return self.node.name
        if isinstance(self.node, ast.Assign) and len(self.node.targets) == 1:
            target = self.node.targets[0]
            return target.id if isinstance(target, ast.Name) else ""
        return ""

    @property
    def imports(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom)


@dataclass
class Project:
    """The files of a split program: the lines of each by its path; ``script`` is the one to run."""

    script: str
    files: dict[str, list[Line]]
    homes: dict[str, int] = field(default_factory=dict)

    def text(self, path: str) -> str:
        return "".join(f"{line}\n" for line, _ in self.files[path])

    def __str__(self) -> str:
        return "\n".join(f"# --- {path}\n{self.text(path)}" for path in self.files)

    def write(self, folder: Path) -> None:
        (folder / ".git").mkdir(parents=True)
        for path in self.files:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.text(path), encoding="utf-8")

    def run(self, folder: Path, **modules: object) -> dict[str, Any]:
        """Run the written script; ``modules`` stand for libraries. Returns its globals."""
        before = set(sys.modules)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "dont_write_bytecode", True)
            patch.setattr(sys, "path", list(sys.path))
            for name, module in modules.items():
                patch.setitem(sys.modules, name, module)
            try:
                if self.script == "pkg/main.py":
                    patch.syspath_prepend(str(folder))
                    return runpy.run_module("pkg.main", run_name="__main__")
                patch.syspath_prepend(str((folder / self.script).parent))
                return runpy.run_path(str(folder / self.script), run_name="__main__")
            finally:
                for name in set(sys.modules) - before:
                    if name.partition(".")[0] in (*MODULES, "pkg", "space"):
                        del sys.modules[name]

    def findings(self, folder: Path, codes: str) -> set[tuple[int, str]]:
        """Return line (of the program) and code of what is reported of the written files.

        A finding at a call that leads to a save counts as one of the save. All writers are known.
        """
        found: set[tuple[int, str]] = set()
        for path in self.files:
            text, name = self.text(path), str(folder / path)
            importer = Following(choice=Choice(GROUPS)).importer(name, text)
            for finding in analyse(text, path=name, importer=importer, table=EVERYTHING):
                if not finding.code.startswith(codes):
                    continue
                line, at = finding.line, path
                if finding.save is not None and finding.save.file:
                    line = finding.save.line
                    at = os.path.relpath(finding.save.file, folder).replace(os.sep, "/")
                found.add((self.files[at][line - 1][1], finding.code))
        return found


def single(source: str) -> Project:
    """Return the program as it is: one file."""
    lines = [(line, number) for number, line in enumerate(source.split("\n"), 1)]
    return Project("main.py", {"main.py": lines})


def split(source: str, pick: Pick) -> Project:
    """Split a program into two to four files; ``pick`` chooses one of its arguments."""
    return _Splitter(source, pick).project()


class _Splitter:
    def __init__(self, source: str, pick: Pick) -> None:
        self.pick = pick
        tree = ast.parse(source)
        self.chunks = list(_chunks(source, tree))
        self.layout: str = pick(*LAYOUTS)
        self.modules = MODULES[: pick(1, 2, 3)]
        self.homes = self._homes(tree)
        self.relative: dict[int | None, bool] = {}

    def _homes(self, tree: ast.Module) -> dict[str, int]:
        """Draw the module of each name that moves: never one before those that it uses."""
        bound = Counter(_bound(tree))
        tops = {chunk.name for chunk in self.chunks if chunk.name}
        stays = {name for name in bound if name not in tops or bound[name] > 1}
        stays -= {name for chunk in self.chunks if chunk.imports for name in _bound(chunk.node)}
        homes: dict[str, int] = {}
        for chunk in self.chunks:
            name = chunk.name
            own = {n for n in _bound(chunk.node) if n != name} - tops
            needed = chunk.used - own - {name}
            if not name or bound[name] > 1 or name.startswith("__"):
                continue
            if (needed & stays) or not (needed & tops) <= homes.keys() or self.pick(*range(6)) == 0:
                stays.add(name)
                continue
            first = max((homes[n] for n in needed if n in homes), default=0)
            homes[name] = self.pick(*range(first, len(self.modules)))
        return homes

    def project(self) -> Project:
        """Write the files."""
        folder = {"flat": "", "namespace": "space/", "folder": "lib/"}.get(self.layout, "pkg/")
        script = {"inside": "pkg/main.py", "folder": "scripts/main.py"}.get(self.layout, "main.py")
        files = {}
        libraries = [chunk for chunk in self.chunks if chunk.imports]
        for index, module in enumerate(self.modules):
            own = [chunk for chunk in self.chunks if self.homes.get(chunk.name) == index]
            files[f"{folder}{module}.py"] = self._file([*libraries, *own], index)
        rest = [chunk for chunk in self.chunks if chunk.name not in self.homes]
        files[script] = self._file(rest, None)
        if folder == "pkg/":
            files["pkg/__init__.py"] = list(self._package())
        return Project(script, files, self.homes)

    def _package(self) -> Iterator[Line]:
        for index, module in enumerate(self.modules if self.layout == "exports" else ()):
            names = [name for name, home in self.homes.items() if home == index]
            if names:
                named = "*" if self._may_star(names) and self.pick(0, 1) else ", ".join(names)
                yield f"from .{module} import {named}", 0

    def _may_star(self, names: Iterable[str]) -> bool:
        return not any(name.startswith("_") for name in names)

    def _file(self, chunks: Sequence[Chunk], index: int | None) -> list[Line]:
        """Return the lines of a module (its index) or of the script, imports added."""
        head: dict[str, None] = {}
        body: list[Line] = []
        start = 0
        for chunk in chunks:
            lines = chunk.lines
            foreign = [n for n in self.homes if n in chunk.used and self.homes[n] != index]
            for name in foreign:
                lines = self._imported(chunk, lines, name, index, head)
            body += lines
            if not body or _is_preface(chunk.node):
                start = len(body)
        added = [(self.pick(*ADDED), 0)] if self.layout == "folder" and index is None else []
        if added:
            added = [("import os, sys", 0), ("from pathlib import Path", 0), *added]
        imports = [(line, 0) for statement in head for line in statement.split("\n")]
        return [*body[:start], *added, *imports, *body[start:]]

    def _imported(
        self, chunk: Chunk, lines: list[Line], name: str, index: int | None, head: dict[str, None]
    ) -> list[Line]:
        """Import a name for a chunk: in its first line, or in the head of the file."""
        form = self.pick(*FORMS)
        if form == "star" and not self._may_star([name]):
            form = "name"
        statement, bound = self._statement(name, index, form)
        if bound != name:
            changed = _renamed(chunk, lines, name, bound)
            if changed is None:
                statement, bound = self._statement(name, index, "name")
            else:
                lines = changed
        inside = form not in ("star", "try") and self.pick(*range(4)) == 0
        at = _first_of_body(chunk, lines, name) if inside else None
        if at is None:
            head[statement] = None
            return lines
        indent = lines[at][0][: -len(lines[at][0].lstrip())]
        return [*lines[:at], (indent + statement, 0), *lines[at:]]

    def _relative(self, index: int | None) -> bool:
        """Decide it once a file: nobody imports one module by two names."""
        if index not in self.relative:
            self.relative[index] = bool(self.pick(0, 1))
        return self.relative[index]

    def _statement(self, name: str, index: int | None, form: str) -> tuple[str, str]:
        """Return an import of a name, and the expression that then stands for it."""
        module = self.modules[self.homes[name]]
        package = {"flat": "", "folder": "", "namespace": "space"}.get(self.layout, "pkg")
        if self.layout == "exports" and index is None:
            base, module, package = "pkg", "pkg", ""
        elif package and (index is not None or self.layout == "inside") and self._relative(index):
            base, package = f".{module}", "."
        else:
            base = f"{package}.{module}" if package else module
        if form == "star":
            return f"from {base} import *", name
        if form == "renamed":
            return f"from {base} import {name} as {name}_", f"{name}_"
        if form in ("module", "alias"):
            suffix = f" as {module}_" if form == "alias" else ""
            bound = f"{module}_" if suffix else module
            if package:
                return f"from {package} import {module}{suffix}", f"{bound}.{name}"
            return f"import {module}{suffix}", f"{bound}.{name}"
        plain = f"from {base} import {name}"
        if form == "try":
            return f"try:\n    {plain}\nexcept ImportError:\n    from nowhere import {name}", name
        return plain, name


def _chunks(source: str, tree: ast.Module) -> Iterator[Chunk]:
    """Yield the statements; what stands between two belongs to the first."""
    lines = [(line, number) for number, line in enumerate(source.split("\n"), 1)]
    starts = [
        min([n.lineno, *(d.lineno for d in getattr(n, "decorator_list", ()))]) for n in tree.body
    ]
    for node, first, end in zip(tree.body, starts, [*starts[1:], len(lines) + 1], strict=True):
        yield Chunk(node, lines[first - 1 : end - 1])


def _bound(tree: ast.AST) -> Iterator[str]:
    """Yield each name that is bound anywhere, as often as it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name


def _is_preface(node: ast.stmt) -> bool:
    """Say whether a statement must stay before imports: the docstring, ``__future__``."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _renamed(chunk: Chunk, lines: list[Line], name: str, bound: str) -> list[Line] | None:
    """Return the lines with ``bound`` for a name; ``None`` where that is not done by text."""
    if set(bound.split(".")[0:1]) & set(_bound(chunk.node)):
        return None
    pattern = re.compile(rf"(?<![\w.'\"]){name}\b(?!['\"])(?!=[^=])")
    changed = [(pattern.sub(bound, line), origin) for line, origin in lines]
    texts = ["\n".join(line for line, _ in some) for some in (lines, changed)]
    try:
        before, after = map(ast.parse, texts)
    except SyntaxError:
        return None
    wanted = ast.dump(_Renamer(name, bound).visit(before))
    return changed if wanted == ast.dump(after) else None


class _Renamer(ast.NodeTransformer):
    def __init__(self, name: str, bound: str) -> None:
        self.name = name
        self.bound = bound

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id != self.name or not isinstance(node.ctx, ast.Load):
            return node
        return ast.parse(self.bound, mode="eval").body


def _first_of_body(chunk: Chunk, lines: list[Line], name: str) -> int | None:
    """Return where the body of a function starts, if only the body uses a name."""
    node = chunk.node
    if not isinstance(node, ast.FunctionDef) or node.body[0].lineno == node.lineno:
        return None
    outside = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
    if any(isinstance(n, ast.Name) and n.id == name for o in outside for n in ast.walk(o)):
        return None
    return next(i for i, (_, origin) in enumerate(lines) if origin == node.body[0].lineno)


def differences(one: set[tuple[int, str]], other: set[tuple[int, str]]) -> list[str]:
    """Return what one set of findings has and the other has not."""
    return [f"line {n}: {c} lost" for n, c in sorted(one - other)] + [
        f"line {n}: {c} new" for n, c in sorted(other - one)
    ]
