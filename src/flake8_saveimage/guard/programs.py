"""Names of the programs that a run starts: their files are not seen."""

from __future__ import annotations

import os
from typing import Any

_SHELLS = ("sh", "bash", "dash", "zsh")


def program_of(args: tuple[Any, ...]) -> str | None:
    """The program's name, from an audit event that starts one."""
    command = args[1] if len(args) > 1 and args[1] is not None else args[0]
    words = [command] if isinstance(command, (str, bytes, os.PathLike)) else list(command)
    if not words:
        return None
    texts = [os.fsdecode(word) for word in words]
    name = os.path.basename(texts[0])  # noqa: PTH119
    is_line = len(texts) == 1 or (name in _SHELLS and texts[1] == "-c")
    if is_line:
        line = texts[-1].split()
        name = os.path.basename(line[0]) if line else name  # noqa: PTH119
    return name
