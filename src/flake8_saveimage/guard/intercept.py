"""Put a watch in front of functions, however they were imported, and take it away again.

The body of the function itself is exchanged, not the names that refer to it: ``from torch import
save as s``, a ``functools.partial``, a default argument or a dictionary of callbacks all hold the
same function object and are all watched; its identity, signature and pickled name stay. What is
not imported yet is exchanged right after its import, because importing torch before the script
does would settle settings (``OMP_NUM_THREADS`` and the like) that the script still wants to make.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import inspect
import sys
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

Call = Callable[..., Any]
Handler = Callable[[Call, tuple[Any, ...], dict[str, Any]], Any]


def _torch_save(*args: Any, **kwargs: Any) -> Any:
    from flake8_saveimage.guard.intercept import TORCH_SAVE

    return TORCH_SAVE.call(args, kwargs)


def _save_image(*args: Any, **kwargs: Any) -> Any:
    from flake8_saveimage.guard.intercept import SAVE_IMAGE

    return SAVE_IMAGE.call(args, kwargs)


class Watched:
    """One library function, and the handlers that stand before it while a guard is active."""

    def __init__(self, module: str, name: str, body: Callable[..., Any]) -> None:
        self.module = module
        self._name = name
        self._body: CodeType = body.__code__
        self._function: FunctionType | None = None
        self._code: CodeType | None = None
        self._original: Call | None = None
        self._handlers: list[Handler] = []

    def add(self, handler: Handler) -> None:
        """Put a handler in front of all others; the function itself need not be there yet."""
        self._handlers.append(handler)
        if self._function is None and (module := sys.modules.get(self.module)) is not None:
            self.install(module)

    def remove(self, handler: Handler) -> None:
        """Take a handler away; with the last one the function is as it was."""
        self._handlers.remove(handler)
        if not self._handlers:
            self._restore()

    def install(self, module: ModuleType) -> None:
        """Exchange the body. A module that is only half imported has no function yet."""
        if not self._handlers or self._function is not None:
            return
        outer = getattr(module, self._name, None)
        function = inspect.unwrap(outer) if callable(outer) else None
        if not isinstance(function, FunctionType) or function.__closure__:
            print(
                f"flake8_saveimage.guard: cannot watch {self.module}.{self._name}", file=sys.stderr
            )
            return
        self._function, self._code = function, function.__code__
        self._original = _copy(function)
        setattr(function, "__signature__", inspect.signature(function))  # noqa: B010
        function.__code__ = self._body

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What runs in place of the function: the handlers, the innermost of which calls it."""
        call = self._original
        if call is None:  # another thread entered just before the guard was left
            return getattr(sys.modules[self.module], self._name)(*args, **kwargs)
        for handler in tuple(self._handlers):
            call = _bind(handler, call)
        return call(*args, **kwargs)

    def _restore(self) -> None:
        if self._function is not None and self._code is not None:
            self._function.__code__ = self._code
            delattr(self._function, "__signature__")
        self._function = self._code = self._original = None


def _bind(handler: Handler, call: Call) -> Call:
    def bound(*args: Any, **kwargs: Any) -> Any:
        return handler(call, args, kwargs)

    return bound


def _copy(function: FunctionType) -> Call:
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__module__ = function.__module__
    return copy


TORCH_SAVE = Watched("torch.serialization", "save", _torch_save)
SAVE_IMAGE = Watched("torchvision.utils", "save_image", _save_image)


class ImportHook(importlib.abc.MetaPathFinder):
    """Calls back right after one of the named modules has been executed."""

    def __init__(self, callbacks: dict[str, Callable[[ModuleType], None]]) -> None:
        self._callbacks = callbacks

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        callback = self._callbacks.get(fullname)
        if callback is None:
            return None
        others = (f for f in sys.meta_path if f is not self and hasattr(f, "find_spec"))
        spec = next((s for f in others if (s := f.find_spec(fullname, path, target))), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            _call_after(spec.loader, callback)
        return spec


def _call_after(loader: Any, callback: Callable[[ModuleType], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        # The loader outlives the import; leave it as it was.
        del loader.exec_module
        execute(module)
        callback(module)

    loader.exec_module = exec_module
