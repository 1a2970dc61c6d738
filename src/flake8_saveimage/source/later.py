"""Syntax of Python versions later than the one that runs: which libcst reads it."""

from __future__ import annotations

import re

# a line's syntax, what it is called, its Python and the first libcst that reads it
_SYNTAX = (
    (re.compile(r"\s*(?:async\s+)?(?:class|def)\s+\w+\s*\["), "type parameters", "3.12", "1.1"),
    (re.compile(r"\s*type\s+\w+\s*[\[=]"), "type statements", "3.12", "1.1"),
    (re.compile(r"""(?<!\w)(?:[tT][rR]?|[rR][tT])["']"""), "t-strings", "3.14", "1.8.5"),
    (
        re.compile(r"\s*except\s*\*?[\w\s.]+,[\w\s.,]+:"),
        "'except A, B' without brackets",
        "3.14",
        "1.8.5",
    ),
    (re.compile(r"\s*lazy\s+(?:import|from)\b"), "lazy imports", "3.15", "1.9"),
    (re.compile(r"[\[{(]\s*\*{1,2}\s*\w+\s+for\b"), "'*' in comprehensions", "3.15", "1.9"),
)


def hint(line: str) -> str:
    """Return what reads the line of a source that could not be parsed, empty if unknown."""
    for pattern, name, python, libcst in _SYNTAX:
        if pattern.search(line):
            return f"; {name} are syntax of Python {python}, which libcst {libcst} or later reads"
    return ""
