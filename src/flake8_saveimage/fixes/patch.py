"""Unified diffs of bytes that ``git apply`` takes: any encoding, any line ending, any name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

_NO_NEWLINE = b"\\ No newline at end of file\n"
_COLOURS = {b"@": b"36", b"+": b"32", b"-": b"31"}
_CONTEXT = 3
_MOST_APART = 400  # lines

# Lines `i1` up to `i2` become lines `j1` up to `j2` (from 0).
Block = tuple[int, int, int, int]


def unified(
    path: str, before: bytes | None, after: bytes, blocks: Sequence[Block] | None = None
) -> bytes:
    """Return the patch from ``before`` (``None``: there is no such file) to ``after``.

    Lines end at ``\\n`` only, as for git. ``blocks`` are the lines that differ, if that is known.
    """
    name = os.fsencode(_relative(path))
    old, new = _lines(before or b""), _lines(after)
    head = [
        b"--- " + (b"/dev/null" if before is None else _quoted(b"a/" + name)) + b"\n",
        b"+++ " + _quoted(b"b/" + name) + b"\n",
    ]
    lines = [line for group in _groups(_blocks(old, new)) for line in _hunk(group, old, new)]
    return b"".join(
        line if line.endswith(b"\n") else line + b"\n" + _NO_NEWLINE
        for line in (head + lines if lines else [])
    )


def _blocks(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[Block]:
    """Yield the lines that differ; takes linear time where they are few at a time."""
    i = j = 0
    while i < len(old) or j < len(new):
        if old[i : i + 1] == new[j : j + 1]:
            i, j = i + 1, j + 1
            continue
        start, new_start = i, j
        i, j = _agreement(old, new, i, j)
        yield start, i, new_start, j


def _agreement(old: Sequence[bytes], new: Sequence[bytes], i: int, j: int) -> tuple[int, int]:
    """Return the nearest lines from which both texts go on alike."""
    for distance in range(1, _MOST_APART):
        for skipped in range(distance + 1):
            a, b = i + skipped, j + distance - skipped
            alike = 1 if a < len(old) and old[a].strip() else 2  # a blank line says little
            if old[a : a + alike] == new[b : b + alike]:
                return min(a, len(old)), min(b, len(new))
    return len(old), len(new)


def _groups(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Yield the blocks whose context touches."""
    group: list[Block] = []
    for block in blocks:
        if group and block[0] - group[-1][1] > 2 * _CONTEXT:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _hunk(group: Sequence[Block], old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[bytes]:
    before = min(_CONTEXT, group[0][0])
    i1, j1 = group[0][0] - before, group[0][2] - before
    after = min(_CONTEXT, len(old) - group[-1][1])
    i2, j2 = group[-1][1] + after, group[-1][3] + after
    yield b"@@ -%s +%s @@\n" % (_range(i1, i2), _range(j1, j2))
    for first, last, new_first, new_last in group:
        yield from (b" " + line for line in old[i1:first])
        yield from (b"-" + line for line in old[first:last])
        yield from (b"+" + line for line in new[new_first:new_last])
        i1 = last
    yield from (b" " + line for line in old[i1:i2])


def _range(start: int, end: int) -> bytes:
    if end - start == 1:
        return b"%d" % (start + 1)
    return b"%d,%d" % (start + (end > start), end - start)


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
