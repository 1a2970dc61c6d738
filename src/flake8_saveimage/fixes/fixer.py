"""Fixes one file: bytes in, bytes out, within what configuration and ``# noqa`` let through."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from flake8_saveimage.check.runner import FileWork
from flake8_saveimage.fixes.fixing import FixOptions, fix_source
from flake8_saveimage.fixes.vendoring import VendorError
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source import reading
from flake8_saveimage.source.program import Program

if TYPE_CHECKING:
    from flake8_saveimage.source.notebook import Cells


class FixedFile(NamedTuple):
    """What came out for one file.

    ``after`` is ``None`` if nothing changes; ``fixed`` counts the findings that are mended in it,
    ``left`` are the findings that stay, ``cells`` where the cells of a notebook are in its program.
    ``error`` says why the file could not be fixed, ``note`` why there was nothing to fix.
    """

    path: str
    before: bytes = b""
    after: bytes | None = None
    fixed: int = 0
    left: tuple[Finding, ...] = ()
    error: str | None = None
    cells: Cells | None = None
    note: str | None = None


class Fixer(FileWork[FixedFile]):
    """Computes the fixed content of a file; writing it is somebody else's job."""

    def __init__(
        self, options: argparse.Namespace, *, unsafe: bool = False, vendor: str | None = None
    ) -> None:
        super().__init__(options)
        self._unsafe = unsafe
        self._vendor = vendor

    def work(self, name: str, program: Program) -> FixedFile:
        codes = self.judge.codes_for(name)
        accepts = self.judge.file(name, program.lines).accepts
        options = FixOptions(
            accept=lambda finding: finding.code in codes and accepts(finding),
            unsafe=self._unsafe,
            vendor=self._vendor,
            hooks=frozenset(self.options.saveimage_hooks),
            following=self.following,
        )
        try:
            result = fix_source(program.text, filename=name, options=options)
        except VendorError as error:
            raise reading.SourceError(f"was not fixed: {error}") from error
        left = tuple(result.left)
        if result.code == program.text:
            return FixedFile(name, left=left, cells=program.cells)
        after = program.encoded(result.code)
        return FixedFile(name, program.raw, after, len(result.applied), left, cells=program.cells)

    def unchecked(self, name: str, error: str | None = None, note: str | None = None) -> FixedFile:
        return FixedFile(name, error=error, note=note)
