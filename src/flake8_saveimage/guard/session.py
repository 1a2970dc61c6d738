"""One guarded run: its watch in this process and in the children, its report."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TextIO, cast, get_args

from flake8_saveimage.guard import hook
from flake8_saveimage.guard.audit import Report, audit
from flake8_saveimage.guard.children import SPAWN_MODULES, follow_spawn, start_watched
from flake8_saveimage.guard.events import read
from flake8_saveimage.guard.intercept import (
    COMPILED,
    POPEN,
    SAVE_IMAGE,
    TORCH_SAVE,
    Handler,
    ImportHook,
    Watched,
)
from flake8_saveimage.guard.journal import make_folder
from flake8_saveimage.guard.report import render
from flake8_saveimage.guard.settings import OnOverwrite, Settings
from flake8_saveimage.guard.watch import Watch
from flake8_saveimage.knowledge import writers

NO_TORCH = (
    "flake8_saveimage.guard watches runs that use torch, but torch is not installed for {python}: "
    "pip install 'flake8-saveimage[runtime]'"
)
RENAMED_MODE = "on_overwrite='unique' is now called 'backup': the given name holds the newest file"


def require_torch() -> None:
    """Raise ``ModuleNotFoundError`` with the way out, without importing torch."""
    if importlib.util.find_spec("torch") is None:
        raise ModuleNotFoundError(NO_TORCH.format(python=sys.executable), name="torch")


class Installation:
    """A watch on this process, and on every child that multiprocessing spawns from it."""

    def __init__(self, settings: Settings) -> None:
        self.watch = Watch(settings)
        self._folder = settings.folder
        self._handlers: list[tuple[Watched, Handler]] = [
            (TORCH_SAVE, functools.partial(self.watch.save, writers.TORCH_SAVE.name)),
            (SAVE_IMAGE, functools.partial(self.watch.save_image, writers.SAVE_IMAGE.leaf)),
            *((of, functools.partial(self.watch.native, row)) for row, of in COMPILED.items()),
        ]
        if settings.follow:
            self._handlers.append((POPEN, functools.partial(start_watched, settings.folder)))
        callbacks: dict[str, list[Callable[[ModuleType], None]]] = defaultdict(list)
        for watched, _ in self._handlers:
            callbacks[watched.module].append(watched.install)
        for name in SPAWN_MODULES:
            callbacks[name].append(self._follow)
        self._hook = ImportHook(callbacks)
        self._unfollow: list[Callable[[], None]] = []

    def install(self) -> None:
        """Watch what is imported already, and the rest when it is imported."""
        sys.meta_path.insert(0, self._hook)
        for watched, handler in self._handlers:
            watched.add(handler)
        for name in SPAWN_MODULES:
            if name in sys.modules:
                self._follow(sys.modules[name])
        hook.listen(self.watch.listeners)

    def remove(self) -> None:
        """Leave everything as it was found."""
        hook.ignore(self.watch.listeners)
        if self._hook in sys.meta_path:
            sys.meta_path.remove(self._hook)
        for watched, handler in self._handlers:
            watched.remove(handler)
        for unfollow in self._unfollow:
            unfollow()

    def _follow(self, spawn: ModuleType) -> None:
        self._unfollow.append(follow_spawn(spawn, self._folder))


def join(folder: str) -> None:
    """In a new interpreter: watch for the run whose log is in ``folder``."""
    Installation(Settings.read(Path(folder))).install()


class guard:
    """Watch every file that a block writes, in this process and its children.

    ``on_overwrite``: ``"report"`` at the end only; ``"raise"`` an :class:`OverwriteError` before
    a save would overwrite a file that this run saved before; ``"backup"`` moves the earlier file
    to ``{stem}_{n}{suffix}``, so that the given path holds the newest. Names that say that they are
    rewritten (best, last, latest, checkpoint) are exempt as long as one process alone writes them,
    and so are files that match a pattern of ``allow`` (as ``--allow`` of the command does). Files
    from before the run are reported apart and never protected.

    On exit the report goes to ``output`` (a text stream; None keeps silent) if there is anything
    to say, and stays as ``.report``.

    Raises:
        ModuleNotFoundError: torch is not installed.
    """

    def __init__(
        self,
        *,
        on_overwrite: OnOverwrite = "report",
        allow: tuple[str, ...] | list[str] = (),
        output: TextIO | None = sys.stderr,
    ) -> None:
        if cast("str", on_overwrite) == "unique":
            warnings.warn(RENAMED_MODE, DeprecationWarning, stacklevel=2)
            on_overwrite = "backup"
        if on_overwrite not in get_args(OnOverwrite):
            raise ValueError(
                f"on_overwrite must be 'report', 'raise' or 'backup', not {on_overwrite!r}"
            )
        self.report: Report | None = None
        self._on_overwrite: OnOverwrite = on_overwrite
        self._allow = tuple(allow)
        self._output = output
        self._owner: int | None = None

    def __enter__(self) -> guard:
        require_torch()
        self._owner = os.getpid()
        self._folder = make_folder(None)
        self._settings = Settings(
            str(self._folder), time.time_ns(), self._on_overwrite, self._allow, str(Path.cwd())
        )
        self._settings.write()
        self._installation = Installation(self._settings)
        self._installation.install()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if os.getpid() != self._owner:  # a forked child left the block: its parent reports
            return
        self._installation.remove()
        self.report = audit(read(self._folder), self._settings, exists=os.path.lexists)
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._output is not None and self.report.worth_telling:
            self._output.write(render(self.report, "text", self._settings.base))
            self._output.flush()
