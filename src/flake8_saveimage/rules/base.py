"""What a rule is: its facts and a check over one save call.

A rule module holds one rule: its docstring is the documentation (``explain`` and the site render
it), ``RULE`` the rule itself. Rule modules must not import libcst: ``explain`` has nothing to
parse.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from flake8_saveimage.knowledge.writer import Writer

if TYPE_CHECKING:
    import libcst as cst

    from flake8_saveimage.rules.finding import Applicability
    from flake8_saveimage.rules.save import Save
    from flake8_saveimage.syntax.imports import TextPlace
    from flake8_saveimage.syntax.scopes import Loop

LooksAt = Literal["path", "value", "object", "call"]
RemedyKind = Literal[
    "helper",  # call the runtime helper instead (free name, clamps, atomic)
    "replace",  # the helper with if_exists="replace": overwriting is intentional
    "fstring",  # add the missing f to the path literal
    "rename",  # a removed keyword gets its new name
    "normalize",  # add normalize=True beside value_range=
    "callee",  # call the function that exists
    "clone",  # save a copy instead of a view
]


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a node, in a message: "line 7", or "utils.py, line 12" in another file.

    ``what`` says what stands there, for reports that list the places one by one. ``preposition``:
    "at line 7", "in utils.py, line 12".
    """

    node: cst.CSTNode | TextPlace
    what: str
    preposition: bool = False

    def text(self, file: str, line: str) -> str:
        """Return the place in words; ``file`` is empty for the checked file."""
        if not file:
            return f"at line {line}" if self.preposition else f"line {line}"
        return f"in {file}, line {line}" if self.preposition else f"{file}, line {line}"


Parts = tuple["str | Where", ...]


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would fix a problem. Whether and how safely it can be applied, ``fixes`` decides.

    ``ranks`` says which processes of a job write: ``"zero"``, or each if it is empty.
    """

    kind: RemedyKind
    value_range: tuple[float, float] | None = None
    renames: tuple[tuple[str, str], ...] = ()
    ranks: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A rule's own fix: ``change`` returns what replaces ``node``.

    ``change`` is given the node as it is then, with the other edits inside it already made.
    """

    node: cst.CSTNode
    change: Callable[[Any], cst.CSTNode]
    applicability: Applicability = "safe"


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule finds wrong with a call: the message (without the code) and the remedy.

    A message may be given in parts; positions are only looked up for what is really reported.
    ``loop`` is the loop that the finding is about.
    """

    message: str | Parts
    remedy: Remedy | None = None
    loop: Loop | None = None

    @property
    def places(self) -> tuple[Where, ...]:
        """The places that the message names."""
        if isinstance(self.message, str):
            return ()
        return tuple(part for part in self.message if not isinstance(part, str))

    def without_remedy(self) -> Problem:
        """Return the problem as one that no edit at the call can fix."""
        return Problem(self.message, None, self.loop)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its facts, and ``check``, which returns what is wrong with a save call.

    ``name`` is its speaking name; ``default`` says whether it is on without being selected;
    ``looks_at`` is the part of a save that it judges; ``writers`` says which rows it applies to.
    ``through_helpers``: it also judges calls of functions of other files that save.
    ``renames``: its fix may give the file another name. ``is_fix_unsafe``: its fix is never safe.
    ``fix`` returns the rule's own edit, where the problem's remedy is not enough.
    """

    code: str
    name: str
    check: Callable[[Save], Problem | None]
    looks_at: LooksAt
    default: bool = True
    writers: Callable[[Writer], bool] = lambda _row: True
    renames: bool = False
    through_helpers: bool = False
    is_fix_unsafe: bool = False
    fix: Callable[[Save, Problem], Edit | None] | None = None

    @property
    def documentation(self) -> str:
        """The docstring of the rule's module (Markdown)."""
        return (sys.modules[self.check.__module__].__doc__ or "").strip()

    @property
    def title(self) -> str:
        """The first line of the documentation, without Markdown and without the final dot."""
        return self.documentation.partition("\n")[0].rstrip(".").replace("`", "")
