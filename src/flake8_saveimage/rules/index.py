"""The codes of all rules, and which are off until somebody asks, without importing a rule."""

from __future__ import annotations

import functools

OPT_IN = frozenset({"SVI105", "SVI106", "SVI204", "SVI207", "SVI208", "SVI302", "SVI303"})


@functools.cache
def known_codes() -> tuple[str, ...]:
    """Return the codes of all rules, sorted."""
    import pkgutil
    from pathlib import Path

    folder = str(Path(__file__).parent)
    names = (module.name for module in pkgutil.iter_modules([folder]))
    return tuple(sorted(name.upper() for name in names if name.startswith("svi")))


def default_codes() -> frozenset[str]:
    """Return the codes of the rules that are on by default."""
    return frozenset(known_codes()) - OPT_IN
