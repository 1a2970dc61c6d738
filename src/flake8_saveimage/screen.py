"""Is every save of this file so plain that no rule which is on by default can report it?

Parsing with libcst costs a hundred times a look at the text, and most saves in libraries write to a
buffer, to a temporary file or to a path that the caller passes. Such files stop here: text tells
where the saves are, and :mod:`ast`, given only the functions around them, how plain they are. What
is not understood is looked at.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Sequence, Set
from typing import NamedTuple, TypeAlias

from flake8_saveimage import sources
from flake8_saveimage.gate import HIDDEN, IMPORT, imported
from flake8_saveimage.hooknames import HOOK

# These report saves to buffers, and to paths that vary, too.
_LOOK_FURTHER = frozenset({"SVI106", "SVI302", "SVI303"})
_SAVE = re.compile(r"t(?<![\w.]t)orch\s*\.\s*save\b")
_CALL = re.compile(r"\{[^{}]*save(?:_image)?\s*\(")  # in the braces of a format string
_ANY_SAVE = re.compile(r"\.\s*save\b")
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
_DEFINED = re.compile(r"\bdef +$")
_BRACES = re.compile(r"\{[^\W\d]")
_MAX_STEPS = 5


def may_be_reported(source: str, codes: Set[str], hooks: Set[str] = frozenset()) -> bool:
    """Say whether one of the rules ``codes`` could report a save in a file's text.

    ``hooks`` are names of functions that a framework calls again and again.
    """
    if not codes or not _LOOK_FURTHER.isdisjoint(codes):
        return bool(codes)
    if _in_format_string(source, _CALL):
        return True
    code = HIDDEN.sub(_blanks, source)
    saves = [match.start() for match in _SAVE.finditer(code)]
    if "\t" in code or _has_other_saves(code, len(saves)):
        return True
    file = _File(source, code, hooks)
    functions = dict.fromkeys(file.function_around(save) for save in saves)
    return not all(function is not None and _is_plain(function, file) for function in functions)


def _in_format_string(source: str, wanted: re.Pattern[str]) -> bool:
    """Say whether a format string may hold a use: ``f"{torch.save(x, path)}"``."""
    return any(
        not {"f", "F"}.isdisjoint(_prefix(source, match.start())) and wanted.search(match.group())
        for match in HIDDEN.finditer(source)
    )


def _prefix(source: str, start: int) -> str:
    """Return the two characters before a string: its prefix is among them."""
    return source[max(0, start - 2) : start]


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

    def __init__(self, source: str, code: str, hooks: Set[str]) -> None:
        self.source = source
        self.hooks = hooks
        self._text = code
        self._source = source.split("\n")
        self.code = code.split("\n")
        self._indents = [_indent(line) for line in self.code]
        self._functions: dict[int, _Function | None] = {}

    def function_around(self, offset: int) -> _Function | None:
        """Return the outermost function around an offset, if only classes hold it."""
        start = self._start(self._text.count("\n", 0, offset))
        if start is None:
            return None
        if start not in self._functions:
            self._functions[start] = _parsed(self._source[start : self._end(start)])
        return self._functions[start]

    def callers(self, name: str) -> list[_Function | None]:
        """Return the outermost functions that use a name; ``None`` for what is in none."""
        offsets = (
            match.start()
            for match in re.finditer(_whole(name), self._text)
            if not _DEFINED.search(self._text, max(0, match.start() - 9), match.start())
        )
        return list(dict.fromkeys(map(self.function_around, offsets)))

    def _start(self, number: int) -> int | None:
        for at in reversed(self._holders(number)):
            header = _HEADER.match(self.code[at])
            if header is None:
                return None
            if not header["holds"]:
                return at
        return None

    def _holders(self, number: int) -> list[int]:
        """Return a line's number and those of the lines that it is indented under, inside out."""
        found = [number]
        indent = _indent(self.code[number])
        for at in range(number - 1, -1, -1):
            if not indent:
                break
            if self._indents[at] < indent:
                found.append(at)
                indent = self._indents[at]
        return found

    def _end(self, start: int) -> int:
        indent = self._indents[start]
        following = range(start + 1, len(self.code))
        return next((at for at in following if self._indents[at] <= indent), len(self.code))


