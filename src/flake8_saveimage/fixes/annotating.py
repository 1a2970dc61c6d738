"""What reports show beside findings: how safely each can be fixed, the edit, the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from flake8_saveimage.check.analysis import Analysis, Diagnosis
from flake8_saveimage.fixes.editing import Editor
from flake8_saveimage.fixes.plan import UNUSUAL, Planner, is_reproducible, judged_by, verdicts_of
from flake8_saveimage.fixes.policy import DEFAULT, Policy
from flake8_saveimage.fixes.project import project_of
from flake8_saveimage.fixes.text import Layout
from flake8_saveimage.rules.finding import Finding, TextEdit

Accepted = Sequence[tuple[Diagnosis, Finding]]


def annotated(
    analysis: Analysis, accepted: Accepted, filename: str, policy: Policy = DEFAULT
) -> list[Finding]:
    """Return the accepted findings of a file with all that reports show of them.

    The edits of a finding fix its call and no other one: imports that other calls need stay.
    """
    layout = Layout(analysis.module, analysis.source)
    found = _with_lines(accepted, layout)
    if not is_reproducible(analysis):
        return [replace(finding, reason=UNUSUAL) for finding in found]
    planner = Planner(analysis, filename=filename, project=project_of(filename), policy=policy)
    verdicts = verdicts_of(planner, accepted)
    plans = {key: verdict.plan for key, verdict in verdicts.items() if verdict.plan is not None}
    editor = Editor(planner)
    editor.locate(plans.values())
    edits: dict[int, tuple[TextEdit, ...]] = {}
    for key, plan in plans.items():
        changes = editor.changes([plan], removing=len(plans) == 1)
        edits[key] = tuple(map(layout.edit, changes))
    return [
        replace(judged, edits=edits[id(diagnosis.save)] if judged.fix is not None else ())
        for (diagnosis, _), finding in zip(accepted, found, strict=True)
        for judged in (judged_by(verdicts[id(diagnosis.save)], diagnosis, finding),)
    ]


def _with_lines(accepted: Accepted, layout: Layout) -> list[Finding]:
    """Return the findings with the lines of their loop."""
    loops = [_loop_node(diagnosis) for diagnosis, _ in accepted]
    layout.locate([node for node in loops if node is not None])
    return [
        replace(finding, loop=layout.lines_of(loop) if loop is not None else None)
        for (_, finding), loop in zip(accepted, loops, strict=True)
    ]


def _loop_node(diagnosis: Diagnosis) -> cst.CSTNode | None:
    """Return the loop whose iterations write the same path, if the finding is about one."""
    loop = diagnosis.problem.loop
    if loop is None:
        return None
    # a clause of a comprehension has no position of its own
    return loop.target if loop.is_comprehension and loop.target is not None else loop.node
