"""How safely can the findings at one save call be mended, and how?

A fix is safe if the program provably still works as before, apart from what the finding names. The
findings that need the runtime helper are mended together, by one edit: once a call goes to the
helper no rule looks at it again, so that nothing may be left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from flake8_saveimage.check.analysis import Analysis, Diagnosis
from flake8_saveimage.fixes.literals import formatted
from flake8_saveimage.fixes.names import Names
from flake8_saveimage.fixes.reuse import NOT_USED, PathUses, Rebind, Reuse
from flake8_saveimage.rules.finding import Applicability
from flake8_saveimage.rules.save import Save
from flake8_saveimage.syntax.nodes import child_nodes, dotted


@dataclass(frozen=True, slots=True)
class HelperFix:
    """Call the runtime helper. ``replace``: the file keeps its name, whatever is there."""

    applicability: Applicability
    replace: bool
    value_range: tuple[float, float] | None = None
    rebind: Rebind | None = None


class Judgement:
    """What can be done about the findings of one file. Answers are remembered."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    @cached_property
    def names(self) -> Names:
        """All uses of names in the file."""
        return Names(self.analysis.flow.facts)

    @cached_property
    def _path_uses(self) -> PathUses:
        return PathUses(self.analysis, self.names)

    def of(self, diagnosis: Diagnosis, among: Iterable[Diagnosis]) -> Applicability | None:
        """Say how safely a finding can be mended, ``among`` those that are to be mended."""
        remedy = diagnosis.problem.remedy
        if remedy is None or self._in_format_string(diagnosis.save):
            return None
        if remedy.kind in ("helper", "replace"):
            fix = self.helper_fix(diagnosis.save, at_site(diagnosis.save, among))
            return fix.applicability if fix is not None else None
        if remedy.kind == "fstring":
            return self.missing_f(diagnosis.save)
        if remedy.kind == "callee":
            return self._callee(diagnosis.save)
        # Colours that were right by chance, the keyword being ignored, would change.
        return "unsafe" if remedy.kind == "normalize" else "safe"

    def helper_fix(self, save: Save, diagnoses: Sequence[Diagnosis]) -> HelperFix | None:
        """Return how ``site`` can call the helper instead, to mend all ``diagnoses`` of it."""
        wanted = [d for d in diagnoses if kind_of(d) in ("helper", "replace")]
        positional = [argument for argument in save.call.args if argument.keyword is None]
        if not wanted or len(positional) > len(save.site.writer.parameters):
            return None
        naming = [d.rule for d in wanted if d.rule.renames]
        target = save.path.destination
        if naming and target is not None and target.handle:
            return None  # the file is opened, and emptied, before the helper could step in
        value_range = next((r for d in wanted if (r := _value_range(d)) is not None), None)
        if value_range is not None and not _may_add_bounds(save):
            value_range = None
        unsafe = self._result_is_used(save) or _changes_meaning(save, value_range)
        unsafe = unsafe or (value_range is not None and not _is_meant(save, value_range))
        unsafe = unsafe or any(rule.is_fix_unsafe for rule in naming) or _has_twin(save)
        if not naming:
            replace = any(kind_of(d) == "replace" for d in wanted) or self._name_matters(save)
            return HelperFix("unsafe" if unsafe else "safe", replace, value_range)
        reuse = self.reuse(save)
        rebind = reuse.rebind
        unsafe = unsafe or (reuse.used and rebind is None)
        return HelperFix("unsafe" if unsafe else "safe", False, value_range, rebind)

    def reuse(self, save: Save) -> Reuse:
        """Say how the path of a call is used besides."""
        fact = save.path
        if fact.destination is not None and fact.destination.handle:
            return NOT_USED
        return self._path_uses.of(save)

    def missing_f(self, save: Save) -> Applicability | None:
        """Say how safely the path literal can become an f-string."""
        node = save.path.template_node
        value = save.path.value
        if not isinstance(node, cst.SimpleString) or value is None or formatted(node) is None:
            return None
        place = next((place for literal, place in value.templates if literal is node), None)
        if place is None:
            return None
        bound = (self.analysis.flow.lookup(name, place).reaches for name in save.path.template)
        if not all(bound):
            return None
        return "safe" if self.names.within(node, save.call) else "unsafe"

    def _callee(self, save: Save) -> Applicability | None:
        package = save.site.writer.name.partition(".")[0]
        lookup = self.analysis.flow.lookup(package, save.place)
        taken = any(
            reach.binding.kind != "import" or reach.binding.source != package
            for reach in lookup.reaches
        )
        return None if taken else "safe"

    def _name_matters(self, save: Save) -> bool:
        """Say whether a colour fix must leave the file's name alone, taken or not."""
        fact = save.path
        if fact.destination is None:
            return True  # hidden in `*args`
        if fact.destination.handle:
            return False
        again = fact.repetition is not None or fact.rolling or fact.weak or fact.twin is not None
        return bool(again) or self.reuse(save).used

    def _in_format_string(self, save: Save) -> bool:
        """Say whether quotes could end the string around the call, as before Python 3.12."""
        outer = self.names.ancestors(save.call)
        return any(isinstance(node, cst.FormattedStringExpression) for node in outer)

    def _result_is_used(self, save: Save) -> bool:
        """Say whether somebody may look at what the call returns (``None``, then the path)."""
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


