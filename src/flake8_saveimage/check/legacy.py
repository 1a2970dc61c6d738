"""Sources that Python reads and libcst does not, or not as they are.

Old files mix tabs and spaces, or have a form feed before a statement. They are checked with their
indentation rewritten, and positions are mapped back. They are not fixed, because what libcst gives
back is not the file's own text.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, replace

from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source.reading import universal_newlines

_SILENT = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Normalized:
    """A text with four spaces for each level. ``shifts``: columns that its lines have lost."""

    text: str
    shifts: Mapping[int, int]

    def in_original(self, finding: Finding) -> Finding:
        """Return a finding of this text with its columns in the original one, without a fix."""
        start = finding.column + self.shifts.get(finding.line, 0)
        end = finding.end_column + self.shifts.get(finding.end_line, 0)
        return replace(finding, column=start, end_column=end, fix=None)


def normalized(text: str) -> Normalized | None:
    """Rewrite the indentation of a text; its lines then end with ``\\n``.

    ``None`` if there is nothing to rewrite, or no way to tell what belongs together.
    """
    text = universal_newlines(text)
    lines = text.split("\n")
    shifts: dict[int, int] = {}
    try:
        for row, column, depth in _statements(text):
            before, new = lines[row - 1][:column], _INDENT * depth
            if before != new and not before.strip() and not _is_continued(lines, row):
                lines[row - 1] = new + lines[row - 1][column:]
                shifts[row] = len(before) - len(new)
    except (tokenize.TokenError, SyntaxError):
        return None
    return Normalized("\n".join(lines), shifts) if shifts else None


def _statements(text: str) -> list[tuple[int, int, int]]:
    """Return line, column and depth of the first token of each logical line."""
    found = []
    depth, starts = 0, True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        depth += (token.type == tokenize.INDENT) - (token.type == tokenize.DEDENT)
        if starts and token.type not in _SILENT:
            found.append((*token.start, depth))
            starts = False
        if token.type == tokenize.NEWLINE:
            starts = True
    return found


def _is_continued(lines: list[str], row: int) -> bool:
    return row > 1 and lines[row - 2].endswith("\\")
