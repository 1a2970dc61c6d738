"""The fix as a libcst command.

    python -m libcst.tool codemod -x flake8_saveimage.SaveImageCommand PATH

The same judgement and edits as ``flake8-saveimage fix``, within libcst's own machinery.
"""

from __future__ import annotations

import argparse
from functools import cached_property

import libcst as cst
from libcst.codemod import CodemodCommand, CodemodContext

from flake8_saveimage.check.following import following_of
from flake8_saveimage.config import options as config
from flake8_saveimage.config.noqa import Judge
from flake8_saveimage.fixes.fixing import FixOptions, fix_source
from flake8_saveimage.fixes.policy import Policy
from flake8_saveimage.fixes.vendoring import VendorError, install
from flake8_saveimage.source.gate import is_worth_parsing
from flake8_saveimage.source.reading import SourceError, universal_newlines


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
        source, lines = tree.code, universal_newlines(tree.code)
        codes = self._judge.codes_for(filename)
        accepts = self._judge.file(filename, lines).accepts
        options = FixOptions(
            accept=lambda finding: finding.code in codes and accepts(finding),
            unsafe=self._unsafe,
            vendor=self._vendor,
            hooks=frozenset(self._options.saveimage_hooks),
            following=following_of(self._options),
            policy=Policy.of(self._options),
        )
        try:
            if not codes or not is_worth_parsing(lines, table=options.following.table):
                return tree
            result = fix_source(source, filename=filename, options=options)
        except (SourceError, VendorError) as error:
            self.warn(f"{filename}: {error}")
            return tree
        for finding in result.left:
            self.warn(
                f"{filename}:{finding.line}:{finding.column} {finding.code} {finding.message}"
            )
        return cst.parse_module(result.code, tree.config_for_parsing) if result.changed else tree

    @cached_property
    def _options(self) -> argparse.Namespace:
        request = config.Request(isolated=self._isolated, forwarded=self._forwarded)
        return config.load(request).options

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self._options)
