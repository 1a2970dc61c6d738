"""One row for each function that writes a file: what every stage knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "object"]


@dataclass(frozen=True, slots=True)
class Writer:
    """A function that writes a file.

    ``parameters`` are its positional parameters in order; ``value`` and ``path`` are the names of
    those that take what is saved and where. ``aliases`` are further qualified names of the same
    function; ``missing`` are names that people write for it and that do not exist. ``renamed``
    pairs removed keywords with their successors. ``helper`` is the function of the runtime helper
    that can replace it.
    """

    name: str
    kind: Kind
    parameters: tuple[str, ...]
    value: str
    path: str
    helper: str
    aliases: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()


WRITERS = (
    Writer(
        "torchvision.utils.save_image",
        kind="image",
        parameters=("tensor", "fp", "format"),
        value="tensor",
        path="fp",
        helper="safe_save_image",
        missing=("torch.utils.save_image",),
        renamed=(("range", "value_range"), ("filename", "fp")),
    ),
    Writer(
        "torch.save",
        kind="object",
        parameters=(
            "obj",
            "f",
            "pickle_module",
            "pickle_protocol",
            "_use_new_zipfile_serialization",
        ),
        value="obj",
        path="f",
        helper="safe_save",
        aliases=("torch.serialization.save",),
    ),
)

BY_NAME = {name: row for row in WRITERS for name in (row.name, *row.aliases, *row.missing)}
