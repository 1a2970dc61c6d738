"""What the analysis knows of some hundred paths, written behind each of them.

A file in ``fixtures/path_claims`` is a program; ``show(path)  # claim`` says what the text of the
path is (in braces what is not known, and the names behind it), and on which loops, functions and
parameters it depends (``~`` where it only came through something that repeats). The programs are
run as well: every path shown has the text (not in ``*loosely``), and one that does not depend on a
loop is the same in all its passes.

After a deliberate change ``PYTHONPATH=tests python tests/paths/test_path_claims.py`` writes the
claims anew; the difference is to be read, line by line.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import libcst
import pytest

import showing
from flake8_saveimage.paths.dependence import Dependence
from flake8_saveimage.paths.loops import loop_variable
from flake8_saveimage.paths.texts import Source, SymbolicText, split_text
from flake8_saveimage.syntax.scopes import Loop, Scope

FILES = showing.programs("path_claims")


def source_name(source: Source) -> str:
    if isinstance(source, Loop):
        return loop_variable(source) or "while"
    if isinstance(source, Scope):
        return f"{source.name}()" if source.name else "module"
    return f"{source.name}="


def text(value: SymbolicText) -> str:
    """Write down what is known of a path."""
    shown = "no text"
    if value.text is not None:
        pieces = split_text(value.text)
        shown = "".join(f"{{{p}}}" if i % 2 else p for i, p in enumerate(pieces)).join("''")
    names = {("" if s in value.solid else "~") + source_name(s) for s in value.deps}
    words = [shown, "by " + ", ".join(sorted(names)) if names else "fixed", *sorted(value.weak)]
    words += [f"braces in {libcst.Module([]).code_for_node(node)}" for node, _ in value.templates]
    return "; ".join([*words, "temporary"] if value.temporary else words)


def claims(source: str) -> dict[int, SymbolicText]:
    """Return what the analysis says of each ``show`` of a program, by its line."""
    flow, calls = showing.shown(source)
    dependence = Dependence(flow)
    return {
        n: dependence.evaluate(call.node.args[0].value, call.place) for n, call in calls.items()
    }


def annotated(source: str) -> str:
    """Write the claims behind the lines that show something."""
    return showing.annotated(source, claims(source), text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_claims(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert annotated(source).splitlines() == source.splitlines()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_programs_show_what_is_claimed(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    claimed = claims(source)
    shown: dict[int, list[str]] = {}

    def show(value: object) -> None:
        is_path = isinstance(value, str | os.PathLike)
        seen = os.fspath(value) if is_path else str(value)  # type: ignore[arg-type]
        shown.setdefault(sys._getframe(1).f_lineno, []).append(seen)

    exec(compile(source, str(path), "exec"), {"show": show, "__name__": path.stem})
    assert set(shown) == set(claimed)
    for line, value in claimed.items():
        if value.text is not None and not path.stem.endswith("loosely"):
            pieces = split_text(value.text)
            form = "".join(".*" if i % 2 else re.escape(p) for i, p in enumerate(pieces))
            assert all(re.fullmatch(form, seen, re.DOTALL) for seen in shown[line]), f"line {line}"
        if not value.deps:
            assert len(set(shown[line])) == 1, f"line {line}"


if __name__ == "__main__":
    showing.write_anew(FILES, annotated)
