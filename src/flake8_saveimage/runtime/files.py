"""Write whole files only: beside the destination first, then under the final name."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from .arguments import IfExists, Placing, StrPath
from .backups import back_up
from .leftovers import discard, temporaries, temporary_path
from .names import NAME_LIMIT, Names, split_suffix
from .publishing import publish
from .ranks import rank_and_world
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


@dataclass(frozen=True)
class Destination:
    """Where a file goes and what happens if the name is taken."""

    path: Path
    if_exists: IfExists
    template: str
    durable: bool
    rank: int | None
    keep: int | None = None

    def early(self) -> Path | None:
        """The answer if the file need not, or must not, be made at all."""
        if self.if_exists == "unique" or not os.path.lexists(self.path):
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
            str(self.path),
        )

    def reserve(self) -> int | None:
        """A number taken now, so that files written later are numbered in today's order."""
        if self.if_exists != "unique":
            return None
        names = Names(self.path, self.template, self.rank)
        index = names.take()
        if index == 0 and os.path.lexists(self.path):
            index = names.take(names.first_free(0))
        return index

    def put(self, write: Callable[[IO[bytes]], object], index: int | None = None) -> Path:
        """Write a file beside the destination, then give it its name; nothing stays on errors.

        `index` is what :meth:`reserve` gave, if it was asked.
        """
        final = self.path
        if self.if_exists in ("backup", "replace"):
            # as torch.save does, write what a symbolic link points to
            final = Path(os.path.realpath(self.path))
        temporary = temporary_path(final.parent)
        try:
            make_folders(final.parent, self.durable)
            self._write(temporary, write)
            shown = self._name(temporary, final, index)
            if self.durable:
                sync_folder(final.parent)
        except OSError as problem:
            if str(problem.filename) == str(temporary) or problem.filename is None:
                raise _explain(problem, self.path) from None
            raise
        finally:
            discard(temporary)
        return shown

    def _write(self, temporary: Path, write: Callable[[IO[bytes]], object]) -> None:
        temporaries.add(temporary)
        with temporary.open("xb") as handle:
            watched = _WatchedFile(handle)
            try:
                write(cast("IO[bytes]", watched))
            except BaseException:
                if watched.problem is not None:
                    raise watched.problem from None
                raise
            if self.durable:
                handle.flush()
                os.fsync(handle.fileno())

    def _name(self, temporary: Path, final: Path, index: int | None) -> Path:
        if self.if_exists == "replace":
            temporary.replace(final)
            return self.path
        if self.if_exists == "backup":
            back_up(temporary, Names(final, self.template, None), self.keep)
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
        names = Names(self.path, self.template, self.rank)
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


def destination_for(path: StrPath, placing: Placing, site: Site) -> Destination:
    """Check a path and its options; on several ranks, warn if they may write the same file."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"path must be text or a pathlib.Path, not {type(text).__name__}")
    if not text or text.endswith(("/", os.sep)) or Path(text).name in ("", ".."):
        raise ValueError(f"path {text!r} names no file")
    target = Path(text)
    size = len(os.fsencode(target.name))
    if size > NAME_LIMIT:
        raise OSError(
            errno.ENAMETOOLONG, f"the file name has {size} bytes, {NAME_LIMIT} are possible", text
        )
    placing.check()
    return _for_rank(target, placing, site)


def _for_rank(target: Path, placing: Placing, site: Site) -> Destination:
    """Put the rank into the name where the options ask for it."""
    if_exists, ranks, durable = placing.if_exists, placing.ranks, placing.durable
    if durable is None:
        durable = if_exists == "replace"
    rank, world = rank_and_world()
    if world == 1:
        return Destination(target, if_exists, placing.unique_name, durable, None, placing.keep)
    if if_exists != "unique" and rank > 0 and ranks != "zero":
        if ranks == "each":
            stem, suffix = split_suffix(target.name)
            target = target.with_name(f"{stem}_rank{rank}{suffix}")
        elif if_exists in ("backup", "replace") and not re.search(
            rf"(?<!\d)0*{rank}(?!\d)", str(target)
        ):
            warn_once(
                site,
                "ranks",
                f"rank {rank} of {world} writes {target}, a name that other ranks may write as "
                'well; pass ranks="zero" (rank 0 writes) or ranks="each" (one file a rank)',
            )
    # A script that saves on rank 0 only, as most do, keeps plain numbers.
    carries = if_exists == "unique" and (ranks == "each" or (ranks is None and rank > 0))
    numbered = rank if carries else None
    return Destination(target, if_exists, placing.unique_name, durable, numbered, placing.keep)


def _holds(text: str, number: int) -> bool:
    return re.search(rf"(?<!\d)0*{number}(?!\d)", text) is not None
