"""The imports that go with edited calls: the helper's in, what nobody uses any more out.

The helper is imported where the original was: in the same suite (of the module, a function, a
``try``), next to it. An import goes only if no name of the file can mean it any more; ``__all__``,
``import x as x``, ``__init__.py``, ``# noqa`` on the import and ``globals()`` keep it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import libcst as cst

from flake8_saveimage.analysis import Analysis
from flake8_saveimage.fixes.edits import Edits, indented_like
from flake8_saveimage.fixes.names import Names
from flake8_saveimage.module import Binding, Place, Scope, code_of, dotted
from flake8_saveimage.sites import SaveSite

HELPER_MODULE = "flake8_saveimage.runtime"

Small: TypeAlias = cst.Import | cst.ImportFrom
_IMPORT = cst.Import | cst.ImportFrom
# Functions whose string arguments may be annotations, or names for `__all__`.
_TAKES_NAMES = frozenset("cast TypeVar NewType TypedDict NamedTuple getattr extend append".split())
_REFLECTION = frozenset({"globals", "eval", "exec", "vars"})


class Wanted(NamedTuple):
    """One import: ``import module`` (no name) or ``from module import name as local``."""

    module: str
    name: str | None
    local: str


@dataclass
class _Suite:
    """What is to be imported in one suite, and the imports there that brought the originals."""

    anchors: list[Small] = field(default_factory=list)
    wanted: set[Wanted] = field(default_factory=set)


class Imports:
    """Plans the imports of one file while its calls are edited."""

    def __init__(
        self, analysis: Analysis, names: Names, *, module: str, is_init: bool = False
    ) -> None:
        self._flow = analysis.flow
        self._names = names
        self._module = module
        self._is_init = is_init
        self._suites: dict[int, _Suite] = {}
        self._left: dict[int, Binding] = {}
        self._edited: list[cst.BaseExpression] = []
        self._rewritten: set[int] = set()
        self._dropped: list[cst.SimpleStatementLine] = []
        self._on_top: set[Wanted] = set()

    # -- asked for by the edits of calls -------------------------------------------------------

    def helper(self, site: SaveSite, name: str) -> str:
        """Have the helper function ``name`` imported for a call, and return its local name."""
        self._edited.append(site.call.func)
        bindings = self._sources(site)
        self._left.update((id(binding), binding) for binding in bindings)
        there = self._already_there(f"{self._module}.{name}", site.place)
        if there is not None:
            return there
        local = name if self._is_free(name) else self._other_name(name)
        self._want(bindings, Wanted(self._module, name, local))
        return local

    def torchvision(self, site: SaveSite) -> str | None:
        """Have torchvision imported for a call of ``torch.utils.save_image``.

        Returns what to call, or ``None`` if the import alone has to change.
        """
        bindings = self._sources(site)
        direct = [b for b in bindings if b.source == "torch.utils.save_image"]
        if direct:
            for binding in direct:
                local = binding.name
                self._left[id(binding)] = binding
                self._rewritten.add(id(binding))
                self._want([binding], Wanted("torchvision.utils", "save_image", local))
            return None
        self._edited.append(site.call.func)
        self._left.update((id(binding), binding) for binding in bindings)
        if self._already_there("torchvision", site.place) is None:
            self._want(bindings, Wanted("torchvision", None, "torchvision"))
        return "torchvision.utils.save_image"

    # -- what is known -------------------------------------------------------------------------

    def _sources(self, site: SaveSite) -> list[Binding]:
        """Return the import bindings through which the callee is reached."""
        found: dict[int, Binding] = {}
        queue: list[tuple[str | None, Place, int]] = [(dotted(site.call.func), site.place, 0)]
        while queue:
            name, place, depth = queue.pop()
            if name is None or depth > 8:
                continue
            lookup = self._flow.lookup(name.partition(".")[0], place)
            for binding, _loops in lookup.reaches:
                if binding.kind == "import":
                    if not self._for_types_only(binding.node):
                        found[id(binding)] = binding
                elif binding.value is not None:
                    queue.append((dotted(binding.value), binding.place, depth + 1))
        return list(found.values())

    def _for_types_only(self, node: cst.CSTNode) -> bool:
        child = node
        for outer in self._names.ancestors(node):
            if isinstance(outer, cst.If) and child is outer.body:
                test = dotted(outer.test) or ""
                if test.rpartition(".")[2] == "TYPE_CHECKING":
                    return True
            child = outer
        return False

    def _already_there(self, source: str, place: Place) -> str | None:
        """Return the name under which ``source`` is imported where ``place`` can see it."""
        scope: Scope | None = place.scope
        while scope is not None:
            for name, bindings in scope.bindings.items():
                if any(b.kind == "import" and b.source == source for b in bindings):
                    lookup = self._flow.lookup(name, place)
                    if lookup.reaches and all(
                        reach.binding.source == source
                        and not self._for_types_only(reach.binding.node)
                        for reach in lookup.reaches
                    ):
                        return name
            scope = scope.parent
        return None

    def _is_free(self, name: str) -> bool:
        """Say whether the file means nothing by ``name`` but, perhaps, the helper itself."""
        bindings = [
            binding for scope in self._flow.facts.scopes for binding in scope.bindings.get(name, ())
        ]
        if not bindings:
            return name not in self._names.identifiers()
        return all(binding.source == f"{self._module}.{name}" for binding in bindings)

    def _other_name(self, name: str) -> str:
        taken = self._names.identifiers() | {
            name for scope in self._flow.facts.scopes for name in scope.bindings
        }
        other, number = f"runtime_{name}", 1
        while other in taken:
            bound = [b for s in self._flow.facts.scopes for b in s.bindings.get(other, ())]
            if bound and all(b.source == f"{self._module}.{name}" for b in bound):
                break
            number += 1
            other = f"runtime_{name}_{number}"
        return other

    def _want(self, bindings: Sequence[Binding], wanted: Wanted) -> None:
        anchors = [binding.node for binding in bindings if isinstance(binding.node, _IMPORT)]
        if not anchors:
            anchors = self._star_imports[-1:]
        if not anchors:
            self._on_top.add(wanted)
        for anchor in anchors:
            suite = self._suite_of(anchor)
            entry = self._suites.setdefault(id(suite), _Suite())
            if not any(anchor is other for other in entry.anchors):
                entry.anchors.append(anchor)
            entry.wanted.add(wanted)

    @property
    def _star_imports(self) -> list[Small]:
        """The star imports of the module, one of which brings what no other import binds."""
        lines = (x for x in self._flow.facts.module.body if isinstance(x, cst.SimpleStatementLine))
        return [
            small
            for line in lines
            for small in line.body
            if isinstance(small, cst.ImportFrom) and isinstance(small.names, cst.ImportStar)
        ]

    def _suite_of(self, node: cst.CSTNode) -> cst.CSTNode:
        return next(
            outer
            for outer in self._names.ancestors(node)
            if isinstance(outer, cst.Module | cst.BaseSuite)
        )

    # -- what is not used any more -------------------------------------------------------------

    def _unused(self) -> dict[int, list[Binding]]:
        """Return the bindings to remove, by the id of their import statement."""
        found: dict[int, list[Binding]] = {}
        if self._is_init or self._looks_names_up:
            bindings = [b for b in self._left.values() if id(b) in self._rewritten]
        else:
            bindings = [b for b in self._candidates() if self._is_unused(b)]
        for binding in bindings:
            found.setdefault(id(binding.node), []).append(binding)
        return found

    @property
    def _looks_names_up(self) -> bool:
        """Whether the file may look its names up by text: ``globals()``, ``eval``, ``vars()``."""
        calls = (call for n in _REFLECTION for call in self._flow.facts.calls_by_name.get(n, ()))
        return any(
            isinstance(call.node.func, cst.Name) and not (call.name == "vars" and call.node.args)
            for call in calls
        )

    def _candidates(self) -> Iterator[Binding]:
        seen: set[int] = set()
        for left in self._left.values():
            for binding in left.place.scope.bindings.get(left.name, ()):
                if binding.kind == "import" and id(binding) not in seen:
                    seen.add(id(binding))
                    yield binding

    def _is_unused(self, binding: Binding) -> bool:
        if id(binding) in self._rewritten:
            return True
        if self._for_types_only(binding.node) or _is_kept_by_hand(binding):
            return False
        scope = binding.place.scope
        if self._has_noqa(binding.node) or any(
            self._means(where, binding.name, scope) for where in self._quoted.get(binding.name, ())
        ):
            return False
        if any(binding.name in other.declared for other in self._flow.facts.scopes):
            return False
        return not any(
            self._means(use.scope, use.name.partition(".")[0], scope)
            and not any(self._names.within(use.node, func) for func in self._edited)
            for use in self._names.of(binding.name)
            if not (use.stored and use.name == binding.name)
        )

    def _means(self, scope: Scope, name: str, owner: Scope) -> bool:
        """Say whether ``name`` in ``scope`` is looked up in ``owner``."""
        first, current = scope, scope
        while True:
            visible = current.kind != "class" or current is first
            if current is owner:
                return visible or current is first
            # a name of an inner scope may still be the outer one where it is not bound yet
            if visible and name in current.bindings and current.kind != "class":
                return False
            if current.parent is None:
                return False
            current = current.parent

    def _has_noqa(self, node: cst.CSTNode) -> bool:
        for outer in self._names.ancestors(node):
            if isinstance(outer, cst.SimpleStatementLine | cst.SimpleStatementSuite):
                comment = outer.trailing_whitespace.comment
                text = (comment.value if comment else "") + code_of(node)
                return re.search(r"#\s*(noqa|isort|pylint|nopycln|pragma)", text, re.I) is not None
        return False

    @cached_property
    def _quoted(self) -> dict[str, list[Scope]]:
        """Names in annotations in quotes and in ``__all__``, with the scopes where they stand."""
        found: dict[str, list[Scope]] = {}
        for node, scope in self._names.strings:
            if isinstance(node, cst.SimpleString) and self._may_name(node):
                text = node.evaluated_value
                if isinstance(text, str):
                    for name in re.findall(r"\w+", text):
                        found.setdefault(name, []).append(scope)
        return found

    def _may_name(self, node: cst.SimpleString) -> bool:
        for outer in self._names.ancestors(node):
            if isinstance(outer, cst.Annotation):
                return True
            if isinstance(outer, cst.Call):
                last = (dotted(outer.func) or "").rpartition(".")[2]
                if last in _TAKES_NAMES:
                    return True
            if isinstance(outer, cst.Subscript):
                return True
            if isinstance(outer, cst.Assign):
                return any(dotted(t.target) == "__all__" for t in outer.targets)
            if isinstance(outer, cst.AugAssign | cst.AnnAssign):
                return isinstance(outer, cst.AnnAssign) or dotted(outer.target) == "__all__"
            if isinstance(outer, cst.BaseSuite | cst.Module):
                return False
        return False

    # -- edits ---------------------------------------------------------------------------------

    def plan(self, edits: Edits) -> None:
        """Add the edits of the import statements."""
        gone = self._unused()
        new = {}
        if self._on_top:
            lines = [cst.SimpleStatementLine([small]) for small in _statements(self._on_top)]
            edits.add(self._flow.facts.module, lambda updated: _on_top(updated, lines))
        for entry in self._suites.values():
            statements = _statements(entry.wanted)
            anchor = self._host(entry, gone)
            new[id(anchor)] = (anchor, statements)
        touched: dict[int, Small] = {id(anchor): anchor for anchor, _ in new.values()}
        for bindings in gone.values():
            for binding in bindings:
                assert isinstance(binding.node, _IMPORT)
                touched[id(binding.node)] = binding.node
        for key, node in touched.items():
            rest = _without(node, gone.get(key, []))
            self._replace(edits, node, rest, new[key][1] if key in new else [])
        for line in self._dropped:
            self._drop_line(edits, line)

    def _host(self, entry: _Suite, gone: dict[int, list[Binding]]) -> Small:
        """Return the import beside which, or in place of which, the new ones go."""
        anchors = sorted(entry.anchors, key=self._place_of)
        first = anchors[0]
        for anchor in anchors:
            if _without(anchor, gone.get(id(anchor), [])) is None and self._close(first, anchor):
                return anchor
        return first

    def _place_of(self, node: Small) -> tuple[int, int]:
        """Return where an import stands in its suite."""
        body: Sequence[Any] = getattr(self._suite_of(node), "body", ())
        line = self._names.parents.get(id(node))
        outer = next((index for index, other in enumerate(body) if other is line), 0)
        small: Sequence[Any] = getattr(line, "body", ())
        return outer, next((index for index, other in enumerate(small) if other is node), 0)

    def _close(self, first: Small, other: Small) -> bool:
        """Say whether only imports stand between two imports of one suite."""
        body: Sequence[Any] = getattr(self._suite_of(first), "body", ())
        lines = [self._names.parents.get(id(first)), self._names.parents.get(id(other))]
        places = [index for index, line in enumerate(body) if any(line is one for one in lines)]
        between = body[min(places) : max(places) + 1] if places else ()
        return all(_is_import_line(line) for line in between)

    def _replace(self, edits: Edits, node: Small, rest: Small | None, new: list[Small]) -> None:
        line = self._names.parents[id(node)]
        alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
        if not alone:
            after = [*([rest] if rest is not None else []), *new]
            edits.add(node, _swap_small(after))
            edits.add(line, _tidy_semicolons)
            return
        assert isinstance(line, cst.SimpleStatementLine)
        if rest is None and new:
            edits.add(line, _replace_line(new))
            return
        if rest is None:
            self._dropped.append(line)
            return
        if rest is not node:
            edits.add(node, _becomes(rest))
        if new:
            self._insert_lines(edits, line, new)

    def _insert_lines(self, edits: Edits, line: cst.SimpleStatementLine, new: list[Small]) -> None:
        """Put the new imports into the run of imports around ``line``, in order if it is sorted."""
        lines = [cst.SimpleStatementLine([small]) for small in new]
        run = self._run_around(line)
        module = _sort_key(new[0])
        if module is not None:
            for other in run:
                key = _sort_key(other.body[0])
                if key is not None and key > module and other is not run[0]:
                    edits.add(other, lambda updated: cst.FlattenSentinel([*lines, updated]))
                    return
        edits.add(line, lambda updated: cst.FlattenSentinel([updated, *lines]))

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

    def _drop_line(self, edits: Edits, line: cst.SimpleStatementLine) -> None:
        """Remove a line; the blank lines and comments above it go to the one below."""
        suite = self._names.parents[id(line)]
        body: Sequence[Any] = getattr(suite, "body", ())
        place = next(index for index, other in enumerate(body) if other is line)
        leading = line.leading_lines
        gone = {id(other) for other in self._dropped}
        if all(id(other) in gone for other in body):
            edits.add(line, lambda updated: updated.with_changes(body=[cst.Pass()]))
            return
        edits.add(line, lambda _updated: cst.RemovalSentinel.REMOVE)
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

            edits.add(heir, inherit)


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
        isinstance(small, _IMPORT) for small in line.body
    )


def _sort_key(small: cst.BaseSmallStatement) -> str | None:
    """The module of a ``from`` import, as isort orders them; relative ones are another section."""
    if isinstance(small, cst.ImportFrom) and not small.relative:
        module = dotted(small.module) or ""
        return module.lower() if module != "__future__" else None
    return None


def _is_kept_by_hand(binding: Binding) -> bool:
    """``import x as x``, ``from y import x as x``: exported on purpose."""
    node = binding.node
    assert isinstance(node, _IMPORT)
    if isinstance(node.names, cst.ImportStar):
        return True
    return any(
        alias.asname is not None and dotted(alias.name) == binding.name == dotted(alias.asname.name)
        for alias in node.names
    )


def _statements(wanted: set[Wanted]) -> list[Small]:
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
        assert isinstance(small, _IMPORT)
        found.append(small)
    return found


def _without(node: Small, bindings: Sequence[Binding]) -> Small | None:
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
