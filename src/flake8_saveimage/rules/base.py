"""What a rule is: a code, a title and a check over the facts of one save call.

A rule module holds one rule. Its docstring is the rule's documentation (``explain`` and the docs
render it), its ``RULE`` the rule itself. Which rules are off by default stands in
``codes.OPT_IN``. Rule modules must not import libcst: ``explain`` has nothing to parse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from flake8_saveimage.rules.index import OPT_IN

if TYPE_CHECKING:
    import libcst as cst

    from flake8_saveimage.rules.save import Save

RemedyKind = Literal[
    "helper",  # call the runtime helper instead (unique name, clamps, atomic)
    "replace",  # the helper with if_exists="replace": overwriting is meant
    "fstring",  # add the missing f to the path literal
    "rename",  # a removed keyword gets its new name
    "normalize",  # add normalize=True beside value_range=
    "callee",  # torch.utils.save_image -> torchvision.utils.save_image
    "clone",  # save a copy instead of a view
]


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would mend a problem. Whether and how safely it can be applied, ``fixes`` decides."""

    kind: RemedyKind
    value_range: tuple[float, float] | None = None
    renames: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule says about a call: the message (without the code) and what would mend it.

    A message may be given in parts: text, and nodes of the tree that stand for "the line on which
    this starts". Positions are only looked up for what is really reported.
    """

    message: str | tuple[str | cst.CSTNode, ...]
    remedy: Remedy | None = None

    @property
    def nodes(self) -> tuple[cst.CSTNode, ...]:
        """The nodes whose lines the message names."""
        if isinstance(self.message, str):
            return ()
        return tuple(part for part in self.message if not isinstance(part, str))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``check`` returns what is wrong with a save call, or ``None``."""

    code: str
    title: str
    check: Callable[[Save], Problem | None]

    @property
    def default(self) -> bool:
        """Whether it is on without being asked for."""
        return self.code not in OPT_IN
