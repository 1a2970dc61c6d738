"""Is the overwriting intentional, by what the file and the code around it are called?"""

from __future__ import annotations

import re

from flake8_saveimage.knowledge import words
from flake8_saveimage.paths.best import best_so_far
from flake8_saveimage.paths.destination import Destination
from flake8_saveimage.paths.texts import last_component, split_text
from flake8_saveimage.syntax.nodes import dotted, last_part
from flake8_saveimage.syntax.saves import SaveCall


def is_rolling(site: SaveCall, target: Destination, *texts: str | None) -> bool:
    """Say whether a save rewrites one file on purpose: best so far, latest, checkpoint ...

    ``texts`` are what is known of the path, here and where it is passed in.
    """
    image = site.kind == "image"
    holder = last_part(dotted(target.path))
    return (
        any(says_rolling(text, image=image) for text in (holder, *texts) if text)
        or words.function_says_rolling(site.place.scope.function.name)
        or best_so_far(site.place, site.flow)
    )


def says_rolling(text: str, *, image: bool) -> bool:
    """Say whether a path's last component says that it is one file that is rewritten."""
    return words.says_rolling(speaking_part(last_component(text)), image=image)


def speaking_part(name: str) -> str:
    """Return the literal text of a file name, and the variables that hold all of it.

    A variable that is formatted into a longer name (``current_epoch``) says nothing.
    """
    pieces = split_text(name)
    literal = " ".join(pieces[::2])
    if re.fullmatch(r"[\s_-]*(\.\w+)*", literal):
        hints = [hint for piece in pieces[1::2] for hint in piece.split("|")]
        literal += " " + " ".join(
            hint for hint in hints if not words.says_counter(hint) or words.says_metric(hint)
        )
    return literal
