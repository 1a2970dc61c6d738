# flake8-saveimage runtime 0.1.0 (may be vendored as a folder; `RUNTIME_VERSION` is its version)
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the flake8-saveimage authors. The MIT licence: use, copy, change and pass on
# freely, as long as this notice stays; provided "as is", without warranty of any kind.
"""Save images and checkpoints so that nothing is overwritten and no colour changes silently.

:func:`safe_save_image` takes the arguments of :func:`torchvision.utils.save_image` and writes the
same pixels; :func:`safe_save` takes those of :func:`torch.save`. Both create missing folders, show
a file under its name only once it is complete, and lose no earlier one: ``x.png`` is always the
newest, and what was there before moves to ``x_1.png``, ``x_2.png``, ..., across processes.

The package is self-contained: it needs only the standard library and torch, for images Pillow and
NumPy too, as torchvision does. Torch is imported when the first of the names below is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import safe_save, safe_save_image
    from .futures import SaveQueueError
    from .leftovers import remove_leftovers
    from .many import safe_save_images
    from .queue import SaveQueue
    from .series import latest
    from .warning import SaveImageWarning

RUNTIME_VERSION = "0.1.0"

__all__ = [
    "RUNTIME_VERSION",
    "SaveImageWarning",
    "SaveQueue",
    "SaveQueueError",
    "latest",
    "remove_leftovers",
    "safe_save",
    "safe_save_image",
    "safe_save_images",
]

_HOMES = {
    "SaveImageWarning": "warning",
    "SaveQueue": "queue",
    "SaveQueueError": "futures",
    "latest": "series",
    "remove_leftovers": "leftovers",
    "safe_save": "api",
    "safe_save_image": "api",
    "safe_save_images": "many",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
