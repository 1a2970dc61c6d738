"""The import statements of a file: where each stands, and whether it is still used.

What may be a use is one: names in strings, ``__all__``, ``globals()``. ``import x as x``, a comment
``# noqa`` on the import and ``if TYPE_CHECKING:`` keep an import, too.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import libcst as cst

from flake8_saveimage.fixes.text import Change, Layout, applied
from flake8_saveimage.syntax.positions import Positions

Statement: TypeAlias = ast.Import | ast.ImportFrom

# Functions whose string arguments may be annotations, or names for `__all__`.
_TAKES_NAMES = frozenset("cast TypeVar NewType TypedDict NamedTuple getattr extend append".split())
_NOQA = re.compile(r"#\s*(noqa|isort|pylint|nopycln|pragma)", re.IGNORECASE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class ImportFacts:
    """Answers for the imports of one file, which Python can parse."""

    def __init__(self, positions: Positions, layout: Layout) -> None:
        assert positions.tree is not None
        self.layout = layout
        self.tree = positions.tree
        self._positions = positions
        self._homes: dict[int, tuple[ast.AST, list[ast.stmt]]] = {}
        for node in ast.walk(self.tree):
            for _, field in ast.iter_fields(node):
                if isinstance(field, list):
                    self._homes.update((id(child), (node, field)) for child in field)

    def statement(self, node: cst.CSTNode) -> Statement:
        """Return an import statement of libcst's tree."""
        statement = self._positions.statement(node)
        assert isinstance(statement, ast.Import | ast.ImportFrom)
        return statement

    def body(self, statement: Statement) -> list[ast.stmt]:
        """Return the statements among which an import stands."""
        return self._homes[id(statement)][1]

    def direct_body(self, statement: Statement) -> list[ast.stmt] | None:
        """Return the body of the module or function in which an import directly stands."""
        owner, body = self._homes[id(statement)]
        return body if isinstance(owner, (ast.Module, *_FUNCTIONS)) else None

    def function_body(self, offset: int) -> list[ast.stmt]:
        """Return the body of the innermost function around a place, else that of the module."""
        line = self.layout.line(offset)
        body = self.tree.body
        for node in ast.walk(self.tree):  # outer ones come first
            if isinstance(node, _FUNCTIONS) and node.lineno <= line <= (node.end_lineno or 0):
                body = node.body
        return body

    def star_imports(self) -> list[Statement]:
        """Return the star imports of the module, which bring what no other import binds."""
        return [
            node
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        ]

    def is_for_types(self, node: cst.CSTNode) -> bool:
        """Say whether an import stands under ``if TYPE_CHECKING:``."""
        return any(
            isinstance(owner, ast.If)
            and body is owner.body
            and ast.unparse(owner.test).rpartition(".")[2] == "TYPE_CHECKING"
            for owner, body in self._around(self.statement(node))
        )

    def is_unused(
        self, statement: Statement, name: str, tables: Sequence[symtable.SymbolTable]
    ) -> bool:
        """Say whether nothing uses a name that an import binds, by the tables of the new file."""
        is_offered = any(
            alias.name == "*" or alias.name == alias.asname == name for alias in statement.names
        )
        around = (owner for owner, _ in self._around(statement))
        scope = next((o for o in around if isinstance(o, (ast.ClassDef, *_FUNCTIONS))), None)
        body = self.tree.body if scope is None else scope.body
        if is_offered or self._has_noqa(statement) or name in _named_by_text(body):
            return False
        place = ("top", 0) if scope is None else (scope.name, scope.lineno)
        own = next(table for table in tables if (table.get_name(), table.get_lineno()) == place)
        return not any(_means(table, name, own) for table in tables)

    def _around(self, node: ast.AST) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
        """Yield the statements around one, innermost first, and the body in which it stands."""
        while id(node) in self._homes:
            node, body = self._homes[id(node)]
            yield node, body

    def _has_noqa(self, statement: Statement) -> bool:
        start, end = self.layout.of_ast(statement)
        return _NOQA.search(self.layout.text, start, self.layout.next_line(end)) is not None

    def tables(self, called: Iterable[cst.CSTNode]) -> list[symtable.SymbolTable]:
        """Return the name spaces of the file without the functions that are replaced."""
        text = self.layout.text
        places = {self.layout.of(node) for node in called}
        gone = (Change(s, e, "(" + "\n" * text.count("\n", s, e) + "None)") for s, e in places)
        found: list[symtable.SymbolTable] = []
        stack = [symtable.symtable(applied(text, gone), "<unknown>", "exec")]
        while stack:
            found.append(stack.pop())
            stack += found[-1].get_children()
        return found


def _means(table: symtable.SymbolTable, name: str, owner: symtable.SymbolTable) -> bool:
    """Say whether ``name`` may be looked up in ``owner`` by the code of ``table``."""
    if name not in table.get_identifiers():
        return False
    symbol = table.lookup(name)
    if symbol.is_declared_global() or symbol.is_nonlocal():
        return True
    # a class looks outside for what it has not bound yet
    is_outer = table.get_type() == "class" or (
        symbol.is_global() if owner.get_type() == "module" else symbol.is_free()
    )
    return symbol.is_referenced() and (table is owner or is_outer)


def _named_by_text(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Return the names in quoted annotations, ``__all__``, doctests and ``del`` statements."""
    texts: list[str] = []
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, ast.Delete):
            texts.append(ast.unparse(node))
        elif isinstance(node, ast.Constant):
            texts += [node.value] if isinstance(node.value, str) and ">>>" in node.value else []
        else:
            texts += _texts_in(node)
    return frozenset(re.findall(r"\w+", "\n".join(texts)))


def _texts_in(node: ast.AST) -> Iterator[str]:
    """Yield the texts of a node that may hold names: annotations and the like."""
    inside: ast.AST | None = None
    if isinstance(node, ast.arg | ast.AnnAssign | ast.Subscript):
        inside = node
    elif isinstance(node, _FUNCTIONS):
        inside = node.returns
    elif isinstance(node, ast.Call):
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        inside = node if called in _TAKES_NAMES else None
    elif isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names_all = any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets)
        inside = node if names_all else None
    for constant in ast.walk(inside) if inside is not None else ():
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
            yield constant.value
