"""Fixes one file: bytes in, bytes out, within what configuration and ``# noqa`` let through."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from flake8_saveimage.check.runner import FileWork
from flake8_saveimage.fixes.fixing import FixOptions, fix_source
from flake8_saveimage.fixes.policy import Policy
from flake8_saveimage.fixes.project import forget_projects
from flake8_saveimage.fixes.vendoring import VendorError
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source import reading
from flake8_saveimage.source.program import Program

if TYPE_CHECKING:
    from flake8_saveimage.source.notebook import Cells


class FixedFile(NamedTuple):
    """What came out for one file.

    ``after`` is ``None`` if nothing changes; ``fixed`` are the findings that are fixed in it,
    ``left`` those that stay, ``cells`` where the cells of a notebook are in its program.
    ``imports_helper``: the package of the helper is needed now, and was not before. ``error`` says
    why the file could not be fixed, ``note`` why there was no need to.
    """

    path: str
    before: bytes = b""
    after: bytes | None = None
    fixed: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()
    error: str | None = None
    cells: Cells | None = None
    note: str | None = None
    imports_helper: bool = False


class Fixer(FileWork[FixedFile]):
    """Computes the fixed content of a file; the caller writes it."""

    result = FixedFile

    def __init__(
        self,
        options: argparse.Namespace,
        *,
        unsafe: bool = False,
        vendor: str | None = None,
        prefers_names: bool = False,
    ) -> None:
        super().__init__(options)
        forget_projects()
        self._unsafe = unsafe
        self._vendor = vendor
        self._prefers_names = prefers_names

    def work(self, name: str, program: Program) -> FixedFile:
        codes = self.judge.codes_for(name)
        accepts = self.judge.file(name, program.lines).accepts
        options = FixOptions(
            accept=lambda finding: finding.code in codes and accepts(finding),
            unsafe=self._unsafe,
            vendor=self._vendor,
            name_line=program.name_line,
            following=self.following,
            policy=Policy.of(self.options),
            prefers_names=self._prefers_names,
        )
        try:
            result = fix_source(program.text, filename=name, options=options)
        except VendorError as error:
            raise reading.SourceError(f"was not fixed: {error}") from error
        left = tuple(result.left)
        if result.code == program.text:
            return FixedFile(name, left=left, cells=program.cells)
        return FixedFile(
            name,
            program.raw,
            program.encoded(result.code),
            result.applied,
            left,
            cells=program.cells,
            imports_helper=result.imports_helper,
        )
