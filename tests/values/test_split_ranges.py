"""Programs over tensors and arrays, split into the files of a project: what is claimed stays.

Lines of ``benchmarks/ranges_soundness.py`` get constants, functions and modules with a ``forward``
of their own, and each result is saved. The program and the project it is split into get the same
codes, and the same claim at each save; then the project is run, and its values lie in their claims.
"""

from __future__ import annotations

import ast
import builtins
import os
import random
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("torchvision")
pytest.importorskip("cv2")

import libcst
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from test_soundness import soundness

from flake8_saveimage.check.following import Following
from flake8_saveimage.knowledge.writers import EVERYTHING, GROUPS, Choice
from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.positions import spans
from flake8_saveimage.syntax.reader import read_facts
from flake8_saveimage.syntax.saves import save_calls
from flake8_saveimage.values.domain import Abstract, Values
from flake8_saveimage.values.evaluate import Evaluator
from splitting import Project, differences, single, split

pytestmark = pytest.mark.torch

RESULT = re.compile(r"\bv\d+\b")
SAVES = {
    "tensor": 'torchvision.utils.save_image({0}, "{0}.png")',
    "array": 'cv2.imwrite("{0}.png", {0})',
}


class _Program:
    """Gives lines of a random program functions, classes and constants."""

    def __init__(self, rng: random.Random, family: str) -> None:
        self.rng = rng
        self.family = family
        self.named = 0
        self.top: list[str] = []

    def text(self) -> str:
        lines = soundness.random_program(self.rng, family=self.family)
        body = [f"v{n} = {self._line(line)}" for n, line in enumerate(lines)]
        saves = [SAVES[self.family].format(f"v{n}") for n in range(len(lines))]
        head = f"{soundness.HEADER}from torch import nn\n"
        return "\n".join([head, *self.top, *body, *saves, ""])

    def _line(self, line: str) -> str:
        tree = _Constants(self).visit(ast.parse(line, mode="eval"))
        line = ast.unparse(tree)
        form = self.rng.choice(("plain", "function", "steps", "module", "method", "default"))
        if form == "plain" or line == "unknown":
            return line
        self.named += 1
        name = f"step{self.named}"
        results = sorted(set(RESULT.findall(line)))
        given = [f"x{self.named}_{n}" for n in range(len(results))]
        renamed = dict(zip(results, given, strict=True))
        inner = RESULT.sub(lambda found: renamed[found[0]], line)
        parameters = ", ".join(given)
        called = f"({', '.join(results)})"
        if form == "function":
            self.top.append(f"def {name}({parameters}):\n    return {inner}\n")
        elif form == "steps":
            self.top.append(
                f"def {name}({parameters}):\n    out{name} = {inner}\n    return out{name}\n"
            )
        elif form == "default":
            extra = f"{parameters}, " if parameters else ""
            self.top.append(f"def {name}({extra}flag{name}=True):\n    return {inner}\n")
        else:
            method = "forward" if form == "module" else "work"
            base = "(nn.Module)" if form == "module" else ""
            own = f"self, {parameters}" if parameters else "self"
            made = name.title()
            self.top.append(
                f"class {made}{base}:\n    def {method}({own}):\n        return {inner}\n"
            )
            self.top.append(f"{name} = {made}()\n")
            name += "" if form == "module" else ".work"
        return name + called


class _Constants(ast.NodeTransformer):
    """Gives some numbers names."""

    def __init__(self, program: _Program) -> None:
        self.program = program

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if type(node.value) not in (int, float) or self.program.rng.random() < 0.8:
            return node
        self.program.named += 1
        name = f"NUMBER{self.program.named}"
        self.program.top.append(f"{name} = {node.value!r}\n")
        return ast.Name(name, ast.Load())


def claims(project: Project, folder: Path) -> dict[int, Abstract]:
    """Return what is claimed of what each save of the script saves, by the line in the program."""
    text, path = project.text(project.script), str(folder / project.script)
    module = libcst.parse_module(text)
    importer = Following(choice=Choice(GROUPS)).importer(path, text)
    flow = Flow(read_facts(module, path=path, text=text), importer, EVERYTHING)
    evaluator = Evaluator(flow)
    found = {}
    for site in save_calls(flow):
        assert site.saved is not None
        line = spans(module, [site.call])[id(site.call)].line
        origin = project.files[project.script][line - 1][1]
        found[origin] = evaluator.ask(site.saved, site.call_site.place)
    return found


def said(claim: Abstract) -> object:
    """Return what a claim says, without where it comes from."""
    if not isinstance(claim, Values):
        return type(claim).__name__
    orders = [
        order and (order.name, order.origin.proof) for order in (claim.layout, claim.channels)
    ]
    return (claim.kind, claim.dtypes, claim.ranks, claim.interval, claim.reach, *orders)


def results(project: Project, folder: Path, unknown: object) -> dict[int, object]:
    """Run the written project; return what each save of the script gets."""
    found: dict[int, object] = {}
    lines = project.files[project.script]

    def record(*arguments: object) -> None:
        value = next(a for a in arguments if not isinstance(a, str))
        found[lines[sys._getframe(1).f_lineno - 1][1]] = value

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(builtins, "unknown", unknown, raising=False)
        patch.setattr(soundness.torchvision.utils, "save_image", record)
        patch.setattr(soundness.cv2, "imwrite", record)
        project.run(folder)
    return found


def judge(source: str, project: Project, unknown: object) -> Iterator[str]:
    """Yield what differs between a program and the project, and what is not true of that."""
    with tempfile.TemporaryDirectory() as name:
        one, several = Path(name).resolve() / "one", Path(name).resolve() / "several"
        alone = single(source)
        alone.write(one)
        project.write(several)
        yield from differences(alone.findings(one, "SVI2"), project.findings(several, "SVI2"))
        expected, found = claims(alone, one), claims(project, several)
        for line, claim in found.items():
            if said(claim) != said(expected[line]):
                yield f"line {line}: {said(claim)} instead of {said(expected[line])}"
        try:
            values = results(project, several, unknown)
        except soundness.REFUSED:
            return
        for line, value in values.items():
            refuted = soundness.refutation(found[line], value)
            if refuted is not None:
                yield f"line {line}: {refuted}"


def drawn(rng: random.Random) -> tuple[str, Project, object]:
    """Return a program of which most lines do not raise, what it is split into, and a value."""
    family = rng.choice(("tensor", "array"))
    unknown = (soundness.unknown_tensor if family == "tensor" else soundness.unknown_array)(rng)
    source = _Program(rng, family).text()
    return source, split(source, lambda *options: rng.choice(options)), unknown


@st.composite
def split_programs(draw: st.DrawFn) -> tuple[str, Project, object]:
    return drawn(draw(st.randoms(use_true_random=False)))


def checked(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(
        max_examples=int(os.environ.get("SAVEIMAGE_PROGRAMS", examples)),
        derandomize="SAVEIMAGE_PROGRAMS" not in os.environ,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


@checked(10)
@given(split_programs())
def test_split_values_are_claimed_the_same(drawn: tuple[str, Project, object]) -> None:
    source, project, unknown = drawn
    note(f"{source}\n{project}")
    assert list(judge(source, project, unknown)) == []


@pytest.mark.slow
@checked(300)
@given(split_programs())
def test_many_split_values_are_claimed_the_same(drawn: tuple[str, Project, object]) -> None:
    source, project, unknown = drawn
    note(f"{source}\n{project}")
    assert list(judge(source, project, unknown)) == []
