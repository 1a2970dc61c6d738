"""What Python reads and libcst does not is checked all the same, at the right place."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator

import pytest

from flake8_saveimage.check.analysis import analyse, parse
from flake8_saveimage.fixes import FixOptions, fix_source
from flake8_saveimage.plugin import SaveImagePlugin
from flake8_saveimage.source.reading import SourceError, Unparsable, universal_newlines

TABS_AND_SPACES = """\
import torch
for i in range(3):
        if i:
\t        \ttorch.save(i, 'a.pt')
"""
TEXTS = {
    "tabs and spaces": TABS_AND_SPACES,
    "form feed before indented": "import torch\nfor i in x:\n\f    torch.save(i, 'a.pt')\n",
    "form feed before top level": "import torch\nfor i in x:\n    pass\n\ftorch.save(1, 'a.pt')\n",
    "form feed between": "import torch\nfor i in x:\n  \f    torch.save(i, 'a.pt')\n",
    "old Mac": "import torch\rfor i in x:\r    torch.save(i, 'a.pt')\r",
    "old Mac, tabs and spaces": TABS_AND_SPACES.replace("\n", "\r"),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_finding_is_where_the_call_stands(text: str) -> None:
    lines = universal_newlines(text)
    (finding,) = analyse(lines, codes={"SVI101", "SVI104"})
    line = lines.split("\n")[finding.line - 1]
    assert line[finding.column - 1 : finding.end_column - 1].startswith("torch.save(")
    assert line.endswith(line[finding.column - 1 : finding.end_column - 1])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_fixer_leaves_alone_what_it_cannot_keep(text: str) -> None:
    result = fix_source(text, options=FixOptions(unsafe=True))
    if result.applied:  # a form feed that libcst keeps
        assert text.count("\f") == result.code.count("\f") == 1
        assert text.partition("\f")[0].partition("\n")[2] in result.code
    else:
        assert result.code == text
        assert [finding.fix for finding in result.left] == [None]


def test_the_plugin_reports_it() -> None:
    with pytest.raises(Unparsable):
        parse(TABS_AND_SPACES)
    lines = TABS_AND_SPACES.splitlines(keepends=True)
    plugin = SaveImagePlugin(ast.parse(TABS_AND_SPACES), lines, "a.py")
    assert [(line, column) for line, column, _, _ in plugin.run()] == [(4, 10)]


def test_strings_and_continued_lines_stay_as_they_are() -> None:
    text = (
        "import torch\n\f\nfor i in x:\n\f    y = '''\n\f  text\n\t'''\n"
        "    torch.save(\\\n\t\ti,\n\f 'a.pt')\n\n\n\fz = 1\n"
    )
    ast.parse(text)
    (finding,) = analyse(text, codes={"SVI101"})
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (7, 5, 9, 10)


def test_what_is_no_matter_of_indentation_stays_unparsable() -> None:
    with pytest.raises(SourceError):
        analyse("import torch\n\n\ndef f():\n    (x): int\n    torch.save(x, 'a')\n")


def _texts(count: int) -> Iterator[str]:
    """Yield programs that Python accepts, indented at random."""
    rng = random.Random(0)
    units = [" ", "  ", "    ", "\t", "        ", "\f"]

    def indent() -> str:
        return "".join(rng.choice(units) for _ in range(rng.randint(0, 3)))

    while count:
        first, second, last, odd = indent(), indent(), indent(), indent()
        between = rng.choice([odd, f"{odd}# comment", f"{first}y = 1", f"{second}y = '''\n\f'''"])
        lines = [
            "import torch", "for i in x:", f"{first}if i:", f"{second}torch.save(i, 'a.pt')",
            between, f"{last}z = 2", "",
        ]  # fmt: skip
        text = "\n".join(lines)
        try:
            ast.parse(text)
        except SyntaxError:
            continue
        count -= 1
        yield text


def test_every_indentation_that_python_accepts_is_read() -> None:
    for text in _texts(400):
        (finding,) = analyse(text, codes={"SVI101"})
        line = text.split("\n")[finding.line - 1]
        assert line[finding.column - 1 :] == "torch.save(i, 'a.pt')", repr(text)
        assert finding.end_column == len(line) + 1, repr(text)
