"""One audit hook for the process: ``open``, renaming and removal, whoever calls them.

Python cannot remove an audit hook. It is added with the first guard, and while no guard is active
it returns at once. What a guard itself does on the disk is not passed on.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

Listener = Callable[[tuple[Any, ...]], None]

_listeners: dict[str, tuple[Listener, ...]] = {}
_is_added = False
_WRITES = 3  # os.O_WRONLY | os.O_RDWR


class _Thread(threading.local):
    is_quiet = False


_thread = _Thread()


class Quiet:
    """A block in which this thread's file operations are the guard's own."""

    def __enter__(self) -> None:
        self._before = _thread.is_quiet
        _thread.is_quiet = True

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _thread.is_quiet = self._before


def listen(listeners: Mapping[str, Listener]) -> None:
    """Call each listener with the arguments of its event, before the event happens."""
    global _is_added
    for event, listener in listeners.items():
        _listeners[event] = (*_listeners.get(event, ()), listener)
    if not _is_added:
        sys.addaudithook(_hook)
        _is_added = True


def ignore(listeners: Mapping[str, Listener]) -> None:
    """Undo :func:`listen`."""
    for event, listener in listeners.items():
        rest = tuple(other for other in _listeners.get(event, ()) if other != listener)
        if rest:
            _listeners[event] = rest
        else:
            _listeners.pop(event, None)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    listeners = _listeners.get(event)
    if listeners is None or (event == "open" and not args[2] & _WRITES) or _thread.is_quiet:
        return
    _thread.is_quiet = True
    try:
        for listener in listeners:
            listener(args)
    finally:
        _thread.is_quiet = False
