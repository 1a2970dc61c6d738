"""Watch every file that a run writes, without editing the script.

``python -m flake8_saveimage.guard train.py ARGS...`` runs a script unchanged; ``with guard():``
watches a block. Neither imports torch before the script does, and importing this package needs
no torch at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flake8_saveimage.guard.audit import FileReport, Report, Writes
    from flake8_saveimage.guard.events import Image
    from flake8_saveimage.guard.protect import OverwriteError
    from flake8_saveimage.guard.session import guard

__all__ = ["FileReport", "Image", "OverwriteError", "Report", "Writes", "guard"]

_HOMES = {
    "FileReport": "audit",
    "Image": "events",
    "OverwriteError": "protect",
    "Report": "audit",
    "Writes": "audit",
    "guard": "session",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: what `python -m` imports ahead of __main__ must need no module that a
    # file of the working directory can hide.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
