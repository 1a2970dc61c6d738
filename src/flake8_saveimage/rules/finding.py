"""What the checker reports: plain data that travels between processes and into every report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Applicability = Literal["safe", "unsafe"]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding at one call site.

    Lines and columns count from 1; columns count characters (not bytes) and the end is exclusive.
    ``fix`` says whether ``flake8-saveimage fix`` can fix it: ``"safe"``, ``"unsafe"`` or not
    (``None``).
    """

    line: int
    column: int
    code: str
    message: str
    end_line: int
    end_column: int
    fix: Applicability | None = None
