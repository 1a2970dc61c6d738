"""From the plans for the calls of a file to changes of its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import libcst as cst

from flake8_saveimage.check.analysis import Analysis
from flake8_saveimage.fixes import calls
from flake8_saveimage.fixes.imports import HELPER_MODULE, Imports
from flake8_saveimage.fixes.plan import Accepted, Plan, Planner
from flake8_saveimage.fixes.policy import DEFAULT, Policy
from flake8_saveimage.fixes.text import Change, Layout
from flake8_saveimage.rules.base import Problem
from flake8_saveimage.rules.finding import Finding
from flake8_saveimage.syntax.nodes import code_of


def annotated(
    analysis: Analysis,
    accepted: Accepted,
    filename: str,
    policy: Policy = DEFAULT,
    *,
    with_edits: bool = True,
) -> list[Finding]:
    """Return the accepted findings of a file with all that reports show of them.

    That is how safely each can be fixed and, ``with_edits``, the edits and the loop that it is
    about. The edits of a finding fix its call and no other one: imports that other calls need stay.
    """
    planner = Planner(analysis, filename=filename, policy=policy)
    judged = planner.judge(accepted)
    if not with_edits:
        return [finding for finding, _ in judged]
    layout = planner.layout
    plans = {id(plan): plan for _, plan in judged if plan is not None}
    loops = [_loop_node(diagnosis.problem) for diagnosis, _ in accepted]
    layout.locate(
        [node for plan in plans.values() for node in _nodes(plan)]
        + [node for node in loops if node is not None]
    )
    edits = {
        key: tuple(map(layout.edit, changes_of([plan], planner, removing=len(plans) == 1)))
        for key, plan in plans.items()
    }
    return [
        replace(
            finding,
            edits=() if plan is None else edits[id(plan)],
            loop=None if loop is None else layout.lines_of(loop),
        )
        for (finding, plan), loop in zip(judged, loops, strict=True)
    ]


def _loop_node(problem: Problem) -> cst.CSTNode | None:
    """Return the loop whose iterations write the same path, if the finding is about one."""
    loop = problem.loop
    if loop is None:
        return None
    # a clause of a comprehension has no position of its own
    return loop.target if loop.is_comprehension and loop.target is not None else loop.node


def changes_of(
    plans: Sequence[Plan], planner: Planner, *, module: str = HELPER_MODULE, removing: bool = True
) -> list[Change]:
    """Return the changes that all ``plans`` make together, with the imports they need.

    ``module`` is where the helper is imported from; ``removing``: imports that nothing uses any
    more go.
    """
    layout, imports = planner.layout, planner.imports(module)
    layout.locate(node for plan in plans for node in _nodes(plan))
    found = {change for plan in plans for change in _of_call(plan, layout, imports)}
    return sorted([*found, *imports.changes(removing=removing)])


def _nodes(plan: Plan) -> Iterable[cst.CSTNode]:
    """Yield the nodes whose places the changes of a plan need."""
    yield from calls.nodes_of(plan.save.call)
    if plan.save.path.template_node is not None:
        yield plan.save.path.template_node
    yield from (edit.node for edit in plan.edits)
    if plan.renaming is not None:
        yield from plan.renaming.nodes


def _of_call(plan: Plan, layout: Layout, imports: Imports) -> Iterator[Change]:
    save, call, writer = plan.save, plan.save.call, plan.save.site.writer
    kinds = {remedy.kind: remedy for remedy in plan.remedies}
    template = save.path.template_node
    if "fstring" in kinds and isinstance(template, cst.SimpleString):
        yield calls.with_f(layout, template)
    if "rename" in kinds and plan.helper is None:
        yield from calls.with_keywords_renamed(layout, call, dict(kinds["rename"].renames))
    saved = next((argument for argument in call.args if argument.value is save.site.saved), None)
    if "clone" in kinds and saved is not None:
        yield from calls.cloned(layout, saved)
    if plan.renaming is not None:
        yield from plan.renaming.changes(layout)
    for edit in plan.edits:
        yield Change(*layout.of(edit.node), code_of(edit.change(edit.node)))
    function = None
    if plan.helper is not None and not writer.is_helper:
        function = imports.helper(save, writer.helper)
        yield from calls.with_keywords_renamed(layout, call, writer.renamed)
    elif "callee" in kinds:
        function = imports.existing(save)
    if function is not None:
        yield Change(*layout.of(call.func), function)
    keywords = dict(plan.helper or {})
    if "normalize" in kinds and writer.normalizer is not None:
        keywords = {writer.normalizer.switch: "True", **keywords}
    yield from calls.with_keywords(layout, call, keywords)
