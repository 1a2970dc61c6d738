"""How messages name loops, and what they advise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Where

if TYPE_CHECKING:
    from flake8_saveimage.rules.base import Parts
    from flake8_saveimage.rules.save import Save
    from flake8_saveimage.syntax.scopes import Loop


def the_loop(loop: Loop) -> Parts:
    """Return "the 'epoch' loop (line 41)", with the place of the loop."""
    from flake8_saveimage.paths.loops import loop_variable  # libcst

    variable = loop_variable(loop)
    kind = "while" if loop.target is None else "for"
    what = f"the '{kind if variable in ('', '_') else variable}' loop"
    # A clause of a comprehension has no position of its own; its target has.
    node = loop.target if loop.is_comprehension and loop.target is not None else loop.node
    return (f"{what} (", Where(node, what), ")")


def written_by(save: Save, verb: str = "writes it") -> Parts:
    """Return ": save_checkpoint (utils.py, line 12) writes it" for a save in another file."""
    if not save.route:
        return ()
    function = save.route[0].function
    owner = function.owner_class
    name = owner.name if owner is not None and function.name == "__init__" else function.name
    where = Where(save.site.call, f"{save.site.writer.leaf} in {name}")
    return (f": {name} (", where, f") {verb}")


def or_helper(save: Save, arguments: str = "") -> str:
    """Return ", or use" and the function of the runtime helper, if it can write this."""
    helper = save.site.writer.helper
    return f", or use {helper}{arguments}" if helper else ""


def advised(save: Save, advice: str) -> Parts:
    """Return "; " and an advice, after another one if the project reads the file by its name."""
    reader, helper = save.reader, save.site.writer.helper
    if reader is None:
        return (f"; {advice}",)
    instead = f'{helper}(..., if_exists="replace")' if helper else "an atomic replacement"
    where = Where(reader, f"{reader.name} reads it")
    keep = f") reads it: if only the newest counts, use {instead}; else {advice}"
    return (f"; {reader.name} (", where, keep)


def advice(save: Save) -> str:
    """Return what to add to a name that some loops do not change."""
    missing = _what(save.path.missing_loops[::-1])
    if save.route:
        return f"pass a path with {missing} in it"
    return f"add {missing} to the name{or_helper(save)}"


def pass_in(loop: Loop, function: str) -> str:
    """Return what to pass to a function that is called in a loop."""
    return f"pass {_what([loop])} to '{function}' and add it to the name"


def _what(loops: Sequence[Loop]) -> str:
    from flake8_saveimage.paths.loops import index_of, yields_numbers  # libcst

    names = [index_of(loop) for loop in loops]
    parts = [f"'{name}'" for name in names if name]
    if len(parts) < len(names):
        without = (loop for loop, name in zip(loops, names, strict=True) if not name)
        has_data = any(loop.iter is not None and not yields_numbers(loop.iter) for loop in without)
        parts.append("an index from enumerate()" if has_data else "a counter")
    return " and ".join(parts) or "a counter"
