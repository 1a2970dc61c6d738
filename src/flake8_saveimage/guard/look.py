"""What is at a path before it is written: the real path, and the state of the file there."""

from __future__ import annotations

import os
import stat

FRESH = 0
"""Nothing was at the path."""
IN_RUN = 1
"""A file that is younger than the run was at the path."""
BEFORE_RUN = 2
"""A file from before the run was at the path."""
EMPTY = 3
"""An empty file was at the path, made by ``mkstemp`` or ``touch`` to reserve the name."""

SCRATCH = 4
"""Nothing was at the path, and ``tempfile`` has chosen its name."""

_NO_FILES = ("/dev/", "/proc/", "/sys/")
_DOTS = ("", ".", "..")
_HAS_DRIVES = os.name == "nt"
_REMEMBERED = 4096
_NO_FOLDER = -1  # what an audit event says for a path that is relative to no folder


_folders: dict[str, tuple[str, tuple[int, int]]] = {}


def target_of_open(
    path: str | bytes | os.PathLike[str],
) -> tuple[str, os.stat_result | None] | None:
    """The real path of the file that opening ``path`` writes, and its :func:`status`.

    None for devices and the like, and where there is no folder.
    """
    text = path if isinstance(path, str) else os.fsdecode(path)
    head, slash, tail = text.rpartition("/")
    try:
        found = status(text)
        if _HAS_DRIVES or tail in _DOTS or (found is not None and stat.S_ISLNK(found.st_mode)):
            real = os.path.realpath(text)
            found = status(real)
        else:
            real = _real_folder(head + slash) + tail
    except OSError:  # the working directory was removed
        return None
    return None if real.startswith(_NO_FILES) else (real, found)


def _real_folder(head: str) -> str:
    """The real path, and a separator, of a folder: text that ends in one, or is empty.

    It is remembered, and looked up again where the name or the path leads elsewhere by now. On a
    cold cache ``realpath`` takes most of the time that a guard may take.
    """
    if not head:
        return os.getcwd().rstrip("/") + "/"  # noqa: PTH109
    now = os.stat(head)  # noqa: PTH116
    identity = now.st_dev, now.st_ino
    real, then = _folders.get(head, ("", None))
    if then == identity and _identity(real) == identity:
        return real
    real = os.path.join(os.path.realpath(head), "")  # noqa: PTH118
    if len(_folders) > _REMEMBERED:
        _folders.clear()
    _folders[head] = real, identity
    return real


def _identity(path: str) -> tuple[int, int] | None:
    found = status(path)
    return None if found is None else (found.st_dev, found.st_ino)


def entry(path: str | bytes | os.PathLike[str], folder: int = _NO_FOLDER) -> str | None:
    """The real path of the directory entry ``path``, which may itself be a link.

    ``folder`` is the descriptor of an open folder that a relative path starts from.
    """
    head, tail = os.path.split(os.fsdecode(path))
    try:
        if folder != _NO_FOLDER and not os.path.isabs(head):  # noqa: PTH117
            head = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), head)  # noqa: PTH115, PTH118
        return os.path.join(os.path.realpath(head), tail)  # noqa: PTH118
    except OSError:
        return None


def status(path: str) -> os.stat_result | None:
    """``lstat``, or None if nothing is there."""
    try:
        return os.lstat(path)
    except OSError:
        return None


def state_of(found: os.stat_result | None, began: int) -> int | None:
    """The state of a path from its :func:`status`; None for all that is not a regular file.

    ``began``: when the run started, in nanoseconds since the epoch.
    """
    if found is None:
        return FRESH
    if not stat.S_ISREG(found.st_mode):
        return None
    if found.st_size == 0:
        return EMPTY
    return BEFORE_RUN if found.st_mtime_ns < began else IN_RUN


def can_write(path: str, found: os.stat_result | None, flags: int) -> bool:
    """Whether ``open`` with these flags will succeed, as far as permissions tell."""
    if found is not None:
        if flags & os.O_EXCL:
            return False
        # "No" may also mean that another thread or process has just moved the file away.
        return os.access(path, os.W_OK) or not _is_same(found, status(path))
    return bool(flags & os.O_CREAT) and os.access(os.path.dirname(path), os.W_OK)  # noqa: PTH120


def _is_same(found: os.stat_result, now: os.stat_result | None) -> bool:
    return now is not None and os.path.samestat(found, now)
