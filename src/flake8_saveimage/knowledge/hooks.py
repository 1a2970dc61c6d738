"""Functions that a framework calls again and again, one row a framework."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Framework:
    """What one framework calls repeatedly.

    ``methods`` are patterns that match the whole name of a method; ``once`` are patterns of those
    among them that it calls once in a run. ``decorator`` and ``register`` are the methods that
    attach any function to a member of the enumeration ``events``; those in ``once_events`` happen
    once, as does an event that is called with ``once=``.
    """

    name: str
    methods: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    decorator: str = ""
    register: str = ""
    events: str = ""
    once_events: frozenset[str] = frozenset()


_STAGE = "(train|training|validation|valid|val|test|predict|eval|evaluation)"

FRAMEWORKS = (
    Framework("PyTorch", methods=("forward", "__getitem__")),
    Framework(
        "Lightning",
        methods=(
            f"({_STAGE}|optimizer)_step(_end)?",
            f"on_({_STAGE}_)?(epoch|batch|step)_(start|end)",
            "(training|validation|train|valid|val|test)_epoch_end",
            "on_(validation_end|after_backward|before_optimizer_step|save_checkpoint)",
        ),
        once=("(on_)?(test|predict)_epoch(_start|_end)?",),
    ),
    Framework(
        "Keras",
        methods=(f"on_({_STAGE}_)?(epoch|batch)_(begin|end)",),
        once=("on_(test|predict)_epoch_begin",),
    ),
    Framework(
        "Transformers",
        methods=(
            "on_(evaluate|log|save)",
            "on_(step|substep)_(begin|end)",
            "compute_(loss|metrics)",
        ),
    ),
    Framework(
        "Catalyst",
        methods=(f"on_({_STAGE}_)?(epoch|batch|loader|step|iteration|iter)_(start|begin|end)",),
        once=("on_(test|predict)_epoch(_start|_begin|_end)?",),
    ),
    Framework(
        "fastai",
        methods=("(before|after)_(epoch|batch|step|pred|loss|backward|train|validate)",),
    ),
    Framework(
        "MMEngine",
        methods=(
            "(before|after)_((train|val|test)_)?(epoch|iter|batch|step|loss|backward)",
            "(before|after)_(train|val|test)_(pred|train|validate)",
            "(before|after)_iter",
            "forward_step",
            "train_one_step",
        ),
        once=("(before|after)_(test|predict)_epoch",),
    ),
    Framework(
        "Ignite",
        decorator="on",
        register="add_event_handler",
        events="Events",
        once_events=frozenset({"COMPLETED", "STARTED", "TERMINATE", "EXCEPTION_RAISED"}),
    ),
)

_METHODS = re.compile("|".join(pattern for row in FRAMEWORKS for pattern in row.methods))
_ONCE = re.compile("|".join(pattern for row in FRAMEWORKS for pattern in row.once))
DECORATORS = frozenset(row.decorator for row in FRAMEWORKS if row.decorator)
REGISTRARS = frozenset(row.register for row in FRAMEWORKS if row.register)


def is_repeated_method(name: str) -> bool:
    """Say whether some framework calls a method of this name repeatedly in one run."""
    return _METHODS.fullmatch(name) is not None and _ONCE.fullmatch(name) is None


def is_repeated_event(name: str) -> bool:
    """Say whether a dotted name is that of an event that happens repeatedly."""
    *path, event = name.split(".")
    return any(
        row.events in path and event not in row.once_events for row in FRAMEWORKS if row.events
    )
