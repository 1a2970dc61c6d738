"""What happens around one watched save: look, let the save run, write it down."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flake8_saveimage.guard.callsite import call_site
from flake8_saveimage.guard.claims import Claim, Claims
from flake8_saveimage.guard.intercept import Call
from flake8_saveimage.guard.journal import BEFORE_RUN, FRESH, IN_RUN, Journal
from flake8_saveimage.guard.pixels import Probe
from flake8_saveimage.guard.rolling import is_rolling
from flake8_saveimage.guard.unique import reserve

_PATIENCE = 1000  # looks at a claim that another process is taking, a millisecond apart

OnOverwrite = Literal["report", "raise", "unique"]


class OverwriteError(FileExistsError):
    """A save was about to overwrite a file that this run had saved before."""


@dataclass(frozen=True)
class Settings:
    """What all processes of a run must agree on. ``began`` is in nanoseconds since the epoch."""

    folder: Path
    began: int
    on_overwrite: OnOverwrite = "report"


class Watch:
    """The handlers for one run in one process (and, after a fork, in the children)."""

    def __init__(self, settings: Settings) -> None:
        self._failed = False
        self._settings = settings
        self._journal: Journal | None = None
        self._rank = _launched_rank()
        self._folders: dict[str, str] = {}
        self._renamed: dict[str, str] = {}
        self._claims = None if settings.on_overwrite == "report" else Claims(settings.folder)

    def save(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Stands before ``torch.save(obj, f, ...)``."""
        return self._around("torch.save", "f", call, args, kwargs)

    def save_image(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Stands before ``save_image(tensor, fp, format=None, **grid)``."""
        probe = _probe(args, kwargs)
        return self._around("save_image", "fp", call, args, kwargs, probe)

    def _around(
        self,
        kind: str,
        keyword: str,
        call: Call,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        probe: Probe | Exception | None = None,
    ) -> Any:
        site, wanted, path, state = "unknown", None, None, FRESH
        begin = time.time_ns()  # before the look: what ends in between was not seen by it
        try:
            site = call_site()
            path, state = self._look(args[1] if len(args) > 1 else kwargs.get(keyword))
            if path is not None and self._claims is not None:
                chosen = self._choose(path, site)
                if chosen != path:
                    args, kwargs = _redirect(args, kwargs, keyword, chosen)
                    wanted, path, state = path, chosen, FRESH
        except OverwriteError:
            raise
        except Exception as error:
            self._fail(error)
        try:
            result = call(*args, **kwargs)
        except BaseException:
            self._undo(path, wanted, site)
            raise
        try:
            self._record(kind, path, site, begin, state, probe, wanted)
        except Exception as error:
            self._fail(error)
        return result

    def _look(self, destination: Any) -> tuple[str | None, int]:
        """The real path of a destination, and what is there. None for all that is no file."""
        if not isinstance(destination, (str, os.PathLike)):
            return None, FRESH
        head, tail = os.path.split(os.fsdecode(destination))
        path = os.path.join(self._real_folder(head), tail)  # noqa: PTH118 (ten times as fast)
        state = self._state(path)
        return (None, FRESH) if state is None else (path, state)

    def _state(self, path: str) -> int | None:
        """What is at a path: None for all that is no file."""
        try:
            found = os.stat(path)  # noqa: PTH116
        except OSError:
            return FRESH
        if not stat.S_ISREG(found.st_mode):
            return None
        if found.st_size == 0:  # made by mkstemp or touch to reserve the name
            return FRESH
        return BEFORE_RUN if found.st_mtime_ns < self._settings.began else IN_RUN

    def _real_folder(self, head: str) -> str:
        if not os.path.isabs(head):  # noqa: PTH117
            head = os.path.join(os.getcwd(), head)  # noqa: PTH109, PTH118
        real = self._folders.get(head)
        if real is None:
            real = self._folders[head] = os.path.realpath(head)
        return real

    def _choose(self, path: str, site: str) -> str:
        """The path to write: ``path`` itself, or a free one for ``unique``."""
        if path in self._renamed:  # a rolling file of a rank keeps the name it was given
            return self._renamed[path]
        holder = self._claim(path, site)
        if holder is None:
            return path
        own = holder.pid == os.getpid()
        if is_rolling(path) and own:
            return path
        if self._settings.on_overwrite == "raise":
            who = "" if own else f" by process {holder.pid}"
            raise OverwriteError(
                errno.EEXIST,
                f"this run has already saved the file{who} ({holder.site}) and {site} would "
                "overwrite it; put what varies into the name, or run with --on-overwrite=unique",
                path,
            )
        chosen = reserve(path)
        if is_rolling(path):
            self._renamed[path] = chosen
        return chosen

    def _claim(self, path: str, site: str) -> Claim | None:
        """Claim a path for this save; the answer is who has it, if it is taken."""
        assert self._claims is not None
        for _ in range(_PATIENCE):
            newest = self._claims.newest(path)
            if newest is not None:
                still_writes = newest.is_busy and _is_alive(newest.pid)
                if still_writes or self._state(path) != FRESH:
                    return newest
            if self._claims.take(path, site, newest):
                return None
            time.sleep(0.001)  # another process is just taking it
        return Claim(is_busy=True, pid=0, number=0, site="a killed process")

    def _undo(self, path: str | None, wanted: str | None, site: str) -> None:
        """After a save that failed: a reserved name that nothing was written to is given back."""
        try:
            if path is not None and wanted is not None and not os.path.getsize(path):  # noqa: PTH202
                Path(path).unlink()
            elif path is not None and self._claims is not None:
                self._claims.finish(path, site)
        except OSError as error:
            self._fail(error)

    def _record(
        self,
        kind: str,
        path: str | None,
        site: str,
        begin: int,
        state: int,
        probe: Probe | Exception | None,
        wanted: str | None,
    ) -> None:
        end = time.time_ns()
        if isinstance(probe, Exception):
            self._fail(probe)
        pixels = probe.read() if isinstance(probe, Probe) else None
        verdict = pixels and (pixels.clipped, pixels.non_finite, pixels.low, pixels.high)
        journal = self._own_journal()
        journal.append([kind, path, site, begin, end, state, verdict, wanted])
        if path is not None and self._claims is not None:
            self._claims.finish(path, site)

    def _own_journal(self) -> Journal:
        """This process's journal: a forked child finds its parent's and opens another."""
        journal = self._journal
        rank = self._rank if self._rank is not None else _initialized_rank()
        if journal is None or journal.pid != os.getpid():
            journal = self._journal = Journal(self._settings.folder)
        elif rank == self._rank:
            return journal
        self._rank = rank
        journal.append({"pid": journal.pid, "rank": rank, "name": _process_name()})
        return journal

    def flush(self) -> None:
        if self._journal is not None:
            self._journal.flush()

    def _fail(self, error: Exception) -> None:
        """The script must not suffer from its guard; the report says that it is incomplete."""
        if self._failed:
            return
        self._failed = True
        text = f"{type(error).__name__}: {error}"
        try:
            self._own_journal().append({"failure": text})
        except Exception:
            print(f"flake8_saveimage.guard: cannot keep its log: {text}", file=sys.stderr)


def _probe(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Probe | Exception:
    """An input that cannot be looked at is reported only if ``save_image`` accepts it."""
    try:
        images = args[0] if args else kwargs.get("tensor")
        return Probe(images, normalize=bool(kwargs.get("normalize", False)))
    except Exception as error:
        return error


def _redirect(
    args: tuple[Any, ...], kwargs: dict[str, Any], keyword: str, path: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if len(args) > 1:
        return (args[0], path, *args[2:]), kwargs
    return args, {**kwargs, keyword: path}


def _is_alive(pid: int) -> bool:
    if pid == os.getpid() or os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _launched_rank() -> int | None:
    """The global rank that the launcher put in the environment."""
    for variable in ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"):
        value = os.environ.get(variable, "")
        if value.isdigit():
            return int(value)
    return None


def _initialized_rank() -> int | None:
    """The global rank of a process group that the script made without a launcher."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return int(distributed.get_rank())


def _process_name() -> str | None:
    module = sys.modules.get("multiprocessing.process")
    if module is None or module.parent_process() is None:
        return None
    return str(module.current_process().name)
