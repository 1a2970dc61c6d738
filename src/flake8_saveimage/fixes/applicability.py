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

from flake8_saveimage.analysis import Analysis, Diagnosis
from flake8_saveimage.findings import Applicability
from flake8_saveimage.fixes.literals import formatted
from flake8_saveimage.fixes.names import Names
from flake8_saveimage.fixes.reuse import NOT_USED, PathUses, Rebind, Reuse
from flake8_saveimage.module import child_nodes, dotted
from flake8_saveimage.sites import SaveSite

# Rules about what the file is called: their fix is a name that is free.
_NAMING = ("SVI101", "SVI102", "SVI103", "SVI104", "SVI106", "SVI107")
# A ring of files may be meant; what two files should be called only the author knows.
_NEVER_SAFE = ("SVI106", "SVI107")
_POSITIONAL = {"image": 3, "object": 6}


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
        if remedy is None or self._in_format_string(diagnosis.site):
            return None
        if remedy.kind in ("helper", "replace"):
            fix = self.helper_fix(diagnosis.site, at_site(diagnosis.site, among))
            return fix.applicability if fix is not None else None
        if remedy.kind == "fstring":
            return self.missing_f(diagnosis.site)
        if remedy.kind == "callee":
            return self._callee(diagnosis.site)
        # Colours that were right by chance, the keyword being ignored, would change.
        return "unsafe" if remedy.kind == "normalize" else "safe"

    def helper_fix(self, site: SaveSite, diagnoses: Sequence[Diagnosis]) -> HelperFix | None:
        """Return how ``site`` can call the helper instead, to mend all ``diagnoses`` of it."""
        wanted = [d for d in diagnoses if kind_of(d) in ("helper", "replace")]
        positional = [argument for argument in site.call.args if argument.keyword is None]
        if not wanted or len(positional) > _POSITIONAL[site.kind]:
            return None
        naming = [d.rule.code for d in wanted if d.rule.code in _NAMING]
        target = site.path.destination
        if naming and target is not None and target.handle:
            return None  # the file is opened, and emptied, before the helper could step in
        value_range = next((r for d in wanted if (r := _value_range(d)) is not None), None)
        if value_range is not None and not _may_add(site, "value_range"):
            value_range = None
        unsafe = self._result_is_used(site) or _changes_meaning(site, value_range)
        unsafe = unsafe or (value_range is not None and not _is_meant(site, value_range))
        unsafe = unsafe or any(code in _NEVER_SAFE for code in naming) or _has_twin(site)
        if not naming:
            replace = any(kind_of(d) == "replace" for d in wanted) or self._name_matters(site)
            return HelperFix("unsafe" if unsafe else "safe", replace, value_range)
        reuse = self.reuse(site)
        rebind = reuse.rebind
        unsafe = unsafe or (reuse.used and rebind is None)
        return HelperFix("unsafe" if unsafe else "safe", False, value_range, rebind)

    def reuse(self, site: SaveSite) -> Reuse:
        """Say how the path of a call is used besides."""
        fact = site.path
        if fact.destination is not None and fact.destination.handle:
            return NOT_USED
        return self._path_uses.of(site)

    def missing_f(self, site: SaveSite) -> Applicability | None:
        """Say how safely the path literal can become an f-string."""
        node = site.path.template_node
        value = site.path.value
        if not isinstance(node, cst.SimpleString) or value is None or formatted(node) is None:
            return None
        place = next((place for literal, place in value.templates if literal is node), None)
        if place is None:
            return None
        bound = (self.analysis.flow.lookup(name, place).reaches for name in site.path.template)
        if not all(bound):
            return None
        return "safe" if self.names.within(node, site.call) else "unsafe"

    def _callee(self, site: SaveSite) -> Applicability | None:
        lookup = self.analysis.flow.lookup("torchvision", site.place)
        taken = any(
            reach.binding.kind != "import" or reach.binding.source != "torchvision"
            for reach in lookup.reaches
        )
        return None if taken else "safe"

    def _name_matters(self, site: SaveSite) -> bool:
        """Say whether a colour fix must leave the file's name alone, taken or not."""
        fact = site.path
        if fact.destination is None:
            return True  # hidden in `*args`
        if fact.destination.handle:
            return False
        again = fact.repetition is not None or fact.rolling or fact.weak or fact.twin is not None
        return bool(again) or self.reuse(site).used

    def _in_format_string(self, site: SaveSite) -> bool:
        """Say whether quotes could end the string around the call, as before Python 3.12."""
        outer = self.names.ancestors(site.call)
        return any(isinstance(node, cst.FormattedStringExpression) for node in outer)

    def _result_is_used(self, site: SaveSite) -> bool:
        """Say whether somebody may look at what the call returns (``None``, then the path)."""
        statement = site.call_site.statement
        if not isinstance(statement, cst.Expr):
            return True
        node: cst.CSTNode = site.call
        for outer in self.names.ancestors(site.call):
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


def at_site(site: SaveSite, diagnoses: Iterable[Diagnosis]) -> list[Diagnosis]:
    """Return the diagnoses of one call."""
    return [diagnosis for diagnosis in diagnoses if diagnosis.site is site]


def kind_of(diagnosis: Diagnosis) -> str | None:
    """Return the kind of remedy that a diagnosis names."""
    remedy = diagnosis.problem.remedy
    return remedy.kind if remedy is not None else None


def _value_range(diagnosis: Diagnosis) -> tuple[float, float] | None:
    remedy = diagnosis.problem.remedy
    return remedy.value_range if remedy is not None else None


def _may_add(site: SaveSite, keyword: str) -> bool:
    return keyword not in site.arguments and not any(
        argument.star == "**" for argument in site.call.args
    )


def _changes_meaning(site: SaveSite, value_range: tuple[float, float] | None) -> bool:
    """``value_range=`` does nothing in torchvision without ``normalize=True``; the helper obeys."""
    given = site.argument("value_range", "range")
    normalize = site.argument("normalize")
    off = normalize is None or dotted(normalize) == "False"
    return given is not None and dotted(given) != "None" and off and value_range is None


def _has_twin(site: SaveSite) -> bool:
    """Say whether a later save on the same line overwrites this one's file: mend both or none."""
    return any(other.path.twin is site for other in site.siblings)


def _is_meant(site: SaveSite, value_range: tuple[float, float]) -> bool:
    """Say whether proven bounds can only be the range of the image: a tanh's, or grey levels.

    For others clipping may have been meant; with ``normalize=True`` the colours were not wrong.
    """
    return value_range in ((-1.0, 1.0), (0.0, 255.0)) and site.argument("normalize") is None


def _drops_value(outer: cst.CSTNode, node: cst.CSTNode) -> bool:
    """Say whether ``outer``, itself of no interest to anybody, ignores the value of ``node``."""
    if isinstance(outer, cst.BooleanOperation):
        return outer.right is node
    if isinstance(outer, cst.IfExp):
        return outer.test is not node
    return isinstance(outer, cst.BaseComp | cst.Tuple | cst.List | cst.Element) and node in (
        child for child in child_nodes(outer)
    )
