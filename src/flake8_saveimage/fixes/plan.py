"""What can be done about the findings of a save call, and how safely.

The fixable findings of a call are fixed together, by one plan. A fix is safe if the program
provably still works as before, apart from what the findings name: every path that the program
wrote still shows what it last wrote there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import libcst as cst

from flake8_saveimage.check.analysis import Analysis, Diagnosis
from flake8_saveimage.fixes.calls import formatted, names_in_format
from flake8_saveimage.fixes.evidence import Evidence
from flake8_saveimage.fixes.imports import Imports
from flake8_saveimage.fixes.names import Names
from flake8_saveimage.fixes.naming import Renaming, renaming
from flake8_saveimage.fixes.policy import DEFAULT, Policy
from flake8_saveimage.fixes.project import project_of
from flake8_saveimage.fixes.text import Layout
from flake8_saveimage.fixes.unused import ImportFacts
from flake8_saveimage.rules.base import Edit, Remedy
from flake8_saveimage.rules.finding import Applicability, Finding
from flake8_saveimage.rules.save import Save
from flake8_saveimage.syntax.nodes import child_nodes, dotted, last_name
from flake8_saveimage.values.domain import Items, Values, as_values, excess

_BACKUPS = 3
_HELPER_KINDS = frozenset({"helper", "replace"})
_MAX_STEPS = 4
_JOINING = frozenset("cat stack concat concatenate hstack vstack make_grid".split())
# Some form feeds, and line ends of old Macs.
_CHANGED_BY_LIBCST = re.compile(r"\f|\r(?!\n)")
UNUSUAL = "the white space or the syntax of the file is unusual"

Accepted = Sequence[tuple[Diagnosis, Finding]]


@dataclass(frozen=True, slots=True)
class Plan:
    """One edit of a call that fixes ``fixed``; ``reasons`` say why it is not safe.

    ``helper`` are the keywords to pass to the runtime helper (``None``: the call stays what it is),
    ``edits`` the rules' own edits, ``renaming`` the indices that go into the name of the file.
    """

    save: Save
    fixed: tuple[Diagnosis, ...]
    reasons: tuple[str, ...] = ()
    helper: Mapping[str, str] | None = None
    edits: tuple[Edit, ...] = ()
    renaming: Renaming | None = None

    @property
    def applicability(self) -> Applicability:
        """How safe it is."""
        return "unsafe" if self.reasons else "safe"

    @property
    def reveals(self) -> bool:
        """Whether rules may find something new in the call afterwards."""
        return (
            self.helper is None
            or self.renaming is not None
            or any(_kind(d) not in _HELPER_KINDS for d in self.fixed)
        )

    @property
    def remedies(self) -> list[Remedy]:
        """The remedies of the problems that it fixes."""
        found = (diagnosis.problem.remedy for diagnosis in self.fixed)
        return [remedy for remedy in found if remedy is not None]


class Planner:
    """Makes the plans for one file."""

    def __init__(
        self,
        analysis: Analysis,
        *,
        filename: str = "",
        policy: Policy = DEFAULT,
        prefers_names: bool = False,
    ) -> None:
        self.analysis = analysis
        self._policy = policy
        self._prefers_names = prefers_names
        self.project = project_of(filename)
        self._filename = filename

    @cached_property
    def names(self) -> Names:
        """All uses of names in the file."""
        return Names(self.analysis.module)

    @cached_property
    def layout(self) -> Layout:
        """Where nodes stand in the file."""
        return Layout(self.analysis.source, self.analysis.positions)

    @cached_property
    def _import_facts(self) -> ImportFacts:
        return ImportFacts(self.analysis.positions, self.layout)

    @cached_property
    def _evidence(self) -> Evidence:
        return Evidence(self.analysis, self.names, self.project, self._filename)

    def judge(self, accepted: Accepted) -> list[tuple[Finding, Plan | None]]:
        """Return each finding with how safely it can be fixed or why not, and the plan for it."""
        refusals = [self._obstacle or self._refusal(diagnosis) for diagnosis, _ in accepted]
        fixable: dict[int, list[Diagnosis]] = {}
        for (diagnosis, _), refusal in zip(accepted, refusals, strict=True):
            if not refusal:
                fixable.setdefault(id(diagnosis.save), []).append(diagnosis)
        plans = {key: self._plan(found[0].save, tuple(found)) for key, found in fixable.items()}
        judged: list[tuple[Finding, Plan | None]] = []
        for (diagnosis, finding), refusal in zip(accepted, refusals, strict=True):
            plan = None if refusal else plans[id(diagnosis.save)]
            fix = None if plan is None else plan.applicability
            reason = refusal if plan is None else next(iter(plan.reasons), "")
            judged.append((replace(finding, fix=fix, reason=reason), plan))
        return judged

    @cached_property
    def _obstacle(self) -> str:
        """Why nothing in this file can be edited, ``""`` if that is not so."""
        analysis = self.analysis
        is_known = analysis.normalized is None and analysis.positions.tree is not None
        may_differ = _CHANGED_BY_LIBCST.search(analysis.source) is not None
        if is_known and (not may_differ or analysis.module.code == analysis.source):
            return ""
        return UNUSUAL

    def imports(self, module: str) -> Imports:
        """Return an empty plan for the imports; ``module`` is where the helper is."""
        return Imports(
            self.analysis,
            self.names,
            self._import_facts,
            module=module,
            filename=self._filename,
            project=self.project,
        )

    # -- what cannot be fixed ------------------------------------------------------------------

    def _refusal(self, diagnosis: Diagnosis) -> str:
        """Return why a finding cannot be fixed, ``""`` if it can."""
        rule, save, problem = diagnosis
        remedy = problem.remedy
        if remedy is None and rule.fix is None:
            inside = "the called function saves the file: change the path here"
            return inside if save.route else "there is no fix for this rule"
        if not self._policy.is_fixable(rule.code):
            return "the configuration excludes it from fixes"
        if remedy is None:
            return "" if self._own_edit(diagnosis) is not None else "there is no fix for this call"
        if not save.call.args or self._in_format_string(save):
            return "the call stands in a format string"
        if remedy.kind in _HELPER_KINDS:
            return self._helper_refusal(diagnosis)
        if remedy.kind == "fstring":
            return self._fstring_refusal(save)
        if remedy.kind == "callee":
            return self._callee_refusal(save)
        if remedy.kind == "rename" and self.project.old_pin:
            return f"{self.project.old_pin} asks for a version with the old keyword"
        if remedy.kind == "clone" and not _is_tensor(save):
            return "it may be something else than a tensor"
        return ""

    def _helper_refusal(self, diagnosis: Diagnosis) -> str:
        rule, save, problem = diagnosis
        if not save.site.writer.helper and not save.site.writer.is_helper:
            return f"the runtime helper has no function for {save.site.writer.name}"
        positional = [argument for argument in save.call.args if argument.keyword is None]
        if len(positional) > len(save.site.writer.parameters):
            return "it has too many positional arguments"
        target = save.path.destination
        ranks = problem.remedy is not None and problem.remedy.ranks
        if (rule.renames or ranks) and target is not None and target.handle:
            return "the file is opened before the call"
        raises = rule.looks_at == "value" and save.values.verdict == "integer"
        if raises and self._is_handled(save):
            return "the error that the call raises is handled"
        remedy = diagnosis.problem.remedy
        if remedy is not None and remedy.value_range is not None and self._is_mixed(save):
            return "other values are saved with them that may be right"
        return ""

    def _is_mixed(self, save: Save) -> bool:
        """Say whether a grid or list is saved of which not every part leaves [0, 1]."""
        node, place = save.site.saved, save.place
        for _ in range(_MAX_STEPS):
            if isinstance(node, cst.Call) and last_name(node.func) in _JOINING and node.args:
                node = node.args[0].value
                break
            reaches = self.analysis.flow.lookup(dotted(node) or "", place).reaches
            if len(reaches) != 1 or reaches[0].binding.kind != "assign":
                break
            binding = reaches[0].binding
            node, place = binding.value, binding.place
        if node is None:
            return False
        saved = save.evaluator.ask(node, place)
        parts = saved.parts if isinstance(saved, Items) else ()
        return any(excess(as_values(part).reach) <= 0 for part in parts)

    def _fstring_refusal(self, save: Save) -> str:
        node, value = save.path.template_node, save.path.value
        if not isinstance(node, cst.SimpleString) or value is None or formatted(node) is None:
            return "the text would be no valid f-string"
        place = next((place for literal, place in value.templates if literal is node), None)
        names = names_in_format(node)
        if place is None or not all(self.analysis.flow.lookup(n, place).reaches for n in names):
            return "a name in the braces is not bound where the text is written"
        return ""

    def _callee_refusal(self, save: Save) -> str:
        package = save.site.writer.name.partition(".")[0]
        reaches = self.analysis.flow.lookup(package, save.place).reaches
        if any(r.binding.kind != "import" or r.binding.source != package for r in reaches):
            return f"{package} means something else here"
        return ""

    def _in_format_string(self, save: Save) -> bool:
        """Say whether quotes could end the string around the call, as before Python 3.12."""
        outer = self.names.ancestors(save.call)
        return any(isinstance(node, cst.FormattedStringExpression) for node in outer)

    def _is_handled(self, save: Save) -> bool:
        """Say whether a ``try`` of the function handles an error of the call."""
        node: cst.CSTNode = save.call
        for outer in self.names.ancestors(save.call):
            if isinstance(outer, cst.FunctionDef | cst.Lambda):
                return False
            if isinstance(outer, cst.Try | cst.TryStar) and node is outer.body and outer.handlers:
                return True
            if isinstance(outer, cst.With) and any(
                (dotted(item.item.func) or "").endswith("suppress")
                for item in outer.items
                if isinstance(item.item, cst.Call)
            ):
                return True
            node = outer
        return False

    # -- the plan ------------------------------------------------------------------------------

    def _plan(self, save: Save, fixed: tuple[Diagnosis, ...]) -> Plan:
        edits = tuple(edit for d in fixed if (edit := self._own_edit(d)) is not None)
        reasons = [reason for diagnosis in fixed for reason in self._in_place_reasons(diagnosis)]
        if any(edit.applicability == "unsafe" for edit in edits):
            reasons.append("it may change what the program does")
        helper = [d for d in fixed if _kind(d) in _HELPER_KINDS]
        renamed = self._renaming(save, helper)
        if renamed is not None:
            helper = [d for d in helper if not d.rule.renames]
            if self._evidence.is_read(save) or self._evidence.hazard(save):
                reasons.append("something reads or lists the old name")
        keywords = None
        if helper:
            keywords = self._keywords(save, helper)
            reasons += self._helper_reasons(save, helper, keywords)
        declared = {self._policy.declared(diagnosis.rule.code) for diagnosis in fixed}
        if "unsafe" in declared:
            reasons.append("the configuration says so")
        elif declared == {"safe"}:
            reasons = []
        return Plan(save, fixed, tuple(dict.fromkeys(reasons)), keywords, edits, renamed)

    def _own_edit(self, diagnosis: Diagnosis) -> Edit | None:
        """Return the rule's own edit, if it changes something in this file."""
        rule, save, problem = diagnosis
        edit = rule.fix(save, problem) if rule.fix is not None else None
        return edit if edit is not None and id(edit.node) in self.names.parents else None

    def _renaming(self, save: Save, wanted: Sequence[Diagnosis]) -> Renaming | None:
        """Return how the name of the file can tell iterations apart, if that is preferred."""
        naming = [d for d in wanted if d.rule.renames]
        if not self._prefers_names or not naming or any(d.rule.is_fix_unsafe for d in naming):
            return None
        return renaming(save, self.analysis.flow)

    def _keywords(self, save: Save, wanted: Sequence[Diagnosis]) -> dict[str, str]:
        """Return the keywords that keep the meaning of every name."""
        keywords: dict[str, str] = {}
        bounds = _bounds(save, wanted)
        if bounds is not None and save.site.writer.normalizer is not None:
            keywords[save.site.writer.normalizer.bounds] = f"({bounds[0]:.16g}, {bounds[1]:.16g})"
        if save.site.writer.is_helper:
            return keywords
        naming = any(d.rule.renames for d in wanted)
        target = save.path.destination
        if not naming and not (target is not None and target.handle):
            keywords["if_exists"] = '"replace"'
        elif naming and save.site.kind == "object":
            is_rolling = self._evidence.is_read(save) or self._evidence.numbers_files(save)
            keywords |= {"if_exists": '"replace"'} if is_rolling else {"keep": str(_BACKUPS)}
        if save.site.kind == "image":  # a NaN must not end a run that it did not end before
            keywords["non_finite"] = '"zero"'
        if any(d.problem.remedy is not None and d.problem.remedy.ranks for d in wanted):
            keywords["ranks"] = '"zero"'
        return keywords

    def _helper_reasons(
        self, save: Save, wanted: Sequence[Diagnosis], keywords: Mapping[str, str]
    ) -> Iterator[str]:
        """Yield why calling the helper may change what the program does."""
        if not save.site.writer.is_helper:
            yield from self._call_reasons(save)
        if "ranks" in keywords:
            yield "every process of the job must reach the call"
        if _obeys_ignored_bounds(save, keywords):
            yield "the bounds, which are ignored so far, would change the colours"
        bounds = _bounds(save, wanted)
        if bounds is not None and not _is_image_range(save, bounds):
            yield "the colours may be intended"
        naming = [d for d in wanted if d.rule.renames]
        if any(d.rule.is_fix_unsafe for d in naming) or id(save.site) in self._twins:
            yield "only the author knows what the files should be called"
        if naming and "if_exists" not in keywords:
            hazard = self._evidence.hazard(save)
            if hazard:
                yield hazard
            elif save.site.kind == "image" and self._evidence.numbers_files(save):
                yield "the program itself writes numbered names beside it"

    def _call_reasons(self, save: Save) -> Iterator[str]:
        """Yield why calling another function may change what the program does."""
        if self._result_is_used(save):
            yield "the value of the call is used"
        if self.imports("").is_conditional(save):
            yield "its import may fail, and the module runs without it"
        patched = self._evidence.patched(save)
        if patched:
            yield f"{patched} replaces {save.site.writer.leaf}"

    def _in_place_reasons(self, diagnosis: Diagnosis) -> Iterator[str]:
        """Yield why an edit that leaves the function alone may change what the program does."""
        rule, save, problem = diagnosis
        remedy = problem.remedy
        if remedy is None:
            return
        if remedy.kind == "normalize":  # colours may be right because the keyword is ignored
            yield "the colours change"
        elif rule.is_fix_unsafe and not rule.renames:
            yield "it may change what the program does"
        if remedy.kind == "fstring":
            node = save.path.template_node
            if node is None or save.call not in self.names.ancestors(node):
                yield "the text is bound to a name, which may be used elsewhere"
            elif isinstance(node, cst.SimpleString) and self.project.holds(
                node.raw_value, self._filename
            ):
                yield "another file uses the name with the braces"

    @cached_property
    def _twins(self) -> frozenset[int]:
        """Saves that a later one on the same straight line overwrites: fix both or none."""
        twins = (save.path.twin for save in self.analysis.saves)
        return frozenset(id(twin) for twin in twins if twin is not None)

    def _result_is_used(self, save: Save) -> bool:
        """Say whether the program may look at what the call returns (``None``, then the path)."""
        statement = save.site.call_site.statement
        if not isinstance(statement, cst.Expr):
            return True
        node: cst.CSTNode = save.call
        for outer in self.names.ancestors(save.call):
            if outer is statement:
                return False
            if not _drops_value(outer, node):
                return True
            node = outer
        return True


