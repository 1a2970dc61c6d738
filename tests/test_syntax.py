"""The syntax of every supported Python is read, whichever Python runs: what sets libcst's floor."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from flake8_saveimage.check.analysis import diagnose, parse
from flake8_saveimage.syntax.positions import spans

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


FILES = sorted((Path(__file__).parent.parent / "fixtures").glob("SVI*/*/*.py"))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("stripped", [False, True])
def test_positions_are_those_of_the_whole_file(ending: str, stripped: bool) -> None:
    """The code of single statements, placed by ``ast``, stands where that of the whole does."""
    for path in FILES:
        source = path.read_text(encoding="utf-8").replace("\n", ending)
        analysis = diagnose(source.rstrip() if stripped else source)
        nodes: list[cst.CSTNode] = [save.call for save in analysis.saves]
        nodes += [place.node for _, _, problem in analysis.diagnoses for place in problem.places]
        assert analysis.positions.of(nodes, everywhere=False) == spans(analysis.module, nodes), path


TWICE = """\
import torch

def save(model, path):
    '''torch.save(model,
        path)'''
    match model:
        case [first]:
            if first:
                torch.save(model,
                    path)
            torch.save(model, path); torch.save(model, path)
"""


def test_position_of_statements_with_the_same_text() -> None:
    analysis = diagnose(TWICE)
    sites = [save.site.call_site for save in analysis.saves]
    for site in sites:
        expected = spans(analysis.module, [site.node])
        assert analysis.positions.of([site.node], everywhere=False) == expected
    lines = analysis.positions.of([site.node for site in sites])
    assert [(span.line, span.column) for span in lines.values()] == [(9, 17), (11, 13), (11, 38)]
