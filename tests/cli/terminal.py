"""A command on a terminal of its own."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_ESCAPE = re.compile(r"\x1b\[[0-9;]*[mK]")


def on_terminal(folder: Path, *arguments: str, columns: int = 80, plain: bool = True) -> list[str]:
    """Return the lines that a user sees; ``plain`` takes the colours out."""
    import pty  # not on Windows

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        hidden = ("NO_COLOR", "FORCE_COLOR")
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        environment.update(COLUMNS=str(columns), TERM="xterm", HOME=str(folder.parent / "nobody"))
        command = [sys.executable, "-m", "flake8_saveimage", *arguments]
        os.execve(sys.executable, command, environment)
    output = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux reports the end so
            break
        if not part:
            break
        output += part
    os.close(terminal)
    os.waitpid(pid, 0)
    text = output.decode()
    text = re.sub(r"\r\[[#.]*\] \d+/\d+ files|\r\x1b\[K", "", text)
    return (_ESCAPE.sub("", text) if plain else text).splitlines()
