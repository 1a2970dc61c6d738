"""Is the saved path used again? Then the file must be found under the name that is written.

The helper may write ``x_1.png`` where ``x.png`` is taken. That breaks whoever relies on the name:
code that reads the file back, passes its path on, lists its folder. What cannot be excluded counts
as a use; only what the name does not matter to (its folder, a test before the save) does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

import libcst as cst

from flake8_saveimage.check.analysis import Analysis
from flake8_saveimage.fixes.names import Names, Use
from flake8_saveimage.paths.destination import destination
from flake8_saveimage.paths.texts import SymbolicText, last_component, split_text
from flake8_saveimage.rules.save import Save
from flake8_saveimage.syntax.nodes import code_of, dotted
from flake8_saveimage.syntax.scopes import Binding, CallSite, Place, Scope


@dataclass(frozen=True, slots=True)
class Rebind:
    """The later uses that may as well read the helper's returned path, bound to the same name.

    ``as_text``: the name holds a ``str`` and something may insist on that.
    """

    name: str
    statement: cst.Expr
    as_text: bool


@dataclass(frozen=True, slots=True)
class Reuse:
    """What else depends on the path: nothing (``used`` is false), or something.

    ``rebind`` says how the uses can follow the file, where that is clear.
    """

    used: bool
    rebind: Rebind | None = None


NOT_USED = Reuse(used=False)
ELSEWHERE = Reuse(used=True)

_MAX_CALLERS_DEPTH = 3


class PathUses:
    """Answers for the save calls of one file."""

    def __init__(self, analysis: Analysis, names: Names) -> None:
        self.analysis = analysis
        self.flow = analysis.flow
        self.names = names

    def of(self, save: Save) -> Reuse:
        """Say how the path of ``site`` is used besides the call."""
        path = save.site.destination
        if path is None:
            return ELSEWHERE
        outside = self._comes_from_a_caller(_unwrapped(path), save.place, 0)
        if outside or self._known_elsewhere(save):
            return ELSEWHERE
        held = _unwrapped(path)
        name = dotted(held)
        if name is None:
            return NOT_USED
        if self._original_is_used(name, save.place, 0):
            return ELSEWHERE
        uses = self._uses_of(name, held)
        if not uses:
            return NOT_USED
        rebind = self._rebind(name, path, save, uses) if held is path else None
        return Reuse(used=True, rebind=rebind)

    # -- the variable that holds the path ------------------------------------------------------

    def _original_is_used(self, name: str, place: Place, depth: int) -> bool:
        """``path = self.path``: say whether the name that the path was copied from is used."""
        if depth > _MAX_CALLERS_DEPTH:
            return True
        for reach in self.flow.lookup(name, place).reaches:
            binding = reach.binding
            if binding.kind != "assign" or binding.pattern or binding.value is None:
                continue
            held = _unwrapped(binding.value)
            original = dotted(held)
            if original is None:
                continue
            if self._uses_of(original, held):
                return True
            if self._original_is_used(original, binding.place, depth + 1):
                return True
        return False

    def _uses_of(self, name: str, node: cst.CSTNode) -> list[Use]:
        """Return the uses of a variable that may see the path and care about its name."""
        here = next(use for use in self.names.of(name) if use.node is node)
        owner = self._owner(here)
        found = []
        for use in self.names.of(name):
            if use.stored or use is here or self._owner(use) is not owner:
                continue
            if id(use.node) in self._save_destinations or self._sees_another_value(use, here):
                continue
            before = use.position < here.position
            if not self._is_harmless(use, name, before=before):
                found.append(use)
        return found

    def _owner(self, use: Use) -> Scope | None:
        """Return the scope that binds a name; a chain of attributes may be read anywhere."""
        if "." in use.name and use.name.partition(".")[0] in ("self", "cls"):
            return None
        name = use.name.partition(".")[0]
        scope: Scope | None = use.scope
        while scope is not None:
            if scope.declared.get(name) == "global":
                return self.flow.facts.scope
            visible = scope.kind != "class" or scope is use.scope
            if visible and name in scope.bindings and name not in scope.declared:
                return scope
            scope = scope.parent
        return None

    def _sees_another_value(self, use: Use, here: Use) -> bool:
        """Say whether the name is surely bound anew between the save and the use."""
        if use.scope.function is not here.scope.function:
            return False
        stores = [
            store
            for store in self.names.of(use.name if use.name == here.name else here.name)
            if store.stored and store.scope.function is here.scope.function
        ]
        if use.position > here.position:
            return any(
                here.position < store.position < use.position and store.suites[-1] in use.suites
                for store in stores
            )
        newer = any(
            use.position < store.position < here.position and store.suites[-1] in here.suites
            for store in stores
        )
        common = [loop for loop in here.loops if loop in use.loops]
        renewed = not common or any(
            store.position < use.position
            and store.suites[-1] in use.suites
            and common[-1] in store.loops
            for store in stores
        )
        return newer and renewed

    @cached_property
    def _save_destinations(self) -> frozenset[int]:
        return frozenset(id(save.site.destination) for save in self.analysis.saves)

    def _is_harmless(self, use: Use, name: str, *, before: bool) -> bool:
        """Say whether a use does not depend on what the file is called in the end."""
        rest = use.name[len(name) :].split(".")[1:]
        if rest and (rest[0] in ("parent", "suffix") or (before and rest[0] == "exists")):
            return True
        callee = self._called_with(use.node)
        if callee is None:
            return False
        last = callee.rpartition(".")[2]
        return last in _FOLDER_CALLS or (before and last in _CALLS_BEFORE)

    def _called_with(self, node: cst.CSTNode) -> str | None:
        """Return the dotted name of the function that takes ``node`` as an argument."""
        parent = self.names.parents.get(id(node))
        call = self.names.parents.get(id(parent)) if isinstance(parent, cst.Arg) else None
        return dotted(call.func) if isinstance(call, cst.Call) else None

    # -- the returned path instead -------------------------------------------------------------

    def _rebind(self, name: str, path: cst.CSTNode, save: Save, uses: list[Use]) -> Rebind | None:
        statement = save.site.call_site.statement
        if "." in name or not isinstance(statement, cst.Expr) or statement.value is not save.call:
            return None
        here = next(use for use in self.names.of(name) if use.node is path)
        if save.place.scope.declared.get(name) or self._owner(here) is not save.place.scope:
            return None
        follow = all(
            use.position > here.position
            and use.scope is here.scope
            and here.suites == use.suites[: len(here.suites)]
            for use in uses
        )
        if not follow or not self._bound_in_this_pass(name, save, here):
            return None
        if all(self._takes_any_path(use, name) for use in uses):
            return Rebind(name, statement, as_text=False)
        kind = self._kind_of(name, save)
        return Rebind(name, statement, as_text=kind is str) if kind is not None else None

    def _bound_in_this_pass(self, name: str, save: Save, here: Use) -> bool:
        """Say whether each pass of the loop around binds the name afresh, before the save."""
        if not here.loops:
            return True
        return any(
            store.stored
            and store.scope is here.scope
            and store.position < here.position
            and store.suites[-1] in here.suites
            and store.loops == here.loops
            for store in self.names.of(name)
        )

    def _takes_any_path(self, use: Use, name: str) -> bool:
        """Say whether a use works alike for a ``str`` and a ``pathlib.Path``."""
        parent = self.names.parents.get(id(use.node))
        if isinstance(parent, cst.FormattedStringExpression):
            return use.name == name
        callee = self._called_with(use.node)
        return use.name == name and callee is not None and _TAKES_PATH.fullmatch(callee) is not None

    def _kind_of(self, name: str, save: Save) -> type | None:
        """Return ``str`` if the name surely holds text, ``object`` if it is a Path, else None."""
        kinds = {_kind(reach.binding) for reach in self.flow.lookup(name, save.place).reaches}
        return kinds.pop() if len(kinds) == 1 else None

    # -- known by other means ------------------------------------------------------------------

    def _known_elsewhere(self, save: Save) -> bool:
        path = save.site.destination
        assert path is not None
        value = save.dependence.evaluate(path, save.place)
        return (
            self._spelled_again(path)
            or self._named_in_text(value)
            or self._read_by_a_call(value, save)
            or self._folder_is_listed(path, value, save)
        )

    def _spelled_again(self, path: cst.BaseExpression) -> bool:
        """Say whether the expression of the path (no mere name) stands elsewhere again."""
        if dotted(path) is not None:
            return False
        code = code_of(path)
        return any(
            code == code_of(argument.value)
            for call in self.flow.facts.calls
            for argument in call.node.args
            if argument.value is not path
            and type(argument.value) is type(path)
            and id(argument.value) not in self._save_destinations
        ) or any(
            binding.value is not None
            and type(binding.value) is type(path)
            and binding.kind == "assign"
            and code_of(binding.value) == code
            for scope in self.flow.facts.scopes
            for bindings in scope.bindings.values()
            for binding in bindings
        )

    def _named_in_text(self, value: SymbolicText) -> bool:
        """Say whether another literal of the file names the same file, or a pattern of it."""
        if value.text is None:
            return False
        tail = last_component(value.text)
        pieces = split_text(tail)
        known = max(pieces[::2], key=len)
        stem = re.sub(r"\.\w+$", "", known)
        if not re.search(r"\w{3}", stem) and len(pieces) > 1:
            return False
        example = "X".join(pieces[::2])
        for text in self._other_texts:
            last = text.replace("\\", "/").rpartition("/")[2]
            if len(pieces) == 1 and last == tail:
                return True
            if len(pieces) > 1 and stem in text:
                return True
            if "*" in last and fnmatchcase(example, last):
                return True
        return False

    @cached_property
    def _other_texts(self) -> list[str]:
        """The texts of all literals but docstrings and what only makes the path of a save."""
        own: set[int] = set()
        for save in self.analysis.saves:
            own.update(id(node) for node in self._makers(save))
        texts = []
        for node, _scope in self.names.strings:
            if any(id(outer) in own for outer in (node, *self.names.ancestors(node))):
                continue
            parent = self.names.parents.get(id(node))
            if isinstance(parent, cst.Expr):
                continue
            literal = node.evaluated_value if isinstance(node, cst.SimpleString) else node.value
            if isinstance(literal, str) and not self._is_only_shown(node):
                texts.append(literal)
        return texts

    def _is_only_shown(self, node: cst.CSTNode) -> bool:
        """Say whether a text goes to a log or an error, which is no use of the file."""
        for outer in self.names.ancestors(node):
            if isinstance(outer, cst.Call):
                last = (dotted(outer.func) or "").rpartition(".")[2]
                return last in _SHOWING
            if isinstance(outer, cst.BaseSmallStatement):
                return isinstance(outer, cst.Raise | cst.Assert)
        return False

    def _makers(self, save: Save) -> Iterator[cst.CSTNode]:
        """Yield the path's expression and, where a name holds it, the value bound to it."""
        path = save.site.destination
        if path is None:
            return
        target = destination(save.site)
        for node in {path, target.path if target is not None else path}:
            yield node
            name = dotted(node)
            if name is None:
                continue
            reaches = self.flow.lookup(name, save.place).reaches
            for reach in reaches:
                if reach.binding.value is not None and reach.binding.kind in ("assign", "param"):
                    yield reach.binding.value

    def _read_by_a_call(self, value: SymbolicText, save: Save) -> bool:
        """Say whether a call that reads files is given a path that may be the same."""
        if value.text is None:
            return False
        shape = _shape(value.text)
        own = dotted(save.site.destination)
        if not any(re.search(r"\w", piece) for piece in shape):
            return False
        for call in self._calls(_READERS):
            for argument in call.node.args[:1]:
                if id(argument.value) in self._save_destinations:
                    continue
                here = call.place.scope.function is save.place.scope.function
                if own is not None and here and dotted(argument.value) == own:
                    continue  # that variable is looked at by itself
                other = save.dependence.evaluate(argument.value, call.place)
                if other.text is not None and _shape(other.text) == shape:
                    return not self._is_written(call)
        return False

    def _is_written(self, call: CallSite) -> bool:
        """``open(path, "wb")`` that a save call writes to."""
        return any(destination(save.site) is not None and self._opens(call, save) for save in
                   self.analysis.saves)  # fmt: skip

    def _opens(self, call: CallSite, save: Save) -> bool:
        target = destination(save.site)
        return target is not None and target.handle and self.names.within(target.path, call.node)

    def _folder_is_listed(self, path: cst.BaseExpression, value: SymbolicText, save: Save) -> bool:
        """Say whether the file lists a folder that has a name in common with the path."""
        listings = list(self._calls(_LISTINGS))
        if not listings:
            return False
        ours = self._folder_names(path, save.place)
        for call in listings:
            nodes: list[cst.BaseExpression] = [argument.value for argument in call.node.args]
            if isinstance(call.node.func, cst.Attribute):
                nodes.append(call.node.func.value)
            for node in nodes:
                if ours & self._folder_names(node, call.place):
                    return True
                folder = _folder(value)
                text = save.dependence.evaluate(node, call.place).text
                if folder and text is not None and _normal(folder) in _normal(text):
                    return True
        return False

    def _folder_names(self, node: cst.CSTNode, place: Place, depth: int = 0) -> set[str]:
        """Return the variables that an expression is made of, followed through assignments."""
        found: set[str] = set()
        stack = [node]
        while stack:
            current = stack.pop()
            name = dotted(current) if isinstance(current, cst.Name | cst.Attribute) else None
            if name is not None:
                found |= self._expanded(name, place, depth)
                continue
            if isinstance(current, cst.Call):
                stack.extend(argument.value for argument in current.args)
                if isinstance(current.func, cst.Attribute):
                    stack.append(current.func.value)
                continue
            stack.extend(current.children)
        return found

    def _expanded(self, name: str, place: Place, depth: int) -> set[str]:
        lookup = self.flow.lookup(name, place)
        bindings: list[Binding] = [reach.binding for reach in lookup.reaches]
        if any(binding.kind in ("import", "for", "def", "class") for binding in bindings):
            return set()
        found = {name}
        if depth < 2:
            for binding in bindings:
                if binding.kind == "assign" and binding.value is not None:
                    found |= self._folder_names(binding.value, binding.place, depth + 1)
        return found

    def _calls(self, names: frozenset[str]) -> Iterator[CallSite]:
        for name in sorted(names):
            yield from self.flow.facts.calls_by_name.get(name, ())

    # -- the caller's variable -----------------------------------------------------------------

    def _comes_from_a_caller(self, path: cst.BaseExpression, place: Place, depth: int) -> bool:
        """Say whether a caller passes the whole path in, and may use it again."""
        name = dotted(path)
        if name is None:
            return False
        for reach in self.flow.lookup(name, place).reaches:
            binding = reach.binding
            if binding.kind == "param" and self._caller_uses_it(binding, depth):
                return True
            if (
                binding.kind == "assign"
                and binding.value is not None
                and depth < _MAX_CALLERS_DEPTH
            ):
                value = _unwrapped(binding.value)
                if self._comes_from_a_caller(value, binding.place, depth + 1):
                    return True
        return False

    def _caller_uses_it(self, param: Binding, depth: int) -> bool:
        function = param.place.scope
        if function.kind != "function" or depth >= _MAX_CALLERS_DEPTH:
            return True
        callers = self.flow.callers(function)
        return not callers or any(
            self._passes_what_is_used(function, param, call, depth) for call in callers
        )

    def _passes_what_is_used(
        self, function: Scope, param: Binding, call: CallSite, depth: int
    ) -> bool:
        argument = _argument_for(function, param, call.node)
        if argument is None:  # the default, or hidden behind a star
            return any(a.star for a in call.node.args)
        if self._spelled_again(argument):
            return True
        held = _unwrapped(argument)
        name = dotted(held)
        if name is None:
            return False
        if self._comes_from_a_caller(held, call.place, depth + 1):
            return True
        return bool(self._uses_of(name, held))


