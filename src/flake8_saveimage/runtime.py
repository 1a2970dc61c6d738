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
import ctypes
import errno
import hashlib
import io
import math
import os
import pickle
import re
import socket
import string
import sys
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

import torch

RUNTIME_VERSION = "0.1.0"

__all__ = [
    "RUNTIME_VERSION",
    "SaveImageWarning",
    "remove_leftovers",
    "safe_save",
    "safe_save_image",
]

IfExists = Literal["unique", "error", "replace", "skip"]
Ranks = Literal["each", "zero"]
OutOfRange = Literal["warn", "raise", "clamp"]
NonFinite = Literal["raise", "zero"]
StrPath = str | os.PathLike[str]
Images = torch.Tensor | Sequence[torch.Tensor]


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
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
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
        owner = _owner(path)
        age = time.time() - path.lstat().st_mtime
    except OSError:
        return False
    if owner is None:
        return False
    host, pid = owner
    if host != _HOST:
        return age > older_than
    return not _is_running(pid)


def _owner(path: Path) -> tuple[str, int] | None:
    """Host and process that made a temporary file; None for a file that is not ours."""
    if match := _TEMPORARY.fullmatch(path.name):
        return match["host"], int(match["pid"])
    if _LOCK.fullmatch(path.name):
        host, _, pid = path.read_text(encoding="ascii", errors="replace").partition(" ")
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

    def put(self, write: Callable[[IO[bytes]], object]) -> Path:
        """Write a file beside the destination, then give it its name; nothing stays on errors."""
        final = self.path
        if self.if_exists == "replace":  # as torch.save does, write what a symbolic link points to
            final = Path(os.path.realpath(self.path))
        temporary = _temporary_path(final.parent)
        try:
            _make_folders(final.parent, self.durable)
            self._write(temporary, write)
            shown = self._name(temporary, final)
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
            write(handle)
            if self.durable:
                handle.flush()
                os.fsync(handle.fileno())

    def _name(self, temporary: Path, final: Path) -> Path:
        if self.if_exists == "replace":
            temporary.replace(final)
            return self.path
        if self.if_exists == "unique":
            return self._name_uniquely(temporary)
        try:
            _publish(temporary, final)
        except FileExistsError:
            if self.if_exists == "error":
                raise self._exists() from None
        return self.path

    def _name_uniquely(self, temporary: Path) -> Path:
        names = _Names(self.path, self.template, self.rank)
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
    numbered = rank if if_exists == "unique" and ranks != "zero" else None
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


def _on_rank_zero(check: Callable[[], object], work: Callable[[], Path]) -> Path:
    """Do the work on rank 0; every rank gets the path, or the error, by one broadcast.

    Nothing raises before the broadcast, or the other ranks would wait in it for ever.
    """
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


@dataclass(frozen=True)
class _Look:
    """How tensors become a picture: torchvision's make_grid keywords, and ours."""

    nrow: int = 8
    padding: int = 2
    normalize: bool = False
    value_range: tuple[float, float] | None = None
    scale_each: bool = False
    pad_value: float = 0.0
    mean: float | Sequence[float] | torch.Tensor | None = None
    std: float | Sequence[float] | torch.Tensor | None = None
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
    """Pixels (H, W, C), still on the tensor's device, and what is needed to judge them."""

    pixels: torch.Tensor  # uint8, or int32 for 16 bits
    values: torch.Tensor  # as they were measured: floats or integers
    extremes: torch.Tensor | None  # (2,) lowest and highest value, NaN if any is; None: as given
    bounds: tuple[float, float] | None  # what is not clipped
    slack: float


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


def _picture(images: Images, look: _Look) -> _Picture:
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
            return _from_floats(_floats(batch), look, levels)
        return _from_integers(batch, look, levels)


def _floats(batch: torch.Tensor) -> torch.Tensor:
    """Integers as the floating type that holds them; floats as they are."""
    if batch.is_floating_point():
        return batch
    wide = batch.dtype in (torch.int32, torch.int64) or str(batch.dtype)[6:] in ("uint32", "uint64")
    return batch.to(torch.float64 if wide and batch.device.type != "mps" else torch.float32)


def _per_channel(
    name: str, value: float | Sequence[float] | torch.Tensor, batch: torch.Tensor
) -> torch.Tensor:
    numbers = torch.as_tensor(value, dtype=batch.dtype).reshape(-1)
    if numbers.numel() not in (1, batch.size(1)):
        raise ValueError(
            f"{name} has {numbers.numel()} values, the image has {batch.size(1)} channels"
        )
    return numbers.to(batch.device).view(1, -1, 1, 1)


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


