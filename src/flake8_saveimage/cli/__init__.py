"""The command ``flake8-saveimage``: ``check``, ``fix`` and ``explain``.

Exit status: 0 nothing to report, 1 findings, 2 something could not be done (the reason is on
standard error), 130 interrupted. Modules are imported when a command needs them, because most runs
end at the gate and should cost next to nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from flake8_saveimage.cli.arguments import parse
from flake8_saveimage.source.reading import printable

OK, FINDINGS, FAILURE, INTERRUPTED = 0, 1, 2, 130


class CommandError(Exception):
    """The command cannot run; the message says why and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = parse(sys.argv[1:] if argv is None else list(argv))
    try:
        status = _run(arguments.command, arguments)
        sys.stdout.flush()
        return status
    except CommandError as error:
        say(f"error: {error}")
        return FAILURE
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # the reader (head, a pager) has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINDINGS


def say(message: str) -> None:
    """Print one line on standard error, whatever names of files are in it."""
    print(f"flake8-saveimage: {printable(message)}", file=sys.stderr)


def counted(number: int, noun: str) -> str:
    """Return ``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def colour_wanted(stream: TextIO) -> bool:
    """Follow NO_COLOR and FORCE_COLOR, else whether a terminal that knows colours looks."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _run(command: str, arguments: object) -> int:
    import importlib

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    module = "explain" if command == "explain" else "start"
    run = importlib.import_module(f"flake8_saveimage.cli.{module}").run
    status: int = run(arguments)
    return status
