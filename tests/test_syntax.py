"""The syntax of every supported Python is read, whichever Python runs: what sets libcst's floor."""

from __future__ import annotations

import pytest

from flake8_saveimage.check.analysis import parse

NEWEST = {
    "3.10, match": 'match x:\n    case {"a": 1, **rest}:\n        pass\n',
    "3.10, with in brackets": "with (open(a) as f, open(b) as g):\n    pass\n",
    "3.11, except*": "try:\n    pass\nexcept* OSError as group:\n    pass\n",
    "3.11, star in an index": "x[*a]\n",
    "3.12, type parameters": "def f[T: int, *Ts, **P](x: T) -> T: ...\n",
    "3.12, type statement": "type Pair[T] = tuple[T, T]\n",
    "3.12, the same quotes in an f-string": 'x = f"{d["a"]}"\n',
    "3.12, lines and comments in an f-string": 'x = f"{\n    1  # one\n}"\n',
    "3.13, type parameters with defaults": "class A[T = int]: ...\n",
}


@pytest.mark.parametrize("source", NEWEST.values(), ids=NEWEST)
def test_new_syntax_is_read_and_kept(source: str) -> None:
    assert parse(source).code == source
