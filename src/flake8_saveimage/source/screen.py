"""Do all saves of this file write to memory or to a temporary file?

Parsing with libcst costs a hundred times a look at the text, and many libraries save only to send
bytes or to test a round trip. No rule that is on by default reports such saves, so their files stop
here: text tells where the saves are, and :mod:`ast`, given only the functions around them, what
they write to. What is not understood is looked at.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple, TypeAlias

from flake8_saveimage.source import reading
from flake8_saveimage.source.lexical import HIDDEN, IMPORT, has_formatted_save, imported

# What is called for a file object without a path of its own, and for one with a path.
MEMORY = frozenset(
    "BytesIO StringIO NamedTemporaryFile TemporaryFile SpooledTemporaryFile mkstemp".split()
)
OPENERS = frozenset({"open", "GFile", "File"})

_LOOK_FURTHER = frozenset({"SVI302", "SVI303"})  # these report what is saved, not where
_SAVE = re.compile(r"t(?<![\w.]t)orch\s*\.\s*save\b")
_ANY_SAVE = re.compile(r"\.\s*save\b")
_HEADER = re.compile(r" *(?:async +)?def\b")

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


def may_be_reported(source: str, codes: Set[str]) -> bool:
    """Say whether one of the rules ``codes`` could report a save in a file's text."""
    if not codes or not _LOOK_FURTHER.isdisjoint(codes):
        return bool(codes)
    if has_formatted_save(source):
        return True
    code = HIDDEN.sub(_blanks, source)
    saves = [match.start() for match in _SAVE.finditer(code)]
    if "\t" in code or _has_other_saves(code, len(saves)):
        return True
    file = _File(source, code)
    functions = dict.fromkeys(map(file.function_around, saves))
    return not all(
        function is not None and all(map(_is_temporary, _saves(function))) for function in functions
    )


def _blanks(match: re.Match[str]) -> str:
    """Hide a string or a statement so that everything else stays where it is."""
    text = match.group()
    if "\n" not in text:
        return " " * len(text)
    return "\n".join([" " * len(line) for line in text.split("\n")])


def _has_other_saves(code: str, known: int) -> bool:
    """Say whether there may be saves besides the ``known`` ones that are written `torch.save`."""
    names = {"torch"}
    for module, name, alias in imported(code):
        full = f"{module}.{name}" if module else name
        if full.startswith("torch") and name in ("save", "save_image", "*"):
            return True
        if full in ("torch", "torch.serialization") and (module or alias):
            names.add(alias or name)
    code = IMPORT.sub(_blanks, code)
    # each name by itself, because a pattern that begins with a letter is searched for fastest
    modules = rf"(?:{'|'.join(map(_whole, names))})(?:\s*\.\s*serialization)?\b"
    if "save_image" in code or len(re.findall(rf"{modules}\s*\.\s*save\b", code)) > known:
        return True
    # a module as a value: `th = torch`, but neither `torch.x` nor `getattr(torch, "x")`
    as_value = rf"{modules}(?!\s*(?:\.|,|if\b))|:=\s*{modules}\s*,"
    return len(_ANY_SAVE.findall(code)) > known and re.search(as_value, code) is not None


def _whole(name: str) -> str:
    """Return a pattern for a name that is no part of a longer one; faster than ``\\bname\\b``."""
    return rf"{name}(?<!\w{name})\b"


class _File:
    """A file's text, also without strings and comments, and the functions in it."""

    def __init__(self, source: str, code: str) -> None:
        self._text = code
        self._source = source.split("\n")
        self._code = code.split("\n")
        self._indents = [_indent(line) for line in self._code]
        self._functions: dict[int, _Function | None] = {}

    def function_around(self, offset: int) -> _Function | None:
        """Return the innermost function around an offset, if it is in one."""
        holders = self._holders(self._text.count("\n", 0, offset))
        start = next((at for at in holders if _HEADER.match(self._code[at])), None)
        if start is None:
            return None
        if start not in self._functions:
            self._functions[start] = _parsed(self._source[start : self._end(start)])
        return self._functions[start]

    def _holders(self, number: int) -> list[int]:
        """Return a line's number and those of the lines that it is indented under, inside out."""
        found = [number]
        indent = _indent(self._code[number])
        for at in range(number - 1, -1, -1):
            if not indent:
                break
            if self._indents[at] < indent:
                found.append(at)
                indent = self._indents[at]
        return found

    def _end(self, start: int) -> int:
        indent = self._indents[start]
        following = range(start + 1, len(self._code))
        return next((at for at in following if self._indents[at] <= indent), len(self._code))


# what the indentation of a line that is blank, or that goes on with another, is taken for
_NOWHERE = sys.maxsize


def _indent(line: str) -> int:
    code = line.lstrip()
    return _NOWHERE if not code or code[0] in ")]}" else len(line) - len(code)


