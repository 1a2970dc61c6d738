"""Mend one file's text: rounds of small edits in place, then the calls that go to the helper."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import libcst as cst

from flake8_saveimage.check.analysis import Analysis, Diagnosis, diagnose, locate, render
from flake8_saveimage.fixes import edits as change
from flake8_saveimage.fixes.applicability import HelperFix, Judgement, at_site, kind_of
from flake8_saveimage.fixes.edits import Edits
from flake8_saveimage.fixes.imports import HELPER_MODULE, Imports
from flake8_saveimage.fixes.literals import formatted, interval
from flake8_saveimage.fixes.vendoring import import_path
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.rules.index import opt_in_codes
from flake8_saveimage.rules.save import Save
from flake8_saveimage.syntax.positions import spans

_IN_PLACE = frozenset({"fstring", "rename", "normalize", "clone"})
_MAX_ROUNDS = 8
_BOM = "\ufeff"


def on_by_default(finding: Finding) -> bool:
    """Accept the findings of the rules that are on by default."""
    return finding.code not in opt_in_codes()


@dataclass(frozen=True, slots=True)
class FixOptions:
    """What to mend and how.

    ``accept`` decides about each finding (selection, ``# noqa``). ``unsafe`` also applies fixes
    that may change what the program does. ``vendor`` is the path of a copy of the runtime helper
    in the user's repository, imported instead of ``flake8_saveimage.runtime``. ``hooks`` are
    further names of functions that a framework calls again and again.
    """

    accept: Callable[[Finding], bool] = on_by_default
    unsafe: bool = False
    vendor: str | None = None
    hooks: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class FixResult:
    """The mended text, the findings that it mends and those (accepted ones) that are left."""

    code: str
    applied: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was mended."""
        return bool(self.applied)


def fix_source(
    source: str, *, filename: str = "<unknown>", options: FixOptions | None = None
) -> FixResult:
    """Mend a file's text. Line endings and everything outside of the edits stay as they are.

    Raises :class:`~flake8_saveimage.check.analysis.Unparsable`, and
    :class:`~flake8_saveimage.fixes.vendoring.VendorError` if the vendored helper cannot be imported
    from ``filename``.
    """
    text = source.removeprefix(_BOM)
    result = _Fixing(text, filename, options or FixOptions()).run()
    return result if text == source else replace(result, code=_BOM + result.code)


class _Round:
    """The findings of the text as it is now, with those of them that are wanted."""

    def __init__(self, code: str, options: FixOptions, places: list[Finding] | None) -> None:
        self.analysis = diagnose(code, hooks=options.hooks)
        self.judgement = Judgement(self.analysis)
        self.places = places or self._places()
        findings = zip(self.analysis.diagnoses, self._findings(), strict=True)
        self.wanted = [(d, finding) for d, finding in findings if options.accept(finding)]
        among = [diagnosis for diagnosis, _ in self.wanted]
        self.applicable: list[tuple[Diagnosis, Finding]] = []
        self.left: list[Finding] = []
        for diagnosis, finding in self.wanted:
            safety = self.judgement.of(diagnosis, among)
            finding = replace(finding, fix=safety)
            if safety == "safe" or (safety == "unsafe" and options.unsafe):
                self.applicable.append((diagnosis, finding))
            else:
                self.left.append(finding)

    def _places(self) -> list[Finding]:
        """Return where each save call stands, in order."""
        found = spans(self.analysis.module, [save.call for save in self.analysis.saves])
        return [
            Finding(span.line, span.column, "", "", span.end_line, span.end_column)
            for span in (found[id(save.call)] for save in self.analysis.saves)
        ]

    def _findings(self) -> Iterator[Finding]:
        # Edits in place neither add nor remove save calls: the n-th stays the n-th, and what flake8
        # says about its line holds for the line of the unedited text.
        saves, diagnoses = self.analysis.saves, self.analysis.diagnoses
        place_of = {id(save): place for save, place in zip(saves, self.places, strict=False)}
        named = [place.node for diagnosis in diagnoses for place in diagnosis.problem.places]
        lines = locate(self.analysis, named)
        for rule, save, problem in diagnoses:
            yield replace(place_of[id(save)], code=rule.code, message=render(problem, lines))


class _Fixing:
    def __init__(self, source: str, filename: str, options: FixOptions) -> None:
        self.source = source
        self.filename = filename
        self.options = options
        self.applied: dict[tuple[int, int, str], Finding] = {}

    def run(self) -> FixResult:
        code = self.source
        current = _Round(code, self.options, None)
        if current.analysis.module.code != code:  # untouched lines would change with the others
            wanted = (replace(finding, fix=None) for _, finding in current.wanted)
            return FixResult(self.source, (), tuple(sorted(wanted)))
        for _ in range(_MAX_ROUNDS):
            edits = self._in_place(current)
            if not edits:
                break
            code = edits.apply(current.analysis.module).code
            again = _Round(code, self.options, current.places)
            if len(again.places) != len(again.analysis.saves):
                break
            current = again
        code = self._calls(current, code)
        applied = tuple(sorted(self.applied.values()))
        if not applied:
            code = self.source
        return FixResult(code, applied, tuple(sorted(current.left)))

    def _note(self, finding: Finding) -> None:
        self.applied.setdefault((finding.line, finding.column, finding.code), finding)

    # -- edits in place ------------------------------------------------------------------------

    def _in_place(self, current: _Round) -> Edits:
        edits = Edits()
        for diagnosis, finding in current.applicable:
            remedy = diagnosis.problem.remedy
            if remedy is not None and remedy.kind in _IN_PLACE:
                self._edit_in_place(edits, diagnosis)
                self._note(finding)
        return edits

    def _edit_in_place(self, edits: Edits, diagnosis: Diagnosis) -> None:
        save, remedy = diagnosis.save, diagnosis.problem.remedy
        assert remedy is not None
        if remedy.kind == "fstring":
            node = save.path.template_node
            assert isinstance(node, cst.SimpleString)
            new = formatted(node)
            edits.add(node, lambda _updated: new if new is not None else node)
        elif remedy.kind == "rename":
            renames = dict(remedy.renames)
            edits.add(save.call, lambda call: change.with_keywords_renamed(call, renames))
        elif remedy.kind == "normalize" and save.site.writer.normalizer is not None:
            switch, value = save.site.writer.normalizer.switch, cst.Name("True")
            edits.add(save.call, lambda call: change.with_keyword(call, switch, value))
        elif remedy.kind == "clone" and save.site.saved is not None:
            edits.add(save.site.saved, change.cloned)

    # -- calls of the helper, and of functions that exist ---------------------------------------

    def _calls(self, current: _Round, code: str) -> str:
        edits = Edits()
        analysis, judgement = current.analysis, current.judgement
        imports: Imports | None = None
        for save in analysis.saves:
            chosen = [(d, f) for d, f in current.applicable if d.save is save]
            if not chosen:
                continue
            if imports is None:
                imports = self._imports(analysis, judgement)
            among = at_site(save, (diagnosis for diagnosis, _ in chosen))
            fix = judgement.helper_fix(save, among)
            if fix is not None:
                _call_helper(edits, imports, save, fix)
            elif any(kind_of(diagnosis) == "callee" for diagnosis in among):
                _call_existing(edits, imports, save)
            else:
                continue
            for _, finding in chosen:
                self._note(finding)
        if imports is None or not edits:
            return code
        imports.plan(edits)
        return edits.apply(analysis.module).code

    def _imports(self, analysis: Analysis, judgement: Judgement) -> Imports:
        module = HELPER_MODULE
        if self.options.vendor is not None:
            module = import_path(self.options.vendor, self.filename)
        is_init = Path(self.filename).name == "__init__.py"
        return Imports(analysis, judgement.names, module=module, is_init=is_init)


def _call_helper(edits: Edits, imports: Imports, save: Save, fix: HelperFix) -> None:
    writer = save.site.writer
    name = imports.helper(save, writer.helper)

    def edit(call: cst.Call) -> cst.Call:
        call = change.with_keywords_renamed(change.with_function(call, name), writer.renamed)
        if fix.value_range is not None and writer.normalizer is not None:
            bounds = interval(fix.value_range)
            call = change.with_keyword(call, writer.normalizer.bounds, bounds)
        if fix.replace:
            call = change.with_keyword(call, "if_exists", cst.SimpleString('"replace"'))
        return call

    edits.add(save.call, edit)
    rebind = fix.rebind
    if rebind is not None:
        edits.add(
            rebind.statement,
            lambda updated: change.assigned(updated, rebind.name, as_text=rebind.as_text),
        )


def _call_existing(edits: Edits, imports: Imports, save: Save) -> None:
    name = imports.existing(save)
    if name is None:
        edits.add(save.call, lambda call: call)
    else:
        edits.add(save.call, lambda call: change.with_function(call, name))
