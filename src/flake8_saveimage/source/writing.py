"""Replace a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat

from flake8_saveimage.source import reading


class WriteError(Exception):
    """A file that was not written, and is as it was; the message says why."""


def replace(path: str, before: bytes, after: bytes) -> None:
    """Give the file at ``path``, which held ``before``, the content ``after``.

    The new content is written beside the file and renamed over it, so that every reader and every
    crash sees one or the other. Links are followed, permission bits and (where allowed) the owner
    kept. Raises ``WriteError`` if the file is read-only, or holds something else by now.
    """
    target = os.path.realpath(path)
    try:
        status = os.stat(target)
        if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise WriteError("is read-only, left as it is")
        _put(target, after, status, before)
    except OSError as error:
        raise WriteError(f"cannot be written: {error.strerror or error}") from error


def write_new(path: str, content: bytes) -> None:
    """Write a file of our own, whole or not at all; what was there is replaced."""
    target = os.path.realpath(path)
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as file:  # a pipe or /dev/stdout
                file.write(content)
        else:
            _put(target, content, None, None)
    except OSError as error:
        raise WriteError(f"cannot be written: {error.strerror or error}") from error


def _put(
    target: str, content: bytes, status: os.stat_result | None, expected: bytes | None
) -> None:
    folder, name = os.path.split(target)
    # named first, so that an interrupt right after it was made finds it, too
    temporary = os.path.join(folder, f".{name[:40]}.{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _take_over(temporary, status)
        if expected is not None:
            _compare(target, expected)
        os.replace(temporary, target)
    except FileExistsError:  # another program's
        raise
    except BaseException:  # Ctrl-C too: leave no temporary file behind
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _take_over(temporary: str, status: os.stat_result | None) -> None:
    if status is None:
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        return
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(temporary, status.st_uid, status.st_gid)
    os.chmod(temporary, stat.S_IMODE(status.st_mode))


def _compare(target: str, expected: bytes) -> None:
    try:
        now = reading.read(target)
    except reading.SourceError as error:
        raise WriteError(str(error)) from error
    if now != expected:
        raise WriteError("was changed by another program, left as it is")