# what the indentation of a line that is blank, or that goes on with another, is taken for
_NOWHERE = sys.maxsize


def _indent(line: str) -> int:
    code = line.lstrip()
    return _NOWHERE if not code or code[0] in ")]}" else len(line) - len(code)


def _parsed(lines: Sequence[str]) -> _Function | None:
    """Return the function that some lines are, if they are one."""
    text = "\n".join(lines)
    try:
        tree = sources.parse(f"if True:\n{text}" if text.startswith(" ") else text)
    except sources.SourceError:
        return None
    body = tree.body[0].body if isinstance(tree.body[0], ast.If) else tree.body
    return body[0] if len(body) == 1 and isinstance(body[0], _Function) else None


# -- the saves of one function -----------------------------------------------------------------


class _Use(NamedTuple):
    """A use of a function, and the statements and scopes around it, from the outside in."""

    node: ast.AST
    around: tuple[ast.AST, ...]

    @property
    def within(self) -> list[ast.AST]:
        """The functions, classes and loops around it."""
        return [node for node in self.around if isinstance(node, _WITHIN)]


def _is_plain(function: _Function, file: _File) -> bool:
    """Say whether all saves in a function are plain."""
    lasting = [save for save in _saves(function) if not _is_temporary(save)]
    # two of them may write one file
    return not lasting or (len(lasting) == 1 and _is_callers_choice(lasting[0], file))


def _saves(function: _Function) -> Iterator[_Use]:
    """Yield the uses of ``torch.save`` in a function, save as a member of a collection."""
    return _uses(function, _is_torch_save)


def _uses(outer: ast.AST, is_wanted: Callable[[ast.AST], bool]) -> Iterator[_Use]:
    """Yield the calls of what is wanted, and its other uses but as a member of a collection."""
    stack: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(outer, ())]
    while stack:
        node, around = stack.pop()
        called = isinstance(node, ast.Call) and is_wanted(node.func)
        if called:
            yield _Use(node, around)
        if not isinstance(node, ast.expr) or isinstance(node, _WITHIN):
            around = (*around, node)
        for child in ast.iter_child_nodes(node):
            if not is_wanted(child):
                stack.append((child, around))
            elif not called and not isinstance(node, ast.Set | ast.List | ast.Dict):
                yield _Use(child, around)


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


def _is_temporary(save: _Use) -> bool:
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


def _is_callers_choice(save: _Use, file: _File) -> bool:
    """Say whether the path comes from a parameter, and nothing in the file repeats the call.

    In a loop that counts, the count has to be in it, too.
    """
    functions = [node for node in save.within if isinstance(node, _Function)]
    known: dict[str, bool] = {}
    counts = {_count(node) for node in save.within[len(functions) :]}
    if not all(_is_called_once(function, file, known) for function in functions):
        return False
    target = _target(save.node)
    leaves = list(_leaves(target, save.around)) if target is not None else []
    names = {leaf.id for leaf in leaves if isinstance(leaf, ast.Name)}
    if names.isdisjoint(_required(functions[-1])) or not counts <= names:
        return False
    return all(map(_is_filled, leaves)) or not _may_lack_its_f(file.source)


def _is_called_once(function: _Function, file: _File, known: dict[str, bool]) -> bool:
    """Say whether no loop of the file, and no hook of a framework, leads to a function."""
    name = function.name
    if name not in known:
        known[name] = False  # it leads to itself
        known[name] = (
            not name.startswith("__")  # called by other names, too
            and "Events." not in file.source
            and not _in_format_string(file.source, re.compile(_whole(name)))
            and all(_calls_once(caller, name, file, known) for caller in file.callers(name))
        )
    return known[name]


