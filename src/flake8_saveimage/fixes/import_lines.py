"""Import statements as lines of a file: new ones put in their place, names and lines taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import libcst as cst

from flake8_saveimage.fixes.edits import Edits, indented_like
from flake8_saveimage.fixes.names import Names
from flake8_saveimage.syntax.nodes import dotted
from flake8_saveimage.syntax.scopes import Binding

Small: TypeAlias = cst.Import | cst.ImportFrom
IMPORT = cst.Import | cst.ImportFrom


class Wanted(NamedTuple):
    """One import: ``import module`` (no name) or ``from module import name as local``."""

    module: str
    name: str | None
    local: str


class ImportLines:
    """Edits the import statements of one file. :meth:`finish` comes last."""

    def __init__(self, names: Names, edits: Edits) -> None:
        self._names = names
        self._edits = edits
        self._dropped: list[cst.SimpleStatementLine] = []

    def on_top(self, module: cst.Module, new: Sequence[Small]) -> None:
        """Put imports behind the docstring and the imports from ``__future__``."""
        lines = [cst.SimpleStatementLine([small]) for small in new]
        self._edits.add(module, lambda updated: _on_top(updated, lines))

    def host(self, anchors: Sequence[Small], gone: Mapping[int, Sequence[Binding]]) -> Small:
        """Return the import beside which, or in place of which, the new ones go."""
        in_order = sorted(anchors, key=self._place_of)
        first = in_order[0]
        for anchor in in_order:
            if without(anchor, gone.get(id(anchor), [])) is None and self._close(first, anchor):
                return anchor
        return first

    def _place_of(self, node: Small) -> tuple[int, int]:
        """Return where an import stands in its suite."""
        body: Sequence[Any] = getattr(self._names.suite_of(node), "body", ())
        line = self._names.parents.get(id(node))
        outer = next((index for index, other in enumerate(body) if other is line), 0)
        small: Sequence[Any] = getattr(line, "body", ())
        return outer, next((index for index, other in enumerate(small) if other is node), 0)

    def _close(self, first: Small, other: Small) -> bool:
        """Say whether only imports stand between two imports of one suite."""
        body: Sequence[Any] = getattr(self._names.suite_of(first), "body", ())
        lines = [self._names.parents.get(id(first)), self._names.parents.get(id(other))]
        places = [index for index, line in enumerate(body) if any(line is one for one in lines)]
        between = body[min(places) : max(places) + 1] if places else ()
        return all(_is_import_line(line) for line in between)

    def replace(self, node: Small, rest: Small | None, new: list[Small]) -> None:
        """Leave ``rest`` of an import (``None``: nothing), and put ``new`` ones beside it."""
        line = self._names.parents[id(node)]
        alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
        if not alone:
            after = [*([rest] if rest is not None else []), *new]
            self._edits.add(node, _swap_small(after))
            self._edits.add(line, _tidy_semicolons)
            return
        assert isinstance(line, cst.SimpleStatementLine)
        if rest is None and new:
            self._edits.add(line, _replace_line(new))
            return
        if rest is None:
            self._dropped.append(line)
            return
        if rest is not node:
            self._edits.add(node, _becomes(rest))
        if new:
            self._insert_lines(line, new)

    def _insert_lines(self, line: cst.SimpleStatementLine, new: list[Small]) -> None:
        """Put the new imports into the run of imports around ``line``, in order if it is sorted."""
        lines = [cst.SimpleStatementLine([small]) for small in new]
        run = self._run_around(line)
        module = _sort_key(new[0])
        if module is not None:
            for other in run:
                key = _sort_key(other.body[0])
                if key is not None and key > module and other is not run[0]:
                    self._edits.add(other, lambda updated: cst.FlattenSentinel([*lines, updated]))
                    return
        self._edits.add(line, lambda updated: cst.FlattenSentinel([updated, *lines]))

    def _run_around(self, line: cst.SimpleStatementLine) -> list[cst.SimpleStatementLine]:
        """Return the imports around ``line`` without a blank line or a comment between them."""
        body: Sequence[Any] = getattr(self._names.parents[id(line)], "body", ())
        place = next(index for index, other in enumerate(body) if other is line)
        start = end = place
        while start > 0 and not body[start].leading_lines and _is_import_line(body[start - 1]):
            start -= 1
        while end + 1 < len(body) and _is_import_line(body[end + 1]):
            if body[end + 1].leading_lines:
                break
            end += 1
        return list(body[start : end + 1])

    def _drop_line(self, line: cst.SimpleStatementLine) -> None:
        """Remove a line; the blank lines and comments above it go to the one below."""
        suite = self._names.parents[id(line)]
        body: Sequence[Any] = getattr(suite, "body", ())
        place = next(index for index, other in enumerate(body) if other is line)
        leading = line.leading_lines
        gone = {id(other) for other in self._dropped}
        if all(id(other) in gone for other in body):
            self._edits.add(line, lambda updated: updated.with_changes(body=[cst.Pass()]))
            return
        self._edits.add(line, lambda _updated: cst.RemovalSentinel.REMOVE)
        heir = next((other for other in body[place + 1 :] if id(other) not in gone), None)
        if leading and heir is not None:

            def inherit(updated: Any) -> Any:
                if isinstance(updated, cst.FlattenSentinel):
                    first, *others = updated
                    return cst.FlattenSentinel([inherit(first), *others])
                if isinstance(updated, cst.RemovalSentinel):
                    return updated
                own = updated.leading_lines
                return updated.with_changes(leading_lines=_joined(leading, own))

            self._edits.add(heir, inherit)

    def finish(self) -> None:
        """Take out the lines of which nothing is left."""
        for line in self._dropped:
            self._drop_line(line)


def statements(wanted: set[Wanted]) -> list[Small]:
    """Return the import statements for what is wanted, one a module, in order."""
    modules: dict[str, list[Wanted]] = {}
    for item in sorted(wanted, key=lambda item: (item.module, item.name or "", item.local)):
        modules.setdefault(item.module, []).append(item)
    found: list[Small] = []
    for module, items in modules.items():
        if items[0].name is None:
            text = f"import {module}"
        else:
            names = (
                item.name if item.local == item.name else f"{item.name} as {item.local}"
                for item in items
                if item.name is not None
            )
            text = f"from {module} import {', '.join(names)}"
        line = cst.parse_statement(text)
        assert isinstance(line, cst.SimpleStatementLine)
        small = line.body[0]
        assert isinstance(small, IMPORT)
        found.append(small)
    return found


def without(node: Small, bindings: Sequence[Binding]) -> Small | None:
    """Return the import without the names of ``bindings``; ``None`` if nothing is left."""
    if not bindings or isinstance(node.names, cst.ImportStar):
        return node
    gone = {binding.name for binding in bindings}
    kept = [alias for alias in node.names if _local_name(alias, node) not in gone]
    if not kept:
        return None
    last, removed = kept[-1], node.names[-1]
    if last is not removed:
        comma = removed.comma
        if isinstance(comma, cst.Comma) and isinstance(last.comma, cst.Comma):
            # its own comment stays; what follows is the closing bracket now
            space = indented_like(last.comma.whitespace_after, comma.whitespace_after)
            comma = last.comma.with_changes(whitespace_after=space)
        kept[-1] = last.with_changes(comma=comma)
    return node.with_changes(names=kept)


def _local_name(alias: cst.ImportAlias, node: Small) -> str:
    if alias.asname is not None:
        return dotted(alias.asname.name) or ""
    name = dotted(alias.name) or ""
    return name if isinstance(node, cst.ImportFrom) else name.partition(".")[0]


def _joined(above: Sequence[cst.EmptyLine], below: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """The lines above a removed statement and those above the next one, blank ones not doubled."""
    if not any(line.comment for line in above):
        return list(below) if len(below) >= len(above) else list(above)
    return [*above, *below]


def _on_top(module: cst.Module, lines: Sequence[cst.SimpleStatementLine]) -> cst.Module:
    """Put lines behind the docstring and the imports from ``__future__``."""
    body = list(module.body)
    place = 0
    for index, line in enumerate(body):
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        if (
            index == 0
            and isinstance(small, cst.Expr)
            and isinstance(small.value, cst.SimpleString | cst.ConcatenatedString)
        ):
            place = 1
        elif isinstance(small, cst.ImportFrom) and dotted(small.module) == "__future__":
            place = index + 1
        else:
            break
    return module.with_changes(body=[*body[:place], *lines, *body[place:]])


def _becomes(new: Small) -> Any:
    return lambda _updated: new


def _replace_line(new: list[Small]) -> Any:
    def edit(updated: cst.SimpleStatementLine) -> Any:
        first = updated.with_changes(body=[new[0]])
        return cst.FlattenSentinel([first, *(cst.SimpleStatementLine([s]) for s in new[1:])])

    return edit


def _swap_small(after: list[Small]) -> Any:
    def edit(updated: Small) -> Any:
        if not after:
            return cst.RemovalSentinel.REMOVE
        last = after[-1].with_changes(semicolon=updated.semicolon)
        return cst.FlattenSentinel([*after[:-1], last])

    return edit


def _tidy_semicolons(updated: Any) -> Any:
    """A statement that has become the last of its line needs no semicolon."""
    body = list(updated.body)
    if not body:
        return updated.with_changes(body=[cst.Pass()])
    if isinstance(body[-1].semicolon, cst.Semicolon):
        body[-1] = body[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
    return updated.with_changes(body=body)


def _is_import_line(line: object) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and all(
        isinstance(small, IMPORT) for small in line.body
    )


def _sort_key(small: cst.BaseSmallStatement) -> str | None:
    """The module of a ``from`` import, as isort orders them; relative ones are another section."""
    if isinstance(small, cst.ImportFrom) and not small.relative:
        module = dotted(small.module) or ""
        return module.lower() if module != "__future__" else None
    return None
