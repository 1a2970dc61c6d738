"""Which rules are fixed, and which fixes count as safe, as the configuration says."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass

from flake8_saveimage.rules.finding import Applicability


@dataclass(frozen=True, slots=True)
class Policy:
    """Codes or beginnings of codes; where two match, the longer one decides."""

    fixable: tuple[str, ...] = ("",)
    unfixable: tuple[str, ...] = ()
    safe: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: argparse.Namespace) -> Policy:
        """Return the policy of loaded options."""
        return cls(
            tuple(options.saveimage_fixable) or ("",),
            tuple(options.saveimage_unfixable),
            tuple(options.saveimage_extend_safe_fixes),
            tuple(options.saveimage_extend_unsafe_fixes),
        )

    def is_fixable(self, code: str) -> bool:
        """Say whether findings of a rule are fixed at all."""
        return _best(self.fixable, code) > _best(self.unfixable, code)

    def declared(self, code: str) -> Applicability | None:
        """Return what the configuration calls the fixes of a rule, if it says so."""
        safe, unsafe = _best(self.safe, code), _best(self.unsafe, code)
        if safe == unsafe:
            return "unsafe" if unsafe >= 0 else None
        return "safe" if safe > unsafe else "unsafe"


def _best(prefixes: Iterable[str], code: str) -> int:
    """Return the length of the longest beginning of ``code``; -1 if there is none."""
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)


DEFAULT = Policy()
