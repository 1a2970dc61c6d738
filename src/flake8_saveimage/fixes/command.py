"""The fix as a libcst command.

    python -m libcst.tool codemod -x flake8_saveimage.SaveImageCommand PATH

The same judgement and edits as ``flake8-saveimage fix``, within libcst's own machinery.
"""

from __future__ import annotations

import argparse
from functools import cached_property

import libcst as cst
from libcst.codemod import CodemodCommand, CodemodContext

from flake8_saveimage.config import options as config
from flake8_saveimage.fixes.fixer import Fixer
from flake8_saveimage.fixes.vendoring import install


class SaveImageCommand(CodemodCommand):
    """Fixes save calls that overwrite files or change colours.

    ``# noqa`` and flake8's configuration decide what is fixed, as for ``flake8-saveimage fix``.
    """

    DESCRIPTION = (
        "Fix calls of torchvision.utils.save_image and torch.save that overwrite files or change"
        " colours."
    )

    def __init__(
        self,
        context: CodemodContext,
        *,
        select: str | None = None,
        ignore: str | None = None,
        unsafe_fixes: bool = False,
        vendor: str | None = None,
        isolated: bool = False,
    ) -> None:
        super().__init__(context)
        self._forwarded = tuple(
            f"--{name}={value}" for name, value in (("select", select), ("ignore", ignore)) if value
        )
        self._unsafe = unsafe_fixes
        self._vendor = vendor
        self._isolated = isolated
        if vendor is not None:
            install(vendor)

    @staticmethod
    def add_args(arg_parser: argparse.ArgumentParser) -> None:
        """Add the command's own options to those of ``libcst.tool codemod``."""
        add = arg_parser.add_argument
        add("--select", metavar="CODES", help="rules to fix, separated by commas (SVI101,SVI2)")
        add("--ignore", metavar="CODES", help="rules to leave alone")
        add(
            "--unsafe-fixes",
            action="store_true",
            help="also fixes that may change what the program does",
        )
        add(
            "--vendor",
            metavar="FILE",
            help="copy the runtime helper to this folder and import it from there",
        )
        add("--isolated", action="store_true", help="ignore all configuration files")

    def transform_module_impl(self, tree: cst.Module) -> cst.Module:
        """Return the fixed module."""
        filename = self.context.filename or "<unknown>"
        fixed = self._fixer.on_source(filename, tree.bytes)
        if fixed.error is not None:
            self.warn(f"{filename}: {fixed.error}")
        for finding in fixed.left:
            self.warn(
                f"{filename}:{finding.line}:{finding.column} {finding.code} {finding.message}"
            )
        return tree if fixed.after is None else cst.parse_module(fixed.after)

    @cached_property
    def _fixer(self) -> Fixer:
        request = config.Request(isolated=self._isolated, forwarded=self._forwarded)
        options = config.load(request).options
        return Fixer(options, unsafe=self._unsafe, vendor=self._vendor)
