"""What happens when a file is about to be written: look at it, protect it, log the event."""

from __future__ import annotations

import functools
import itertools
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flake8_saveimage.guard import look
from flake8_saveimage.guard.callsite import call_site
from flake8_saveimage.guard.hook import Listener, Quiet
from flake8_saveimage.guard.intercept import Call
from flake8_saveimage.guard.kinds import APPENDED, kind_of
from flake8_saveimage.guard.logbook import Logbook
from flake8_saveimage.guard.pixels import Probe
from flake8_saveimage.guard.protect import OverwriteError, Protection
from flake8_saveimage.guard.settings import Settings
from flake8_saveimage.knowledge.natives import Native
from flake8_saveimage.knowledge.words import is_rolling_file

_TRUNCATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_SHELLS = ("sh", "bash", "dash", "zsh")
_STARTS = ("subprocess.", "os.", "asyncio.")
_TEMPORARY_OF_HELPER = ".saveimage-"


@dataclass
class _Running:
    """A call of ``torch.save`` or ``save_image``. ``number``: its save in the log, once open."""

    function: str
    site: str
    path: str | None = None
    number: int | None = None


class _Thread(threading.local):
    running: _Running | None = None
    opening: str | None = None


class Watch:
    """The listeners for one run in one process (and, after a fork, in the children)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = Logbook(Path(settings.folder))
        self._numbers = itertools.count()
        self._thread = _Thread()
        self._written: set[str] = set()
        self._written_names: set[str] = set()
        self._noted: set[tuple[object, ...]] = set()
        self._protection: Protection | None = None
        if settings.on_overwrite != "report":
            raises = settings.on_overwrite == "raise"
            self._protection = Protection(
                Path(settings.folder), raises=raises, moved=self._note_backup
            )
        listeners = {
            "open": self._opened,
            "os.rename": self._renamed,
            "os.link": self._linked,
            "os.remove": self._removed,
            "os.system": self._started,
            "os.posix_spawn": self._started,
            "subprocess.Popen": self._started,
        }
        self.listeners: dict[str, Listener] = {
            event: functools.partial(self._try, call) for event, call in listeners.items()
        }

    def save(self, function: str, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Stand before ``torch.save``: the file that it opens is called its own."""
        running, outer = self._enter(function)
        try:
            return call(*args, **kwargs)
        finally:
            self._leave(running, outer)

    def save_image(
        self, function: str, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Stand before ``save_image(tensor, fp, format=None, **grid)``: look at the values, too."""
        probe = _probe(args, kwargs)
        running, outer = self._enter(function)
        try:
            result = call(*args, **kwargs)
        finally:
            self._leave(running, outer)
        with Quiet():
            try:
                self._note_pixels(probe, running, args[1] if len(args) > 1 else kwargs.get("fp"))
            except Exception as error:
                self._log.fail(error)
        return result

    def native(self, row: Native, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Stand before a function that writes a file from compiled code."""
        path = args[row.position] if len(args) > row.position else kwargs.get(row.keyword)
        if isinstance(path, (str, bytes, os.PathLike)):
            with Quiet():
                self._try(self._write, path, _TRUNCATE, row.name)
        try:
            return call(*args, **kwargs)
        finally:
            with Quiet():
                self._note_open()

    def flush(self) -> None:
        """For a run folder on a network file system."""
        self._log.flush()

    def _try(self, listener: Callable[..., None], *args: Any) -> None:
        """The script must not suffer from its guard; the report says that it is incomplete."""
        self._note_open()  # whatever this thread was opening is open by now
        try:
            listener(*args)
        except OverwriteError:
            raise
        except Exception as error:
            self._log.fail(error)

    def _enter(self, function: str) -> tuple[_Running, _Running | None]:
        with Quiet():
            outer = self._thread.running
            running = self._thread.running = _Running(function, call_site().line)
            return running, outer

    def _leave(self, running: _Running, outer: _Running | None) -> None:
        self._thread.running = outer
        if running.number is not None:
            with Quiet():
                self._note_open()
                self._log.end(running.number)

    def _opened(self, args: tuple[Any, ...]) -> None:
        path, mode, flags = args
        if not isinstance(path, int):
            is_scratch = mode is None and bool(flags & os.O_EXCL)  # as tempfile opens files
            self._write(path, flags, "open", look.SCRATCH if is_scratch else look.FRESH)

    def _write(self, path: Any, flags: int, function: str, new: int = look.FRESH) -> None:
        """A file is about to be opened for writing."""
        begin = time.time_ns()  # before the look: what ends in between was not seen by it
        opened = look.target_of_open(path)
        if opened is None:
            return
        target, found = opened
        state = look.state_of(found, self._settings.began)
        if state is None or not look.can_write(target, found, flags):
            return
        kind = kind_of(target)
        if kind is None and not flags & os.O_TRUNC:
            kept = state in (look.IN_RUN, look.BEFORE_RUN)
            kind = APPENDED if kept or flags & os.O_APPEND else None
        running = self._thread.running
        if kind is not None:
            self._note({"other": kind, "path": target})
        elif running is None or running.path != target:
            self._save(target, function, begin, state or new, running)

    def _save(
        self, path: str, function: str, begin: int, state: int, running: _Running | None
    ) -> None:
        number = next(self._numbers)
        if running is not None and running.path is None:
            site, function = running.site, running.function
            running.path, running.number = path, number
        else:
            found = call_site()
            site, function = found.line, found.function or function
        if self._protect(path, site):
            begin = time.time_ns()  # in the order of the claims
            if look.status(path) is None:  # moved away
                state = state if state == look.SCRATCH else look.FRESH
        self._remember(path)
        self._log.save(number, path, function, site, begin, state)

    def _protect(self, path: str, site: str) -> bool:
        if self._protection is None or self._settings.is_allowed(path):
            return False
        self._protection.before_write(path, site, rolling=is_rolling_file(path))
        self._thread.opening = path
        return True

    def _note_open(self) -> None:
        if self._protection is None:
            return
        path, self._thread.opening = self._thread.opening, None
        if path is not None:
            try:
                self._protection.opened(path)
            except OSError as error:
                self._log.fail(error)

    def _renamed(self, args: tuple[Any, ...]) -> None:
        source, path = look.entry(args[0], args[2]), look.entry(args[1], args[3])
        if source is None or path is None:
            return
        moved, found = look.status(source), look.status(path)
        if moved is None or _will_fail(moved, found, path):
            return
        if stat.S_ISDIR(moved.st_mode):
            self._rename_folder(source, path)
            return
        kind = kind_of(path)
        if kind is not None:
            self._note({"other": kind, "path": path})
            if source not in self._written:
                return
        self._move(source, path, found, is_data=kind is None)

    def _move(self, source: str, path: str, found: os.stat_result | None, *, is_data: bool) -> None:
        site = call_site()
        is_asked = os.path.basename(source).startswith(_TEMPORARY_OF_HELPER)  # noqa: PTH119
        if is_data and not is_asked:
            self._protect(path, site.line)
            found = look.status(path)
        # a link or an empty file that is replaced is no loss
        state = look.state_of(found, self._settings.began)
        state = state if state in (look.IN_RUN, look.BEFORE_RUN) else look.FRESH
        self._written.discard(source)
        self._remember(path)
        function, begin = site.function or "os.rename", time.time_ns()
        self._log.append(
            ["move", source, path, function, site.line, begin, state, is_data, is_asked]
        )

    def _rename_folder(self, source: str, path: str) -> None:
        inside = [p for p in self._written if p.startswith(source + os.sep)]
        self._written.difference_update(inside)
        self._written.update(path + p[len(source) :] for p in inside)
        site = call_site()
        values = [site.function or "os.rename", site.line, time.time_ns(), look.FRESH, True, False]
        self._log.append(["move", source, path, *values])

    def _linked(self, args: tuple[Any, ...]) -> None:
        source, path = look.entry(args[0], args[2]), look.entry(args[1], args[3])
        if source in self._written and path is not None and look.status(path) is None:
            self._remember(path)
            self._log.append(["link", source, path, time.time_ns()])

    def _removed(self, args: tuple[Any, ...]) -> None:
        # by name first: a tree of a million files that the run did not write is soon removed
        if os.path.basename(os.fsdecode(args[0])) not in self._written_names:  # noqa: PTH119
            return
        path = look.entry(args[0], args[1])
        if path in self._written:
            self._written.discard(path)
            self._log.append(["remove", path, time.time_ns()])

    def _started(self, args: tuple[Any, ...]) -> None:
        program, caller = _program_of(args), call_site().function
        # what a library starts (ldconfig, uname) is not the run's
        if program is not None and (caller is None or caller.startswith(_STARTS)):
            self._note({"program": program})

    def _remember(self, path: str) -> None:
        self._written.add(path)
        self._written_names.add(os.path.basename(path))  # noqa: PTH119

    def _note(self, note: dict[str, str]) -> None:
        """Log a fact once for each process."""
        key = (os.getpid(), *note.values())
        if key not in self._noted:
            self._noted.add(key)
            self._log.append(note)

    def _note_backup(self, path: str, kept: str, site: str) -> None:
        self._remember(kept)
        self._log.append(["backup", path, kept, site, time.time_ns()])

    def _note_pixels(
        self, probe: Probe | Exception, running: _Running, destination: object
    ) -> None:
        if isinstance(probe, Exception):
            raise probe
        pixels = probe.read()
        if pixels is None:
            return
        name = running.path or getattr(destination, "name", None)
        verdict = (pixels.clipped, pixels.non_finite, pixels.low, pixels.high)
        path = name if isinstance(name, str) else None
        self._log.append(["image", path, running.site, time.time_ns(), verdict])


def _will_fail(moved: os.stat_result, found: os.stat_result | None, path: str) -> bool:
    """Whether a rename will change nothing: the same file, or another file system."""
    if found is not None and os.path.samestat(moved, found):
        return True
    folder = look.status(os.path.dirname(path))  # noqa: PTH120
    return folder is None or folder.st_dev != moved.st_dev


def _probe(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Probe | Exception:
    """An input that cannot be looked at is reported only if ``save_image`` accepts it."""
    try:
        images = args[0] if args else kwargs.get("tensor")
        return Probe(images, normalize=bool(kwargs.get("normalize", False)))
    except Exception as error:
        return error


def _program_of(args: tuple[Any, ...]) -> str | None:
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
