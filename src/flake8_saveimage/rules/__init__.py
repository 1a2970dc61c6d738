"""All rules, discovered by walking this package: one module a rule, sorted by code."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from flake8_saveimage.rules.base import Problem, Remedy, Rule

__all__ = ["Problem", "Remedy", "Rule", "all_rules", "documentation"]


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, sorted by code."""
    names = (m.name for m in pkgutil.iter_modules(__path__) if m.name.startswith("svi"))
    rules = [importlib.import_module(f"{__name__}.{name}").RULE for name in names]
    return tuple(sorted(rules, key=lambda rule: rule.code))


def documentation(code: str) -> str:
    """Return the documentation of a rule: the docstring of its module (Markdown)."""
    module = importlib.import_module(f"{__name__}.{code.lower()}")
    return (module.__doc__ or "").strip()
