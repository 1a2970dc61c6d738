"""``# noqa`` and selection by flake8's own code, and ``--add-noqa``, which writes the comments.

The mapping from a line to the text in which flake8 looks for ``# noqa`` needs the file's tokens, so
it is made only for files that have findings.
"""

from __future__ import annotations

import argparse
import ast
import functools
import io
from collections.abc import Sequence

from flake8 import defaults
from flake8.formatting.base import BaseFormatter
from flake8.processor import FileProcessor
from flake8.style_guide import StyleGuideManager
from flake8.violation import Violation

from flake8_saveimage.config.selection import active_codes
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source.reading import parse, universal_newlines


class Judge:
    """Decides which findings flake8 would show: selection, per-file ignores, ``# noqa``."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Raises ``flake8.exceptions.ExecutionError`` if per-file ignores cannot be parsed."""
        self._options = options
        self._guides = StyleGuideManager(options, _Silent(options))

    def codes_for(self, filename: str) -> frozenset[str]:
        """Return the codes that can be reported in a file, before any ``# noqa``."""
        return active_codes(self._options, self._guides.style_guide_for(filename).decider)

    def selects_anything(self) -> bool:
        """Say whether any rule is on."""
        return bool(active_codes(self._options))

    def file(self, filename: str, text: str) -> FileJudge:
        """Return the judge of one file's findings. ``text`` has ``\n`` as line ending."""
        processor = FileProcessor(filename, self._options, list(io.StringIO(text)))
        return FileJudge(filename, processor, self._guides)


class FileJudge:
    """Decides about the findings of one file."""

    def __init__(self, filename: str, processor: FileProcessor, guides: StyleGuideManager) -> None:
        self._filename = filename
        self._processor = processor
        self._guides = guides

    @functools.cached_property
    def skips_all(self) -> bool:
        """Whether a ``# flake8: noqa`` line takes the whole file out."""
        return self._processor.should_ignore_file()

    @functools.cached_property
    def _may_silence(self) -> bool:
        """Whether there is a ``# noqa``: if not, the file need not be tokenized."""
        return any(defaults.NOQA_INLINE_REGEXP.search(line) for line in self._processor.lines)

    def accepts(self, finding: Finding) -> bool:
        """Say whether flake8 would show a finding."""
        return not self.skips_all and bool(
            self._guides.handle_error(
                finding.code,
                self._filename,
                finding.line,
                finding.column - 1,
                finding.message,
                self._noqa_line(finding.line),
            )
        )

    def _noqa_line(self, number: int) -> str | None:
        return self._processor.noqa_line_for(number) if self._may_silence else ""

    def last_line(self, number: int) -> int:
        """Return the last of the lines that share their ``# noqa`` with a line."""
        shared = self._processor.noqa_line_for(number)
        # flake8 gives the lines of one range one and the same string
        while shared is not None and self._processor.noqa_line_for(number + 1) is shared:
            number += 1
        return number


def silence(text: str, findings: Sequence[Finding], judge: Judge, filename: str) -> str | None:
    """Return the text with a ``# noqa: CODES`` for each finding; line endings stay as they are.

    The comment goes where flake8 looks for it: at the end of the line, or behind the last line of
    a string or of a statement continued by backslashes, which flake8 reads as one with the first.
    Codes are added to a ``# noqa`` that is there. ``None`` if comments cannot silence the findings
    (what looks like a comment is part of a string).
    """
    lines = list(io.StringIO(text, newline=""))
    last_line = judge.file(filename, universal_newlines(text)).last_line
    codes: dict[int, set[str]] = {}
    for finding in findings:
        codes.setdefault(last_line(finding.line), set()).add(finding.code)
    for number, wanted in codes.items():
        lines[number - 1] = _with_codes(lines[number - 1], sorted(wanted))
    silenced = "".join(lines)
    if any(map(judge.file(filename, universal_newlines(silenced)).accepts, findings)):
        return None
    same = ast.dump(parse(text)) == ast.dump(parse(silenced))
    return silenced if same else None


def _with_codes(line: str, codes: Sequence[str]) -> str:
    body = line.rstrip("\r\n")
    ending = line[len(body) :]
    there = defaults.NOQA_INLINE_REGEXP.search(body)
    if there is None or not there["codes"]:
        return f"{body.rstrip()}  # noqa: {', '.join(codes)}{ending}"
    end = there.start("codes") + len(there["codes"].rstrip(", \t"))
    return f"{body[:end]}, {', '.join(codes)}{body[end:]}{ending}"


class _Silent(BaseFormatter):
    """flake8's style guide hands each violation to a formatter; ours are reported elsewhere."""

    def handle(self, error: Violation) -> None:
        pass

    def format(self, error: Violation) -> str | None:
        return None
