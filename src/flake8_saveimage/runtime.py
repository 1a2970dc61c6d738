# flake8-saveimage runtime 0.1.0 (one file, may be vendored; `RUNTIME_VERSION` below says which).
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the flake8-saveimage authors. The MIT licence: use, copy, change and pass on
# freely, as long as this notice stays; provided "as is", without warranty of any kind.
"""Save images and checkpoints so that nothing is overwritten and no colour changes in silence.

:func:`safe_save_image` takes the arguments of :func:`torchvision.utils.save_image` and writes the
same pixels; :func:`safe_save` takes those of :func:`torch.save`. Both create missing folders, never
replace a file unless told to (``x.png``, then ``x_1.png``, ``x_2.png``, whichever process asks),
show a file under its name only once it is whole, and return the path that was written.

The file needs the standard library, torch and Pillow (which torchvision brings), nothing else.
"""

from __future__ import annotations

import atexit
import contextlib
import copy
import ctypes
import errno
import hashlib
import io
import math
import os
import pickle
import re
import socket
import stat
import string
import sys
import threading
import time
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

import torch

if TYPE_CHECKING:
    from PIL import Image as PILImage

RUNTIME_VERSION = "0.1.0"

__all__ = [
    "RUNTIME_VERSION",
    "SaveImageWarning",
    "SaveQueue",
    "SaveQueueError",
    "remove_leftovers",
    "safe_save",
    "safe_save_image",
]

IfExists: TypeAlias = Literal["unique", "error", "replace", "skip"]
Ranks: TypeAlias = Literal["each", "zero"]
OutOfRange: TypeAlias = Literal["warn", "raise", "clamp"]
NonFinite: TypeAlias = Literal["raise", "zero"]
StrPath: TypeAlias = str | os.PathLike[str]
Images: TypeAlias = torch.Tensor | Sequence[torch.Tensor]
Numbers: TypeAlias = float | Sequence[float] | torch.Tensor
_T = TypeVar("_T")


class SaveImageWarning(UserWarning):
    """Something is saved, but not quite as the caller may think; given once per call site."""


# --------------------------------------------------------------------------------------------
# Warnings, once per call site


@dataclass(frozen=True)
class _Site:
    """Where the user's code called this file."""

    function: str
    file: str
    line: int
    module: str


_warned: set[tuple[str, int, str]] = set()
_warned_under: list[Any] | None = None


def _call_site(function: str) -> _Site:
    frame = sys._getframe()
    here = frame.f_code.co_filename  # not __file__, which may be spelt differently
    while frame.f_back is not None and frame.f_code.co_filename == here:
        frame = frame.f_back
    module = frame.f_globals.get("__name__", "<unknown>")
    return _Site(function, frame.f_code.co_filename, frame.f_lineno, module)


def _already_warned(site: _Site, topic: str) -> bool:
    """Whether this call site has said so before; entering ``catch_warnings`` starts afresh."""
    global _warned_under
    filters = cast("list[Any]", warnings.filters)
    if filters is not _warned_under:
        _warned.clear()
        _warned_under = filters
    return (site.file, site.line, topic) in _warned


def _warn_once(site: _Site, topic: str, message: str) -> None:
    if _already_warned(site, topic):
        return
    _warned.add((site.file, site.line, topic))
    # A registry of its own, so that Python's "once per text" does not decide in our place.
    text = f"{site.function}: {message}"
    warnings.warn_explicit(text, SaveImageWarning, site.file, site.line, site.module, {})


# --------------------------------------------------------------------------------------------
# Names

_NAME_LIMIT = 255  # bytes; the limit of nearly every file system in use
_REMEMBERED_NAMES = 65_536
_DOUBLE_SUFFIXES = {".tar", ".gz", ".bz2", ".xz", ".zst", ".zip"}

_next_index: OrderedDict[str, int] = OrderedDict()
_next_index_lock = threading.Lock()


def _forget_after_fork() -> None:
    """A lock held by another thread at the time of a fork would stay held for ever."""
    global _next_index_lock
    _next_index_lock = threading.Lock()
    _temporaries.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def _split_suffix(name: str) -> tuple[str, str]:
    """Stem and suffix: ``a.png``, ``a.pth.tar`` as one suffix, none for ``v1.5`` (a number)."""
    path = Path(name)
    if not path.suffix or path.suffix[1:].isdigit():
        return name, ""
    inner = Path(path.stem)
    if path.suffix.lower() in _DOUBLE_SUFFIXES and re.fullmatch(r"\.[A-Za-z]{1,5}", inner.suffix):
        return inner.stem, inner.suffix + path.suffix
    return path.stem, path.suffix


def _shorten(stem: str, surplus: int) -> str:
    """The stem without its last `surplus` bytes, cut between characters."""
    raw = os.fsencode(stem)
    keep = max(len(raw) - surplus, 1)
    while keep < len(raw) and raw[keep] & 0xC0 == 0x80:
        keep -= 1
    return os.fsdecode(raw[: max(keep, 1)])


class _Names:
    """The sequence of names for one wished path: itself, then numbered ones.

    Index 0 is the path as given. With a rank, index 1 is ``{stem}_rank{r}{suffix}`` and numbering
    goes on from there, so names of different ranks never meet.
    """

    def __init__(self, path: Path, template: str, rank: int | None) -> None:
        self.path = path
        self.folder = path.parent
        self.template = template
        self.stem, self.suffix = _split_suffix(path.name)
        self.rank = rank
        folder = str(self.folder.absolute())
        self.key = "\0".join((folder, path.name, template, "" if rank is None else str(rank)))

    def at(self, index: int) -> Path:
        if index == 0:
            return self.path
        stem = self.stem
        tail = ""
        if self.rank is not None:
            tail = f"_rank{self.rank}"
            index -= 1
        name = self._format(stem + tail, index)
        surplus = len(os.fsencode(name)) - _NAME_LIMIT
        if surplus > 0:
            name = self._format(_shorten(stem, surplus) + tail, index)
        return self.folder / name

    def _format(self, stem: str, number: int) -> str:
        if number == 0:
            return stem + self.suffix
        return self.template.format(stem=stem, n=number, suffix=self.suffix)

    def take(self, at_least: int = 0) -> int:
        """The next index nobody in this process has had."""
        with _next_index_lock:
            index = max(_next_index.pop(self.key, 0), at_least)
            _next_index[self.key] = index + 1
            if len(_next_index) > _REMEMBERED_NAMES:
                _next_index.popitem(last=False)
        return index

    def first_free(self, taken: int) -> int:
        """An index that is free while the one before is taken, in O(log n) looks.

        `taken` is known to exist. Strides double until a free name is met; bisection then closes
        in on the border. With gaps between the files any border will do.
        """
        stride = 1
        while os.path.lexists(self.at(taken + stride)):
            taken += stride
            stride *= 2
        free = taken + stride
        while free - taken > 1:
            middle = (taken + free) // 2
            if os.path.lexists(self.at(middle)):
                taken = middle
            else:
                free = middle
        return free


def _check_template(template: str) -> str:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        first, second = (template.format(stem="s", n=n, suffix=".x") for n in (1, 2))
    except (AttributeError, IndexError, KeyError, ValueError) as problem:
        raise ValueError(
            f"unique_name={template!r} is no usable pattern ({problem}); "
            "it may hold {stem}, {n} (also {n:05d}) and {suffix}"
        ) from None
    if not names <= {"stem", "n", "suffix"} or first == second:
        raise ValueError(
            f"unique_name={template!r} must hold {{n}}, and besides it only {{stem}} and {{suffix}}"
        )
    if os.sep in first or (os.altsep and os.altsep in first):
        raise ValueError(f"unique_name={template!r} must be a file name without folders")
    return template


# --------------------------------------------------------------------------------------------
# Whole files only

_TEMPORARY = re.compile(r"\.saveimage-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.tmp")
_LOCK = re.compile(r"\.saveimage-[0-9a-f]{16}\.lock")
_temporaries: set[Path] = set()  # of this process, for the exit


def _host() -> str:
    """Names the machine and its process table: where a process number means the same process."""
    try:
        processes = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        processes = ""
    return hashlib.sha256(f"{socket.gethostname()} {processes}".encode()).hexdigest()[:8]


_HOST = _host()


