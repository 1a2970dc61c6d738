"""What the tests of the fixes share."""

from __future__ import annotations

import textwrap

from flake8_saveimage import FixOptions, FixResult, fix_source


def fix(source: str, *, unsafe: bool = False, codes: str = "SVI") -> FixResult:
    """Fix a text with all rules whose code starts with one of ``codes``; it must stay fixed."""
    options = FixOptions(
        accept=lambda finding: finding.code.startswith(tuple(codes.split())), unsafe=unsafe
    )
    result = fix_source(source, filename="train.py", options=options)
    compile(result.code.removeprefix("\ufeff"), "train.py", "exec")
    assert fix_source(result.code, filename="train.py", options=options).code == result.code
    return result


def dedent(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def assert_fixed(before: str, after: str, *, unsafe: bool = False, codes: str = "SVI") -> None:
    """Assert that fixing ``before`` gives ``after``, and the other way round that nothing more."""
    assert fix(dedent(before), unsafe=unsafe, codes=codes).code == dedent(after)