def _calls_once(caller: _Function | None, name: str, file: _File, known: dict[str, bool]) -> bool:
    """Say whether all uses of ``name`` in a function are calls that run once."""
    if caller is None:
        return False
    return all(
        isinstance(use.node, ast.Call)
        and all(
            isinstance(around, _Function)
            and not (around.name in file.hooks or HOOK.fullmatch(around.name))
            and _is_called_once(around, file, known)
            for around in use.within
        )
        for use in _uses(caller, lambda node: _last_name(node) == name)
    )


def _is_filled(leaf: ast.expr) -> bool:
    """Say whether this is surely no text with names in braces that nothing fills."""
    return isinstance(leaf, ast.Name) or (
        isinstance(leaf, ast.Constant) and "{" not in str(leaf.value)
    )


def _count(loop: ast.AST) -> str | None:
    """Return the name that counts the passes of a loop: ``for i in range(n)``."""
    if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Call):
        return None
    target = loop.target
    if _last_name(loop.iter.func) == "enumerate" and isinstance(target, ast.Tuple):
        target = target.elts[0]
    elif _last_name(loop.iter.func) != "range":
        return None
    return target.id if isinstance(target, ast.Name) else None


def _may_lack_its_f(source: str) -> bool:
    """Say whether some string of the file holds ``{name}`` without being a format string."""
    for match in HIDDEN.finditer(source):
        quote = match.group()[:3]
        if _BRACES.search(match.group()) and quote[0] != "#":
            documents = quote in ('"""', "'''") and not _line_start(source, match.start()).strip()
            if not documents and {"f", "F"}.isdisjoint(_prefix(source, match.start())):
                return True
    return False


def _line_start(source: str, at: int) -> str:
    return source[source.rfind("\n", 0, at) + 1 : at]


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
    """What a variable holds: by ``with node as name`` or ``name = node``, and where it got it."""

    by_with: bool
    node: ast.expr
    around: tuple[ast.AST, ...]


def _leaves(node: ast.expr, around: tuple[ast.AST, ...]) -> Iterator[ast.expr]:
    """Yield what a path is put together of, local variables followed back.

    Names among it are those that have one meaning in the whole function: parameters and targets of
    loops.
    """
    stack = [(node, around)]
    steps = 0
    while stack:
        node, at = stack.pop()
        if isinstance(node, ast.Name):
            value = _definition(node.id, at)
            steps += 1
            if _is_fixed(node.id, around):
                yield node
            elif value is None or steps > _MAX_STEPS:
                yield ast.Starred(node)  # a name of which that cannot be said
            else:
                stack += [(part, value.around) for part in _assigned(value)]
            continue
        parts = _parts(node)
        if parts is None:
            yield node
        stack += [(part, at) for part in parts or ()]


def _assigned(value: _Value) -> Sequence[ast.expr]:
    node = value.node
    if value.by_with and isinstance(node, ast.Call) and _last_name(node.func) == "open":
        return node.args[:1]
    return [node]


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


def _is_fixed(name: str, around: Sequence[ast.AST]) -> bool:
    """Say whether a name is a parameter or a loop's target, and nothing else in the function."""
    bindings = _bindings(name, around[0])
    if len(bindings) != 1:
        return False
    if isinstance(bindings[0], ast.arg):
        return True
    targets = (ast.walk(node.target) for node in around if isinstance(node, ast.For))
    return any(bindings[0] is node for target in targets for node in target)


def _definition(name: str, around: tuple[ast.AST, ...]) -> _Value | None:
    """Return what a name surely holds: given in the same suite or one around it, and not since."""
    for depth in range(len(around) - 1, 0, -1):
        holder, inside = around[depth - 1 : depth + 1]
        for statement in reversed(_before(inside, holder)):
            if isinstance(statement, ast.Assign) and _is_name(statement.targets, name):
                return _Value(False, statement.value, (*around[:depth], statement))
            if _bindings(name, statement):
                return None
        if isinstance(holder, ast.With | ast.AsyncWith):
            for item in reversed(holder.items):
                if item.optional_vars is not None and _is_name([item.optional_vars], name):
                    return _Value(True, item.context_expr, around[:depth])
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


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
