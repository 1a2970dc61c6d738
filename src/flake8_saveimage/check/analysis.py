"""From source text to findings: parse, read the facts, run the rules, look up positions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import libcst as cst

from flake8_saveimage.check.legacy import Normalized, normalized
from flake8_saveimage.knowledge.writers import DEFAULT, Table
from flake8_saveimage.rules import all_rules
from flake8_saveimage.rules.base import Problem, Rule, Where
from flake8_saveimage.rules.finding import Finding, Related, SavePlace
from flake8_saveimage.rules.save import Save, saves_of
from flake8_saveimage.source.reading import Unparsable
from flake8_saveimage.syntax.collector import collector_paused
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.imports import Importer, TextPlace
from flake8_saveimage.syntax.positions import Positions, Span
from flake8_saveimage.syntax.reader import read_facts

_PLACE = re.compile(r"parser error: error at (\d+):(\d+): ")


class Diagnosis(NamedTuple):
    """A rule's verdict on one save call, before positions and fixes are looked up."""

    rule: Rule
    save: Save
    problem: Problem


class Analysis(NamedTuple):
    """Everything known about one file: what reports and fixes are made from.

    ``source`` is the text that ``module`` was parsed from; ``normalized`` says what it stands for,
    if it is not the file's own. ``routed`` are the saves in other files that calls lead to.
    """

    source: str
    module: cst.Module
    flow: Flow
    saves: list[Save]
    diagnoses: list[Diagnosis]
    positions: Positions
    normalized: Normalized | None = None
    routed: Sequence[Save] = ()


def parse(source: str) -> cst.Module:
    """Parse a file's text. Raises :class:`Unparsable`."""
    try:
        return cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        message = error.message.partition("\n")[0]
        place = _PLACE.match(message)
        if place is None:
            raise Unparsable(message, error.raw_line, error.raw_column + 1) from None
        # at the end of a line, libcst's own numbers are those of the next one
        raise Unparsable(message[place.end() :], int(place[1]), int(place[2])) from None
    except RecursionError:
        raise Unparsable("nested too deeply to be parsed", 1, 1) from None


def _readable(source: str) -> tuple[cst.Module, Normalized | None]:
    """Parse a text, with its indentation rewritten if libcst cannot read it as it is."""
    try:
        module = parse(source)
        if "\f" not in source or module.code == source:  # libcst drops some form feeds
            return module, None
    except Unparsable:
        plain = normalized(source)
        if plain is None:
            raise
    else:
        plain = normalized(source)
        if plain is None:
            return module, None
    return parse(plain.text), plain


@collector_paused()
def diagnose(
    source: str,
    *,
    hooks: Collection[str] = (),
    codes: Collection[str] | None = None,
    path: str = "",
    importer: Importer | None = None,
    table: Table = DEFAULT,
) -> Analysis:
    """Run the rules over a file's text. Raises :class:`Unparsable`.

    ``hooks`` are further names of functions that a framework calls repeatedly; ``codes`` the rules
    to run (``None``: all, opt-in rules included). ``path`` is the file; ``importer`` finds what it
    imports from its project. ``table`` holds the writers that are looked for.
    """
    module, plain = _readable(source)
    flow = Flow(read_facts(module, hooks, path=path, text=source), importer, table)
    saves = saves_of(flow, through_helpers=importer is not None)
    rules = [rule for rule in all_rules() if codes is None or rule.code in codes]
    diagnoses = [
        Diagnosis(rule, save, problem.without_remedy() if save.route else problem)
        for save in saves
        for rule in rules
        if rule.writers(save.site.writer)
        and (rule.through_helpers or not save.route)
        and (problem := rule.check(save)) is not None
    ]
    text = source if plain is None else plain.text
    local = [save for save in saves if not save.route]
    routed = [save for save in saves if save.route]
    first, positions = _without_repeats(diagnoses), Positions(module, text, flow.facts.calls)
    return Analysis(text, module, flow, local, first, positions, plain, routed)


