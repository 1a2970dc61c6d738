"""Unified diffs of bytes that ``git apply`` takes: any encoding, any line ending, any name."""

from __future__ import annotations

import difflib
import os

_NO_NEWLINE = b"\\ No newline at end of file\n"
_COLOURS = {b"@": b"36", b"+": b"32", b"-": b"31"}


def unified(path: str, before: bytes | None, after: bytes) -> bytes:
    """Return the patch from ``before`` (``None``: there is no such file) to ``after``.

    Lines end at ``\\n`` only, as for git.
    """
    name = os.fsencode(_relative(path))
    hunks = difflib.diff_bytes(
        difflib.unified_diff,
        _lines(before or b""),
        _lines(after),
        b"/dev/null" if before is None else _quoted(b"a/" + name),
        _quoted(b"b/" + name),
        lineterm=b"\n",
    )
    return b"".join(line if line.endswith(b"\n") else line + b"\n" + _NO_NEWLINE for line in hunks)


def coloured(patch: bytes) -> bytes:
    """Return the patch of one file with the colours that git gives it on a terminal."""
    shown = []
    for number, line in enumerate(_lines(patch)):
        colour = b"1" if number < 2 else _COLOURS.get(line[:1])
        body = line.rstrip(b"\n")
        shown.append(line if colour is None else b"\033[%bm%b\033[m\n" % (colour, body))
    return b"".join(shown)


def _lines(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _relative(path: str) -> str:
    """Return the path as a patch names it: from this folder, without a leading slash."""
    relative = os.path.relpath(path)
    if relative.startswith(os.pardir + os.sep):
        relative = os.path.abspath(path).lstrip(os.sep)
    return relative.replace(os.sep, "/")


def _quoted(name: bytes) -> bytes:
    """Quote a name as git does: C escapes in quotes where needed, a tab behind a space."""
    if all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in name):
        return name + b"\t" if b" " in name else name
    escaped = b"".join(
        b"\\" + bytes([byte])
        if byte in b'"\\'
        else bytes([byte])
        if 0x20 <= byte < 0x7F
        else b"\\%03o" % byte
        for byte in name
    )
    return b'"' + escaped + b'"'
