"""Codes, names and defaults of all rules, read from their files without importing them.

flake8 asks at every start which rules are off by default; importing all rules would cost it more
than checking a small file.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from typing import NamedTuple

_START = "\nRULE = Rule("


class Entry(NamedTuple):
    """What is known of a rule that is not loaded."""

    name: str
    default: bool


@functools.cache
def entries() -> Mapping[str, Entry]:
    """Return the entry of each rule by its code, sorted."""
    folder = os.path.dirname(__file__)
    names = (name for name in sorted(os.listdir(folder)) if name.startswith("svi"))
    return {name[:6].upper(): _entry(os.path.join(folder, name)) for name in names}


def _entry(path: str) -> Entry:
    with open(path, encoding="utf-8") as file:
        facts = file.read().partition(_START)[2]
    return Entry(facts.partition('name="')[2].partition('"')[0], "default=False," not in facts)


def known_codes() -> tuple[str, ...]:
    """Return the codes of all rules, sorted."""
    return tuple(entries())


def opt_in_codes() -> frozenset[str]:
    """Return the codes of the rules that are off until they are selected."""
    return frozenset(code for code, entry in entries().items() if not entry.default)


def default_codes() -> frozenset[str]:
    """Return the codes of the rules that are on by default."""
    return frozenset(entries()) - opt_in_codes()