def applicabilities(analysis: Analysis) -> list[Applicability | None]:
    """Say for each diagnosis of a file how safely ``flake8-saveimage fix`` can mend it."""
    judgement = Judgement(analysis)
    return [judgement.of(diagnosis, analysis.diagnoses) for diagnosis in analysis.diagnoses]


def at_site(save: Save, diagnoses: Iterable[Diagnosis]) -> list[Diagnosis]:
    """Return the diagnoses of one call."""
    return [diagnosis for diagnosis in diagnoses if diagnosis.save is save]


def kind_of(diagnosis: Diagnosis) -> str | None:
    """Return the kind of remedy that a diagnosis names."""
    remedy = diagnosis.problem.remedy
    return remedy.kind if remedy is not None else None


def _value_range(diagnosis: Diagnosis) -> tuple[float, float] | None:
    remedy = diagnosis.problem.remedy
    return remedy.value_range if remedy is not None else None


def _may_add_bounds(save: Save) -> bool:
    keywords = save.site.writer.normalizer
    if keywords is None or keywords.bounds in save.site.arguments:
        return False
    return not any(argument.star == "**" for argument in save.call.args)


def _changes_meaning(save: Save, value_range: tuple[float, float] | None) -> bool:
    """Say whether the helper obeys bounds that the writer ignores without its switch."""
    keywords = save.site.writer.normalizer
    if keywords is None:
        return False
    given, switch = save.site.argument(keywords.bounds), save.site.argument(keywords.switch)
    off = switch is None or dotted(switch) == "False"
    return given is not None and dotted(given) != "None" and off and value_range is None


def _has_twin(save: Save) -> bool:
    """Say whether a later save on the same line overwrites this one's file: mend both or none."""
    return any(other.path.twin is save.site for other in save.siblings)


def _is_meant(save: Save, value_range: tuple[float, float]) -> bool:
    """Say whether proven bounds can only be the range of the image: a tanh's, or grey levels.

    For others clipping may have been meant; with ``normalize=True`` the colours were not wrong.
    """
    keywords = save.site.writer.normalizer
    is_scaled = keywords is not None and save.site.argument(keywords.switch) is not None
    return value_range in ((-1.0, 1.0), (0.0, 255.0)) and not is_scaled


def _drops_value(outer: cst.CSTNode, node: cst.CSTNode) -> bool:
    """Say whether ``outer``, itself of no interest to anybody, ignores the value of ``node``."""
    if isinstance(outer, cst.BooleanOperation):
        return outer.right is node
    if isinstance(outer, cst.IfExp):
        return outer.test is not node
    return isinstance(outer, cst.BaseComp | cst.Tuple | cst.List | cst.Element) and node in (
        child for child in child_nodes(outer)
    )
