"""What a rule looks at: one save call and the facts about its path and its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from flake8_saveimage.paths.dependence import Dependence
from flake8_saveimage.paths.repetition import PathFact, path_fact
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.saves import SaveCall, save_calls
from flake8_saveimage.syntax.scopes import Place
from flake8_saveimage.values.evaluate import Evaluator
from flake8_saveimage.values.verdict import RangeFact, range_fact


@dataclass(eq=False)
class Save:
    """One save call; the facts are computed when first asked for.

    ``dependence`` and ``evaluator`` are shared by all saves of a file, so that answers are found
    once; ``siblings`` are those saves in source order.
    """

    site: SaveCall
    dependence: Dependence
    evaluator: Evaluator
    siblings: Sequence[Save]

    @property
    def call(self) -> cst.Call:
        """The call itself."""
        return self.site.call

    @property
    def place(self) -> Place:
        """Where the call is evaluated."""
        return self.site.place

    @cached_property
    def path(self) -> PathFact:
        """Which loops the path depends on, and whether the overwriting is intentional."""
        return path_fact(self.site, self.dependence)

    @cached_property
    def values(self) -> RangeFact:
        """What values and dtype reach the call."""
        return range_fact(self.site, self.evaluator)


def saves_of(flow: Flow) -> list[Save]:
    """Return the saves of a file, in source order."""
    dependence, evaluator = Dependence(flow), Evaluator(flow)
    found: list[Save] = []
    found.extend(Save(site, dependence, evaluator, found) for site in save_calls(flow))
    return found