def _temporary_path(folder: Path) -> Path:
    return folder / f".saveimage-{_HOST}-{os.getpid()}-{os.urandom(4).hex()}.tmp"


@atexit.register
def _remove_own_temporaries() -> None:
    """What an interrupt between two instructions may have left."""
    for path in list(_temporaries):
        _discard(path)


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
    _temporaries.discard(path)


def _explain(problem: OSError, target: Path) -> OSError:
    """The same error about the file that the user knows, instead of the temporary one."""
    reason = problem.strerror or str(problem)
    if problem.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        reason += " (nothing was written under this name; what was there before is intact)"
    explained = OSError(problem.errno, reason, str(target))
    explained.__cause__ = problem.__cause__
    return explained


def _make_folders(folder: Path, durable: bool) -> None:
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
            _sync_folder(made.parent)


def _sync_folder(folder: Path) -> None:
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


_NO_LINKS_HERE = {
    errno.EPERM,
    errno.EACCES,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EMLINK,
    errno.EXDEV,
    errno.EINVAL,
}


def _publish(temporary: Path, final: Path) -> None:
    """Give the temporary file its name, or raise FileExistsError if the name is taken.

    A hard link is exclusive on every file system that has it, NFS included.
    """
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise
    except (OSError, AttributeError) as problem:
        if isinstance(problem, OSError) and problem.errno not in _NO_LINKS_HERE:
            raise
    else:
        _discard(temporary)
        return
    if not _rename_exclusively(temporary, final):
        _rename_under_lock(temporary, final)
    _temporaries.discard(temporary)


def _rename_exclusively(temporary: Path, final: Path) -> bool:
    """A rename that refuses to replace, as the kernel offers it; False where it does not."""
    if os.name == "nt":
        temporary.rename(final)
        return True
    rename = _kernel_rename()
    if rename is None:
        return False
    if rename(os.fsencode(temporary), os.fsencode(final)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NO_LINKS_HERE:
        return False
    raise OSError(code, os.strerror(code), str(final))


def _kernel_rename() -> Callable[[bytes, bytes], int] | None:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            renamex = libc.renamex_np
            return lambda old, new: cast("int", renamex(old, new, 4))  # RENAME_EXCL
        renameat2 = libc.renameat2
        here = -100  # AT_FDCWD
        return lambda old, new: cast("int", renameat2(here, old, here, new, 1))  # RENAME_NOREPLACE
    except (OSError, AttributeError):
        return None


def _rename_under_lock(temporary: Path, final: Path) -> None:
    """Last resort: whoever creates the lock file of a name may look and rename.

    A name whose lock is there counts as taken, so nobody waits, and the lock of a killed process
    costs one number and no more. The final name never shows anything but the whole file.
    """
    digest = hashlib.sha256(os.fsencode(final.name)).hexdigest()[:16]
    lock = final.parent / f".saveimage-{digest}.lock"
    with lock.open("x", encoding="ascii") as handle:
        _temporaries.add(lock)
        handle.write(f"{_HOST} {os.getpid()}")
    try:
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
        temporary.rename(final)
    finally:
        _discard(lock)


def remove_leftovers(
    folder: StrPath, *, recursive: bool = False, older_than: float = 86_400.0
) -> list[Path]:
    """Remove the temporary files that killed processes left in `folder`; returns their paths.

    A temporary file (``.saveimage-*.tmp``, ``.saveimage-*.lock``) goes when its process has ended,
    or, if it was made on another machine or in another container, when it was last written more
    than `older_than` seconds ago. Files of running processes stay, so this may run at any time.

    Raises:
        NotADirectoryError: `folder` is no folder.
        OSError: a file could not be removed; those before it are gone.
    """
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "remove_leftovers needs a folder", str(root))
    removed = []
    for path in sorted(root.glob("**/.saveimage-*" if recursive else ".saveimage-*")):
        if _is_left_over(path, older_than):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
                removed.append(path)
    return removed


def _is_left_over(path: Path, older_than: float) -> bool:
    try:
        status = path.lstat()
        # a folder or a link of such a name is nothing that this file makes
        owner = _owner(path) if stat.S_ISREG(status.st_mode) else None
    except OSError:
        return False
    if owner is None:
        return False
    host, pid = owner
    if host != _HOST:
        return time.time() - status.st_mtime > older_than
    return not _is_running(pid)


def _owner(path: Path) -> tuple[str, int] | None:
    """Host and process that made a temporary file; None for a file that is not ours."""
    if match := _TEMPORARY.fullmatch(path.name):
        return match["host"], int(match["pid"])
    if _LOCK.fullmatch(path.name):
        # Whoever swaps the file for a link or a pipe meanwhile must not be followed or waited for.
        flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, os.O_RDONLY | flags), "rb") as handle:
            host, _, pid = handle.read(64).decode("ascii", "replace").partition(" ")
        return (host, int(pid)) if pid.isdigit() else ("", 0)
    return None


def _is_running(pid: int) -> bool:
    if os.name == "nt":  # there os.kill would end the process
        return pid == os.getpid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


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
class _Destination:
    """Where a file goes and what happens if the name is taken."""

    path: Path
    if_exists: IfExists
    template: str
    durable: bool
    rank: int | None

    def early(self) -> Path | None:
        """The answer if the file need not, or must not, be made at all."""
        if self.if_exists in ("unique", "replace"):
            if self.if_exists == "replace" and self.path.is_dir():
                raise IsADirectoryError(
                    errno.EISDIR,
                    "is a folder; a file of this name cannot be written",
                    str(self.path),
                )
            return None
        if not os.path.lexists(self.path):
            return None
        if self.path.is_dir():
            raise IsADirectoryError(
                errno.EISDIR, "is a folder; a file of this name cannot be written", str(self.path)
            )
        if self.if_exists == "skip":
            return self.path
        raise self._exists()

    def _exists(self) -> FileExistsError:
        return FileExistsError(
            errno.EEXIST,
            'is there already (if_exists="unique" takes the next free name, "replace" replaces)',
            str(self.path),
        )

    def reserve(self) -> int | None:
        """A number taken now, so that files written later are numbered in today's order."""
        if self.if_exists != "unique":
            return None
        names = _Names(self.path, self.template, self.rank)
        index = names.take()
        if index == 0 and os.path.lexists(self.path):
            index = names.take(names.first_free(0))
        return index

    def put(self, write: Callable[[IO[bytes]], object], index: int | None = None) -> Path:
        """Write a file beside the destination, then give it its name; nothing stays on errors.

        `index` is what :meth:`reserve` gave, if it was asked.
        """
        final = self.path
        if self.if_exists == "replace":  # as torch.save does, write what a symbolic link points to
            final = Path(os.path.realpath(self.path))
        temporary = _temporary_path(final.parent)
        try:
            _make_folders(final.parent, self.durable)
            self._write(temporary, write)
            shown = self._name(temporary, final, index)
            if self.durable:
                _sync_folder(final.parent)
        except OSError as problem:
            if str(problem.filename) == str(temporary) or problem.filename is None:
                raise _explain(problem, self.path) from None
            raise
        finally:
            _discard(temporary)
        return shown

    def _write(self, temporary: Path, write: Callable[[IO[bytes]], object]) -> None:
        _temporaries.add(temporary)
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
        if self.if_exists == "unique":
            return self._name_uniquely(temporary, index)
        try:
            _publish(temporary, final)
        except FileExistsError:
            if self.if_exists == "error":
                raise self._exists() from None
        return self.path

    def _name_uniquely(self, temporary: Path, index: int | None) -> Path:
        names = _Names(self.path, self.template, self.rank)
        if index is None:
            index = names.take()
        while True:
            candidate = names.at(index)
            try:
                _publish(temporary, candidate)
            except FileExistsError:
                index = names.take(names.first_free(index))
            else:
                return candidate


