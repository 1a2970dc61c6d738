"""How messages call loops and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

    from flake8_saveimage.paths.repetition import PathFact
    from flake8_saveimage.syntax.scopes import Loop

Parts = tuple["str | cst.CSTNode", ...]


def the_loop(loop: Loop) -> Parts:
    """Return "the loop over 'epoch' (line 41)" with the loop itself in place of the number."""
    from flake8_saveimage.paths.labels import loop_variable

    variable = loop_variable(loop)
    what = f"the loop over '{variable}'" if variable else "the 'while' loop"
    # A clause of a comprehension has no position of its own; its target has.
    node = loop.target if loop.is_comprehension and loop.target is not None else loop.node
    return (f"{what} (line ", node, ")")


def advice(fact: PathFact) -> str:
    """Return what to do about a name that a loop does not change."""
    from flake8_saveimage.paths.labels import loop_variable

    variable = loop_variable(fact.loop) if fact.loop is not None else ""
    first = variable.partition(",")[0].strip("( ")
    if first.isidentifier() and first != "_":
        return f"add '{first}' to the name, or use flake8_saveimage.runtime"
    return "number the names, or use flake8_saveimage.runtime"
