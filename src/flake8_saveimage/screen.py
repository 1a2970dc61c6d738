"""Is every save of this file so plain that no rule which is on by default can report it?

Parsing with libcst costs a hundred times a look at the text, and most saves in libraries write to a
buffer, to a temporary file or to a path that the caller passes. Such files stop here: text tells
where the saves are, and :mod:`ast`, given only the functions around them, how plain they are. What
is not understood is looked at.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple, TypeAlias

from flake8_saveimage import sources
from flake8_saveimage.gate import HIDDEN, IMPORT, imported

# These report saves to buffers, and to paths that vary, too.
_LOOK_FURTHER = frozenset({"SVI106", "SVI302", "SVI303"})
_SAVE = re.compile(r"t(?<![\w.]t)orch\s*\.\s*save\b")
_CALL = re.compile(r"save(?:_image)?\s*\(")
_ANY_SAVE = re.compile(r"\.\s*save\b")
# a module as a value: `th = torch`, but neither `torch.x` nor `getattr(torch, "x")`
_AS_VALUE = re.compile(
    r"t(?<!\wt)orch(?:\s*\.\s*serialization)?\b(?!\s*(?:\.|,|if\b))|:=\s*torch\s*,"
)
_HEADER = re.compile(r" *(?:(?P<holds>class)|(?:async +)?def)\b")

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip
_WITHIN = (*_SCOPES, ast.For, ast.AsyncFor, ast.While)
_KEYWORDS = frozenset(
    {"obj", "f", "pickle_module", "pickle_protocol", "_use_new_zipfile_serialization"}
)
_MEMORY = frozenset({"BytesIO", "NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile"})
_OPENS = frozenset({"open", "GFile", "File"})
_JOINS = frozenset({"os.path.join", "Path", "pathlib.Path", "str"})
_MAX_STEPS = 5


def may_be_reported(source: str, codes: Set[str]) -> bool:
    """Say whether one of the rules ``codes`` could report a save in a file's text."""
    if not codes or not _LOOK_FURTHER.isdisjoint(codes):
        return bool(codes)
    if _in_format_string(source):
        return True
    code = HIDDEN.sub(_blanks, source)
    saves = list(_SAVE.finditer(code))
    if "\t" in code or _has_other_saves(code, len(saves)):
        return True
    lines = _Lines(source.split("\n"), code.split("\n"))
    numbers = {code.count("\n", 0, match.start()) for match in saves}
    while numbers:
        piece = lines.function_around(max(numbers))
        if piece is None or not _is_plain(lines.source[piece.start : piece.stop], source):
            return True
        numbers.difference_update(piece)
    return False


def _in_format_string(source: str) -> bool:
    """Say whether a format string may hold a save: ``f"{torch.save(x, path)}"``."""
    return any(
        _CALL.search(match.group()) and not {"f", "F"}.isdisjoint(_prefix(source, match.start()))
        for match in HIDDEN.finditer(source)
    )


def _prefix(source: str, start: int) -> str:
    """Return the two characters before a string: its prefix is among them."""
    return source[max(0, start - 2) : start]


def _blanks(match: re.Match[str]) -> str:
    """Hide a string or a statement so that everything else stays where it is."""
    return "\n".join(" " * len(line) for line in match.group().split("\n"))


def _has_other_saves(code: str, known: int) -> bool:
    """Say whether there may be saves besides the ``known`` ones that are written `torch.save`."""
    renamed = False
    for module, name, alias in imported(code):
        full = f"{module}.{name}" if module else name
        if full.startswith("torch") and name in ("save", "save_image", "*"):
            return True
        renamed |= full in ("torch", "torch.serialization") and bool(module or alias)
    code = IMPORT.sub(_blanks, code)
    if "save_image" in code or re.search(r"\bserialization\s*\.\s*save\b", code):
        return True
    others = len(_ANY_SAVE.findall(code)) > known
    return others and (renamed or _AS_VALUE.search(code) is not None)