def _destination(
    path: StrPath,
    *,
    if_exists: IfExists,
    unique_name: str,
    durable: bool | None,
    ranks: Ranks | None,
    site: _Site,
) -> _Destination:
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"path must be text or a pathlib.Path, not {type(text).__name__}")
    if not text or text.endswith(("/", os.sep)) or Path(text).name in ("", ".."):
        raise ValueError(f"path {text!r} names no file")
    target = Path(text)
    size = len(os.fsencode(target.name))
    if size > _NAME_LIMIT:
        raise OSError(
            errno.ENAMETOOLONG, f"the file name has {size} bytes, {_NAME_LIMIT} are possible", text
        )
    _one_of("if_exists", if_exists, ("unique", "error", "replace", "skip"))
    _check_template(unique_name)
    if durable is None:
        durable = if_exists == "replace"
    rank, world = _rank()
    if world == 1:
        return _Destination(target, if_exists, unique_name, durable, None)
    if if_exists != "unique" and rank > 0 and ranks != "zero":
        if ranks == "each":
            stem, suffix = _split_suffix(target.name)
            target = target.with_name(f"{stem}_rank{rank}{suffix}")
        elif if_exists == "replace" and not re.search(rf"(?<!\d)0*{rank}(?!\d)", text):
            _warn_once(
                site,
                "ranks",
                f"rank {rank} of {world} replaces {text}, a name that other ranks may write as "
                'well; pass ranks="zero" (rank 0 writes) or ranks="each" (one file a rank)',
            )
    # A script that saves on rank 0 only, as most do, keeps plain numbers.
    carries = if_exists == "unique" and (ranks == "each" or (ranks is None and rank > 0))
    numbered = rank if carries else None
    return _Destination(target, if_exists, unique_name, durable, numbered)


def _one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    if value not in allowed:
        choices = ", ".join(repr(a) for a in allowed)
        raise ValueError(f"{name}={value!r} is unknown; choose one of {choices}")


# --------------------------------------------------------------------------------------------
# Ranks


def _rank() -> tuple[int, int]:
    """Global rank and number of ranks; (0, 1) unless torch.distributed is in use."""
    dist = torch.distributed
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def _on_rank_zero(target: object, check: Callable[[], object], work: Callable[[], Path]) -> Path:
    """Do the work on rank 0; every rank gets the path, or the error, by one broadcast.

    Nothing raises before the broadcast, or the other ranks would wait in it for ever.
    """
    if _is_file(target):
        raise TypeError('ranks="zero" needs a path; a file object is not known to the other ranks')
    rank, world = _rank()
    if world == 1:
        return work()
    answer: list[Any] = [None]
    problem: BaseException | None = None
    try:
        if rank == 0:
            answer = [("path", str(work()))]
        else:
            check()
    except BaseException as caught:
        problem = caught
        answer = [("error", f"{type(caught).__name__}: {caught}")]
    torch.distributed.broadcast_object_list(answer, src=0)
    if problem is not None:
        raise problem
    kind, text = answer[0]
    if kind == "error":
        raise RuntimeError(f"rank 0 could not save: {text}")
    return Path(text)


# --------------------------------------------------------------------------------------------
# Tensors to pixels

_CPU_CHUNK = 262_144  # values; 1 MiB of float32 stays in the second-level cache between the steps
_ONE_THREAD_CHUNK = 32_768  # values; up to there torch starts no threads of its own


@dataclass(frozen=True)
class _Look:
    """How tensors become a picture: torchvision's make_grid keywords, and ours."""

    nrow: int = 8
    padding: int = 2
    normalize: bool = False
    value_range: tuple[float, float] | None = None
    scale_each: bool = False
    pad_value: float = 0.0
    mean: Numbers | None = None
    std: Numbers | None = None
    out_of_range: OutOfRange = "warn"
    non_finite: NonFinite = "raise"
    grayscale: bool = False
    bits: int | None = None

    def check(self) -> None:
        _one_of("out_of_range", self.out_of_range, ("warn", "raise", "clamp"))
        _one_of("non_finite", self.non_finite, ("raise", "zero"))
        _one_of("bits", self.bits, (None, 8, 16))
        if self.nrow < 1:
            raise ValueError(f"nrow={self.nrow} must be at least 1")
        if self.padding < 0:
            raise ValueError(f"padding={self.padding} must not be negative")
        if self.value_range is None:
            return
        if not isinstance(self.value_range, (tuple, list)) or len(self.value_range) != 2:
            raise TypeError(f"value_range={self.value_range!r} must be a tuple (lowest, highest)")
        low, high = self.value_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"value_range={self.value_range!r} must be finite and increasing")


@dataclass(frozen=True)
class _Picture:
    """Pixels in planes (C, H, W), on the tensor's device, and what is needed to judge them."""

    pixels: torch.Tensor  # uint8, or int32 for 16 bits
    values: torch.Tensor | None  # the numbers that were measured; None if they may have changed
    extremes: torch.Tensor | None  # (2,) lowest and highest value, NaN if any is; None: as given
    bounds: tuple[float, float] | None  # what is not clipped
    total: int
    integers: bool = False
    slack: float = 0.0  # half a level: up to there it is rounding, not clipping
    outside: torch.Tensor | None = None  # int64, how many values are clipped, if counted already

    def count_outside(self) -> torch.Tensor:
        """How many values are clipped. Asked only where there are values and bounds."""
        if self.outside is not None:
            return self.outside
        assert self.values is not None
        assert self.bounds is not None
        low, high = self.bounds
        return ((self.values < low - self.slack) | (self.values > high + self.slack)).sum()

    def counted(self) -> _Picture:
        """The same without the values, which the caller may change; does not wait."""
        if self.values is None or self.bounds is None:
            return replace(self, values=None)
        return replace(self, values=None, outside=self.count_outside())

    def clips(self) -> bool:
        """Whether values are outside the bounds. Waits for the device."""
        if self.extremes is None or self.bounds is None:
            return False
        lowest, highest = self.extremes.tolist()
        low, high = self.bounds
        return not (low - self.slack <= lowest and highest <= high + self.slack)

    def pack(self) -> torch.Tensor:
        """Everything in one run of bytes, for one transfer."""
        parts = (self.pixels, self.extremes, self.outside)
        return torch.cat([_bytes_of(part) for part in parts if part is not None])

    def unpack(self, packed: torch.Tensor) -> _Picture:
        """The picture with its tensors taken from the bytes of :meth:`pack`."""
        start = 0

        def take(part: torch.Tensor) -> torch.Tensor:
            nonlocal start
            piece = packed[start : start + part.numel() * part.element_size()]
            start += piece.numel()
            aligned = piece if part.element_size() == 1 else piece.clone()
            return aligned.view(part.dtype).view(part.shape)

        return replace(
            self,
            pixels=take(self.pixels),
            extremes=None if self.extremes is None else take(self.extremes),
            outside=None if self.outside is None else take(self.outside),
        )

    def on_host(self) -> _Picture:
        return self if self.pixels.device.type == "cpu" else self.unpack(self.pack().cpu())


