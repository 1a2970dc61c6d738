"""flake8's entry point: gate, analyse, yield.

Nothing of libcst is imported before a file has passed the gate.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from flake8_saveimage import __version__
from flake8_saveimage.check.following import Following, following_of
from flake8_saveimage.config.selection import active_codes, choice_of, register
from flake8_saveimage.rules.index import default_codes
from flake8_saveimage.source.gate import is_worth_parsing
from flake8_saveimage.source.reading import SourceError, defect, printable

if TYPE_CHECKING:
    import argparse

    from flake8.options.manager import OptionManager

    from flake8_saveimage.rules.finding import Finding


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
        register(option_manager)

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Remember the options of this run."""
        cls.options = options
        _chosen.cache_clear()
        choice_of(options)

    def run(self) -> Iterator[tuple[int, int, str, type[Any]]]:
        """Yield line (from 1), column (from 0), ``"CODE message"`` and this class."""
        for finding in self._findings("".join(self._lines)):
            text = f"{finding.code} {finding.message}"
            yield finding.line, finding.column - 1, text, type(self)

    def _findings(self, source: str) -> list[Finding]:
        try:
            codes, following = _chosen()
            worth = is_worth_parsing(source, self._tree, following.table)
            if not codes or not (worth or self._calls_a_saver(source)):
                return []
            from flake8_saveimage.check.analysis import located  # libcst

            return sorted(located(following.diagnose(self._filename, source, codes)))
        except SourceError as error:
            self._not_checked(str(error))
        except RecursionError:
            self._not_checked("cannot be checked: nested too deeply")
        except Exception as error:  # a defect of this tool must not end the whole flake8 run
            self._not_checked(defect(error))
        return []

    def _calls_a_saver(self, source: str) -> bool:
        following = _chosen()[1]
        raw = source.encode("utf-8", "replace")
        worth = following.is_worth_a_look(self._filename, raw)
        return worth and following.calls_a_saver(self._filename, source)

    def _not_checked(self, reason: str) -> None:
        # flake8 has no channel for this; the root handler of last resort writes to stderr
        import logging

        logger = logging.getLogger(__name__)
        logger.warning("flake8-saveimage: %r %s", self._filename, printable(reason))


@functools.cache
def _chosen() -> tuple[frozenset[str], Following]:
    """Return the codes, and how imports are followed, by the options."""
    options = SaveImagePlugin.options
    if options is None:
        return default_codes(), Following()
    return active_codes(options), following_of(options)
