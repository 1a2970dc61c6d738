"""Write whole files only: beside the destination first, then under the final name."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from .arguments import IfExists, Placing
from .backups import back_up
from .existing import NOT_REPLACEABLE, adopt, check_writable, is_special, write_over
from .leftovers import discard, temporaries, temporary_path
from .names import Names
from .publishing import publish
from .warning import Site, warn_once


def _explain(problem: OSError, target: Path) -> OSError:
    """The same error about the file that the user knows, instead of the temporary one."""
    reason = problem.strerror or str(problem)
    if problem.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        reason += " (nothing was written under this name; what was there before is intact)"
    explained = OSError(problem.errno, reason, str(target))
    explained.__cause__ = problem.__cause__
    return explained


def make_folders(folder: Path, durable: bool) -> None:
    if folder.is_dir():
        return
    missing = [folder]
    while not os.path.lexists(missing[-1].parent):
        missing.append(missing[-1].parent)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        obstacle = next(p for p in (folder, *folder.parents) if os.path.lexists(p))
        raise NotADirectoryError(
            errno.ENOTDIR, "is a file, but a folder of this name is needed", str(obstacle)
        ) from None
    if durable:
        for made in missing:
            sync_folder(made.parent)


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder survive a power cut, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as problem:
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EROFS):
            raise
    finally:
        os.close(handle)


class _WatchedFile:
    """Keeps the first error of a write.

    When a write fails, torch.save goes on to finish its archive and raises about that ("unexpected
    pos 704 vs 598"), in place of the full disk or the Ctrl-C that was the reason.
    """

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle
        self.problem: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._handle.write(data)
        except BaseException as problem:
            self.problem = self.problem or problem
            raise

    def flush(self) -> None:
        self._handle.flush()


def write_watched(handle: IO[bytes], write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` write into a file; of several errors the first is raised."""
    watched = _WatchedFile(handle)
    try:
        write(cast("IO[bytes]", watched))
    except BaseException:
        if watched.problem is not None:
            raise watched.problem from None
        raise
    if watched.problem is not None:  # raised inside a destructor of torch's, which only prints it
        raise watched.problem


@dataclass(frozen=True)
class Destination:
    """Where a file goes and what happens if the name is taken."""

    path: Path
    placing: Placing
    site: Site
    rank: int | None = None  # that numbered names get

    @property
    def if_exists(self) -> IfExists:
        return self.placing.if_exists

    def numbers(self, path: Path | None = None) -> Names:
        """The sequence of names, or that of the file that a link points to."""
        return Names(path or self.path, self.placing.unique_name, self.rank)

    @property
    def label(self) -> str:
        """The name in messages."""
        return str(self.path)

    @property
    def has_disk(self) -> bool:
        """Whether free space can be looked at."""
        return not is_special(self.path)

    def early(self) -> Path | None:
        """The answer if the file need not, or must not, be made at all."""
        if self.if_exists == "unique" or not os.path.lexists(self.path) or is_special(self.path):
            return None
        if self.path.is_dir():
            raise IsADirectoryError(
                errno.EISDIR, "is a folder; a file of this name cannot be written", str(self.path)
            )
        if self.if_exists == "skip":
            return self.path
        if self.if_exists == "error":
            raise self._exists()
        return None

    def _exists(self) -> FileExistsError:
        return FileExistsError(
            errno.EEXIST,
            'is there already (if_exists="backup" keeps it under a number, "unique" takes the next '
            'free name, "replace" replaces it)',
            self.label,
        )

    def reserve(self) -> int | None:
        """A number taken now, so that files written later are numbered in today's order."""
        if self.if_exists != "unique":
            return None
        names = self.numbers()
        index = names.take()
        if index == 0 and os.path.lexists(self.path):
            index = names.take(names.first_free(0))
        return index

    def put(self, write: Callable[[IO[bytes]], object], index: int | None = None) -> Path:
        """Write a file beside the destination, then give it its name; nothing stays on errors.

        `index` is what :meth:`reserve` gave, if it was asked.
        """
        if is_special(self.path):
            with self.path.open("wb") as handle:
                write_watched(handle, write)
            return self.path
        final = self.path
        replaces = self.if_exists in ("backup", "replace")
        if replaces and self.path.is_symlink():  # as torch.save does, write what it points to
            final = Path(os.path.realpath(self.path))
        temporary = temporary_path(final.parent)
        try:
            old = check_writable(final) if replaces else None
            make_folders(final.parent, self.placing.is_durable)
            refusal = self._write(temporary, write, old)
            if refusal is not None:
                temporary = temporary_path(Path(tempfile.gettempdir()))
                self._write(temporary, write, None)
            shown = self._show(temporary, final, index, refusal, old)
            if self.placing.is_durable:
                sync_folder(final.parent)
        except OSError as problem:
            if problem.filename is None or str(problem.filename) in (str(temporary), str(final)):
                raise _explain(problem, self.path) from None
            raise
        finally:
            discard(temporary)
        return shown

    def _write(
        self,
        temporary: Path,
        write: Callable[[IO[bytes]], object],
        old: os.stat_result | None,
    ) -> OSError | None:
        """Write a temporary file, or return why the folder of the old file does not take it."""
        temporaries.add(temporary)
        try:
            opened = temporary.open("xb")
        except OSError as problem:
            if old is None or problem.errno not in NOT_REPLACEABLE:
                raise
            return problem
        with opened as handle:
            if old is not None:
                adopt(handle.fileno(), old)
            write_watched(handle, write)
            if self.placing.is_durable:
                handle.flush()
                os.fsync(handle.fileno())
        return None

    def _show(
        self,
        temporary: Path,
        final: Path,
        index: int | None,
        refusal: OSError | None,
        old: os.stat_result | None,
    ) -> Path:
        """Give the file its name; write it over an old one that cannot be replaced."""
        if refusal is None:
            try:
                return self._name(temporary, final, index)
            except OSError as problem:
                if old is None or problem.errno not in NOT_REPLACEABLE:
                    raise
                refusal = problem
        kept = self.if_exists == "backup" and self._keep_copy(final)
        write_over(temporary, final, self.placing.is_durable)
        lost = "" if kept or self.if_exists == "replace" else "; what it held was not kept"
        warn_once(
            self.site,
            "in place",
            f"{self.label} cannot be replaced ({refusal.strerror}) and was written in place, which "
            f"is not atomic: who reads it meanwhile sees a part{lost}",
        )
        return self.path

    def _keep_copy(self, final: Path) -> bool:
        """Copy what a file holds to the next number, if its folder takes files."""
        copy = temporary_path(final.parent)
        temporaries.add(copy)
        try:
            shutil.copy2(final, copy)
            self.numbers(final).take_for(lambda numbered: publish(copy, numbered))
        except OSError as problem:
            if problem.errno not in NOT_REPLACEABLE:
                raise
            return False
        finally:
            discard(copy)
        return True

    def _name(self, temporary: Path, final: Path, index: int | None) -> Path:
        if self.if_exists == "replace":
            temporary.replace(final)
            return self.path
        if self.if_exists == "backup":
            back_up(temporary, self.numbers(final), self.placing.keep)
            return self.path
        if self.if_exists == "unique":
            return self._name_uniquely(temporary, index)
        try:
            publish(temporary, final)
        except FileExistsError:
            if self.if_exists == "error":
                raise self._exists() from None
        return self.path

    def _name_uniquely(self, temporary: Path, index: int | None) -> Path:
        names = self.numbers()
        if index is None:
            index = names.take()
        while True:
            candidate = names.at(index)
            try:
                publish(temporary, candidate)
            except FileExistsError:
                index = names.take(names.first_free(index))
            else:
                return candidate
