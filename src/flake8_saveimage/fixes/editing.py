"""From the plans for the calls of a file to changes of its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from flake8_saveimage.fixes import calls
from flake8_saveimage.fixes.imports import HELPER_MODULE, Imports
from flake8_saveimage.fixes.plan import Plan, Planner
from flake8_saveimage.fixes.text import Change
from flake8_saveimage.rules.save import Save
from flake8_saveimage.syntax.nodes import code_of


class Editor:
    """Edits one file as planned; ``module`` is where the helper is imported from."""

    def __init__(self, planner: Planner, *, module: str = HELPER_MODULE) -> None:
        self._planner = planner
        self._module = module
        self._layout = planner.layout

    def locate(self, plans: Iterable[Plan]) -> None:
        """Look up all places that the changes of the plans need."""
        self._layout.locate(node for plan in plans for node in _nodes(plan))

    def changes(self, plans: Iterable[Plan], *, removing: bool = True) -> list[Change]:
        """Return the changes that all ``plans`` make together, with the imports they need.

        ``removing``: imports that nothing uses any more go.
        """
        imports = self._planner.imports(self._module)
        found = {change for plan in plans for change in self._of_call(plan, imports)}
        return sorted([*found, *imports.changes(removing=removing)])

    def _of_call(self, plan: Plan, imports: Imports) -> Iterator[Change]:
        call = plan.save.call
        yield from self._in_place(plan)
        writer = plan.save.site.writer
        if plan.helper is not None and not writer.is_helper:
            name = imports.helper(plan.save, writer.helper)
            yield calls.with_function(self._layout, call, name)
            yield from calls.with_keywords_renamed(self._layout, call, writer.renamed)
        elif any(plan.remedies("callee")):
            existing = imports.existing(plan.save)
            if existing is not None:
                yield calls.with_function(self._layout, call, existing)
        keywords = {**self._switched_on(plan), **(plan.helper or {})}
        yield from calls.with_keywords(self._layout, call, keywords)

    def _in_place(self, plan: Plan) -> Iterator[Change]:
        """Yield the changes that leave the called function alone."""
        template = plan.save.path.template_node
        if any(plan.remedies("fstring")) and isinstance(template, cst.SimpleString):
            yield calls.formatted(self._layout, template)
        for remedy in plan.remedies("rename") if plan.helper is None else ():
            names = dict(remedy.renames)
            yield from calls.with_keywords_renamed(self._layout, plan.save.call, names)
        argument = _saved_argument(plan.save)
        if any(plan.remedies("clone")) and argument is not None:
            yield from calls.cloned(self._layout, argument)
        if plan.renaming is not None:
            yield from plan.renaming.changes(self._layout)
        for edit in plan.edits:
            yield Change(*self._layout.of(edit.node), code_of(edit.change(edit.node)))

    def _switched_on(self, plan: Plan) -> dict[str, str]:
        normalizer = plan.save.site.writer.normalizer
        if normalizer is None or not any(plan.remedies("normalize")):
            return {}
        return {normalizer.switch: "True"}


def _nodes(plan: Plan) -> Iterator[cst.CSTNode]:
    yield from calls.nodes_of(plan.save.call)
    if plan.save.path.template_node is not None:
        yield plan.save.path.template_node
    yield from (edit.node for edit in plan.edits)
    if plan.renaming is not None:
        yield from plan.renaming.nodes


def _saved_argument(save: Save) -> cst.Arg | None:
    saved = save.site.saved
    return next((argument for argument in save.call.args if argument.value is saved), None)