def _from_floats(batch: torch.Tensor, look: _Look, levels: int) -> _Picture:
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
    for part, target in _chunks(values.view(rows, -1), out.view(rows, -1)):
        ends = torch.stack(torch.aminmax(part))
        extremes.append(ends)
        inside = False
        if part.device.type == "cpu":
            lowest, highest = ends.tolist()
            inside = low - slack < lowest and highest < high + slack
        work = part.to(_compute_dtype(part))
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
    if not scale_each:
        lowest, highest = torch.aminmax(values)
        low, high = float(lowest), float(highest)
        return _Mapping(low, high, max(high - low, 1e-5))
    flat = values.view(values.size(0), -1)
    lows, highs = torch.aminmax(flat, dim=1, keepdim=True)
    exact = torch.float32 if values.device.type == "mps" else torch.float64
    width = (highs.to(exact) - lows.to(exact)).clamp(min=1e-5)
    compute = _compute_dtype(values)
    return _Mapping(lows.to(compute), highs.to(compute), width.to(compute))


def _join(extremes: list[torch.Tensor]) -> torch.Tensor:
    if len(extremes) == 1:
        return extremes[0]
    ends = torch.stack(extremes)
    return torch.stack((ends[:, 0].amin(), ends[:, 1].amax()))


def _chunks(values: torch.Tensor, out: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Pieces of (rows, n) that fit a CPU's cache; on an accelerator everything at once."""
    if values.device.type != "cpu" or values.size(0) > 1:
        return [(values, out)]
    parts = torch.split(values, _CPU_CHUNK, dim=1), torch.split(out, _CPU_CHUNK, dim=1)
    return list(zip(*parts, strict=True))


def _pad_level(pad_value: float, levels: int, dtype: torch.dtype) -> int:
    pad = torch.full((1,), pad_value, dtype=dtype, device="cpu")
    return int(pad.mul_(levels).add_(0.5).clamp_(0, levels).item())


def _from_integers(batch: torch.Tensor, look: _Look, levels: int) -> _Picture:
    """uint8 as it is; bool as black and white; other integers as grey levels."""
    narrow = torch.uint8 if levels == 255 else torch.int32
    top = float(levels)
    if batch.dtype is torch.bool:
        pad = _pad_level(look.pad_value, levels, torch.float32)
        pixels = _arrange(batch.to(narrow).mul_(levels), look, pad)
        return _Picture(pixels, batch, None, None, 0.0)
    pad = min(max(round(look.pad_value), 0), levels)
    if batch.dtype is torch.uint8:
        return _Picture(_arrange(batch.to(narrow), look, pad), batch, None, None, 0.0)
    values = batch
    if str(batch.dtype)[6:] in ("uint16", "uint32", "uint64"):  # torch computes little with these
        values = batch.to(torch.int32 if str(batch.dtype)[6:] == "uint16" else torch.float64)
    extremes = torch.stack(torch.aminmax(values))
    pixels = _arrange(values.clamp(0, levels).to(narrow), look, pad)
    return _Picture(pixels, values, extremes, (0.0, top), 0.0)


def _arrange(tiles: torch.Tensor, look: _Look, pad: int) -> torch.Tensor:
    """(B, C, H, W) to one picture (H', W', C): torchvision's grid in two copies at most."""
    count, channels, height, width = tiles.shape
    if channels == 1 and not look.grayscale and tiles.dtype is torch.uint8:
        channels = 3
        tiles = tiles.expand(-1, 3, -1, -1)
    if count == 1:
        return tiles[0].permute(1, 2, 0).contiguous()
    columns = min(look.nrow, count)
    rows = -(-count // columns)
    step_y, step_x, pad_by = height + look.padding, width + look.padding, look.padding
    grid = torch.full(
        (rows * step_y + pad_by, columns * step_x + pad_by, channels),
        pad,
        dtype=tiles.dtype,
        device=tiles.device,
    )
    cells = grid[pad_by:, pad_by:].view(rows, step_y, columns, step_x, channels)
    cells = cells[:, :height, :, :width]  # (rows, height, columns, width, channels)
    full, rest = divmod(count, columns)
    if full:
        block = tiles[: full * columns].view(full, columns, channels, height, width)
        cells[:full].copy_(block.permute(0, 3, 1, 4, 2))
    if rest:
        cells[full, :, :rest].copy_(tiles[full * columns :].permute(2, 0, 3, 1))
    return grid


def _judge(picture: _Picture, look: _Look, site: _Site, label: str) -> None:
    """Raise or warn about values that cannot be shown. Waits for the device."""
    if picture.extremes is None:
        return
    lowest, highest = picture.extremes.tolist()
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise _non_finite(picture.values)
    if picture.bounds is None:
        return
    low, high = picture.bounds
    if lowest >= low - picture.slack and highest <= high + picture.slack:
        return
    if look.out_of_range == "clamp":
        return
    if look.out_of_range == "warn" and _already_warned(site, "range"):
        return
    values = picture.values
    outside = int(((values < low - picture.slack) | (values > high + picture.slack)).sum())
    total = values.numel()
    finding = (
        f"{outside:,} of {total:,} values ({100 * outside / total:.3g} %) of {label} are outside "
        f"[{low:g}, {high:g}] (lowest {lowest:.6g}, highest {highest:.6g})"
    )
    advice = _advice(lowest, highest, look, values)
    if look.out_of_range == "raise":
        raise ValueError(f"{finding}; {advice}")
    _warn_once(site, "range", f"{finding} and were clipped; {advice}")


def _advice(lowest: float, highest: float, look: _Look, values: torch.Tensor) -> str:
    if not values.is_floating_point():
        return "integers are grey levels; scale them, or pass value_range=(lowest, highest)"
    if look.value_range is None and look.mean is None and -1.001 <= lowest < 0 <= highest <= 1.001:
        return "for images in [-1, 1] pass value_range=(-1, 1)"
    if look.value_range is None and lowest >= 0 and 2 < highest <= 256:
        return "for images in [0, 255] pass value_range=(0, 255)"
    return (
        "pass value_range=(lowest, highest), or mean= and std= to undo a Normalize, "
        'or out_of_range="clamp" if clipping is meant'
    )


def _non_finite(values: torch.Tensor) -> ValueError:
    nan = int(values.isnan().sum())
    infinite = int(values.isinf().sum())
    return ValueError(
        f"{nan:,} NaN and {infinite:,} infinite of {values.numel():,} values; an image cannot show "
        'them. Look for where they come from, or pass non_finite="zero" to save them as 0'
    )


# --------------------------------------------------------------------------------------------
# Pixels to files

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class _Writer:
    """A file format and the options for its writer."""

    format: str
    options: Mapping[str, Any]

    def encode(self, pixels: torch.Tensor, bits: int) -> bytes:
        """The bytes of the file for (H, W, C) pixels, uint8 or (16 bits) int32."""
        from PIL import Image

        height, width, channels = pixels.shape
        mode = _MODES[channels] if bits == 8 else "I;16"
        data = pixels if bits == 8 else pixels.to(torch.int16)
        array = data.contiguous().numpy()
        image = Image.frombuffer(mode, (width, height), array, "raw", mode, 0, 1)
        buffer = io.BytesIO()
        try:
            image.save(buffer, format=self.format, **self.options)
        except (OSError, KeyError) as problem:
            if "mode" not in str(problem):
                raise
            raise ValueError(
                f"{self.format} cannot hold a picture of {channels} channel(s) with {bits} bits; "
                "drop the alpha channel (tensor[:, :3]) or save as PNG"
            ) from None
        return buffer.getvalue()


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
            return Image.EXTENSION[wanted].upper()
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
    quality: int | None,
    compress_level: int | None,
    save_options: Mapping[str, Any] | None,
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
    mean: float | Sequence[float] | torch.Tensor | None = None,
    std: float | Sequence[float] | torch.Tensor | None = None,
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
    """Save a tensor, or a grid of tensors, as an image file; returns the path that was written."""
    site = _call_site("safe_save_image")
    target = _target("safe_save_image", path, "fp", fp)
    _one_of("ranks", ranks, (None, "each", "zero"))
    look = _Look(
        nrow, padding, normalize, value_range, scale_each, pad_value, mean, std,
        out_of_range, non_finite, grayscale, bits,
    )  # fmt: skip

    def prepare() -> tuple[_Writer, _Destination | None]:
        look.check()
        name = getattr(target, "name", "") if _is_file(target) else target
        writer = _writer(name, format, quality, compress_level, save_options)
        if _is_file(target):
            return writer, None
        place = _destination(
            target,
            if_exists=if_exists,
            unique_name=unique_name,
            durable=durable,
            ranks=ranks,
            site=site,
        )
        return writer, place

    def work() -> Path:
        writer, place = prepare()
        if place is not None and (done := place.early()) is not None:
            return done
        picture = _picture(tensor, look)
        label = str(place.path) if place is not None else "the image"
        _judge(picture, look, site, label)
        bits = 8 if picture.pixels.dtype is torch.uint8 else 16
        data = writer.encode(picture.pixels.cpu(), bits)
        if place is None:
            target.write(data)
            return cast("Path", target)
        return place.put(lambda handle: handle.write(data))

    if ranks == "zero":
        return _on_rank_zero(prepare, work)
    return work()


def safe_save(
    obj: object,
    path: StrPath | IO[bytes] | None = None,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
    *,
    f: StrPath | IO[bytes] | None = None,
    if_exists: IfExists = "unique",
    unique_name: str = "{stem}_{n}{suffix}",
    durable: bool | None = None,
    ranks: Ranks | None = None,
) -> Path:
    """Save an object as ``torch.save`` does; returns the path that was written."""
    site = _call_site("safe_save")
    target = _target("safe_save", path, "f", f)
    _one_of("ranks", ranks, (None, "each", "zero"))
    options: dict[str, Any] = {
        "pickle_module": pickle_module,
        "pickle_protocol": pickle_protocol,
        "_use_new_zipfile_serialization": _use_new_zipfile_serialization,
    }
    if _disable_byteorder_record:
        options["_disable_byteorder_record"] = True

    def prepare() -> _Destination | None:
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

    def work() -> Path:
        place = prepare()
        if place is None:
            torch.save(obj, target, **options)
            return cast("Path", target)
        if (done := place.early()) is not None:
            return done
        return place.put(lambda handle: torch.save(obj, handle, **options))

    if ranks == "zero":
        return _on_rank_zero(prepare, work)
    return work()