_FOLDER_CALLS = frozenset("dirname makedirs".split())
_CALLS_BEFORE = frozenset(
    "print exists isfile is_file lexists remove unlink info debug warning error log warn".split()
)
_SHOWING = frozenset(
    "print info debug warning error exception critical log warn set_description add_argument"
    " ArgumentParser write".split()
)
_READERS = frozenset(
    "open load imread read_image decode_image Image read_file load_state_dict_from_file torch_load"
    " getsize exists isfile is_file stat copy copyfile copy2 move rename replace remove unlink"
    " load_from_checkpoint imshow log_artifact upload_file File from_pretrained".split()
)
_LISTINGS = frozenset(
    "listdir scandir walk glob iglob rglob iterdir ImageFolder make_archive copytree DatasetFolder"
    " calculate_fid_given_paths calculate_metrics".split()
)
_TAKES_PATH = re.compile(
    r"open|print|str|Path|(.*\.)?(Image\.open|torch\.load|pathlib\.Path|fspath|getsize|exists"
    r"|isfile|basename|dirname|abspath|splitext|remove|unlink|rename|replace|copy|copy2|copyfile|move"
    r"|info|debug|warning|error)"
)
_TEXT_CALLS = re.compile(r"str|format|(.*\.)?(format|join|abspath|replace|strftime)")
_PATH_CALLS = re.compile(r"(.*\.)?(Path|PosixPath|with_suffix|with_name|joinpath)")