def _parsed(lines: Sequence[str]) -> _Function | None:
    """Return the function that some lines are, if they are one."""
    text = "\n".join(lines)
    try:
        tree = reading.parse(f"if True:\n{text}" if text.startswith(" ") else text)
    except reading.SourceError:
        return None
    body = tree.body[0].body if isinstance(tree.body[0], ast.If) else tree.body
    return body[0] if len(body) == 1 and isinstance(body[0], _Function) else None


# -- the saves of one function -----------------------------------------------------------------


class _Save(NamedTuple):
    """A use of ``torch.save``, and the statements and scopes around it, from the outside in."""

    node: ast.AST
    around: tuple[ast.AST, ...]


def _saves(outer: ast.AST) -> Iterator[_Save]:
    """Yield the calls of ``torch.save``, and its other uses but as a member of a collection."""
    stack: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(outer, ())]
    while stack:
        node, around = stack.pop()
        called = isinstance(node, ast.Call) and _is_torch_save(node.func)
        if called:
            yield _Save(node, around)
        if not isinstance(node, ast.expr) or isinstance(node, _SCOPES):
            around = (*around, node)
        for child in ast.iter_child_nodes(node):
            if not _is_torch_save(child):
                stack.append((child, around))
            elif not called and not isinstance(node, ast.Set | ast.List | ast.Dict):
                yield _Save(child, around)


def _is_torch_save(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "save"
        and isinstance(node.value, ast.Name)
        and node.value.id == "torch"
    )


def _is_temporary(save: _Save) -> bool:
    """Say whether it writes to memory or to a file that is gone afterwards."""
    target = _target(save.node)
    by_name = isinstance(target, ast.Attribute) and target.attr == "name"
    name = target.value if isinstance(target, ast.Attribute) and by_name else target
    if not isinstance(name, ast.Name) or _is_shared(name.id, save.around[0]):
        return False
    opened = _opened(name.id, save.around)
    if opened is None:
        return False
    if not isinstance(opened.node, ast.Call):
        return opened.by_with and not by_name
    if by_name:
        return ast.unparse(opened.node.func) == "tempfile.NamedTemporaryFile"
    function = _last_name(opened.node.func)
    return function in MEMORY or (opened.by_with and function not in OPENERS)


def _target(call: ast.AST) -> ast.expr | None:
    """Return what is written to, if it is passed in the open."""
    if not isinstance(call, ast.Call) or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    return call.args[1] if len(call.args) > 1 else given.get("f")


# -- names -------------------------------------------------------------------------------------


class _Opened(NamedTuple):
    """What a variable holds: by ``with node as name`` or ``name = node``."""

    by_with: bool
    node: ast.expr


def _opened(name: str, around: tuple[ast.AST, ...]) -> _Opened | None:
    """Return what a name surely holds: given in the same suite or one around it, and not since."""
    for depth in range(len(around) - 1, 0, -1):
        holder, inside = around[depth - 1 : depth + 1]
        for statement in reversed(_before(inside, holder)):
            if isinstance(statement, ast.Assign) and _is_name(statement.targets, name):
                return _Opened(False, statement.value)
            if _may_bind(statement, name):
                return None
        if isinstance(holder, ast.With | ast.AsyncWith):
            for item in reversed(holder.items):
                if item.optional_vars is not None and _is_name([item.optional_vars], name):
                    return _Opened(True, item.context_expr)
        if isinstance(holder, _SCOPES) or _may_bind(holder, name):
            return None
    return None


def _is_name(targets: Sequence[ast.expr], name: str) -> bool:
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name


def _is_shared(name: str, function: ast.AST) -> bool:
    """Say whether another function may bind the name: it is declared global or nonlocal."""
    return any(
        isinstance(node, ast.Global | ast.Nonlocal) and name in node.names
        for node in ast.walk(function)
    )


def _before(node: ast.AST, holder: ast.AST) -> list[ast.stmt]:
    """Return the statements that run before ``node`` in its suite of ``holder``."""
    for field in ("body", "orelse", "finalbody"):
        suite = getattr(holder, field, None)
        if isinstance(suite, list):
            for index, statement in enumerate(suite):
                if statement is node:
                    return suite[:index]
    return []


def _may_bind(outer: ast.AST, name: str) -> bool:
    """Say whether a name gets a value, or may get one, anywhere in a statement."""
    for node in ast.walk(outer):
        if isinstance(node, ast.Name):
            bound = node.id == name and not isinstance(node.ctx, ast.Load)
        elif isinstance(node, ast.arg):
            bound = node.arg == name
        elif isinstance(node, ast.Global | ast.Nonlocal):
            bound = name in node.names
        elif isinstance(node, ast.alias):
            bound = name == (node.asname or node.name.partition(".")[0])
        else:  # definitions, except clauses, patterns
            bound = name in (getattr(node, "name", None), getattr(node, "rest", None))
        if bound:
            return True
    return False


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
