"""What a change of scale by constants says about the range: ``* 0.5 + 0.5``, ``/ 255``, ``* 255``.

Such a step tells what its author knows of the values even where nothing else does: who writes
``(x + 1) / 2`` or ``x / 255`` handles the range, who writes ``x * 255`` leaves [0, 1].
"""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values.domain import Origin, Values, excess
from flake8_saveimage.values.intervals import UNIT, Interval

# (factor, shift), the range it leads to, what a message calls it
_TO_UNIT = ((0.5, 0.5), (1 / 255, 0.0), (1 / 256, 0.0))
_AWAY = (
    ((255.0, 0.0), Interval(0.0, 255.0), "* 255"),
    ((256.0, 0.0), Interval(0.0, 256.0), "* 256"),
    ((255.0, 0.5), Interval(0.0, 255.5), "* 255"),
    ((127.5, 127.5), Interval(0.0, 255.0), "* 127.5 + 127.5"),
    ((127.5, 128.0), Interval(0.0, 255.0), "* 127.5 + 128"),
    ((2.0, -1.0), Interval(-1.0, 1.0), "* 2 - 1"),
    ((1 / 127.5, -1.0), Interval(-1.0, 1.0), "/ 127.5 - 1"),
)
_CLOSE = 1e-3


def rescaled(result: Values, operand: Values, factor: float, shift: float) -> Values:
    """Note on a result that it is ``factor * operand + shift``."""
    scale = (operand.scale[0] * factor, operand.scale[1] * factor + shift)
    result = dataclasses.replace(result, scale=scale, marks=result.marks | operand.marks)
    if operand.kind == "number":
        return result
    if any(_same(scale, known) for known in _TO_UNIT):
        return handled(result)
    if _same(scale, (1.0, 0.0)) and not result.interval.bounded:  # undone: nothing is known again
        return dataclasses.replace(result, known=False, reach=None, origin=None)
    for known, reach, what in _AWAY:
        if _same(scale, known) and operand.reach is None and result.reach is None:
            return dataclasses.replace(result, known=True, reach=reach, origin=Origin(what))
    return _with_step(result, *scale)


def _with_step(result: Values, factor: float, shift: float) -> Values:
    """Name this step as the origin where it is what takes the values out of [0, 1]."""
    reach, origin = result.reach, result.origin
    if not factor or reach is None or origin is None or origin.proof != "exact":
        return result
    before = [(end - shift) / factor for end in (reach.low, reach.high)]
    if excess(reach) <= _CLOSE or excess(Interval(min(before), max(before))) > _CLOSE:
        return result
    step = next((what for known, _, what in _AWAY if _same((factor, shift), known)), "")
    step = step or " ".join(
        [f"* {factor:g}"] * (factor != 1) + [f"{'-+'[shift > 0]} {abs(shift):g}"] * bool(shift)
    )
    return dataclasses.replace(result, origin=Origin(step))


def handled(result: Values) -> Values:
    """Return the value with its range visibly brought to [0, 1] by the author."""
    reach = result.reach if excess(result.reach) == 0 else UNIT
    return dataclasses.replace(result, known=True, reach=reach, origin=None)


def _same(first: tuple[float, float], second: tuple[float, float]) -> bool:
    return all(
        abs(a - b) <= _CLOSE * max(abs(b), 0.0 if b else 1.0)
        for a, b in zip(first, second, strict=True)
    )