def _kind(binding: Binding) -> type | None:
    value = binding.value
    if binding.kind != "assign" or binding.pattern or value is None:
        return None
    if isinstance(value, cst.SimpleString | cst.FormattedString | cst.ConcatenatedString):
        return str
    if isinstance(value, cst.BinaryOperation):
        if isinstance(value.operator, cst.Divide):
            return object
        text = isinstance(value.left, cst.SimpleString) or isinstance(value.right, cst.SimpleString)
        return str if text else None
    if isinstance(value, cst.Call):
        func = value.func
        if isinstance(func, cst.Attribute) and isinstance(func.value, cst.SimpleString):
            return str
        name = dotted(func) or ""
        if _PATH_CALLS.fullmatch(name):
            return object
        if _TEXT_CALLS.fullmatch(name):
            return str
    return None


def _unwrapped(value: cst.BaseExpression) -> cst.BaseExpression:
    """``str(path)``, ``Path(path)``: still the same file."""
    while isinstance(value, cst.Call) and len(value.args) == 1:
        if (dotted(value.func) or "").rpartition(".")[2] not in (
            "str",
            "Path",
            "fspath",
            "abspath",
        ):
            break
        value = value.args[0].value
    return value


def _argument_for(function: Scope, param: Binding, call: cst.Call) -> cst.BaseExpression | None:
    for argument in call.args:
        if argument.keyword is not None and argument.keyword.value == param.name:
            return argument.value
    params = [binding.name for binding in function.params]
    if function.self_name is not None:
        params = params[1:]
    if param.name not in params:
        return None
    index = params.index(param.name)
    positional = [argument for argument in call.args if argument.keyword is None]
    if any(argument.star for argument in positional[: index + 1]) or index >= len(positional):
        return None
    return positional[index].value


def _shape(text: str) -> list[str]:
    """The known pieces of a path's last component."""
    return split_text(last_component(text))[::2]


def _folder(value: SymbolicText) -> str:
    if value.text is None:
        return ""
    tail = last_component(value.text)
    return value.text[: len(value.text) - len(tail)] if tail else value.text


def _normal(text: str) -> str:
    return text.replace("\\", "/").strip("./")
