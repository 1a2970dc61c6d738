"""One guarded run: its folder, its watch in this process and in the children, its report."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, TextIO

from flake8_saveimage.guard.audit import Report, audit
from flake8_saveimage.guard.intercept import SAVE_IMAGE, TORCH_SAVE, ImportHook
from flake8_saveimage.guard.journal import make_folder, read
from flake8_saveimage.guard.report import render
from flake8_saveimage.guard.watch import OnOverwrite, Settings, Watch

NO_TORCH = (
    "flake8_saveimage.guard watches torch.save and torchvision's save_image, but torch is not "
    "installed for {python}: pip install 'flake8-saveimage[runtime]'"
)


def require_torch() -> None:
    """Raise ``ModuleNotFoundError`` with the way out, without importing torch."""
    if importlib.util.find_spec("torch") is None:
        raise ModuleNotFoundError(NO_TORCH.format(python=sys.executable), name="torch")


class Installation:
    """A watch on this process, and on every child that multiprocessing spawns from it."""

    def __init__(self, settings: Settings) -> None:
        self.watch = Watch(settings)
        self._settings = settings
        self._handlers = [(TORCH_SAVE, self.watch.save), (SAVE_IMAGE, self.watch.save_image)]
        self._hook = ImportHook(
            {
                TORCH_SAVE.module: TORCH_SAVE.install,
                SAVE_IMAGE.module: SAVE_IMAGE.install,
                "multiprocessing.spawn": self._follow,
            }
        )
        self._unfollow: Callable[[], None] | None = None

    def install(self) -> None:
        """Watch what is imported already, and the rest when it is imported."""
        sys.meta_path.insert(0, self._hook)
        for watched, handler in self._handlers:
            watched.add(handler)
        spawn = sys.modules.get("multiprocessing.spawn")
        if spawn is not None:
            self._follow(spawn)

    def remove(self) -> None:
        """Leave everything as it was found."""
        if self._hook in sys.meta_path:
            sys.meta_path.remove(self._hook)
        for watched, handler in self._handlers:
            watched.remove(handler)
        if self._unfollow is not None:
            self._unfollow()

    def _follow(self, spawn: ModuleType) -> None:
        """Spawned children unpickle their preparation data first; a passenger installs the watch.

        ``spawn`` and ``forkserver`` both call ``multiprocessing.spawn.get_preparation_data``.
        """
        original = spawn.get_preparation_data

        def get_preparation_data(name: str) -> dict[str, Any]:
            data: dict[str, Any] = original(name)
            data[f"flake8_saveimage {self._settings.folder}"] = _Passenger(self._settings)
            return data

        def restore() -> None:
            if spawn.get_preparation_data is get_preparation_data:
                setattr(spawn, "get_preparation_data", original)  # noqa: B010 (a module)

        setattr(spawn, "get_preparation_data", get_preparation_data)  # noqa: B010
        self._unfollow = restore


_JOIN = """
import sys
try:
    import flake8_saveimage
except ImportError:
    sys.path.append({root!r})
try:
    from flake8_saveimage.guard.session import join
except ImportError:
    pass
else:
    join({folder!r}, {began!r}, {on_overwrite!r})
"""


class _Passenger:
    """Pickles as a call: a child that cannot import this package must still start."""

    def __init__(self, settings: Settings) -> None:
        self._source = _JOIN.format(
            root=str(Path(__file__).parents[2]),
            folder=str(settings.folder),
            began=settings.began,
            on_overwrite=settings.on_overwrite,
        )

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str, dict[str, Any]]]:
        return exec, (self._source, {})


def join(folder: str, began: int, on_overwrite: OnOverwrite) -> None:
    """In a spawned child: watch for the run of the parent."""
    Installation(Settings(Path(folder), began, on_overwrite)).install()


class guard:
    """Watch every ``torch.save`` and ``save_image`` of a block, in this process and its children.

    ``on_overwrite``: ``"report"`` at the end only; ``"raise"`` an :class:`OverwriteError` before
    a save would overwrite a file that this run saved before; ``"unique"`` writes to
    ``{stem}_{n}{suffix}`` instead. Names that say that they are rewritten (best, last, latest,
    checkpoint) are exempt as long as one process alone writes them. Files from before the run are
    reported apart and never protected.

    On exit the report goes to ``output`` (a text stream; None keeps silent) if there is anything
    to say, and stays as ``.report``.

    Raises:
        ModuleNotFoundError: torch is not installed.
    """

    def __init__(
        self, *, on_overwrite: OnOverwrite = "report", output: TextIO | None = sys.stderr
    ) -> None:
        if on_overwrite not in ("report", "raise", "unique"):
            raise ValueError(
                f"on_overwrite must be 'report', 'raise' or 'unique', not {on_overwrite!r}"
            )
        self.report: Report | None = None
        self._on_overwrite: OnOverwrite = on_overwrite
        self._output = output
        self._owner: int | None = None

    def __enter__(self) -> guard:
        require_torch()
        self._owner = os.getpid()
        self._folder = make_folder(None)
        self._cwd = Path.cwd()
        self._installation = Installation(
            Settings(self._folder, time.time_ns(), self._on_overwrite)
        )
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
        self.report = audit(*read(self._folder))
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._output is not None and self.report.worth_telling:
            self._output.write(render(self.report, "text", self._cwd))
            self._output.flush()
