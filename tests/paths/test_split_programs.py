"""Generated programs, split into the files of a project: the verdicts and the truth stay.

A program of ``test_property`` is split by ``splitting``. Both are checked with imports followed,
and each save must get the same codes; what a call of the script leads to stands at the call, and
counts for the save. Then the project is run, and what is reported must be what it does.
"""

from __future__ import annotations

import os
import sys
import tempfile
import types
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from test_property import REPEATS, Draw, Generator

from splitting import Project, differences, single, split


class Splitting(Generator):
    """Writes programs that save through helpers more often than not."""

    def save(self, scope: list[str]) -> list[str]:
        return self.helper_call(scope) if self.chance(60) else super().save(scope)


@st.composite
def split_programs(draw: Draw) -> tuple[str, Project]:
    generator = Splitting(draw)
    source = generator.program()
    return source, split(source, generator.pick)


def run(project: Project, folder: Path) -> list[tuple[int, str]]:
    """Run a written project; return the line (of the program) and the path of each save."""
    records: list[tuple[int, str]] = []
    torch = types.ModuleType("torch")
    lines = {str(folder / path): lines for path, lines in project.files.items()}

    def save(obj: object, f: object) -> None:
        frame = sys._getframe(1)
        origin = lines[os.path.realpath(frame.f_code.co_filename)][frame.f_lineno - 1][1]
        records.append((origin, os.fspath(f)))  # type: ignore[call-overload]

    torch.save = save  # type: ignore[attr-defined]
    project.run(folder, torch=torch)
    return records


def judge(source: str, project: Project) -> list[str]:
    """Return what differs between a program and the project, and what is not true of that."""
    with tempfile.TemporaryDirectory() as name:
        one, several = Path(name).resolve() / "one", Path(name).resolve() / "several"
        alone = single(source)
        alone.write(one)
        project.write(several)
        expected, found = alone.findings(one, "SVI1"), project.findings(several, "SVI1")
        helpers = [part for name, part in project.files.items() if name != project.script]
        moved = {(line, "SVI104") for part in helpers for _, line in part}
        # only across files is a helper's path judged at a single call
        found_here = found - (moved - expected)
        wrong = differences(_plain(expected, expected), _plain(found_here, expected))
        records = run(project, several)
    paths: dict[int, Counter[str]] = {}
    for line, path in records:
        paths.setdefault(line, Counter())[path] += 1
    anything = {n for n, text in enumerate(source.split("\n"), 1) if "# anything" in text}
    for line, written in paths.items():
        codes = {code for at, code in found if at == line}
        twice = [path for path, times in written.items() if times > 1]
        if codes & REPEATS and not twice:
            wrong.append(f"line {line}: {sorted(codes)}, but no path comes twice: {list(written)}")
        if twice and not codes - {"SVI107"} and line not in anything:
            wrong.append(f"line {line}: nothing reported, but {twice[0]!r} is written again")
    return wrong


def _plain(found: set[tuple[int, str]], alone: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return findings without the differences that splitting makes.

    What its callers repeat (SVI103) is a loop at the call, if the helper is in another file, and
    the helper alone writes one file in each run (SVI104).
    """
    called = {line for line, code in alone if code == "SVI103"}
    return {
        (line, "repeats" if line in called and code in REPEATS else code)
        for line, code in found
        if not (line in called and code == "SVI104")
    }


def checked(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(
        max_examples=int(os.environ.get("SAVEIMAGE_PROGRAMS", examples)),
        derandomize="SAVEIMAGE_PROGRAMS" not in os.environ,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        database=None,
    )


@checked(10)
@given(split_programs())
def test_a_split_program_is_judged_the_same(drawn: tuple[str, Project]) -> None:
    source, project = drawn
    note(f"{source}\n{project}")
    assert judge(source, project) == []


@pytest.mark.slow
@checked(300)
@given(split_programs())
def test_many_split_programs_are_judged_the_same(drawn: tuple[str, Project]) -> None:
    source, project = drawn
    note(f"{source}\n{project}")
    assert judge(source, project) == []
