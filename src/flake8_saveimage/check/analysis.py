"""From source text to findings: parse, read the facts, run the rules, look up positions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

import libcst as cst

from flake8_saveimage.check.legacy import Normalized, normalized
from flake8_saveimage.rules import all_rules
from flake8_saveimage.rules.base import Problem, Rule
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.rules.save import Save, saves_of
from flake8_saveimage.source.reading import Unparsable
from flake8_saveimage.syntax.collector import collector_paused
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.positions import Span, spans
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
    if it is not the file's own.
    """

    source: str
    module: cst.Module
    flow: Flow
    saves: list[Save]
    diagnoses: list[Diagnosis]
    normalized: Normalized | None = None


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
    source: str, *, hooks: Collection[str] = (), codes: Collection[str] | None = None
) -> Analysis:
    """Run the rules (all, or those in ``codes``) over a file's text."""
    module, plain = _readable(source)
    flow = Flow(read_facts(module, hooks))
    saves = saves_of(flow)
    rules = [rule for rule in all_rules() if codes is None or rule.code in codes]
    diagnoses = [
        Diagnosis(rule, save, problem)
        for save in saves
        for rule in rules
        if rule.applies_to(save.site.writer) and (problem := rule.check(save)) is not None
    ]
    text = source if plain is None else plain.text
    return Analysis(text, module, flow, saves, diagnoses, plain)


def analyse(
    source: str, *, hooks: Collection[str] = (), codes: Collection[str] | None = None
) -> list[Finding]:
    """Return the findings in a file's text, sorted. Raises :class:`Unparsable`.

    ``hooks`` are further names of functions that a framework calls repeatedly; ``codes`` the rules
    to run (``None``: all, opt-in rules included).
    """
    return sorted(located(diagnose(source, hooks=hooks, codes=codes)))


def located(analysis: Analysis, name_line: Callable[[int], str] = str) -> list[Finding]:
    """Return each diagnosis as plain data with its position, in the same order.

    ``name_line`` is how messages call a line.
    """
    wanted: list[cst.CSTNode] = []
    for _rule, save, problem in analysis.diagnoses:
        wanted += (save.call, *problem.nodes)
    sites = [diagnosis.save.site.call_site for diagnosis in analysis.diagnoses]
    places = spans(analysis.module, wanted, analysis.source, sites)
    found = []
    for rule, save, problem in analysis.diagnoses:
        span = places[id(save.call)]
        message = render(problem, places, name_line)
        found.append(
            Finding(span.line, span.column, rule.code, message, span.end_line, span.end_column)
        )
    if analysis.normalized is not None:
        found = list(map(analysis.normalized.in_original, found))
    return found


def render(problem: Problem, places: dict[int, Span], name_line: Callable[[int], str]) -> str:
    """Return a problem's message with the line numbers filled in."""
    if isinstance(problem.message, str):
        return problem.message
    parts = (
        part if isinstance(part, str) else name_line(places[id(part)].line)
        for part in problem.message
    )
    return "".join(parts)
