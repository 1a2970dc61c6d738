"""The line of the user's code from which a library function was called."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import FrameType

_USER: dict[str, bool] = {}
_GUARD = os.path.dirname(__file__) + os.sep  # noqa: PTH120 (compared with co_filename)


def _library_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib")
    return tuple({sysconfig.get_path(name) + os.sep for name in names})


_STDLIB = _library_folders()


def _is_user_code(filename: str) -> bool:
    if filename.startswith("<frozen "):
        return False
    if filename.startswith((_GUARD, *_STDLIB)):
        return False
    parts = filename.replace("\\", "/").split("/")
    return "site-packages" not in parts and "dist-packages" not in parts


def call_site(depth: int = 1) -> str:
    """``file:line`` of the innermost frame outside the standard library and installed packages.

    Where the whole stack is library code, the innermost frame outside torch and the guard.
    """
    frame: FrameType | None = sys._getframe(depth)
    direct: str | None = None
    while frame is not None:
        filename = frame.f_code.co_filename
        user = _USER.get(filename)
        if user is None:
            user = _USER[filename] = _is_user_code(filename)
        if user:
            return f"{filename}:{frame.f_lineno}"
        if direct is None and not _is_torch(frame):
            direct = f"{filename}:{frame.f_lineno}"
        frame = frame.f_back
    return direct or "unknown"


def _is_torch(frame: FrameType) -> bool:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0] in {"torch", "torchvision", "flake8_saveimage"}
