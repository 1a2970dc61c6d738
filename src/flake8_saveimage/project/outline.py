"""What the top level of a file binds, and the part of its text that a name needs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement at the top level.

    ``first`` and ``last`` are its lines, from 1, decorators included. ``binds`` are the names that
    it gives a value, ``imports`` each name that it imports and its qualified one, ``changes`` those
    whose object it changes (``options.append(...)``). ``stars`` are the modules that it imports
    everything from, relative ones with their dots.
    """

    first: int
    last: int
    binds: frozenset[str]
    imports: Sequence[tuple[str, str]]
    changes: frozenset[str]
    stars: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """The top level of a file; ``exported`` is its ``__all__``, where that is a literal."""

    lines: Sequence[str]
    statements: Sequence[Statement]
    exported: frozenset[str] | None

    def binders(self) -> Mapping[str, Sequence[int]]:
        """Return the indices of the statements that bind or change each name.

        Those under ``"*"`` import everything from a module.
        """
        found: dict[str, list[int]] = {}
        own: set[str] = set()
        for index, statement in enumerate(self.statements):
            own |= statement.binds
            star = ("*",) if statement.stars else ()
            for name in statement.binds.union(star, (bound for bound, _ in statement.imports)):
                found.setdefault(name, []).append(index)
        for index, statement in enumerate(self.statements):
            for name in (statement.changes & own) - statement.binds:
                found[name].append(index)
        return found

    def exports(self, name: str) -> bool:
        """Say whether ``import *`` brings a name, if the file has it."""
        return name in self.exported if self.exported is not None else not name.startswith("_")

    def needed(self, name: str, binders: Mapping[str, Sequence[int]]) -> list[Statement]:
        """Return the statements that bind ``name``, and those that they refer to, in order.

        ``binders`` is what :meth:`binders` returns.
        """
        seen: set[int] = set()
        queue = [*binders.get(name, ()), *binders.get("*", ())]
        while queue:
            index = queue.pop()
            if index in seen:
                continue
            seen.add(index)
            for word in self._words(self.statements[index]):
                queue.extend(i for i in binders.get(word, ()) if i not in seen)
        return [self.statements[index] for index in sorted(seen)]

    def _words(self, statement: Statement) -> set[str]:
        words: set[str] = set()
        for line in self.lines[statement.first - 1 : statement.last]:
            words.update(_WORD.findall(line))
        return words


def outline_of(text: str, tree: ast.Module) -> Outline:
    """Return the outline of a parsed text, whose lines end in ``\\n``."""
    nodes = [node for node in tree.body if not _is_main_guard(node)]
    statements = [_statement(node) for node in nodes]
    variables = _variables(nodes, statements)
    lines = text.split("\n")
    for index, node in enumerate(nodes):
        if isinstance(node, _DEFINITIONS):
            inside = _changed_inside(node, lines[node.lineno - 1 : node.end_lineno], variables)
            statements[index] = replace(statements[index], changes=inside)
    return Outline(lines, statements, _exported(tree))


def _variables(nodes: Sequence[ast.stmt], statements: Sequence[Statement]) -> frozenset[str]:
    """Return the names at the top level that are neither functions nor classes nor imports."""
    pairs = zip(nodes, statements, strict=True)
    return frozenset(n for node, s in pairs if not isinstance(node, _DEFINITIONS) for n in s.binds)


def _changed_inside(
    node: ast.stmt, lines: Sequence[str], variables: frozenset[str]
) -> frozenset[str]:
    """Return the variables of the file that the body of a function or class may change."""
    if not variables or variables.isdisjoint(_WORD.findall("\n".join(lines))):
        return frozenset()
    changed: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global):
            changed.update(inner.names)
        else:
            changed.update(_changed_by(inner))
    return frozenset(changed & variables)


def _statement(node: ast.stmt) -> Statement:
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    binds, changes = set[str](), set[str]()
    imports: list[tuple[str, str]] = []
    stars: list[str] = []
    for inner in _own_nodes(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            binds.add(inner.name)
        elif isinstance(inner, ast.ImportFrom) and inner.names[0].name == "*":
            stars.append("." * inner.level + (inner.module or ""))
        elif isinstance(inner, ast.Import | ast.ImportFrom):
            imports.extend(imported_names(inner))
        elif isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load):
            binds.add(inner.id)
        else:
            changes.update(_changed_by(inner))
    last = node.end_lineno or first
    return Statement(
        first, last, frozenset(binds), tuple(imports), frozenset(changes), tuple(stars)
    )


def imported_names(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield each name that an import binds, and the qualified name that it stands for."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            dot = "" if base.endswith(".") else "."
            yield alias.asname or alias.name, f"{base}{dot}{alias.name}"
        elif alias.asname:
            yield alias.asname, alias.name
        else:
            top = alias.name.partition(".")[0]
            yield top, top


def _own_nodes(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield a statement and the nodes in it that run with it: no bodies of functions, classes."""
    stack: list[ast.AST] = [node]
    while stack:
        inner = stack.pop()
        yield inner
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        stack.extend(ast.iter_child_nodes(inner))


def _changed_by(node: ast.AST) -> Iterator[str]:
    """Yield the variable whose object a store or a call of a method may change."""
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        yield from _base(node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from _base(node.func)


def _base(node: ast.expr) -> Iterator[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _is_main_guard(node: ast.stmt) -> bool:
    """``if __name__ == "__main__":`` does not run when the file is imported."""
    return isinstance(node, ast.If) and any(
        isinstance(inner, ast.Name) and inner.id == "__name__" for inner in ast.walk(node.test)
    )


def _exported(tree: ast.Module) -> frozenset[str] | None:
    for node in tree.body:
        targets: Iterable[ast.expr] = node.targets if isinstance(node, ast.Assign) else ()
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            try:
                value = ast.literal_eval(node.value)  # type: ignore[attr-defined]
            except ValueError:
                return None
            return frozenset(value) if isinstance(value, list | tuple | set) else None
    return None
