"""Watch the processes that a watched process starts as new interpreters."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from flake8_saveimage.guard.intercept import Call

SPAWN_MODULES = (
    "multiprocessing.spawn",
    "loky.backend.spawn",
    "joblib.externals.loky.backend.spawn",
)
_ROOT = str(Path(__file__).parents[2])
_OPTIONS_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")

_JOIN = """
import sys
try:
    import flake8_saveimage
except ImportError:
    sys.path.append({root!r})
try:
    from flake8_saveimage.guard.session import join
except ImportError:
    pass
else:
    join({folder!r})
"""


class _AtStart:
    """Pickles as a call: a child that cannot import this package must still start."""

    def __init__(self, folder: str) -> None:
        self._source = _JOIN.format(root=_ROOT, folder=folder)

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str, dict[str, Any]]]:
        return exec, (self._source, {})


def follow_spawn(spawn: ModuleType, folder: str) -> Callable[[], None]:
    """Have spawned children watched; the result undoes it.

    ``spawn`` and ``forkserver`` both call ``get_preparation_data`` of multiprocessing, loky its
    own. Children unpickle this data before anything else.
    """
    original = spawn.get_preparation_data

    def get_preparation_data(*args: Any, **kwargs: Any) -> dict[str, Any]:
        data: dict[str, Any] = original(*args, **kwargs)
        data[f"flake8_saveimage {folder}"] = _AtStart(folder)
        return data

    def restore() -> None:
        if spawn.get_preparation_data is get_preparation_data:
            setattr(spawn, "get_preparation_data", original)  # noqa: B010 (a module)

    setattr(spawn, "get_preparation_data", get_preparation_data)  # noqa: B010
    return restore


def start_watched(folder: str, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Stand before ``Popen.__init__(self, args, ...)``: a launcher's Python programs join."""
    command = args[1] if len(args) > 1 else kwargs.get("args")
    joined = joining(command, folder) if isinstance(command, (list, tuple)) else None
    if joined is None:
        return call(*args, **kwargs)
    if len(args) > 1:
        return call(args[0], joined, *args[2:], **kwargs)
    return call(*args, **{**kwargs, "args": joined})


def joining(command: list[Any] | tuple[Any, ...], folder: str) -> list[Any] | None:
    """The command with the guard before its script; None if it runs no script of this Python.

    ``python -u train.py`` becomes ``python -u -c "..." train.py``.
    """
    if not command or not _is_this_python(command[0]):
        return None
    index = 1
    while index < len(command) and str(command[index]).startswith("-"):
        option = str(command[index])
        if option == "-m":
            break
        if option.startswith("-c") or option == "-":
            return None
        index += 2 if option in _OPTIONS_WITH_VALUE else 1
    if index >= len(command):
        return None
    return [*command[:index], "-c", _START.format(root=_ROOT, folder=folder), *command[index:]]


_START = """\
import os, sys
here = sys.path[:1] == [""]
if here: del sys.path[0]
try: import flake8_saveimage
except ImportError: sys.path.append({root!r})
from flake8_saveimage.guard.cli import run_joined
if here: sys.path.insert(0, os.getcwd())
run_joined({folder!r}, sys.argv[1:])
"""


def _is_this_python(program: Any) -> bool:
    try:
        return os.path.samefile(program, sys.executable)  # noqa: PTH121
    except (OSError, TypeError, ValueError):
        return False
