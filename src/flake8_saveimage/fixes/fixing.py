"""Fix a file's text in rounds: what a fix brings to light is fixed, or left, in the next one."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from flake8_saveimage.check.analysis import diagnose, located
from flake8_saveimage.check.following import Following
from flake8_saveimage.fixes.editing import Editor
from flake8_saveimage.fixes.imports import HELPER_MODULE, moved_imports
from flake8_saveimage.fixes.plan import (
    UNUSUAL,
    Plan,
    Planner,
    is_reproducible,
    judged_by,
    verdicts_of,
)
from flake8_saveimage.fixes.policy import DEFAULT, Policy
from flake8_saveimage.fixes.project import project_of
from flake8_saveimage.fixes.text import Change, Layout, applied, composed
from flake8_saveimage.fixes.vendoring import import_path
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.rules.index import opt_in_codes
from flake8_saveimage.source import reading
from flake8_saveimage.syntax.collector import collector_paused
from flake8_saveimage.syntax.positions import spans
from flake8_saveimage.syntax.stack import stack_room

_MAX_ROUNDS = 8
_BOM = "\ufeff"


def on_by_default(finding: Finding) -> bool:
    """Accept the findings of the rules that are on by default."""
    return finding.code not in opt_in_codes()


@dataclass(frozen=True, slots=True)
class FixOptions:
    """What to fix and how.

    ``accept`` decides about each finding (selection, ``# noqa``). ``unsafe`` also applies fixes
    that may change what the program does. ``vendor`` is the path of a copy of the runtime helper
    in the user's repository, imported instead of ``flake8_saveimage.runtime``. ``hooks`` are
    further names of functions that a framework calls repeatedly. ``following`` says how imports
    are followed, ``name_line`` how messages call a line, ``policy`` what the configuration says
    about fixes. ``prefers_names``: the indices of loops go into names, where that is possible,
    instead of calling the runtime helper.
    """

    accept: Callable[[Finding], bool] = on_by_default
    unsafe: bool = False
    vendor: str | None = None
    hooks: Collection[str] = ()
    name_line: Callable[[int], str] = str
    following: Following = field(default_factory=Following)
    policy: Policy = DEFAULT
    prefers_names: bool = False


@dataclass(frozen=True, slots=True)
class FixResult:
    """The fixed text, the findings that it fixes and those (accepted ones) that are left.

    ``changes`` lead from the text before to ``code``; ``imports_helper`` says that the package of
    the runtime helper is imported now, and was not before.
    """

    code: str
    applied: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()

    imports_helper: bool = False

    @property
    def changed(self) -> bool:
        """Whether the text is another one."""
        return bool(self.changes)


@collector_paused()
@stack_room()
def fix_source(
    source: str, *, filename: str = "<unknown>", options: FixOptions | None = None
) -> FixResult:
    """Fix a file's text. Everything outside of the edits stays as it is, byte for byte.

    Raises :class:`~flake8_saveimage.source.reading.SourceError`, and
    :class:`~flake8_saveimage.fixes.vendoring.VendorError` if the vendored helper cannot be imported
    from ``filename``.
    """
    text = source.removeprefix(_BOM)
    result = _Fixing(text, filename, options or FixOptions()).run()
    if text == source:
        return result
    shifted = (Change(start + 1, end + 1, new) for start, end, new in result.changes)
    return replace(result, code=_BOM + result.code, changes=tuple(shifted))


class _Fixing:
    def __init__(self, source: str, filename: str, options: FixOptions) -> None:
        self.source = source
        self.filename = filename
        self.options = options
        self.project = project_of(filename)
        self.module = HELPER_MODULE
        if options.vendor is not None:
            self.module = import_path(options.vendor, filename)

    def run(self) -> FixResult:
        """Edit, and look again as long as edits may have brought something to light."""
        current = first = _Round(self, self.source, None)
        code, changes = self.source, list[Change]()
        found: dict[tuple[int, int, str], Finding] = {}
        for _ in range(_MAX_ROUNDS):
            if not current.plans:
                break
            made = current.changes()
            code = applied(current.code, made)
            changes = composed(changes, made, len(self.source))
            for finding in current.fixed:
                found.setdefault((finding.line, finding.column, finding.code), finding)
            if not any(plan.reveals for plan in current.plans):
                reading.parse(reading.universal_newlines(code))
                break
            after = _Round(self, code, first)
            if after.count != first.count:  # no longer known which call is which
                break
            current = after
        if self.options.vendor is not None and HELPER_MODULE in code:
            made = list(moved_imports(code, HELPER_MODULE, self.module))
            code, changes = applied(code, made), composed(changes, made, len(self.source))
        return FixResult(
            code,
            tuple(sorted(found.values())),
            tuple(sorted(current.left)),
            tuple(changes),
            imports_helper=HELPER_MODULE in code and HELPER_MODULE not in self.source,
        )


class _Round:
    """The plans for the text as it is now, the findings that they fix and those that are left.

    Edits neither add nor remove save calls: the n-th stays the n-th, and what flake8 says about its
    line holds for the line of the text before the first edit.
    """

    def __init__(self, fixing: _Fixing, code: str, first: _Round | None) -> None:
        self.code = code
        self._fixing = fixing
        options = fixing.options
        following = options.following
        self.analysis = diagnose(
            code,
            hooks=options.hooks,
            path=os.path.realpath(fixing.filename),
            importer=following.importer(fixing.filename, code),
            table=following.table,
        )
        self._first = first or self
        findings = zip(self.analysis.diagnoses, self._findings(), strict=True)
        accepted = [(d, finding) for d, finding in findings if options.accept(finding)]
        self.plans: list[Plan] = []
        self.fixed: list[Finding] = []
        self.left: list[Finding] = []
        if not is_reproducible(self.analysis):
            self.left = [replace(finding, reason=UNUSUAL) for _, finding in accepted]
            return
        self._planner = Planner(
            self.analysis,
            filename=fixing.filename,
            project=fixing.project,
            policy=options.policy,
            prefers_names=options.prefers_names,
        )
        verdicts = verdicts_of(self._planner, accepted)
        for diagnosis, finding in accepted:
            judged = judged_by(verdicts[id(diagnosis.save)], diagnosis, finding)
            may_fix = judged.fix == "safe" or (judged.fix == "unsafe" and options.unsafe)
            (self.fixed if may_fix else self.left).append(judged)
        self.plans = [
            verdict.plan
            for verdict in verdicts.values()
            if verdict.plan is not None and (options.unsafe or not verdict.plan.reasons)
        ]

    def changes(self) -> list[Change]:
        """Return the changes of the text."""
        layout = Layout(self.analysis.module, self.code)
        editor = Editor(self._planner, layout, module=self._fixing.module)
        editor.locate(self.plans)
        return editor.changes(self.plans)

    @property
    def count(self) -> int:
        """The number of save calls, those in other files included."""
        return len(self.analysis.saves) + len(self.analysis.routed)

    @cached_property
    def places(self) -> list[Finding]:
        """Where each save call stands, in order."""
        saves = [*self.analysis.saves, *self.analysis.routed]
        found = spans(self.analysis.module, [save.call for save in saves])
        return [
            Finding(span.line, span.column, "", "", span.end_line, span.end_column)
            for span in (found[id(save.call)] for save in saves)
        ]

    def _findings(self) -> Iterator[Finding]:
        found = zip(
            self.analysis.diagnoses,
            located(self.analysis, self._fixing.options.name_line),
            strict=True,
        )
        if self._first is self or self._first.count != self.count:
            yield from (finding for _, finding in found)
            return
        saves = (*self.analysis.saves, *self.analysis.routed)
        number = {id(save): index for index, save in enumerate(saves)}
        for diagnosis, finding in found:
            place = self._first.places[number[id(diagnosis.save)]]
            yield replace(place, code=finding.code, message=finding.message)
