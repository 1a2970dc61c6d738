"""How messages name loops, and what they advise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

    from flake8_saveimage.rules.base import Parts
    from flake8_saveimage.rules.save import Save
    from flake8_saveimage.syntax.scopes import Loop


def the_loop(loop: Loop) -> Parts:
    """Return "the 'epoch' loop (line 41)" with the loop itself in place of the number."""
    from flake8_saveimage.paths.repetition import loop_variable  # libcst

    variable = loop_variable(loop)
    kind = "while" if loop.target is None else "for"
    what = f"the '{kind if variable in ('', '_') else variable}' loop"
    # A clause of a comprehension has no position of its own; its target has.
    node = loop.target if loop.is_comprehension and loop.target is not None else loop.node
    return (f"{what} (line ", node, ")")


def or_helper(save: Save) -> str:
    """Return "or use" and the function of the runtime helper."""
    return f"or use {save.site.writer.helper}"


def advice(save: Save) -> str:
    """Return what to add to a name that some loops do not change."""
    return f"add {_what(_missing(save))} to the name, {or_helper(save)}"


def pass_in(loop: Loop, function: str) -> str:
    """Return what to pass to a function that is called in a loop."""
    return f"pass {_what([loop])} to '{function}' and add it to the name"


def _missing(save: Save) -> Sequence[Loop]:
    """Return the loops that the path does not depend on, the outermost first."""
    fact = save.path
    if fact.loop is None or fact.value is None or fact.destination is None:
        return ()
    around = fact.destination.place.loops()
    varying = fact.value.deps
    return [loop for loop in reversed(around) if loop is fact.loop or loop not in varying]


def _what(loops: Sequence[Loop]) -> str:
    names = [_index_of(loop) for loop in loops]
    parts = [f"'{name}'" for name in names if name]
    if len(parts) < len(names):
        without = (loop for loop, name in zip(loops, names, strict=True) if not name)
        has_data = any(loop.iter is not None and not _counts(loop.iter) for loop in without)
        parts.append("an index from enumerate()" if has_data else "a counter")
    return " and ".join(parts) or "a counter"


def _index_of(loop: Loop) -> str:
    """Return the variable that numbers or names the iterations, ``""`` if there is none.

    A batch of data must not end up in a file name: only what a counting function yields, or what
    is called like an index or a name, counts.
    """
    import libcst as cst

    from flake8_saveimage.syntax.nodes import last_name

    target, iterable = loop.target, loop.iter
    if isinstance(target, cst.Tuple) and len(target.elements) > 1:
        called = last_name(iterable.func) if isinstance(iterable, cst.Call) else ""
        first = target.elements[0].value
        if called in _PAIRING or (isinstance(first, cst.Name) and first.value in _INDEX_NAMES):
            target = first
    if not isinstance(target, cst.Name) or target.value == "_":
        return ""
    counted = target is not loop.target or (iterable is not None and _counts(iterable))
    return target.value if counted or target.value.lower() in _INDEX_NAMES else ""


def _counts(iterable: cst.BaseExpression) -> bool:
    """Say whether an iterable yields numbers: ``range(n)``, ``tqdm(range(n))``."""
    import libcst as cst

    from flake8_saveimage.syntax.nodes import last_name

    if not isinstance(iterable, cst.Call):
        return isinstance(iterable, cst.Tuple | cst.List)
    if last_name(iterable.func) in _COUNTING:
        return True
    return bool(iterable.args) and _counts(iterable.args[0].value)


_PAIRING = frozenset({"enumerate", "items"})
_COUNTING = frozenset({"range", "trange", "prange", "arange", "count"})
_INDEX_NAMES = frozenset(
    "epoch ep e step iteration iter it i j k n t idx index batch_idx batch_index number num count "
    "seed fold rank name key tag label split mode path file filename fname stem scale level "
    "timestep".split()
)
