"""Saved images and checkpoints never silently overwrite each other, and never change colour.

Importing the package costs nothing; what it offers to other programs is loaded when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flake8_saveimage.fixes import FixOptions, FixResult, fix_source
    from flake8_saveimage.fixes.command import SaveImageCommand

__version__ = "0.1.0"

__all__ = ["FixOptions", "FixResult", "SaveImageCommand", "__version__", "fix_source"]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for (PEP 562)."""
    if name == "SaveImageCommand":
        from flake8_saveimage.fixes import command  # libcst

        return command.SaveImageCommand
    if name in __all__:
        from flake8_saveimage import fixes  # libcst

        return getattr(fixes, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
