"""flake8's door: gate, analyse, yield.

Nothing of libcst is imported before a file has passed both gates.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from flake8_saveimage import __version__
from flake8_saveimage.source.gate import text_may_save, tree_may_save

if TYPE_CHECKING:
    import argparse

    from flake8.options.manager import OptionManager

    from flake8_saveimage.rules.finding import Finding

PREFIX = "SVI"


class SaveImagePlugin:
    """Report save calls that overwrite files or change colours.

    flake8 passes the tree, the lines (decoded, with ``\\n`` as line ending) and the display name.
    """

    name = "flake8-saveimage"
    version = __version__

    options: ClassVar[argparse.Namespace | None] = None

    def __init__(self, tree: ast.AST, lines: Sequence[str] = (), filename: str = "stdin") -> None:
        self._tree = tree
        self._lines = lines
        self._filename = filename

    @classmethod
    def add_options(cls, option_manager: OptionManager) -> None:
        """Register this plugin's options and keep the opt-in rules off by default."""
        from flake8_saveimage.rules.index import OPT_IN

        option_manager.add_option(
            "--saveimage-hooks",
            metavar="names",
            default="",
            comma_separated_list=True,
            parse_from_config=True,
            help="Comma-separated names of functions that a framework calls again and again "
            "(added to the known hooks of Lightning, ignite, fastai and Keras).",
        )
        option_manager.extend_default_ignore(sorted(OPT_IN))

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Remember the options of this run."""
        cls.options = options
        _chosen.cache_clear()

    def run(self) -> Iterator[tuple[int, int, str, type[Any]]]:
        """Yield line (from 1), column (from 0), ``"CODE message"`` and this class."""
        source = "".join(self._lines)
        if not text_may_save(source) or not tree_may_save(self._tree):
            return
        for finding in self._findings(source):
            text = f"{finding.code} {finding.message}"
            yield finding.line, finding.column - 1, text, type(self)

    def _findings(self, source: str) -> list[Finding]:
        from flake8_saveimage.source.reading import SourceError, check_size, defect
        from flake8_saveimage.source.screen import may_be_reported

        hooks, codes = _chosen()
        try:
            check_size(len(source))
            if not may_be_reported(source, codes):
                return []
            from flake8_saveimage.check.analysis import Unparsable, analyse

            try:
                return analyse(source, hooks=hooks, codes=codes)
            except Unparsable as error:
                self._not_checked(f"could not be checked, libcst cannot parse it: {error}")
        except SourceError as error:
            self._not_checked(str(error))
        except RecursionError:
            self._not_checked("could not be checked, nested too deeply")
        except Exception as error:  # a defect of ours must not end the whole flake8 run
            self._not_checked(defect(error))
        return []

    def _not_checked(self, reason: str) -> None:
        # flake8 has no channel for this; the root handler of last resort writes to stderr
        import logging

        from flake8_saveimage.source.reading import printable

        logger = logging.getLogger(__name__)
        logger.warning("flake8-saveimage: %r %s", self._filename, printable(reason))


@functools.cache
def _chosen() -> tuple[frozenset[str], frozenset[str]]:
    """Return the extra hooks and the codes that the options ask for."""
    from flake8_saveimage.rules.index import default_codes

    options = SaveImagePlugin.options
    if options is None:
        return frozenset(), default_codes()
    from flake8_saveimage.config.selection import active_codes

    return frozenset(options.saveimage_hooks), active_codes(options)
