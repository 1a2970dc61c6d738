"""Put handlers in front of functions, however they were imported, and take them away again.

The body of a Python function is exchanged, not the names that refer to it: ``from torch import
save as s``, a ``functools.partial``, a default argument or a dictionary of callbacks all hold the
same function object and are all watched; its identity, signature and pickled name stay. Compiled
functions have no such body; they are replaced where they are defined. What is not imported yet is
exchanged right after its import, because importing torch before the script does would settle
settings (``OMP_NUM_THREADS`` and the like) that the script still wants to make.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeGuard

from flake8_saveimage.knowledge import writers
from flake8_saveimage.knowledge.natives import NATIVES
from flake8_saveimage.knowledge.writer import Writer

Call = Callable[..., Any]
Handler = Callable[[Call, tuple[Any, ...], dict[str, Any]], Any]


def _body(*args: Any, **kwargs: Any) -> Any:
    from flake8_saveimage.guard.intercept import WATCHED  # its globals are others

    return WATCHED["KEY"].call(args, kwargs)


class Watched:
    """One library function, and the handlers that stand before it while a guard is active."""

    def __init__(self, module: str, attribute: str) -> None:
        self.module = module
        self.key = f"{module}:{attribute}"
        self._attribute = attribute
        self._original: Call | None = None
        self._replacement: Call | None = None
        self._restore: list[Callable[[], None]] = []
        self._handlers: list[Handler] = []

    def add(self, handler: Handler) -> None:
        """Put a handler in front of all others; the function itself need not be there yet."""
        self._handlers.append(handler)
        if self._original is None and (module := sys.modules.get(self.module)) is not None:
            self.install(module)

    def remove(self, handler: Handler) -> None:
        """Take a handler away; with the last one the function is as it was."""
        self._handlers.remove(handler)
        if not self._handlers:
            for restore in self._restore:
                restore()
            self._restore.clear()
            self._original = self._replacement = None

    def install(self, module: ModuleType) -> None:
        """Exchange the function; again, for a module that copies itself from another (cv2)."""
        if not self._handlers:
            return
        *owners, name = self._attribute.split(".")
        owner: Any = module
        for part in owners:
            owner = getattr(owner, part, None)
        function = getattr(owner, name, None)
        if not callable(function):
            print(f"flake8_saveimage.guard: cannot watch {self.key}", file=sys.stderr)
        elif function is self._replacement:
            self._restore.append(functools.partial(setattr, owner, name, self._original))
        elif _has_own_body(inner := inspect.unwrap(function)):
            self._exchange_body(inner)
        else:
            self._replace(owner, name, function)

    def _exchange_body(self, function: FunctionType) -> None:
        if self._original is not None:
            return
        code = function.__code__
        self._original = _copy(function)
        # for inspect.signature and getsource, and TorchScript, which reads the source
        function.__wrapped__ = self._original  # type: ignore[attr-defined]
        function.__code__ = self._own_body()

        def restore() -> None:
            function.__code__ = code
            del function.__wrapped__  # type: ignore[attr-defined]

        self._restore.append(restore)

    def _replace(self, owner: Any, name: str, function: Call) -> None:
        def watched(*args: Any, **kwargs: Any) -> Any:
            return self.call(args, kwargs)

        self._original, self._replacement = function, functools.update_wrapper(watched, function)
        setattr(owner, name, watched)
        self._restore.append(functools.partial(setattr, owner, name, function))

    def _own_body(self) -> CodeType:
        code = _body.__code__
        constants = tuple(self.key if c == "KEY" else c for c in code.co_consts)
        return code.replace(co_consts=constants)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What runs in place of the function: the handlers, the innermost of which calls it."""
        call = self._original
        if call is None:  # another thread entered just before the guard was left
            return self._found_again()(*args, **kwargs)
        for handler in tuple(self._handlers):
            call = functools.partial(_handle, handler, call)
        return call(*args, **kwargs)

    def _found_again(self) -> Call:
        found: Any = sys.modules[self.module]
        for part in self._attribute.split("."):
            found = getattr(found, part)
        function: Call = found
        return function


def _has_own_body(function: Call) -> TypeGuard[FunctionType]:
    return isinstance(function, FunctionType) and not function.__closure__


def _handle(handler: Handler, call: Call, /, *args: Any, **kwargs: Any) -> Any:
    return handler(call, args, kwargs)


def _copy(function: FunctionType) -> Call:
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__annotations__ = function.__annotations__
    copy.__module__ = function.__module__
    return copy


def _watched(row: Writer) -> Watched:
    return Watched(row.defined_in, row.leaf)


TORCH_SAVE = _watched(writers.TORCH_SAVE)
SAVE_IMAGE = _watched(writers.SAVE_IMAGE)
COMPILED = {row: Watched(row.module, row.attribute) for row in NATIVES}
POPEN = Watched("subprocess", "Popen.__init__")
WATCHED = {of.key: of for of in (TORCH_SAVE, SAVE_IMAGE, POPEN, *COMPILED.values())}


class ImportHook(importlib.abc.MetaPathFinder):
    """Calls back right after one of the named modules has been executed."""

    def __init__(self, callbacks: Mapping[str, Sequence[Callable[[ModuleType], None]]]) -> None:
        self._callbacks = callbacks

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        callbacks = self._callbacks.get(fullname)
        if callbacks is None:
            return None
        others = (f for f in sys.meta_path if f is not self and hasattr(f, "find_spec"))
        spec = next((s for f in others if (s := f.find_spec(fullname, path, target))), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            _call_after(spec.loader, callbacks)
        return spec


def _call_after(loader: Any, callbacks: Sequence[Callable[[ModuleType], None]]) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        # The loader outlives the import; leave it as it was.
        del loader.exec_module
        execute(module)
        for callback in callbacks:
            callback(module)

    loader.exec_module = exec_module
