"""The line of the user's code from which a library function was called."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import FrameType
from typing import NamedTuple

_USER: dict[str, bool] = {}
# compared with co_filename
_GUARD = os.path.dirname(__file__) + os.sep  # noqa: PTH120
_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120


def _library_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib")
    return tuple({sysconfig.get_path(name) + os.sep for name in names})


_STDLIB = _library_folders()


class CallSite(NamedTuple):
    """``line`` is ``file:number``; ``function`` is what that line called, if Python code."""

    line: str
    function: str | None


def _is_user_code(filename: str) -> bool:
    if filename.startswith("<frozen "):
        return False
    if filename.startswith((_PACKAGE, *_STDLIB)):
        return False
    parts = filename.replace("\\", "/").split("/")
    return "site-packages" not in parts and "dist-packages" not in parts


def call_site(depth: int = 1) -> CallSite:
    """The innermost frame outside the standard library and installed packages.

    Where the whole stack is library code, the innermost frame outside torch and the guard.
    """
    frame: FrameType | None = sys._getframe(depth)
    direct: str | None = None
    called: FrameType | None = None
    while frame is not None:
        filename = frame.f_code.co_filename
        user = _USER.get(filename)
        if user is None:
            user = _USER[filename] = _is_user_code(filename)
        if user:
            return CallSite(f"{filename}:{frame.f_lineno}", called and _name(called))
        if not filename.startswith(_GUARD):
            called = frame
        if direct is None and not _is_torch(frame):
            direct = f"{filename}:{frame.f_lineno}"
        frame = frame.f_back
    return CallSite(direct or "unknown", None)


def _name(frame: FrameType) -> str:
    """``torch.jit.save`` for the function ``save`` of ``torch.jit._serialization``."""
    module: str = frame.f_globals.get("__name__", "")
    public = [part for part in module.split(".") if not part.startswith("_")]
    return ".".join([*public, frame.f_code.co_name])


def _is_torch(frame: FrameType) -> bool:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0] in {"torch", "torchvision", "flake8_saveimage"}