class _Lines(NamedTuple):
    """A file's lines, as they are and with strings and comments blank."""

    source: Sequence[str]
    code: Sequence[str]

    def function_around(self, number: int) -> range | None:
        """Return the lines of the outermost function around a line, unless more holds it."""
        for at in reversed(self._holders(number)):
            header = _HEADER.match(self.code[at])
            if header is None:
                return None
            if not header["holds"]:
                return range(at, self._end(at))
        return None

    def _holders(self, number: int) -> list[int]:
        """Return a line's number and those of the lines that it is indented under, inside out."""
        found: list[int] = []
        for at in range(number, -1, -1):
            if not found or self._begins(at, _indent(self.code[found[-1]]) - 1):
                found.append(at)
                if not _indent(self.code[at]):
                    break
        return found

    def _begins(self, at: int, indent: int) -> bool:
        """Say whether code that is indented by ``indent`` at most begins on a line."""
        line = self.code[at].lstrip()
        return bool(line) and line[0] not in ")]}" and _indent(self.code[at]) <= indent

    def _end(self, start: int) -> int:
        indent = _indent(self.code[start])
        following = range(start + 1, len(self.code))
        return next((at for at in following if self._begins(at, indent)), len(self.code))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


# -- the saves of one function -----------------------------------------------------------------


class _Save(NamedTuple):
    """A use of ``torch.save``, and the statements and scopes around it, from the outside in."""

    node: ast.AST
    around: tuple[ast.AST, ...]

    @property
    def within(self) -> list[ast.AST]:
        """The functions, classes and loops around it."""
        return [node for node in self.around if isinstance(node, _WITHIN)]


def _is_plain(lines: Sequence[str], source: str) -> bool:
    """Say whether all saves in a function, given by its lines, are plain."""
    text = "\n".join(lines)
    try:
        tree = sources.parse(f"if True:\n{text}" if text.startswith(" ") else text)
    except sources.SourceError:
        return False
    body = tree.body[0].body if isinstance(tree.body[0], ast.If) else tree.body
    if len(body) != 1 or not isinstance(body[0], _Function):
        return False
    lasting = [save for save in _saves(body[0]) if not _is_temporary(save)]
    # two of them may write one file
    return not lasting or (len(lasting) == 1 and _is_callers_choice(lasting[0], source))


def _saves(outer: ast.AST) -> Iterator[_Save]:
    """Yield the uses of ``torch.save`` in a function, save as a member of a collection."""
    stack: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(outer, ())]
    while stack:
        node, around = stack.pop()
        called = isinstance(node, ast.Call) and _is_torch_save(node.func)
        if called:
            yield _Save(node, around)
        if not isinstance(node, ast.expr) or isinstance(node, _WITHIN):
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


def _target(call: ast.AST) -> ast.expr | None:
    """Return what is written to, if it is passed in the open."""
    if not isinstance(call, ast.Call) or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if not _KEYWORDS.issuperset(given):
        return None
    return call.args[1] if len(call.args) > 1 else given.get("f")


def _is_temporary(save: _Save) -> bool:
    """Say whether it writes to memory or to a file that is gone afterwards."""
    target = _target(save.node)
    by_name = isinstance(target, ast.Attribute) and target.attr == "name"
    name = target.value if isinstance(target, ast.Attribute) and by_name else target
    opened = _definition(name.id, save.around) if isinstance(name, ast.Name) else None
    if opened is None:
        return False
    if not isinstance(opened.node, ast.Call):
        return opened.by_with and not by_name
    if by_name:
        return ast.unparse(opened.node.func) == "tempfile.NamedTemporaryFile"
    function = _last_name(opened.node.func)
    return function in _MEMORY or (opened.by_with and function not in _OPENS)


def _is_callers_choice(save: _Save, source: str) -> bool:
    """Say whether the path comes from a parameter of a function that nothing here calls."""
    functions = [node for node in save.within if isinstance(node, _Function)]
    if len(functions) < len(save.within):
        return False  # in a loop, a class or a lambda
    if any(len(re.findall(rf"\b{f.name}\b", source)) > 1 for f in functions):
        return False
    target = _target(save.node)
    leaves = target and _leaves(target, save.around)
    if not leaves or any(isinstance(leaf, ast.Constant) and "{" in str(leaf.value)
                         for leaf in leaves):  # fmt: skip
        return False  # not understood, or a format string that lacks its f
    return any(isinstance(leaf, ast.Name) for leaf in leaves)


