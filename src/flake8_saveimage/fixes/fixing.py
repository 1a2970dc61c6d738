"""Fix a file's text in rounds: what a fix brings to light is fixed, or left, in the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from flake8_saveimage.check.analysis import located
from flake8_saveimage.check.following import Following
from flake8_saveimage.fixes.editing import changes_of
from flake8_saveimage.fixes.imports import HELPER_MODULE, moved_imports
from flake8_saveimage.fixes.plan import Plan, Planner
from flake8_saveimage.fixes.policy import DEFAULT, Policy
from flake8_saveimage.fixes.text import applied
from flake8_saveimage.fixes.vendoring import import_path
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.rules.index import opt_in_codes
from flake8_saveimage.rules.save import Save
from flake8_saveimage.source import reading
from flake8_saveimage.syntax.collector import collector_paused
from flake8_saveimage.syntax.positions import Span

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
    in the user's repository, imported instead of ``flake8_saveimage.runtime``. ``following`` says
    what is looked for, ``name_line`` how messages call a line, ``policy`` what the configuration
    says about fixes. ``prefers_names``: the indices of loops go into names, where that is possible,
    instead of calling the runtime helper.
    """

    accept: Callable[[Finding], bool] = on_by_default
    unsafe: bool = False
    vendor: str | None = None
    name_line: Callable[[int], str] = str
    following: Following = field(default_factory=Following)
    policy: Policy = DEFAULT
    prefers_names: bool = False


@dataclass(frozen=True, slots=True)
class FixResult:
    """The fixed text, the findings that it fixes and those (accepted ones) that are left.

    ``changed``: the text is another one; ``imports_helper``: the package of the runtime helper is
    imported now, and was not before.
    """

    code: str
    applied: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()
    changed: bool = False
    imports_helper: bool = False


@collector_paused()
def fix_source(
    source: str, *, filename: str = "<unknown>", options: FixOptions | None = None
) -> FixResult:
    """Fix a file's text. Everything outside of the edits stays as it is, byte for byte.

    Raises :class:`~flake8_saveimage.source.reading.SourceError`, and
    :class:`~flake8_saveimage.fixes.vendoring.VendorError` if the vendored helper cannot be imported
    from ``filename``.
    """
    options = options or FixOptions()
    bom = source[: len(source) - len(source.removeprefix(_BOM))]
    module = HELPER_MODULE if options.vendor is None else import_path(options.vendor, filename)
    code = source.removeprefix(_BOM)
    current = first = _Round(code, filename, options)
    found: dict[tuple[int, int, str], Finding] = {}
    for _ in range(_MAX_ROUNDS):
        plans = list(current.plans.values())
        if not plans:
            break
        code = applied(code, changes_of(plans, current.planner, module=module))
        for finding in current.fixed:
            found.setdefault((finding.line, finding.column, finding.code), finding)
        if not any(plan.reveals for plan in plans):
            reading.parse(reading.universal_newlines(code))
            break
        # edits may have brought something to light
        after = _Round(code, filename, options, first.places)
        if len(after.saves) != len(first.saves):  # no longer known which call is which
            break
        current = after
    if options.vendor is not None and HELPER_MODULE in code:
        code = applied(code, moved_imports(code, HELPER_MODULE, module))
    return FixResult(
        bom + code,
        tuple(sorted(found.values())),
        tuple(sorted(current.left)),
        changed=bom + code != source,
        imports_helper=HELPER_MODULE in code and HELPER_MODULE not in source,
    )


class _Round:
    """The plans for the text as it is now, the findings that they fix and those that are left.

    Edits neither add nor remove save calls: the n-th stays the n-th, and what flake8 says about its
    line holds for the line of the text before the first edit, which ``places`` tell.
    """

    def __init__(
        self, code: str, filename: str, options: FixOptions, places: list[Span] | None = None
    ) -> None:
        self.analysis = analysis = options.following.diagnose(filename, code)
        self.saves: list[Save] = [*analysis.saves, *analysis.routed]
        self.plans: dict[int, Plan] = {}
        self.fixed: list[Finding] = []
        self.left: list[Finding] = []
        findings = located(analysis, options.name_line)
        if places is not None and len(places) == len(self.saves):
            numbers = {id(save): number for number, save in enumerate(self.saves)}
            diagnosed = (places[numbers[id(d.save)]] for d in analysis.diagnoses)
            findings = [_moved(f, place) for f, place in zip(findings, diagnosed, strict=True)]
        pairs = zip(analysis.diagnoses, findings, strict=True)
        accepted = [(diagnosis, finding) for diagnosis, finding in pairs if options.accept(finding)]
        self.planner = Planner(
            analysis,
            filename=filename,
            policy=options.policy,
            prefers_names=options.prefers_names,
        )
        for finding, plan in self.planner.judge(accepted):
            if plan is not None and (options.unsafe or not plan.reasons):
                self.plans[id(plan)] = plan
                self.fixed.append(finding)
            else:
                self.left.append(finding)

    @cached_property
    def places(self) -> list[Span]:
        """Where each save call stands, in order."""
        found = self.analysis.positions.of([save.call for save in self.saves])
        return [found[id(save.call)] for save in self.saves]


def _moved(finding: Finding, place: Span) -> Finding:
    line, column, end_line, end_column = place
    return replace(finding, line=line, column=column, end_line=end_line, end_column=end_column)
