"""Warn once per call site of the user's code."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast


class SaveImageWarning(UserWarning):
    """Something is saved, but not quite as the caller may think; given once per call site."""

    __module__ = __name__.rpartition(".")[0]  # where users import it from


@dataclass(frozen=True)
class Site:
    """Where the user's code called this package."""

    function: str
    file: str
    line: int
    module: str


_COMPILER = os.path.join("torch", "_dynamo")  # noqa: PTH118 (it calls what it leaves out)
_warned: set[tuple[str, int, str]] = set()
_warned_under: list[Any] | None = None


def call_site(function: str) -> Site:
    """Return the innermost frame outside this package's folder, however it is called there."""
    frame = sys._getframe()
    here = _folder(frame)  # not of __file__, which may be spelt differently
    while frame.f_back is not None and _folder(frame).endswith((here, _COMPILER)):
        frame = frame.f_back
    module = frame.f_globals.get("__name__", "<unknown>")
    return Site(function, frame.f_code.co_filename, frame.f_lineno, module)


def _folder(frame: FrameType) -> str:
    return os.path.dirname(frame.f_code.co_filename)  # noqa: PTH120 (on every call: cheap)


def already_warned(site: Site, topic: str) -> bool:
    """Whether this call site was warned before; entering ``catch_warnings`` starts again."""
    global _warned_under
    filters = cast("list[Any]", warnings.filters)
    if filters is not _warned_under:
        _warned.clear()
        _warned_under = filters
    return (site.file, site.line, topic) in _warned


def warn_once(site: Site, topic: str, message: str) -> None:
    if already_warned(site, topic):
        return
    if _waiting.warnings is None:
        _give(site, topic, message)
    else:
        _waiting.warnings.append((site, topic, message))


class _Waiting(threading.local):
    """The warnings of this thread that wait until its file is there."""

    warnings: list[tuple[Site, str, str]] | None = None


_waiting = _Waiting()


@contextlib.contextmanager
def held_warnings(waiting: list[tuple[Site, str, str]]) -> Iterator[None]:
    """Collect the warnings of a block instead of giving them."""
    before, _waiting.warnings = _waiting.warnings, waiting
    try:
        yield
    finally:
        _waiting.warnings = before


def give_warnings(waiting: list[tuple[Site, str, str]]) -> None:
    """Give collected warnings, each once per call site."""
    for site, topic, message in waiting:
        if not already_warned(site, topic):
            _give(site, topic, message)


@contextlib.contextmanager
def warnings_after() -> Iterator[None]:
    """Hold back warnings until the block has saved: a filter may turn them into errors."""
    if _waiting.warnings is not None:
        yield
        return
    waiting: list[tuple[Site, str, str]] = []
    with held_warnings(waiting):
        yield
    give_warnings(waiting)


def _give(site: Site, topic: str, message: str) -> None:
    # A registry of its own, so that Python's "once per text" does not apply.
    text = f"{site.function}: {message}"
    warnings.warn_explicit(text, SaveImageWarning, site.file, site.line, site.module, {})
    _warned.add((site.file, site.line, topic))
