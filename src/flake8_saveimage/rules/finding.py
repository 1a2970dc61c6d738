"""What the checker reports: plain data that travels between processes and into every report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Applicability = Literal["safe", "unsafe"]


class TextEdit(NamedTuple):
    """The text from one position up to (not including) another becomes ``text``.

    Lines and columns count from 1, columns in characters, as for a finding. Line breaks in ``text``
    are those of the file.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


class Related(NamedTuple):
    """A place that a message names: its line, from 1, and what stands there.

    ``file`` is the path of another file, empty for the one with the finding; ``text`` is the line
    of another file.
    """

    file: str
    line: int
    message: str
    text: str = ""


class SavePlace(NamedTuple):
    """Where the save call itself is; ``file`` is empty if that is the file with the finding."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding at one call site.

    Lines and columns count from 1; columns count characters (not bytes) and the end is exclusive.
    ``fix`` says whether ``flake8-saveimage fix`` can fix it: ``"safe"``, ``"unsafe"`` or not
    (``None``); ``reason`` why not, or why not safely, in one phrase. ``edits`` fix all fixable
    findings of the call at once. ``loop`` is the first and last line of the loop that the finding
    is about. ``related`` are the places that the message names, ``save`` is the save call, which
    may be in another file.
    """

    line: int
    column: int
    code: str
    message: str
    end_line: int
    end_column: int
    fix: Applicability | None = None
    reason: str = field(default="", compare=False)
    edits: tuple[TextEdit, ...] = field(default=(), compare=False)
    loop: tuple[int, int] | None = field(default=None, compare=False)
    related: tuple[Related, ...] = field(default=(), compare=False)
    save: SavePlace | None = field(default=None, compare=False)