def _bytes_of(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().view(-1).view(torch.uint8)


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(str(n) for n in tensor.shape) or "()"


def _one_tensor(images: Images) -> torch.Tensor:
    if isinstance(images, torch.Tensor):
        return _plain(images)
    if not isinstance(images, (list, tuple)):
        hint = "; pass torch.from_numpy(array)" if type(images).__module__ == "numpy" else ""
        raise TypeError(
            f"a tensor or a list of tensors is needed, not {type(images).__name__}{hint}"
        )
    if not images:
        raise ValueError("the list of images is empty; there is nothing to save")
    for i, image in enumerate(images):
        if not isinstance(image, torch.Tensor):
            raise TypeError(f"item {i} of the list is {type(image).__name__}, not a tensor")
    plain = [_plain(image) for image in images]
    for i, image in enumerate(plain):
        if image.shape != plain[0].shape:
            raise ValueError(
                f"images of one grid must have one size: item 0 is {_shape(plain[0])}, "
                f"item {i} is {_shape(image)}; resize or pad them, or save them one by one"
            )
    return torch.stack(plain)


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as dense, real values without a gradient; never a changed input."""
    if tensor.is_meta:
        raise TypeError("a tensor on the meta device has no values to save")
    if hasattr(tensor, "full_tensor"):
        raise TypeError("a distributed tensor (DTensor): pass tensor.full_tensor()")
    if tensor.is_nested:
        raise TypeError("a nested tensor: pass a list, tensor.unbind()")
    tensor = tensor.detach()
    if tensor.is_complex():
        raise TypeError("a complex tensor has no grey levels: pass tensor.abs() or tensor.real")
    if tensor.is_quantized:
        return tensor.dequantize()
    if tensor.layout is not torch.strided:
        return tensor.to_dense()
    return tensor


def _batch(images: Images) -> torch.Tensor:
    """(B, C, H, W) with 1 to 4 channels and at least one pixel, or a clear error."""
    tensor = _one_tensor(images)
    given = _shape(tensor)
    if tensor.dim() == 5:
        raise ValueError(
            f"a 5-D tensor ({given}) is no image or batch of images; for a video "
            "of shape (B, C, T, H, W) pass tensor.transpose(1, 2).flatten(0, 1)"
        )
    if not 2 <= tensor.dim() <= 4:
        raise ValueError(
            f"a tensor of shape {given} is no image; pass (H, W), (C, H, W) or (B, C, H, W)"
        )
    if tensor.numel() == 0:
        raise ValueError(f"the tensor is empty (shape {given}); there is nothing to save")
    if tensor.dim() == 2:
        tensor = tensor.unsqueeze(0)
    if tensor.dim() == 3:
        tensor = tensor.unsqueeze(0)
    channels = tensor.size(1)
    if channels > 4:
        if tensor.size(3) <= 4:
            order = "0, 3, 1, 2" if given.count("x") == 3 else "2, 0, 1"
            raise ValueError(
                f"shape {given} looks like channels last; pass tensor.permute({order})"
            )
        raise ValueError(
            f"shape {given} has {channels} channels; an image has 1 (grey), 2 (grey, alpha), "
            "3 (RGB) or 4 (RGB, alpha). Greyscale images in a batch: pass tensor.unsqueeze(1)"
        )
    return tensor


def _picture(images: Images, look: _Look, chunk: int = _CPU_CHUNK) -> _Picture:
    """From tensors to a grid of pixels on the same device, without waiting for the device."""
    with torch.no_grad():
        batch = _batch(images)
        bits = look.bits or (16 if batch.dtype is getattr(torch, "uint16", None) else 8)
        if bits == 16 and batch.size(1) > 1:
            raise ValueError(
                f"16 bits need one channel (greyscale), shape {_shape(batch)} has "
                f"{batch.size(1)}; pass an 8-bit or float tensor, or save the channels one by one"
            )
        levels = 2**bits - 1
        asks = look.normalize or look.value_range is not None
        if look.mean is not None or look.std is not None:
            if not batch.is_floating_point():
                raise TypeError(
                    f"mean= and std= undo a Normalize of floats; this tensor is {batch.dtype}"
                )
            batch = _denormalize(batch, look)
        if batch.is_floating_point() or asks:
            return _from_floats(_floats(batch), look, levels, chunk)
        return _from_integers(batch, look, levels)


def _floats(batch: torch.Tensor) -> torch.Tensor:
    """Integers as the floating type that holds them; floats as they are."""
    if batch.is_floating_point():
        return batch
    wide = batch.dtype in (torch.int32, torch.int64) or _unsigned(batch) in ("uint32", "uint64")
    return batch.to(torch.float64 if wide and batch.device.type != "mps" else torch.float32)


def _per_channel(name: str, value: Numbers, batch: torch.Tensor) -> torch.Tensor:
    numbers = torch.as_tensor(value, dtype=batch.dtype, device=batch.device).reshape(-1)
    if numbers.numel() not in (1, batch.size(1)):
        raise ValueError(
            f"{name} has {numbers.numel()} values, the image has {batch.size(1)} channels"
        )
    return numbers.view(1, -1, 1, 1)


def _denormalize(batch: torch.Tensor, look: _Look) -> torch.Tensor:
    """``x * std + mean``, the inverse of torchvision.transforms.Normalize, in float32 or wider."""
    batch = batch.to(_compute_dtype(batch))
    if look.std is not None:
        batch = batch * _per_channel("std", look.std, batch)
    if look.mean is not None:
        batch = batch + _per_channel("mean", look.mean, batch)
    return batch


def _compute_dtype(tensor: torch.Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype is torch.float64 else torch.float32


def _from_floats(batch: torch.Tensor, look: _Look, levels: int, chunk: int) -> _Picture:
    """Torchvision's arithmetic, in its order, so that valid input gives its pixels bit for bit."""
    values = batch.contiguous()
    if look.non_finite == "zero":
        values = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    by_content = look.normalize and look.value_range is None
    low, high = look.value_range or (0.0, 1.0)
    mapping = None
    if by_content:
        mapping = _content_mapping(values, look.scale_each)
    elif look.value_range is not None:
        mapping = _Mapping(low, high, max(high - low, 1e-5))
    slack = 0.5 * (high - low) / levels
    out = torch.empty(
        values.shape, dtype=torch.uint8 if levels == 255 else torch.int32, device=values.device
    )
    extremes = []
    rows = values.size(0) if by_content and look.scale_each else 1
    for part, target in _chunks(values.view(rows, -1), out.view(rows, -1), chunk):
        work = part.to(_compute_dtype(part))
        ends = torch.stack(torch.aminmax(work))
        extremes.append(ends)
        inside = False
        if part.device.type == "cpu":
            lowest, highest = ends.tolist()
            inside = low - slack < lowest and highest < high + slack
        if mapping is not None:
            work = mapping.apply(work, clip=not (inside or by_content))
            work = work.mul_(levels)
        else:
            work = work.mul(levels)
        work = work.add_(0.5)
        if mapping is None and not inside:
            work = work.clamp_(0, levels)
        target.copy_(work)
    pad = _pad_level(look.pad_value, levels, _compute_dtype(values))
    return _Picture(
        pixels=_arrange(out, look, pad),
        values=values,
        extremes=_join(extremes),
        bounds=None if by_content else (low, high),
        total=values.numel(),
        slack=slack,
    )


@dataclass(frozen=True)
class _Mapping:
    """Linear, from [low, high] to [0, 1]; numbers, or tensors (B, 1) for one mapping an image."""

    low: Any
    high: Any
    width: Any

    def apply(self, values: torch.Tensor, *, clip: bool) -> torch.Tensor:
        values = values.clamp(min=self.low, max=self.high) if clip else values
        return values.sub(self.low).div_(self.width)


def _content_mapping(values: torch.Tensor, scale_each: bool) -> _Mapping:
    """From the lowest and highest value there are, of all images or of each."""
    values = values.to(_compute_dtype(values))
    if not scale_each:
        lowest, highest = torch.aminmax(values)
        low, high = float(lowest), float(highest)
        return _Mapping(low, high, max(high - low, 1e-5))
    flat = values.view(values.size(0), -1)
    lows, highs = torch.aminmax(flat, dim=1, keepdim=True)
    exact = torch.float32 if values.device.type == "mps" else torch.float64
    width = (highs.to(exact) - lows.to(exact)).clamp(min=1e-5)
    return _Mapping(lows, highs, width.to(values.dtype))


def _join(extremes: list[torch.Tensor]) -> torch.Tensor:
    if len(extremes) == 1:
        return extremes[0]
    ends = torch.stack(extremes)
    return torch.stack((ends[:, 0].amin(), ends[:, 1].amax()))


def _chunks(
    values: torch.Tensor, out: torch.Tensor, chunk: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pieces of (rows, n) that fit a CPU's cache; on an accelerator everything at once."""
    if values.device.type != "cpu" or values.size(0) > 1:
        return [(values, out)]
    parts = torch.split(values, chunk, dim=1), torch.split(out, chunk, dim=1)
    return list(zip(*parts, strict=True))


def _pad_level(pad_value: float, levels: int, dtype: torch.dtype) -> int:
    pad = torch.full((1,), pad_value, dtype=dtype, device="cpu")
    return int(pad.mul_(levels).add_(0.5).clamp_(0, levels).item())


def _from_integers(batch: torch.Tensor, look: _Look, levels: int) -> _Picture:
    """uint8 as it is; bool as black and white; other integers as grey levels."""
    narrow = torch.uint8 if levels == 255 else torch.int32
    total = batch.numel()
    if batch.dtype is torch.bool:
        pad = _pad_level(look.pad_value, levels, torch.float32)
        pixels = _arrange(batch.to(narrow).mul_(levels), look, pad)
        return _Picture(pixels, None, None, None, total)
    pad = min(max(round(look.pad_value), 0), levels)
    if batch.dtype is torch.uint8:
        return _Picture(_arrange(batch.to(narrow), look, pad), None, None, None, total)
    values = batch
    if name := _unsigned(batch):  # torch computes little with these
        values = batch.to(torch.int32 if name == "uint16" else torch.int64)
    extremes = torch.stack(torch.aminmax(values))
    pixels = _arrange(values.clamp(0, levels).to(narrow), look, pad)
    return _Picture(pixels, values, extremes, (0.0, float(levels)), total, integers=True)


def _unsigned(tensor: torch.Tensor) -> str:
    """The name of a wide unsigned type (torch 2.3 and later), or nothing."""
    name = str(tensor.dtype).removeprefix("torch.")
    return name if name in ("uint16", "uint32", "uint64") else ""


def _arrange(tiles: torch.Tensor, look: _Look, pad: int) -> torch.Tensor:
    """(B, C, H, W) to one picture (C, H', W'): torchvision's grid in two copies at most.

    In planes, because rows of one channel are copied several times faster than single pixels.
    """
    count, channels, height, width = tiles.shape
    if count == 1:
        return tiles[0]
    columns = min(look.nrow, count)
    rows = -(-count // columns)
    step_y, step_x, edge = height + look.padding, width + look.padding, look.padding
    size = (channels, rows * step_y + edge, columns * step_x + edge)
    grid = torch.full(size, pad, dtype=tiles.dtype, device=tiles.device)
    cells = grid[:, edge:, edge:].view(channels, rows, step_y, columns, step_x)
    cells = cells[:, :, :height, :, :width]
    full, rest = divmod(count, columns)
    if full:
        block = tiles[: full * columns].view(full, columns, channels, height, width)
        cells[:, :full].copy_(block.permute(2, 0, 3, 1, 4))
    if rest:
        cells[:, full, :, :rest].copy_(tiles[full * columns :].permute(1, 2, 0, 3))
    return grid


def _judge(picture: _Picture, look: _Look, site: _Site, label: str) -> None:
    """Raise or warn about values that cannot be shown. Waits for the device."""
    if picture.extremes is None:
        return
    lowest, highest = picture.extremes.tolist()
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise _non_finite(picture.values, label)
    if picture.bounds is None or look.out_of_range == "clamp" or not picture.clips():
        return
    if look.out_of_range == "warn" and _already_warned(site, "range"):
        return
    (low, high), total = picture.bounds, picture.total
    outside = int(picture.count_outside())
    finding = (
        f"{outside:,} of {total:,} values ({100 * outside / total:.3g} %) of {label} are outside "
        f"[{low:g}, {high:g}] (lowest {lowest:.6g}, highest {highest:.6g})"
    )
    advice = _advice(lowest, highest, look, picture.integers)
    if look.out_of_range == "raise":
        raise ValueError(f"{finding}; {advice}")
    _warn_once(site, "range", f"{finding} and were clipped; {advice}")


def _advice(lowest: float, highest: float, look: _Look, integers: bool) -> str:
    if integers:
        return "integers are grey levels; scale them, or pass value_range=(lowest, highest)"
    if look.value_range is None and look.mean is None and -1.001 <= lowest < 0 <= highest <= 1.001:
        return "for images in [-1, 1] pass value_range=(-1, 1)"
    if look.value_range is None and lowest >= 0 and 2 < highest <= 256:
        return "for images in [0, 255] pass value_range=(0, 255)"
    return (
        "pass value_range=(lowest, highest), or mean= and std= to undo a Normalize, "
        'or out_of_range="clamp" if clipping is meant'
    )


def _non_finite(values: torch.Tensor | None, label: str) -> ValueError:
    found = "NaN or infinite values"
    if values is not None:
        nan, infinite = int(values.isnan().sum()), int(values.isinf().sum())
        found = f"{nan:,} NaN and {infinite:,} infinite of {values.numel():,} values"
    return ValueError(
        f"{label}: {found}; an image cannot show them. Look for where they come from, "
        'or pass non_finite="zero" to save them as 0'
    )


# --------------------------------------------------------------------------------------------
# Pixels to files

_MODES = {2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class _Writer:
    """A file format and the options for its writer."""

    format: str
    options: Mapping[str, Any]

    def encode(self, pixels: torch.Tensor, grayscale: bool) -> bytes:
        """The bytes of the file for planes (C, H, W) of uint8 or, for 16 bits, int32."""
        image = _image(pixels, grayscale)
        buffer = io.BytesIO()
        try:
            image.save(buffer, format=self.format, **self.options)
        except (OSError, KeyError) as problem:
            if "mode" not in str(problem):
                raise
            raise ValueError(
                f"{self.format} cannot hold a picture of mode {image.mode}; "
                "drop the alpha channel (tensor[:3], of a batch tensor[:, :3]) or save as PNG"
            ) from None
        return buffer.getvalue()


def _image(pixels: torch.Tensor, grayscale: bool) -> PILImage.Image:
    """A Pillow image of planes (C, H, W) on the CPU; one plane becomes RGB unless `grayscale`."""
    from PIL import Image

    channels, height, width = pixels.shape
    if pixels.dtype is not torch.uint8:
        data = pixels.to(torch.int16).contiguous().numpy()
        return Image.frombuffer("I;16", (width, height), data, "raw", "I;16", 0, 1)
    planes = [
        Image.frombuffer("L", (width, height), plane.contiguous().numpy(), "raw", "L", 0, 1)
        for plane in pixels
    ]
    if channels == 1:
        return planes[0] if grayscale else Image.merge("RGB", planes * 3)
    return Image.merge(_MODES[channels], planes)


def _format_name(path: object, format: str | None) -> str:
    """Pillow's name of a format, from the keyword or the suffix, as Pillow finds it."""
    from PIL import Image

    Image.preinit()
    suffix = Path(str(path)).suffix.lower()
    wanted = suffix if format is None else f".{format.lower()}"
    for look_further in (True, False):
        if format is not None and format.upper() in Image.SAVE:
            return format.upper()
        if wanted in Image.EXTENSION and Image.EXTENSION[wanted].upper() in Image.SAVE:
            return str(Image.EXTENSION[wanted]).upper()
        if look_further:
            Image.init()
    if format is not None:
        raise ValueError(f'format={format!r} is no image format that Pillow writes; try "png"')
    if not suffix:
        raise ValueError(
            f"the name {str(path)!r} has no suffix that says which format to write; "
            'add ".png" or pass format="png"'
        )
    raise ValueError(
        f"no image format is known for the suffix {suffix!r} of {str(path)!r}; "
        'use ".png" or pass format="png"'
    )


_WITH_QUALITY = {"JPEG", "WEBP", "AVIF", "TIFF", "JPEG2000", "MPO"}


def _writer(
    path: object,
    format: str | None,
    quality: int | None = None,
    compress_level: int | None = None,
    save_options: Mapping[str, Any] | None = None,
) -> _Writer:
    name = _format_name(path, format)
    options: dict[str, Any] = {}
    if name == "PNG":
        # Level 1 takes a third of the time of Pillow's level 6; photographs grow by a tenth.
        options["compress_level"] = 1 if compress_level is None else compress_level
    elif compress_level is not None:
        raise ValueError(f"compress_level is for PNG, not for {name}")
    if compress_level is not None and not 0 <= compress_level <= 9:
        raise ValueError(f"compress_level={compress_level} must be between 0 and 9")
    if quality is not None:
        if name not in _WITH_QUALITY:
            raise ValueError(f"quality has no meaning for {name}, which keeps every pixel")
        options["quality"] = quality
    options.update(save_options or {})
    return _Writer(name, options)


def _is_file(path: object) -> bool:
    return hasattr(path, "write") and not isinstance(path, (str, os.PathLike))


def _target(name: str, path: Any, alias: str, other: Any) -> Any:
    """The path, by position or under torchvision's or torch's own keyword."""
    if path is not None and other is not None:
        raise TypeError(f"{name} got both a path and {alias}=; pass one")
    chosen = other if path is None else path
    if chosen is None:
        raise TypeError(f"{name} needs a path (or {alias}=)")
    if not _is_file(chosen) and not isinstance(chosen, (str, os.PathLike)):
        raise TypeError(f"{name} needs a path or a file, not {type(chosen).__name__}")
    return chosen


# --------------------------------------------------------------------------------------------
# Objects


_IMMUTABLE = (int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device)


def _same(item: _T) -> _T:
    return item


def _map_tensors(
    obj: Any,
    change: Callable[[torch.Tensor], Any],
    change_other: Callable[[Any], Any] = _same,
) -> Any:
    """A copy of nested dicts, lists and tuples with every tensor changed, and every other leaf.

    Containers keep their type and attributes (a ``state_dict`` its ``_metadata``). An object met
    twice is one object again.
    """
    done: dict[int, Any] = {}

    def visit(item: Any) -> Any:
        twin: Any
        if id(item) in done:
            return done[id(item)]
        if isinstance(item, torch.Tensor):
            done[id(item)] = change(item)
        elif isinstance(item, dict):
            done[id(item)] = twin = copy.copy(item)
            for key, value in item.items():
                twin[key] = visit(value)
        elif isinstance(item, list):
            done[id(item)] = twin = copy.copy(item)
            twin[:] = [visit(value) for value in item]
        elif isinstance(item, tuple):
            parts = [visit(value) for value in item]
            plain = type(item) is tuple
            make = tuple if plain else getattr(type(item), "_make", type(item))
            done[id(item)] = make(parts)
        elif isinstance(item, _IMMUTABLE):
            return item
        else:
            done[id(item)] = change_other(item)
        return done[id(item)]

    return visit(obj)


def _tensors_in(obj: object) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    seen: set[int] = set()
    todo = [obj]
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, torch.Tensor):
            found.append(item)
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, (list, tuple)):
            todo.extend(item)
    return found


_WASTE = 65_536  # bytes; below this nobody minds


def _storage_of(tensor: torch.Tensor) -> tuple[str, int, int] | None:
    """Device, address and size in bytes of a tensor's storage; None if it has none of its own."""
    if tensor.layout is not torch.strided or tensor.is_meta:
        return None
    try:
        storage = tensor.untyped_storage()
        return str(storage.device), storage.data_ptr(), storage.nbytes()
    except (NotImplementedError, RuntimeError):
        return None


def _wasteful(obj: object) -> dict[tuple[str, int, int], int]:
    """Storages of which the tensors use less than half, with the bytes that they use."""
    used: dict[tuple[str, int, int], int] = {}
    for tensor in _tensors_in(obj):
        storage = _storage_of(tensor)
        if storage is not None:
            used[storage] = used.get(storage, 0) + tensor.numel() * tensor.element_size()
    return {
        storage: size
        for storage, size in used.items()
        if storage[2] > 2 * size and storage[2] - size > _WASTE
    }


def _compacted(obj: Any, wasteful: Mapping[tuple[str, int, int], int]) -> Any:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        if _storage_of(tensor) not in wasteful:
            return tensor
        small = tensor.detach().clone()
        if isinstance(tensor, torch.nn.Parameter):
            return torch.nn.Parameter(small, tensor.requires_grad)
        return small.requires_grad_(tensor.requires_grad)

    return _map_tensors(obj, change)


def _lean(obj: Any, compact: bool, site: _Site, label: str) -> Any:
    """The object to write: views of large storages are copied, or warned about."""
    wasteful = _wasteful(obj)
    if not wasteful:
        return obj
    if compact:
        return _compacted(obj, wasteful)
    whole, used = sum(storage[2] for storage in wasteful), sum(wasteful.values())
    _warn_once(
        site,
        "views",
        f"{label} holds views that use {used:,} bytes of storages of {whole:,} bytes, and a view "
        "is saved with its whole storage; pass compact=True, or tensor.clone()",
    )
    return obj


# --------------------------------------------------------------------------------------------
# The two functions


@dataclass(frozen=True)
class _Job:
    """One save, as asked for: checked arguments, nothing done yet."""

    site: _Site
    target: Any  # a path or a file
    place: _Destination | None  # None for a file
    ranks: Ranks | None

    def early(self) -> Path | None:
        return None if self.place is None else self.place.early()

    @property
    def label(self) -> str:
        return "the file" if self.place is None else str(self.place.path)

    def put(self, write: Callable[[IO[bytes]], object], index: int | None) -> Path:
        if self.place is None:
            write(self.target)
            return cast("Path", self.target)
        return self.place.put(write, index)


@dataclass(frozen=True)
class _ImageJob(_Job):
    look: _Look
    writer: _Writer

    def finish(self, picture: _Picture, index: int | None = None) -> Path:
        """Judge, encode and write a picture that is on the host."""
        _judge(picture, self.look, self.site, self.label)
        data = self.writer.encode(picture.pixels, self.look.grayscale)
        return self.put(lambda handle: handle.write(data), index)


@dataclass(frozen=True)
class _ObjectJob(_Job):
    compact: bool
    options: Mapping[str, Any]

    def finish(self, obj: Any) -> Path:
        return self.write(_lean(obj, self.compact, self.site, self.label))

    def write(self, obj: Any, index: int | None = None) -> Path:
        return self.put(lambda handle: torch.save(obj, handle, **self.options), index)


def _place(
    site: _Site,
    target: Any,
    if_exists: IfExists = "unique",
    unique_name: str = "{stem}_{n}{suffix}",
    durable: bool | None = None,
    ranks: Ranks | None = None,
) -> _Destination | None:
    if _is_file(target):
        return None
    return _destination(
        target,
        if_exists=if_exists,
        unique_name=unique_name,
        durable=durable,
        ranks=ranks,
        site=site,
    )


def _image_job(
    site: _Site,
    target: Any,
    format: str | None,
    options: Mapping[str, Any],
) -> _ImageJob:
    """Check all arguments of an image save before any work is done."""
    look = _Look(**{k: v for k, v in options.items() if k in _LOOK})
    look.check()
    writing = {k: v for k, v in options.items() if k in _WRITING}
    placing = {k: v for k, v in options.items() if k in _PLACING}
    name = getattr(target, "name", "") if _is_file(target) else target
    writer = _writer(name, format, **writing)
    place = _place(site, target, **placing)
    return _ImageJob(site, target, place, options.get("ranks"), look, writer)


def _object_job(site: _Site, target: Any, options: Mapping[str, Any]) -> _ObjectJob:
    placing = {k: v for k, v in options.items() if k in _PLACING}
    saving = {k: v for k, v in options.items() if k not in _PLACING and k != "compact"}
    if not saving.get("_disable_byteorder_record"):  # not in every torch
        saving.pop("_disable_byteorder_record", None)
    place = _place(site, target, **placing)
    compact = bool(options.get("compact", False))
    return _ObjectJob(site, target, place, options.get("ranks"), compact, saving)


_LOOK = frozenset(f.name for f in fields(_Look))
_WRITING = frozenset({"quality", "compress_level", "save_options"})
_PLACING = frozenset({"if_exists", "unique_name", "durable", "ranks"})


def safe_save_image(
    tensor: Images,
    path: StrPath | IO[bytes] | None = None,
    format: str | None = None,
    *,
    fp: StrPath | IO[bytes] | None = None,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    out_of_range: OutOfRange = "warn",
    non_finite: NonFinite = "raise",
    grayscale: bool = False,
    bits: Literal[8, 16] | None = None,
    quality: int | None = None,
    compress_level: int | None = None,
    save_options: Mapping[str, Any] | None = None,
    if_exists: IfExists = "unique",
    unique_name: str = "{stem}_{n}{suffix}",
    durable: bool | None = None,
    ranks: Ranks | None = None,
) -> Path:
    """Save an image, or a grid of images, and return the path of the file that was written.

    A drop-in for :func:`torchvision.utils.save_image` (torchvision/utils.py), whose arguments keep
    their meaning and whose pixels come out bit for bit for float32 and float64 in [0, 1].

    Args:
        tensor: (H, W), (C, H, W) or (B, C, H, W) with 1 to 4 channels, or a list of images of one
            size. Floats are expected in [0, 1] (float16 and bfloat16 are computed in float32),
            uint8 is saved as it is, bool as black and white, other integers as grey levels 0 to
            255 (0 to 65535 with 16 bits). The tensor is not modified.
        path: where to; missing folders are made. A file object is written to and returned.
            ``fp=``, torchvision's name, works as well.
        format: Pillow's name of a format, where the suffix does not say it.
        nrow: images in a row of the grid.
        padding: pixels between images.
        normalize: map the lowest value to 0 and the highest to 1, or, with `value_range`, that.
        value_range: (lowest, highest), mapped to [0, 1] (torchvision: only with `normalize`).
        scale_each: with `normalize`, each image by its own lowest and highest value.
        pad_value: between the images, on the scale of the result: [0, 1], of integers their own.
        mean: with `std`, undoes ``Normalize(mean, std)``: ``tensor * std + mean`` per channel.
        std: see `mean`.
        out_of_range: values that are more than half a grey level outside the range are clipped
            with a warning once per call site (``"warn"``), refused (``"raise"``) or clipped
            silently (``"clamp"``).
        non_finite: NaN and infinity are refused (``"raise"``) or become 0 (``"zero"``).
        grayscale: keep one channel as a greyscale file instead of three equal channels.
        bits: 16 for a greyscale PNG or TIFF of 16 bits; the default is 16 for uint16, else 8.
        quality: for JPEG, WebP and others with loss.
        compress_level: for PNG, 0 to 9; the default 1 takes a third of the time of Pillow's 6.
        save_options: further options for Pillow's writer of the format.
        if_exists: ``"unique"`` takes the next free name; ``"error"`` raises; ``"replace"``
            replaces the file at once; ``"skip"`` leaves the file and returns its path.
        unique_name: pattern of the numbered names, of ``{stem}``, ``{n}`` and ``{suffix}``.
        durable: wait until file and folder are on the disk; the default for ``"replace"``.
        ranks: with torch.distributed, ``"zero"``: rank 0 writes and every rank gets the path (all
            ranks must call); ``"each"``: every rank writes its own file. By default each rank that
            calls writes, and a unique name that is taken gets the rank (rank 0: a plain number).

    Returns:
        The path of the file, or the file object that was passed.

    Raises:
        TypeError: the tensor is complex, meta, nested or no tensor at all.
        ValueError: a shape that is no image, no values, NaN or infinity, values out of range with
            ``out_of_range="raise"``, an unknown format or option.
        FileExistsError: with ``if_exists="error"``.
        OSError: the file could not be written; nothing is left behind, an old file is intact.
    """
    options = {name: value for name, value in locals().items() if name in _IMAGE_OPTIONS}
    site = _call_site("safe_save_image")
    target = _target("safe_save_image", path, "fp", fp)
    _one_of("ranks", ranks, (None, "each", "zero"))

    def prepare() -> _ImageJob:
        return _image_job(site, target, format, options)

    def work() -> Path:
        job = prepare()
        if (done := job.early()) is not None:
            return done
        return job.finish(_picture(tensor, job.look).on_host())

    return _on_rank_zero(target, prepare, work) if ranks == "zero" else work()


_IMAGE_OPTIONS = _LOOK | _WRITING | _PLACING


def safe_save(
    obj: object,
    path: StrPath | IO[bytes] | None = None,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
    *,
    f: StrPath | IO[bytes] | None = None,
    compact: bool = False,
    if_exists: IfExists = "unique",
    unique_name: str = "{stem}_{n}{suffix}",
    durable: bool | None = None,
    ranks: Ranks | None = None,
) -> Path:
    """Save an object as :func:`torch.save` does and return the path of the file.

    Args:
        obj: what torch.save takes. Views that use less than half of their storage are warned
            about, because torch.save writes the whole storage.
        path: where to; missing folders are made. A file object is written to and returned.
            ``f=``, torch's name, works as well.
        pickle_module: as for torch.save, like the three that follow.
        pickle_protocol: see there.
        _use_new_zipfile_serialization: see there.
        _disable_byteorder_record: see there.
        compact: save such views as copies of their own. Tensors that shared a storage of which
            little is used no longer share it when they are loaded.
        if_exists: as for :func:`safe_save_image`, like the three that follow.
        unique_name: see there.
        durable: see there.
        ranks: see there.

    Returns:
        The path of the file, or the file object that was passed.

    Raises:
        FileExistsError: with ``if_exists="error"``.
        OSError: the file could not be written; nothing is left behind, an old file is intact.
    """
    options = {name: value for name, value in locals().items() if name in _OBJECT_OPTIONS}
    site = _call_site("safe_save")
    target = _target("safe_save", path, "f", f)
    _one_of("ranks", ranks, (None, "each", "zero"))

    def prepare() -> _ObjectJob:
        return _object_job(site, target, options)

    def work() -> Path:
        job = prepare()
        if (done := job.early()) is not None:
            return done
        return job.finish(obj)

    return _on_rank_zero(target, prepare, work) if ranks == "zero" else work()


_OBJECT_OPTIONS = _PLACING | {
    "compact",
    "pickle_module",
    "pickle_protocol",
    "_use_new_zipfile_serialization",
    "_disable_byteorder_record",
}


# --------------------------------------------------------------------------------------------
# Off the training loop


class SaveQueueError(RuntimeError):
    """Saves of a :class:`SaveQueue` failed and nobody had asked their futures; see `errors`."""

    def __init__(self, errors: Sequence[BaseException]) -> None:
        self.errors = tuple(errors)
        first = errors[0]
        count = "1 queued save" if len(errors) == 1 else f"{len(errors)} queued saves"
        super().__init__(f"{count} failed; the first: {type(first).__name__}: {first}")


class SavedFuture(Future[_T]):
    """A future that knows whether somebody has looked at its outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = False

    def result(self, timeout: float | None = None) -> _T:
        value_or_error = super().exception(timeout)
        self.seen = True
        if value_or_error is not None:
            raise value_or_error
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        problem = super().exception(timeout)
        self.seen = True
        return problem


class SaveQueue:
    """Saves in background threads; what is queued is a snapshot, so training may go on.

    ::

        with SaveQueue(workers=2, max_pending=8) as queue:
            for step, batch in enumerate(loader):
                queue.save_image(model(batch), "out/sample.png")
                if step % 1000 == 0:
                    queue.save(model.state_dict(), "last.pt", if_exists="replace")

    :meth:`save_image` and :meth:`save` take the arguments of :func:`safe_save_image` and
    :func:`safe_save` and return a :class:`concurrent.futures.Future` of the path. At most
    `max_pending` saves wait or run; then the next call blocks until one is done, so memory stays
    bounded. Numbers of unique names follow the order of the calls, and saves to one path happen in
    that order. Leaving the block, also by an exception, finishes every save; errors that no future
    was asked about are then raised as :class:`SaveQueueError` (warned about, if another exception
    is under way). A queue that is never closed finishes at the exit of the interpreter.

    A forked process (a DataLoader worker) starts with an empty queue of its own, and a pickled
    queue arrives as a new one, so a queue may be part of a dataset.

    Raises:
        ValueError: `workers` or `max_pending` is less than 1.
    """

    def __init__(self, workers: int = 2, max_pending: int = 8) -> None:
        for name, value in (("workers", workers), ("max_pending", max_pending)):
            if value < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        self.workers = workers
        self.max_pending = max_pending
        self._start()
        _queues.add(self)

    def _start(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(self.max_pending)
        self._pool: ThreadPoolExecutor | None = None
        self._pending: set[SavedFuture[Any]] = set()
        self._failed: list[SavedFuture[Any]] = []
        self._last: dict[Path, SavedFuture[Any]] = {}
        self._streams: dict[torch.device, Any] = {}
        self._closed = False

    def __reduce__(self) -> tuple[type[SaveQueue], tuple[int, int]]:
        return type(self), (self.workers, self.max_pending)

    def __enter__(self) -> SaveQueue:
        return self

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except SaveQueueError as failure:
            if problem is None:
                raise
            warnings.warn(str(failure), SaveImageWarning, stacklevel=2)

    def save_image(
        self,
        tensor: Images,
        path: StrPath | IO[bytes] | None = None,
        format: str | None = None,
        *,
        fp: StrPath | IO[bytes] | None = None,
        **options: Any,
    ) -> Future[Path]:
        """As :func:`safe_save_image`; the tensor may be changed as soon as this returns.

        A CPU tensor is copied. Of a CUDA tensor the pixels are made at once, on the device, and
        copied to pinned memory on a stream of their own, which no later kernel waits for.

        Raises:
            RuntimeError: the queue is closed.
            TypeError, ValueError: arguments or a tensor that :func:`safe_save_image` refuses, and
                ``ranks="zero"``. NaN, clipping that raises and errors of the file system come with
                the future.
        """
        site = _call_site("SaveQueue.save_image")
        _known(options, _IMAGE_OPTIONS, "SaveQueue.save_image")
        target = _target("SaveQueue.save_image", path, "fp", fp)
        job = _image_job(site, target, format, options)

        def snapshot() -> Callable[[int | None], Path]:
            batch = _batch(tensor)
            if batch.device.type == "cpu":
                own = _own(batch, tensor)
                return lambda index: job.finish(_picture(own, job.look, _ONE_THREAD_CHUNK), index)
            picture = _picture(batch, job.look).counted()
            if batch.is_cuda:
                arrive = self._fetch(picture)
                return lambda index: job.finish(arrive(), index)
            host = picture.on_host()
            return lambda index: job.finish(host, index)

        return self._submit(job, snapshot)

    def save(
        self,
        obj: object,
        path: StrPath | IO[bytes] | None = None,
        *,
        f: StrPath | IO[bytes] | None = None,
        **options: Any,
    ) -> Future[Path]:
        """As :func:`safe_save`; the object may be changed as soon as this returns.

        Tensors are copied to the CPU (and are CPU tensors in the file), shared storages stay
        shared; whatever else is in the object is copied with :func:`copy.deepcopy`.

        Raises:
            RuntimeError: the queue is closed.
            TypeError, ValueError: arguments that :func:`safe_save` refuses, and ``ranks="zero"``.
                Errors of the file system come with the future.
        """
        site = _call_site("SaveQueue.save")
        _known(options, _OBJECT_OPTIONS, "SaveQueue.save")
        target = _target("SaveQueue.save", path, "f", f)
        job = _object_job(site, target, options)

        def snapshot() -> Callable[[int | None], Path]:
            lean = _lean(obj, job.compact, site, job.label)
            copied, arrive = _snapshot(lean)

            def finish(index: int | None) -> Path:
                arrive()
                return job.write(copied, index)

            return finish

        return self._submit(job, snapshot)

    def flush(self) -> None:
        """Wait until everything that was queued is written.

        Raises:
            SaveQueueError: saves failed whose futures nobody has asked; each is raised once.
        """
        self._join_fork()
        while True:
            with self._lock:
                pending = list(self._pending)
            if not pending:
                break
            wait(pending)
        with self._lock:
            failed = [future for future in self._failed if not future.seen]
            self._failed.clear()
        errors = [problem for future in failed if (problem := future.exception()) is not None]
        if errors:
            raise SaveQueueError(errors) from errors[0]

    def close(self) -> None:
        """:meth:`flush`, which may raise, and end the threads."""
        try:
            self.flush()
        finally:
            self._closed = True
            if self._pool is not None:
                self._pool.shutdown(wait=True)
                self._pool = None

    def _join_fork(self) -> None:
        """Threads do not survive a fork; the saves of the parent are the parent's."""
        if self._pid != os.getpid():
            self._start()

    def _submit(
        self, job: _Job, snapshot: Callable[[], Callable[[int | None], Path]]
    ) -> Future[Path]:
        self._join_fork()
        if self._closed:
            raise RuntimeError("the SaveQueue is closed")
        if job.ranks == "zero":
            raise ValueError(
                'ranks="zero" makes every rank wait for rank 0, which a queue must not; '
                "queue on rank 0 only, or call safe_save_image or safe_save"
            )
        self._room.acquire()
        future: SavedFuture[Path] = SavedFuture()
        try:
            finish = snapshot()
            with self._lock:
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(self.workers, "SaveQueue")
                index = None if job.place is None else job.place.reserve()
                before = self._follow(job, future)
                self._pending.add(future)
                self._pool.submit(self._run, future, job, finish, index, before)
        except BaseException:
            self._pending.discard(future)
            self._room.release()
            raise
        return future

    def _follow(self, job: _Job, future: SavedFuture[Path]) -> SavedFuture[Any] | None:
        """The save that must be done before, because it writes the same path."""
        if job.place is None or job.place.if_exists == "unique":
            return None
        key = job.place.path.absolute()
        before = self._last.get(key)
        self._last[key] = future
        return before

    def _run(
        self,
        future: SavedFuture[Path],
        job: _Job,
        finish: Callable[[int | None], Path],
        index: int | None,
        before: SavedFuture[Any] | None,
    ) -> None:
        future.set_running_or_notify_cancel()
        problem: BaseException | None = None
        result: Path | None = None
        try:
            if before is not None:
                wait([before])
            result = job.early()
            if result is None:
                result = finish(index)
        except BaseException as caught:
            problem = caught
        with self._lock:
            self._pending.discard(future)
            if problem is not None:
                self._failed.append(future)
            if job.place is not None and self._last.get(job.place.path.absolute()) is future:
                del self._last[job.place.path.absolute()]
        self._room.release()
        if problem is not None:
            future.set_exception(problem)
        else:
            future.set_result(cast("Path", result))

    def _fetch(self, picture: _Picture) -> Callable[[], _Picture]:
        """Start the one transfer of a CUDA picture; the result waits for it."""
        packed = picture.pack()
        device = packed.device
        cuda: Any = torch.cuda  # untyped in torch
        if device not in self._streams:
            self._streams[device] = cuda.Stream(device)
        stream = self._streams[device]
        host = torch.empty(packed.shape, dtype=torch.uint8, device="cpu", pin_memory=True)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            host.copy_(packed, non_blocking=True)
            packed.record_stream(stream)
            arrived = cuda.Event()
            arrived.record(stream)

        def arrive() -> _Picture:
            arrived.synchronize()
            return picture.unpack(host)

        return arrive


_queues: weakref.WeakSet[SaveQueue] = weakref.WeakSet()


@atexit.register
def _report_unclosed_queues() -> None:
    """Threads are joined before; what they could not save must not go unsaid."""
    for queue in list(_queues):
        if queue._pid != os.getpid():
            continue
        try:
            queue.flush()
        except SaveQueueError as failure:
            print(f"flake8_saveimage.runtime: {failure}", file=sys.stderr)


def _known(options: Mapping[str, Any], allowed: frozenset[str], function: str) -> None:
    for name in options:
        if name not in allowed:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")


def _own(batch: torch.Tensor, images: Images) -> torch.Tensor:
    """The batch in memory that the caller cannot change; a list was stacked, so copied, already."""
    return batch.clone() if isinstance(images, torch.Tensor) else batch


def _snapshot(obj: Any) -> tuple[Any, Callable[[], None]]:
    """A copy of an object with its tensors on the CPU, and what to wait for before reading it."""
    storages: dict[tuple[str, int, int], Any] = {}
    devices: set[torch.device] = set()

    def copy_tensor(tensor: torch.Tensor) -> torch.Tensor:
        place = _storage_of(tensor)
        if place is None or type(tensor) not in (torch.Tensor, torch.nn.Parameter):
            return copy.deepcopy(tensor.detach()).cpu().requires_grad_(tensor.requires_grad)
        if place not in storages:
            storages[place] = _copy_storage(tensor)
            if tensor.is_cuda:
                devices.add(tensor.device)
        plain = torch.empty(0, dtype=tensor.dtype, device="cpu").set_(
            storages[place], tensor.storage_offset(), tensor.size(), tensor.stride()
        )
        if isinstance(tensor, torch.nn.Parameter):
            return torch.nn.Parameter(plain, tensor.requires_grad)
        return plain.requires_grad_(tensor.requires_grad)

    copied = _map_tensors(obj, copy_tensor, copy.deepcopy)
    cuda: Any = torch.cuda  # untyped in torch
    events = []
    for device in devices:
        event = cuda.Event()
        event.record(torch.cuda.current_stream(device))
        events.append(event)

    def arrive() -> None:
        for event in events:
            event.synchronize()

    return copied, arrive


def _copy_storage(tensor: torch.Tensor) -> Any:
    """A storage's bytes on the CPU; from CUDA into pinned memory, in the order of the stream.

    Not on a side stream: the next optimizer step would change the parameters under the copy.
    """
    storage: Any = tensor.untyped_storage()
    if not tensor.is_cuda:
        return storage.cpu() if tensor.device.type != "cpu" else storage.clone()
    source = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)
    host = torch.empty(source.shape, dtype=torch.uint8, device="cpu", pin_memory=True)
    host.copy_(source, non_blocking=True)
    return host.untyped_storage()
