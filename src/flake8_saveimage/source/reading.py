"""Source files as bytes and as text: what is read, what encoding it declares, what is wrong."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ast


MAX_SIZE = 2_000_000
"""Bytes of source: libcst's tree takes up to two kilobytes of memory for each of them."""


class SourceError(Exception):
    """A source that cannot be read or parsed; the message says why, without the file's name."""


class Unparsable(SourceError):
    """A source that Python accepts and libcst does not. ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        place = f"line {line}, column {column}"
        super().__init__(f"cannot be parsed by libcst: {message} ({place})")
        self.message = message
        self.line = line
        self.column = column


class NothingToCheck(SourceError):
    """A file that is no Python, and does not claim to be: a notebook of another language."""


class Source(NamedTuple):
    """The text of a file, line endings as they are, a byte order mark removed."""

    text: str
    encoding: str

    @property
    def lines(self) -> str:
        """The text with every line ending as ``\\n``."""
        return universal_newlines(self.text)


def read(path: str) -> bytes:
    """Return the bytes of a file.

    Raises ``SourceError`` for what cannot be read, and for devices, which have no end.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                raise SourceError("is not a regular file")
            return file.readall()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a NUL byte in the name
        raise SourceError(f"cannot be read: {error}") from error


def decode(raw: bytes) -> Source:
    """Decode a source by its byte order mark or coding line (PEP 263), UTF-8 without either."""
    import io
    import tokenize

    check_size(len(raw))
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return Source(raw.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        raise SourceError(_undecodable(raw, error)) from error
    except LookupError as error:
        raise SourceError(f"cannot be decoded: {error}") from error
    except SyntaxError as error:
        # detect_encoding reports undecodable first lines and unknown codecs this way
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as cause:
            if "unknown encoding" not in str(error):
                raise SourceError(_undecodable(raw, cause)) from error
        raise SourceError(f"cannot be decoded: {error}") from error


def check_size(size: int) -> None:
    """Raise ``SourceError`` for a source of more than ``MAX_SIZE`` bytes or characters."""
    if size > MAX_SIZE:
        raise SourceError(
            f"is too large to be checked ({size / 1e6:.0f} MB; the limit is {MAX_SIZE / 1e6:.0f} "
            "MB): split it, or exclude it"
        )


def skim(raw: bytes) -> str:
    """Return the text of a source as far as names and line endings go, whatever its encoding.

    Encodings of programs leave ASCII as it is.
    """
    return universal_newlines(raw.decode("latin-1"))


def universal_newlines(text: str) -> str:
    """Return the text with every line ending as ``\\n``: how Python and flake8 count lines."""
    if "\r" not in text:
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _limit_depth(text: str) -> None:
    """Raise ``RecursionError`` where later Pythons do; libcst would take minutes."""
    import contextlib
    import symtable

    with contextlib.suppress(SyntaxError):  # no matter of depth
        symtable.symtable(text, "<unknown>", "exec")


def parse(text: str) -> ast.Module:
    """Parse with the running Python; raises ``SourceError`` for what it does not accept."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are not what this tool is about
            tree = ast.parse(text)
            if sys.version_info < (3, 11):
                _limit_depth(text)
            return tree
    except SyntaxError as error:
        where = f"line {error.lineno}" if error.lineno else "unknown line"
        if error.lineno and error.offset:
            where += f", column {error.offset}"
        raise SourceError(f"cannot be parsed: {error.msg} ({where})") from error
    except ValueError as error:  # a NUL byte, before Python 3.12
        raise SourceError(f"cannot be parsed: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise SourceError("cannot be parsed: nested too deeply") from error


def printable(text: str) -> str:
    """Return text with control characters and undecodable bytes as escapes.

    File names and source lines come from elsewhere: printed raw they could forge lines or steer
    the terminal.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _undecodable(raw: bytes, error: UnicodeDecodeError) -> str:
    if error.encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
        return f"is not valid {error.encoding}, which its coding line declares"
    line = raw.count(b"\n", 0, error.start) + 1
    return (
        f"is not valid UTF-8 (byte 0x{raw[error.start]:02x} in line {line}) and has no coding "
        "line; add one (# -*- coding: latin-1 -*-) or convert the file to UTF-8"
    )


def encode(text: str, encoding: str, before: str, raw: bytes) -> bytes:
    """Encode an edited text as its file was encoded.

    ``before`` and ``raw`` are the unedited text and bytes: raises ``SourceError`` if the encoding
    does not lead from the one back to the other, because then untouched lines would change too.
    """
    try:
        if before.encode(encoding) == raw:
            return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise SourceError(f"cannot be written as {encoding}: {error.reason}") from error
    raise SourceError(f"cannot be rewritten byte for byte as {encoding}")


def defect(error: Exception) -> str:
    """Describe a defect of this tool in one line."""
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"could not be checked, a defect of flake8-saveimage ({text} at {where})"
