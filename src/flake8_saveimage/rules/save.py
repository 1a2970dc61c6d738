"""What a rule looks at: one save call and the facts about its path and its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from flake8_saveimage.paths.dependence import Dependence
from flake8_saveimage.paths.ranks import Joined, Processes, every_rank
from flake8_saveimage.paths.repetition import PathFact, path_fact
from flake8_saveimage.paths.routed import routed_path_fact
from flake8_saveimage.paths.switches import leads_nowhere
from flake8_saveimage.paths.texts import last_component
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.imports import TextPlace
from flake8_saveimage.syntax.routes import Route, routed_saves
from flake8_saveimage.syntax.saves import SaveCall, save_calls
from flake8_saveimage.syntax.scopes import CallSite, Place
from flake8_saveimage.values.evaluate import Evaluator
from flake8_saveimage.values.verdict import RangeFact, range_fact


@dataclass(eq=False)
class Save:
    """One save; the facts are computed when first asked for.

    ``dependence``, ``evaluator`` and ``processes`` are shared by all saves of a file, so that
    answers are found once; ``siblings`` are those saves in source order. A ``route`` leads to a
    save in another file: ``call`` is then the one in the checked file, the last of the route.
    """

    site: SaveCall
    dependence: Dependence
    evaluator: Evaluator
    processes: Processes
    siblings: Sequence[Save]
    route: Route = ()

    @property
    def call_site(self) -> CallSite:
        """The call in the checked file and where it is evaluated."""
        return self.route[-1].call if self.route else self.site.call_site

    @property
    def call(self) -> cst.Call:
        """The call in the checked file."""
        return self.call_site.node

    @property
    def place(self) -> Place:
        """Where the call in the checked file is evaluated."""
        return self.call_site.place

    @cached_property
    def path(self) -> PathFact:
        """Which loops the path depends on, and whether the overwriting is intentional."""
        if self.route:
            return routed_path_fact(self.site, self.route, self.dependence)
        return path_fact(self.site, self.dependence)

    @cached_property
    def reader(self) -> TextPlace | None:
        """A call in the project that reads the file back by its name."""
        value = self.path.value
        if value is None or value.text is None:
            return None
        return self.site.flow.reader(last_component(value.text))

    @cached_property
    def every_rank(self) -> Joined | None:
        """What makes several processes write the same path, if nothing tells them apart."""
        return every_rank(self.site, self.route, self.dependence, self.processes)

    @cached_property
    def values(self) -> RangeFact:
        """What values and dtype reach the call."""
        return range_fact(self.site, self.evaluator, self.route)


def saves_of(flow: Flow, *, through_helpers: bool = False) -> list[Save]:
    """Return the saves of a file, in source order.

    ``through_helpers``: followed by those that it reaches in other files.
    """
    shared = Dependence(flow), Evaluator(flow), Processes(flow)
    found: list[Save] = []
    found.extend(Save(site, *shared, found) for site in save_calls(flow))
    elsewhere = routed_saves(flow) if through_helpers else ()
    routed = [save for save in elsewhere if not leads_nowhere(save)]
    return found + [Save(site, *shared, (), route) for site, route in routed]