def _required(function: _Function) -> set[str]:
    """Return the names of the parameters that each caller has to pass."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = positional[: len(positional) - len(arguments.defaults)]
    required += [a for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
                 if d is None]  # fmt: skip
    return {argument.arg for argument in required} - {"self", "cls"}


# -- names -------------------------------------------------------------------------------------


class _Value(NamedTuple):
    """What a variable holds: by ``with node as name``, or by ``name = node``."""

    by_with: bool
    node: ast.expr


def _leaves(node: ast.expr, around: Sequence[ast.AST]) -> list[ast.expr] | None:
    """Return the parameters and literals that a path is put together of, variables followed back.

    ``None`` if something else is in it.
    """
    found: list[ast.expr] = []
    stack = [(node, 0)]
    while stack:
        node, steps = stack.pop()
        parts: Sequence[ast.expr] | None = _parts(node)
        if isinstance(node, ast.Constant) or _is_parameter(node, around):
            found.append(node)
            continue
        if isinstance(node, ast.Name) and steps < _MAX_STEPS:
            # what it was put together of must not have changed either: _is_parameter sees to that
            parts = _assigned(_definition(node.id, around))
            steps += 1
        if parts is None:
            return None
        stack += [(part, steps) for part in parts]
    return found


def _assigned(value: _Value | None) -> Sequence[ast.expr] | None:
    if value is None or not value.by_with:
        return value and [value.node]
    node = value.node
    if isinstance(node, ast.Call) and _last_name(node.func) == "open":
        return node.args[:1] or None
    return None


def _parts(node: ast.expr) -> Sequence[ast.expr] | None:
    """Return what an expression joins to a path; ``None`` if it is no such expression."""
    if isinstance(node, ast.JoinedStr):
        return node.values
    if isinstance(node, ast.FormattedValue):
        return [node.value]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        return [node.left, node.right]
    if isinstance(node, ast.Call) and not node.keywords and ast.unparse(node.func) in _JOINS:
        return node.args
    return None


def _is_parameter(node: ast.expr, around: Sequence[ast.AST]) -> bool:
    """Say whether it is a parameter of the innermost function, and its name nothing else here."""
    inner = next(n for n in reversed(around) if isinstance(n, _Function))
    if not isinstance(node, ast.Name) or node.id not in _required(inner):
        return False
    return len(_bindings(node.id, around[0])) == 1


def _definition(name: str, around: Sequence[ast.AST]) -> _Value | None:
    """Return what a name surely holds: given in the same suite or one around it, and not since."""
    for holder, inside in zip(reversed(around[:-1]), reversed(around), strict=False):
        for statement in reversed(_before(inside, holder)):
            if isinstance(statement, ast.Assign) and _is_name(statement.targets, name):
                return _Value(False, statement.value)
            if _bindings(name, statement):
                return None
        if isinstance(holder, ast.With | ast.AsyncWith):
            for item in reversed(holder.items):
                if item.optional_vars is not None and _is_name([item.optional_vars], name):
                    return _Value(True, item.context_expr)
        if isinstance(holder, _SCOPES) or _bindings(name, holder):
            return None
    return None


def _is_name(targets: Sequence[ast.expr], name: str) -> bool:
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name


def _before(node: ast.AST, holder: ast.AST) -> list[ast.stmt]:
    """Return the statements that run before ``node`` in its suite of ``holder``."""
    for field in ("body", "orelse", "finalbody"):
        suite = getattr(holder, field, None)
        if isinstance(suite, list):
            for index, statement in enumerate(suite):
                if statement is node:
                    return suite[:index]
    return []


def _bindings(name: str, outer: ast.AST) -> list[ast.AST]:
    """Return the nodes in which a name gets a value, or may get one."""
    found = []
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
            found.append(node)
    return found


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
