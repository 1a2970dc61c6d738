"""What the analysis claims of some hundred expressions, written behind each of them.

A file in ``fixtures/claims`` is a program; ``show(expression)  # claim`` says what is known of the
expression there: kind, dtypes and ranks (``n`` a number, ``0`` no dimension, ``+`` dimensions), the
interval that holds every value, the one that the code visibly fills, what put it there and how
surely. The same programs run in torch: whatever is shown lies inside its claim.

After a deliberate change ``PYTHONPATH=tests python tests/values/claiming.py`` writes the claims
anew; the difference is to be read, line by line.
"""

from __future__ import annotations

import showing
from flake8_saveimage.values.domain import Abstract, Items, Literally, Values
from flake8_saveimage.values.dtypes import DTypes, Ranks, each
from flake8_saveimage.values.evaluate import Evaluator
from flake8_saveimage.values.intervals import Interval

FILES = showing.programs("claims")
SETS = (
    (DTypes.ANY, "any"),
    (DTypes.ANY & ~DTypes.BOOL, "number"),
    (DTypes.INTEGERS, "integer"),
    (DTypes.FLOATS, "floating"),
)


def bounds(interval: Interval) -> str:
    return f"[{interval.low:.9g}, {interval.high:.9g}]{' or nan' if interval.nan else ''}"


def dtype_names(dtypes: DTypes) -> str:
    for group, name in SETS:
        if dtypes == group:
            return name
    return "|".join((dtype.name or "").lower() for dtype in each(dtypes)) or "none"


def text(value: Abstract) -> str:
    """Write a claim down."""
    if isinstance(value, Items):
        parts = [text(part) for part in value.parts]
        return f"({'; '.join(parts if value.complete else [*parts, '...'])})"
    if isinstance(value, DTypes):
        return dtype_names(value)
    if isinstance(value, Literally):
        return repr(value.value)
    if not isinstance(value, Values):
        return type(value).__name__
    ranks = "".join(
        sign
        for rank, sign in ((Ranks.NUMBER, "n"), (Ranks.ZERO, "0"), (Ranks.DIMENSIONS, "+"))
        if rank & value.ranks
    )
    words = [value.kind, dtype_names(value.dtypes), ranks, bounds(value.interval)]
    if value.reach is not None:
        words.append(f"fills {bounds(value.reach)}")
    if value.origin is not None:
        words.append(f"by {value.origin.what} ({value.origin.proof})")
    if value.scale != (1.0, 0.0):
        words.append("= {:.6g} x + {:.6g}".format(*value.scale))
    for order in (value.layout, value.channels):
        if order is not None:
            words.append(f"{order.name} ({order.origin.what}, {order.origin.proof})")
    if value.wrapped is not None:
        words.append(f"{bounds(value.wrapped.reach)} wrapped by {value.wrapped.origin.what}")
    words += sorted(value.marks)
    return " ".join([*words, "known"] if value.known else words)


def claims(source: str) -> dict[int, Abstract]:
    """Return what the analysis says of each ``show`` of a program, by its line."""
    flow, calls = showing.shown(source)
    evaluator = Evaluator(flow)
    return {n: evaluator.ask(call.node.args[0].value, call.place) for n, call in calls.items()}


def annotated(source: str) -> str:
    """Write the claims behind the lines that show something."""
    return showing.annotated(source, claims(source), text)


if __name__ == "__main__":
    showing.write_anew(FILES, annotated)
