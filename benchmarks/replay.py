"""Replay the saves of repositories before and after ``fix``: what is read back must not change.

    python benchmarks/replay.py REPOSITORY ...

Each repository is copied and fixed without ``--unsafe-fixes``. The saves of both versions are then
made in the order of the source, several times: a stub writes which save it was, and in which
iteration, to the path of the call. The stub of the helper names files as the helper does. After
each iteration every file that was there before the fix must be there after it, with the same
content, so that any file that reads it finds the same; and no call that lists a folder may see a
file that is new. Nothing of the repositories is imported or executed: paths are put together from
literals, a variable is its assignment or its name, the variable of a loop is the iteration.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import IO, Any

from flake8_saveimage.runtime.arguments import Placing
from flake8_saveimage.runtime.destinations import destination_for
from flake8_saveimage.runtime.warning import call_site

ITERATIONS = 5
_HELPERS = ("safe_save", "safe_save_image")
_JOINS = ("join", "joinpath", "Path", "str", "fspath", "abspath", "realpath", "expanduser")
_LISTS = ("listdir", "scandir", "walk", "iterdir", "ImageFolder", "DatasetFolder", "copytree")
_GLOBS = ("glob", "iglob", "rglob")


@dataclass
class Scope:
    """What the names of a function (or module) are assigned, and which are variables of loops."""

    outer: Scope | None = None
    values: dict[str, list[ast.expr]] = field(default_factory=dict)
    loops: set[str] = field(default_factory=set)

    def text(self, node: ast.expr, iteration: int, depth: int = 0) -> str:
        """Return a path as text."""
        again = partial(self.text, iteration=iteration, depth=depth)
        match node:
            case ast.Constant(value=str() | int() as value):
                return str(value)
            case ast.JoinedStr(values=parts):
                return "".join(map(again, parts))
            case ast.FormattedValue(value=value):
                return again(value)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return f"{again(left)}/{again(right)}"
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                given = iter(right.elts if isinstance(right, ast.Tuple) else [right])
                return re.sub(r"%[^a-z]*[a-z]", lambda _: _next(given, again), again(left))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return again(left) + again(right)
            case ast.Call(func=ast.Attribute(value=template, attr="format"), args=arguments):
                given = iter([*arguments, *(keyword.value for keyword in node.keywords)])
                return re.sub(r"\{[^}]*\}", lambda _: _next(given, again), again(template))
            case ast.Call(args=[_, *_] as arguments) if _leaf(node.func) in _JOINS:
                is_method = _leaf(node.func) == "joinpath" and isinstance(node.func, ast.Attribute)
                parts = [*([node.func.value] if is_method else []), *arguments]  # type: ignore[attr-defined]
                return "/".join(map(again, parts))
            case ast.Name(id=name):
                return self._named(name, iteration, depth)
        return _leaf(node) or re.sub(r"\W+", "_", ast.unparse(node))

    def _named(self, name: str, iteration: int, depth: int) -> str:
        if name in self.loops:
            return str(iteration)
        values = self.values.get(name, [])
        if len(values) == 1 and depth < 4:
            return self.text(values[0], iteration, depth + 1)
        if not values and self.outer is not None:
            return self.outer._named(name, iteration, depth)
        return name


def _next(given: Iterator[ast.expr], text: Any) -> str:
    node = next(given, None)
    return "" if node is None else text(node)


def _leaf(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@dataclass(frozen=True)
class Call:
    """A call that saves or lists something, and where its names are looked up."""

    node: ast.Call
    scope: Scope
    place: str

    @property
    def name(self) -> str:
        return _leaf(self.node.func)

    def keyword(self, *names: str) -> ast.expr | None:
        return next((k.value for k in self.node.keywords if k.arg in names), None)

    @property
    def path(self) -> ast.expr | None:
        """The path that a save is given."""
        positional = self.node.args[1] if len(self.node.args) > 1 else None
        return positional or self.keyword("fp", "f", "filename", "path")


def calls(folder: Path) -> tuple[list[Call], list[Call]]:
    """Return the saves and the listings of a repository, in a fixed order."""
    saves: list[Call] = []
    listings: list[Call] = []
    for file in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for call in _in_scope(tree, Scope(), file.relative_to(folder).as_posix()):
            if _is_save(call) and call.path is not None:
                saves.append(call)
            elif call.name in (*_LISTS, *_GLOBS):
                listings.append(call)
    return saves, listings


def _is_save(call: Call) -> bool:
    if call.name == "save":
        return ast.unparse(call.node.func) in ("torch.save", "save")
    return call.name in ("save_image", *_HELPERS)


def _in_scope(node: ast.AST, scope: Scope, file: str) -> Iterator[Call]:
    inner = []
    queue = list(ast.iter_child_nodes(node))
    found = []
    while queue:
        child = queue.pop(0)
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inner.append(child)
            continue
        if isinstance(child, ast.For | ast.AsyncFor | ast.comprehension):
            scope.loops.update(n.id for n in ast.walk(child.target) if isinstance(n, ast.Name))
        elif isinstance(child, ast.Assign) and isinstance(child.targets[0], ast.Name):
            scope.values.setdefault(child.targets[0].id, []).append(child.value)
        elif isinstance(child, ast.Call):
            found.append(Call(child, scope, f"{file}:{child.lineno}"))
        queue[:0] = ast.iter_child_nodes(child)
    yield from found
    for function in inner:
        yield from _in_scope(function, Scope(scope), file)


def replay(saves: list[Call], scratch: Path) -> list[dict[str, str]]:
    """Make all saves, and return what is in the files after each iteration."""
    states = []
    for iteration in range(ITERATIONS):
        for number, call in enumerate(saves):
            assert call.path is not None
            path = scratch / _relative(call.scope.text(call.path, iteration))
            if path.name:
                _write(call, path, f"{number}.{iteration}")
        found = (path for path in scratch.rglob("*") if path.is_file())
        states.append({path.relative_to(scratch).as_posix(): path.read_text() for path in found})
    return states


def _relative(text: str) -> str:
    """Return a path that stays below the scratch folder."""
    parts = [part[:60] for part in text.replace("\0", "").split("/")]
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def _write(call: Call, path: Path, content: str) -> None:
    if path.is_dir() or any(parent.is_file() for parent in path.parents):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if call.name not in _HELPERS:
        path.write_text(content)
        return
    keep, if_exists = call.keyword("keep"), call.keyword("if_exists")
    placing = Placing(
        if_exists.value if isinstance(if_exists, ast.Constant) else "backup",
        keep=keep.value if isinstance(keep, ast.Constant) else None,
        durable=False,
    )

    def write(handle: IO[bytes]) -> None:
        handle.write(content.encode())

    destination_for(path, placing, call_site("replay")).put(write)


def sees(listing: Call, name: str) -> bool:
    """Say whether a call that lists files finds one."""
    argument = listing.node.args[0] if listing.node.args else None
    owner = listing.node.func.value if isinstance(listing.node.func, ast.Attribute) else None
    folder, _, last = name.rpartition("/")
    if listing.name in _GLOBS:
        pattern = _relative(listing.scope.text(argument, 1)) if argument is not None else "*"
        if owner is not None and _leaf(owner) != "glob":  # a method of a path
            pattern = f"{_relative(listing.scope.text(owner, 1))}/{pattern}"
        start, _, end = pattern.rpartition("/")
        return (start == folder or "**" in pattern) and fnmatch(last, end)
    where = argument or (owner if listing.name == "iterdir" else None)
    listed = _relative(listing.scope.text(where, 1)) if where is not None else ""
    is_deep = listing.name in ("walk", "ImageFolder", "DatasetFolder", "copytree")
    return listed == folder or (is_deep and f"{folder}/".startswith(f"{listed}/"))


def fix(folder: Path) -> None:
    """Fix a repository as a user does; files that are no Python are left alone (status 2)."""
    done = subprocess.run(
        [sys.executable, "-m", "flake8_saveimage", "fix", "--isolated", "--exit-zero", "--quiet",
         "--extend-exclude=*.ipynb", "."],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 2):
        raise subprocess.CalledProcessError(done.returncode, done.args, stderr=done.stderr)


def violations(before: Path, after: Path, scratch: Path) -> Iterator[str]:
    """Yield what a reader in a repository would notice after its fixes."""
    (old, _), (new, listings) = calls(before), calls(after)
    if len(old) != len(new):
        yield f"{len(old)} saves became {len(new)}"
        return
    fixed = sum(a.name != b.name for a, b in zip(old, new, strict=True))
    print(f"  {len(old)} saves, {fixed} fixed, {len(listings)} listings", flush=True)
    states = replay(old, scratch / "old"), replay(new, scratch / "new")
    for iteration, (was, now) in enumerate(zip(*states, strict=True)):
        for name, content in was.items():
            if now.get(name) != content:
                yield f"iteration {iteration}: {name} is {now.get(name)}, was {content}"
    for name in set(states[1][-1]) - set(states[0][-1]):
        for listing in listings:
            if sees(listing, name):
                yield f"{listing.place} lists {name}"


def main(arguments: list[str]) -> int:
    """Replay each repository and return 1 if a reader would notice something."""
    failed = 0
    for name in filter(os.path.isdir, arguments):
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            after = Path(folder) / "after"
            shutil.copytree(name, after, ignore=shutil.ignore_patterns(".git"))
            fix(after)
            for violation in violations(Path(name), after, Path(folder)):
                failed += 1
                print(f"  VIOLATION {violation}")
    print(f"{failed} violations")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