def _without_repeats(diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Return one diagnosis of a rule for each call and save: more than one way may lead there."""
    first: dict[tuple[int, int, str], Diagnosis] = {}
    for diagnosis in diagnoses:
        save = diagnosis.save
        key = (id(save.call), id(save.site.call), diagnosis.rule.code)
        first.setdefault(key, diagnosis)
    return list(first.values())


def analyse(source: str, **options: Any) -> list[Finding]:
    """Return the findings in a file's text, sorted; ``options`` are those of :func:`diagnose`."""
    return sorted(located(diagnose(source, **options)))


def located(analysis: Analysis, name_line: Callable[[int], str] = str) -> list[Finding]:
    """Return each diagnosis as plain data with its position, in the same order.

    ``name_line`` is how messages call a line.
    """
    wanted: list[cst.CSTNode | TextPlace] = []
    for _rule, save, problem in analysis.diagnoses:
        wanted += (save.call, save.site.call, *(place.node for place in problem.places))
    positions = locate(analysis, wanted)
    found = [_finding(diagnosis, positions, name_line) for diagnosis in analysis.diagnoses]
    if analysis.normalized is not None:
        found = list(map(analysis.normalized.in_original, found))
    return found


def _finding(
    diagnosis: Diagnosis, positions: Mapping[int, Position], name_line: Callable[[int], str]
) -> Finding:
    rule, save, problem = diagnosis
    span = positions[id(save.call)].span
    file, place, _ = positions[id(save.site.call)]
    return Finding(
        span.line,
        span.column,
        rule.code,
        render(problem, positions, name_line),
        span.end_line,
        span.end_column,
        related=tuple(_related(where, positions[id(where.node)]) for where in problem.places),
        save=SavePlace(file, place.line, place.column),
    )


def _related(where: Where, position: Position) -> Related:
    return Related(position.file, position.span.line, where.what, position.text)


class Position(NamedTuple):
    """Where a node is; ``file`` and ``text`` are path and line of another file, else empty."""

    file: str
    span: Span
    text: str = ""


def locate(analysis: Analysis, wanted: Sequence[cst.CSTNode | TextPlace]) -> dict[int, Position]:
    """Return where nodes are, by ``id``: in the checked file, or in one that it imports."""
    nodes = {id(node): node for node in wanted if not isinstance(node, TextPlace)}
    found = {id(p): _of_text(p, analysis) for p in wanted if isinstance(p, TextPlace)}
    near = analysis.positions.of(nodes.values(), everywhere=False)
    found |= {key: Position("", span) for key, span in near.items()}
    for facts in analysis.flow.files[1:]:
        missing = [node for key, node in nodes.items() if key not in found]
        if not missing:
            break
        text = facts.text.split("\n")
        there = Positions(facts.module, facts.text, facts.calls)
        for key, span in there.of(missing, everywhere=False).items():
            line = facts.lines[span.line - 1]
            end = facts.lines[min(span.end_line, len(facts.lines)) - 1]
            where = span._replace(line=line, end_line=end)
            found[key] = Position(_shown(facts.path), where, text[span.line - 1].rstrip("\r"))
    missing = [node for key, node in nodes.items() if key not in found]
    for key, span in analysis.positions.of(missing).items() if missing else ():
        found[key] = Position("", span)
    return found


def _of_text(place: TextPlace, analysis: Analysis) -> Position:
    span = Span(place.line, 1, place.line, len(place.text) + 1)
    if place.path == analysis.flow.facts.path:
        return Position("", span)
    return Position(_shown(place.path), span, place.text)


def _shown(path: str) -> str:
    """Return a path as reports show it: from the working folder, if it is in there."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def render(
    problem: Problem, positions: Mapping[int, Position], name_line: Callable[[int], str] = str
) -> str:
    """Return a problem's message with the places filled in."""
    if isinstance(problem.message, str):
        return problem.message
    return "".join(
        part if isinstance(part, str) else _in_words(part, positions[id(part.node)], name_line)
        for part in problem.message
    )


def _in_words(where: Where, position: Position, name_line: Callable[[int], str]) -> str:
    line = position.span.line
    return where.text(Path(position.file).name, str(line) if position.file else name_line(line))
