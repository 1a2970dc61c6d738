"""Unified diffs of bytes that ``git apply`` takes: any encoding, any line ending, any name."""

from __future__ import annotations

import bisect
import difflib
import os
import re
from collections.abc import Iterator, Sequence

from flake8_saveimage.fixes.text import Change, applied

_NO_NEWLINE = b"\\ No newline at end of file\n"
_COLOURS = {b"@": b"36", b"+": b"32", b"-": b"31"}
_CONTEXT = 3

# Lines `i1` up to `i2` become lines `j1` up to `j2` (from 0), as in :mod:`difflib`.
Block = tuple[int, int, int, int]


def blocks_of(text: str, changes: Sequence[Change]) -> list[Block]:
    """Return the lines (they end at ``\\n`` only) that changes of a text replace."""
    starts = [0, *(match.end() for match in re.finditer(r"\n", text))]
    total = len(starts) - (starts[-1] == len(text))
    found: list[tuple[int, int, int]] = []  # lines, and how many line breaks they gain
    for start, end, new in sorted(changes):
        first, last = (bisect.bisect_right(starts, offset) - 1 for offset in (start, end))
        is_whole = new.endswith("\n") or (not new and starts[first] == start)
        last = min(last + (starts[last] < end or not is_whole), total)
        gain = new.count("\n") - text.count("\n", start, end)
        if found and first < found[-1][1]:
            first, last, gain = found[-1][0], max(last, found[-1][1]), gain + found.pop()[2]
        found.append((first, last, gain))
    blocks: list[Block] = []
    shift = 0
    for first, last, gain in found:
        blocks.append((first, last, first + shift, last + shift + gain))
        shift += gain
    if blocks and blocks[-1][1] == total:  # the last line may lose or get its line break
        after = applied(text, changes)
        blocks[-1] = (*blocks[-1][:3], after.count("\n") + (after[-1:] not in ("", "\n")))
    return blocks


def unified(
    path: str, before: bytes | None, after: bytes, blocks: Sequence[Block] | None = None
) -> bytes:
    """Return the patch from ``before`` (``None``: there is no such file) to ``after``.

    Lines end at ``\\n`` only, as for git. ``blocks`` are the lines that differ, if that is known.
    """
    name = os.fsencode(_relative(path))
    old, new = _lines(before or b""), _lines(after)
    if blocks is None:
        matcher = difflib.SequenceMatcher(None, old, new)
        blocks = [code[1:] for code in matcher.get_opcodes() if code[0] != "equal"]
    head = [
        b"--- " + (b"/dev/null" if before is None else _quoted(b"a/" + name)) + b"\n",
        b"+++ " + _quoted(b"b/" + name) + b"\n",
    ]
    lines = [line for group in _groups(blocks) for line in _hunk(group, old, new)]
    return b"".join(
        line if line.endswith(b"\n") else line + b"\n" + _NO_NEWLINE
        for line in (head + lines if lines else [])
    )


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
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