def _kind(diagnosis: Diagnosis) -> str | None:
    remedy = diagnosis.problem.remedy
    return remedy.kind if remedy is not None else None


def _is_tensor(save: Save) -> bool:
    if save.site.saved is None:
        return False
    saved = save.evaluator.ask(save.site.saved, save.place)
    return isinstance(saved, Values) and saved.kind == "tensor"


def _bounds(save: Save, wanted: Sequence[Diagnosis]) -> tuple[float, float] | None:
    """Return the bounds to pass, if the call leaves room for them."""
    keywords = save.site.writer.normalizer
    if keywords is None or keywords.bounds in save.site.arguments:
        return None
    if any(argument.star == "**" for argument in save.call.args):
        return None
    remedies = (d.problem.remedy for d in wanted)
    found = (remedy.value_range for remedy in remedies if remedy is not None)
    return next((bounds for bounds in found if bounds is not None), None)


def _obeys_ignored_bounds(save: Save, keywords: Mapping[str, str]) -> bool:
    """Say whether the helper obeys bounds that the writer ignores without its switch."""
    normalizer = save.site.writer.normalizer
    if save.site.writer.is_helper or normalizer is None or normalizer.bounds in keywords:
        return False
    given = save.site.argument(normalizer.bounds)
    switch = save.site.argument(normalizer.switch)
    is_off = switch is None or dotted(switch) == "False"
    return given is not None and dotted(given) != "None" and is_off


def _is_image_range(save: Save, bounds: tuple[float, float]) -> bool:
    """Say whether proven bounds can only be the range of an image: a tanh's, or grey levels.

    For others clipping may be intended; with the switch on, the colours were not wrong.
    """
    normalizer = save.site.writer.normalizer
    is_scaled = normalizer is not None and save.site.argument(normalizer.switch) is not None
    return bounds in ((-1.0, 1.0), (0.0, 255.0)) and not is_scaled


def _drops_value(outer: cst.CSTNode, node: cst.CSTNode) -> bool:
    """Say whether ``outer``, whose own value is not used, ignores the value of ``node``."""
    if isinstance(outer, cst.BooleanOperation):
        return outer.right is node
    if isinstance(outer, cst.IfExp):
        return outer.test is not node
    return isinstance(outer, cst.BaseComp | cst.Tuple | cst.List | cst.Element) and node in (
        child for child in child_nodes(outer)
    )
