"""What a finding's reader wants to see beside it: the loop, the lines it speaks of, the edit.

The checker keeps only positions and messages; the formats that show more ask here, and the few
files with findings are analysed and fixed once more.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flake8_saveimage.check.runner import CheckedFile, spread
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.source import reading

if TYPE_CHECKING:
    import libcst as cst

    from flake8_saveimage.check.analysis import Analysis, Diagnosis
    from flake8_saveimage.report import Run
    from flake8_saveimage.syntax.positions import Span

_FILES_PER_PROCESS = 20


class Edit(NamedTuple):
    """Lines ``start`` up to (not including) ``end`` of a file become ``lines``.

    Lines count from 1. ``start == end`` inserts before that line.
    """

    start: int
    end: int
    lines: tuple[str, ...]


class Detail(NamedTuple):
    """More about one finding.

    ``loop`` is the first and the last line of the loop that does not change the path, ``related``
    are the lines that the message names. ``edits`` mend the finding, and only these edits, in the
    lines of ``text``; they are sorted and do not overlap.
    """

    finding: Finding
    loop: tuple[int, int] | None = None
    related: tuple[int, ...] = ()
    edits: tuple[Edit, ...] = ()


class FileDetails(NamedTuple):
    """The findings of one file with what belongs to them.

    ``newline`` is the line ending of the file itself; the lines of ``text`` end with ``\\n``.
    ``error`` says what went wrong with the details: the findings stand all the same.
    """

    path: str
    text: str
    newline: str
    details: tuple[Detail, ...]
    error: str | None = None


def details_of(run: Run) -> list[FileDetails]:
    """Return the details of every file with findings, in the order of ``run``."""
    files = {file.path: file for file in run.files if file.findings and file.text is not None}
    work = functools.partial(_detail_named, files, run.hooks)
    return list(spread(list(files), work, min(run.jobs, len(files) // _FILES_PER_PROCESS)))


def _detail_named(files: dict[str, CheckedFile], hooks: Collection[str], path: str) -> FileDetails:
    """Return the details of a file; a defect of this tool costs them, not the whole report."""
    file = files[path]
    try:
        return detail(file, hooks)
    except Exception as error:
        bare = tuple(Detail(finding) for finding in file.findings)
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return FileDetails(
            path, file.text or "", "\n", bare, f"no details of the findings ({text})"
        )


def detail(file: CheckedFile, hooks: Collection[str] = ()) -> FileDetails:
    """Analyse and fix one file with findings once more."""
    from flake8_saveimage.check.analysis import diagnose  # libcst

    text = file.text or ""
    codes = {finding.code for finding in file.findings}
    seen = dict(_seen(diagnose(text, hooks=hooks, codes=codes)))
    edits = _Edits(file, text, hooks)
    found = [
        Detail(finding, *seen.get(_key(finding), (None, ())), edits.of(finding))
        for finding in file.findings
    ]
    return FileDetails(file.path, text, _newline(file.path, text), tuple(found))


# -- the loop and the lines that the message names ---------------------------------------------

_Key = tuple[int, int, str]
_Lines = tuple[tuple[int, int] | None, tuple[int, ...]]


def _key(finding: Finding) -> _Key:
    return finding.line, finding.column, finding.code


def _seen(analysis: Analysis) -> Iterator[tuple[_Key, _Lines]]:
    """Yield the lines of the loop and those that the message names, for each finding."""
    from flake8_saveimage.syntax.positions import spans  # libcst

    wanted: list[cst.CSTNode] = []
    for diagnosis in analysis.diagnoses:
        wanted += (
            diagnosis.save.call,
            *(place.node for place in diagnosis.problem.places),
            *_loop_nodes(diagnosis),
        )
    places = spans(analysis.module, wanted)
    lines = analysis.module.code.split("\n")
    for diagnosis in analysis.diagnoses:
        call = places[id(diagnosis.save.call)]
        loops = [places[id(node)] for node in _loop_nodes(diagnosis) if id(node) in places]
        loop = _whole_lines(loops[0], lines) if loops else None
        related = (
            places[id(node)].line
            for node in (place.node for place in diagnosis.problem.places)
            if id(node) in places
        )
        key = (call.line, call.column, diagnosis.rule.code)
        yield key, (loop, tuple(dict.fromkeys(related)))


def _loop_nodes(diagnosis: Diagnosis) -> list[cst.CSTNode]:
    """Return the loop whose iterations write the same path, if the finding is about one."""
    loop = diagnosis.problem.loop
    if loop is None:
        return []
    if loop.is_comprehension and loop.target is not None:
        return [loop.target]  # a clause of a comprehension has no position of its own
    return [loop.node]


def _whole_lines(span: Span, lines: Sequence[str]) -> tuple[int, int]:
    """Return the first and last line of a suite without the blank lines behind it."""
    end = span.end_line if span.end_column > 1 else span.end_line - 1
    while end > span.line and not lines[end - 1].strip():
        end -= 1
    return span.line, end


# -- the edit ----------------------------------------------------------------------------------


class _Edits:
    """The edits that mend single findings of one file.

    The file is fixed once, as a whole, and the edits are dealt out by lines: those of the call, and
    the import of the helper. If other calls are left, imports that only all the edits together make
    superfluous stay.
    """

    def __init__(self, file: CheckedFile, text: str, hooks: Collection[str]) -> None:
        self._fixable = [finding for finding in file.findings if finding.fix]
        self._lines = text.split("\n")
        self._made = self._fix(file.path, text, hooks) if self._fixable else []
        self._beside = frozenset(
            edit for edit in self._made if not any(_touches(edit, f) for f in self._fixable)
        )
        self._alone = len({(finding.line, finding.column) for finding in self._fixable}) == 1

    def of(self, finding: Finding) -> tuple[Edit, ...]:
        """Return the edits that mend a finding, sorted."""
        if not any(_touches(edit, finding) for edit in self._made):
            return ()
        return tuple(
            edit
            for made in self._made
            if (edit := made if _touches(made, finding) else self._elsewhere(made)) is not None
        )

    def _elsewhere(self, edit: Edit) -> Edit | None:
        """Return what an edit beside the call does for this call alone."""
        from flake8_saveimage.fixes.imports import HELPER_MODULE  # libcst

        if edit not in self._beside:
            return None
        before = self._lines[edit.start - 1 : edit.end - 1]
        if self._alone or not before or any(HELPER_MODULE in line for line in before):
            return edit
        added = tuple(line for line in edit.lines if HELPER_MODULE in line)
        return Edit(edit.end, edit.end, added) if added else None

    def _fix(self, path: str, text: str, hooks: Collection[str]) -> list[Edit]:
        """Return what the fixer changes if it may mend the shown findings."""
        from flake8_saveimage.fixes import FixOptions, fix_source  # libcst

        wanted = {_key(finding) for finding in self._fixable}
        options = FixOptions(
            accept=lambda finding: _key(finding) in wanted,
            unsafe=True,
            vendor=None,
            hooks=frozenset(hooks),
        )
        fixed = fix_source(text, filename=path, options=options)
        return list(_differences(self._lines, fixed.code.split("\n")))


def _differences(before: Sequence[str], after: Sequence[str]) -> Iterator[Edit]:
    """Yield the edits that lead from one to the other, as small as whole lines allow."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        if i2 - i1 == j2 - j1:  # neighbouring calls: one edit each
            yield from (Edit(i1 + n + 1, i1 + n + 2, (after[j1 + n],)) for n in range(i2 - i1))
        else:
            yield Edit(i1 + 1, i2 + 1, tuple(after[j1:j2]))


def _touches(edit: Edit, finding: Finding) -> bool:
    if edit.start == edit.end:
        return finding.line < edit.start <= finding.end_line
    return edit.start <= finding.end_line and finding.line < edit.end


def _newline(path: str, text: str) -> str:
    """Return the line ending of the file that ``text`` was read from, ``\\n`` if it is mixed."""
    try:
        raw = reading.decode(reading.read(path)).text
    except reading.SourceError:  # standard input
        return "\n"
    for newline in ("\r\n", "\r"):
        if text.replace("\n", newline) == raw and newline in raw:
            return newline
    return "\n"
