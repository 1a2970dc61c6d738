"""Every code block of README and of the site does what the page says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from blocks import ROOT, Block, Reader, blocks, commands, matches

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _parameters() -> list[object]:
    """Return the pages; those that import torch are run where there is one."""
    found = []
    for page in PAGES:
        needs_torch = any(block.needs_torch for block in blocks(page))
        marks = [pytest.mark.torch] if needs_torch else []
        found.append(pytest.param(page, marks=marks, id=str(page.relative_to(ROOT))))
    return found


@pytest.mark.parametrize("page", _parameters())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_blocks_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    reader = Reader(page, folder)
    for block in blocks(page):
        reader.try_out(block)


def test_pages_are_found() -> None:
    assert len(PAGES) >= 8
    assert sum(1 for page in PAGES for _ in blocks(page)) >= 30


def test_a_wrong_output_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    reader = Reader(ROOT / "README.md", folder)
    reader.try_out(Block(1, "console", None, "$ echo right\nright\n", None))
    with pytest.raises(AssertionError, match="echo wrong"):
        reader.try_out(Block(1, "console", None, "$ echo wrong\nright\n", None))
    with pytest.raises(ZeroDivisionError):
        reader.try_out(Block(1, "python", None, "1 / 0\n", None))


def test_blocks_are_read_as_they_stand(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '# A\n```python title="a.py"\nx = 1\n```\n\n<!-- tested by: t.py::test_z -->\n\n'
        "```console\n$ a\nb\n$ c\n```\n"
    )
    first, second = blocks(page)
    assert (first.title, first.text, first.tested_by) == ("a.py", "x = 1\n", None)
    assert (second.line, second.tested_by) == (8, ("t.py", "test_z"))
    assert commands(second.text) == [("a", "b"), ("c", "")]


def test_dots_stand_for_anything() -> None:
    assert matches("a ... c\n...\nz", "a b c\nd\ne\nz\n")
    assert not matches("a ... c", "a b d")
    assert not matches("", "something")


def test_torch_is_only_asked_for_where_it_is_needed() -> None:
    def block(language: str, text: str) -> Block:
        return Block(1, language, None, text, None)

    assert block("python", "import torch\n").needs_torch
    assert block("console", "$ python train.py\n").needs_torch
    assert not block("console", "$ python -m flake8_saveimage check .\n").needs_torch
    assert not block("console", "$ flake8-saveimage check train.py\n").needs_torch
    assert importlib.util.find_spec("yaml") is not None
