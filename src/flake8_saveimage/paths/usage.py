"""What becomes of a file after it was saved: is it moved, copied, deleted, read?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from flake8_saveimage.knowledge.calls import COPIES, DELETES, MOVES, USES
from flake8_saveimage.knowledge.readers import READ_NAMES
from flake8_saveimage.knowledge.words import says_scratch
from flake8_saveimage.paths.evaluation import Evaluation
from flake8_saveimage.paths.intent import speaking_part
from flake8_saveimage.paths.texts import SymbolicText, last_component
from flake8_saveimage.syntax.nodes import code_of, dotted
from flake8_saveimage.syntax.saves import SaveCall
from flake8_saveimage.syntax.scopes import CallSite, Place

_READS = READ_NAMES | USES
_ANY_USE = MOVES | COPIES | DELETES | _READS
_SCRATCH_FOLDERS = ("/tmp/", "/var/tmp/", "/dev/shm/")


def moved_away(path: cst.BaseExpression, place: Place, evaluation: Evaluation) -> bool:
    """Say whether the file gets its lasting name right after (``os.replace(tmp, final)``)."""
    if _followed_by(path, place, evaluation, MOVES):
        return True
    return _followed_by(path, place, evaluation, COPIES, always=True)


def scratch(path: cst.BaseExpression, text: str, place: Place, evaluation: Evaluation) -> bool:
    """Say whether the file is deleted again, or read back and scratch by its name or folder."""
    if _followed_by(path, place, evaluation, DELETES):
        return True
    named = says_scratch(speaking_part(last_component(text)))
    if not named and not text.startswith(_SCRATCH_FOLDERS):
        return False
    return _followed_by(path, place, evaluation, _READS)


def is_read_back(
    path: cst.BaseExpression, site: SaveCall, value: SymbolicText, evaluation: Evaluation
) -> bool:
    """Say whether the function, or other code of the project, reads the file."""
    if _followed_by(path, site.place, evaluation, _READS, since=0):
        return True
    return value.text is not None and site.flow.reader(last_component(value.text)) is not None


def used_between(
    path: cst.BaseExpression, first: Place, second: Place, evaluation: Evaluation
) -> bool:
    """Say whether the file is read, copied or moved before the second save."""
    return _followed_by(path, first, evaluation, _ANY_USE, until=second.order)


def _followed_by(
    path: cst.BaseExpression,
    place: Place,
    evaluation: Evaluation,
    names: frozenset[str],
    since: int | None = None,
    until: int | None = None,
    always: bool = False,
) -> bool:
    """Say whether a call of one of ``names`` on the same path comes later in the function.

    ``since``: or already from there on; ``always``: whenever the save itself has run.
    """
    sites = [
        site
        for site in _calls(place, evaluation, names)
        if site.place.order > (place.order if since is None else since)
        and (until is None or site.place.order < until)
        and (not always or site.place.block.anchor.contains(place.block))
    ]
    if not sites:
        return False
    codes = set(_spellings(path, place, evaluation))
    value = evaluation.evaluate(path, place)
    return any(
        _takes(site, codes) or (value.constant and _takes_text(site, value, evaluation))
        for site in sites
    )


def _calls(place: Place, evaluation: Evaluation, names: frozenset[str]) -> list[CallSite]:
    """Return the calls of functions with these names in the function of a place."""
    function = place.scope.function
    key = (id(function), names)
    if key not in evaluation.uses:
        found = (site for name in names for site in evaluation.flow.calls_named(name))
        here = [site for site in found if site.place.scope.function is function]
        evaluation.uses[key] = [site for site in here if not _writes(site)]
    return evaluation.uses[key]


def _writes(site: CallSite) -> bool:
    """Say whether a ``save`` is given what to write: ``wandb.save(path)`` uploads a file."""
    if site.name == "open":
        modes = (a.value for a in site.node.args if isinstance(a.value, cst.SimpleString))
        return any(re.fullmatch(r"\W[wax]\w*\+?\w*\W", mode.value) for mode in modes)
    return site.name == "save" and sum(argument.keyword is None for argument in site.node.args) > 1


def _spellings(path: cst.BaseExpression, place: Place, evaluation: Evaluation) -> Iterator[str]:
    """The ways in which the code may name the file: the expression, or the folder it is in."""
    yield code_of(path)
    name = dotted(path)
    if name is not None:
        for binding, _loops in evaluation.flow.lookup(name, place).reaches:
            if binding.value is not None and not binding.pattern:
                yield code_of(binding.value)


def _takes(site: CallSite, codes: set[str]) -> bool:
    given = [argument.value for argument in site.node.args[:2]]
    if isinstance(site.node.func, cst.Attribute):
        given.append(site.node.func.value)
    while given:
        node = given.pop()
        if code_of(node) in codes:
            return True
        if isinstance(node, cst.Call) and len(node.args) == 1:  # Path(p).unlink(), str(p)
            given.append(node.args[0].value)
    return False


def _takes_text(site: CallSite, value: SymbolicText, evaluation: Evaluation) -> bool:
    return any(
        evaluation.evaluate(argument.value, site.place).text == value.text
        for argument in site.node.args[:1]
    )
