"""Fixes one file: bytes in, bytes out, within what configuration and ``# noqa`` let through."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from flake8_saveimage.check.runner import FileWork
from flake8_saveimage.fixes.fixing import FixOptions, fix_source
from flake8_saveimage.fixes.vendoring import VendorError
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source import reading


class FixedFile(NamedTuple):
    """What came out for one file.

    ``after`` is ``None`` if nothing changes; ``fixed`` counts the findings that are mended in it,
    ``left`` are the findings that stay. ``error`` says why the file could not be dealt with.
    """

    path: str
    before: bytes = b""
    after: bytes | None = None
    fixed: int = 0
    left: tuple[Finding, ...] = ()
    error: str | None = None


class Fixer(FileWork[FixedFile]):
    """Computes the fixed content of a file; writing it is somebody else's job."""

    def __init__(
        self, options: argparse.Namespace, *, unsafe: bool = False, vendor: str | None = None
    ) -> None:
        super().__init__(options)
        self._unsafe = unsafe
        self._vendor = vendor

    def work(self, name: str, raw: bytes, source: reading.Source) -> FixedFile:
        text, encoding = source
        codes = self.judge.codes_for(name)
        accepts = self.judge.file(name, source.lines).accepts
        options = FixOptions(
            accept=lambda finding: finding.code in codes and accepts(finding),
            unsafe=self._unsafe,
            vendor=self._vendor,
            hooks=frozenset(self.options.saveimage_hooks),
        )
        try:
            result = fix_source(text, filename=name, options=options)
        except VendorError as error:
            raise reading.SourceError(f"was not fixed: {error}") from error
        left = tuple(result.left)
        if result.code == text:
            return FixedFile(name, left=left)
        after = reading.encode(result.code, encoding, text, raw)
        return FixedFile(name, raw, after, len(result.applied), left)

    def unchecked(self, name: str, error: str | None = None) -> FixedFile:
        return FixedFile(name, error=error)
