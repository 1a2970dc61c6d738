"""What the checker says of small generated programs against what they do when they are run.

Each program saves under a path built from loop variables, counters, constants and helpers. It is
executed for real with a ``torch`` whose ``save`` only records the paths, and:

- a call reported as SVI101, SVI102 or SVI103 must have written some path twice;
- a call that none of the path rules reports must have written each path once;
- a call reported as SVI107 must have written the path that the save before it wrote.

The generator leaves out what only the data decide (a counter moved on in one branch, sums that
happen to meet): of that the checker claims nothing. Where an object is made in the loop for one
call (the line says ``# anything``), silence is allowed, a wrong claim is not.
"""

from __future__ import annotations

import itertools
import os
import sys
import types
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from flake8_saveimage.check.analysis import analyse

pytestmark = pytest.mark.slow

REPEATS = {"SVI101", "SVI102", "SVI103"}
PASSES = 3  # each loop: enough for a rebinding at the end of the body to be seen twice

PRELUDE = f"""\
import contextlib
import os
from pathlib import Path
from types import SimpleNamespace

import torch

opt = SimpleNamespace(out="out", tag="tag", number=7)
ROOT = "root"
ITEMS = ["a", "b", "c"]
TABLE = {{"x": 1, "y": 2, "z": 3}}
GROUPS = [["g0", "g1", "g2"], ["h0", "h1", "h2"], ["k0", "k1", "k2"]]
PASSES = {PASSES}
total = 0
"""

Draw = Callable[[st.SearchStrategy], object]


class Generator:
    """Writes one program; every choice is drawn, so that a failing program shrinks."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.names = 0
        self.helpers: list[str] = []
        self.uses_total = False

    def pick(self, *options: object) -> object:
        return self.draw(st.sampled_from(options))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) >= 100 - percent

    def fresh(self, stem: str) -> str:
        self.names += 1
        return f"{stem}{self.names}"

    # Expressions

    def atom(self, scope: list[str]) -> str:
        """An expression whose text differs whenever its source differs."""
        invariants = ["ROOT", "opt.out", "opt.tag", "opt.number", "str(PASSES)"]
        source = self.pick(*scope[-4:], *scope, *invariants) if scope else self.pick(*invariants)
        return str(source)

    def text_of(self, scope: list[str]) -> str:
        """A string expression over one to three atoms."""
        atoms = [self.atom(scope) for _ in range(self.pick(1, 1, 2, 2, 3))]
        form = self.pick("f", "f", "f", "percent", "format", "named", "plus", "join")
        if form == "f":
            return 'f"' + "_".join("{" + a.replace('"', "'") + "}" for a in atoms) + '"'
        if form == "percent":
            template = "_".join(["%s"] * len(atoms))
            return f'"{template}" % ({", ".join(atoms)},)'
        if form == "format":
            template = "_".join(["{}"] * len(atoms))
            return f'"{template}".format({", ".join(atoms)})'
        if form == "named":
            fields = [f"p{n}" for n in range(len(atoms))]
            template = "_".join("{" + f + "}" for f in fields)
            pairs = ", ".join(f"{f}={a}" for f, a in zip(fields, atoms, strict=True))
            return f'"{template}".format({pairs})'
        if form == "plus":
            return ' + "_" + '.join(f"str({a})" for a in atoms)
        return '"_".join([' + ", ".join(f"str({a})" for a in atoms) + "])"

    def path(self, scope: list[str]) -> str:
        """A path expression: folders and a name of text expressions."""
        name = self.text_of(scope)
        form = self.pick("bare", "bare", "suffix", "os", "os2", "path", "joinpath", "zfill", "name")
        if form == "bare":
            return name
        if form == "suffix":
            return f'Path({self.text_of(scope)} + ".tmp").with_suffix(".pt")'
        if form == "os":
            return f"os.path.join(opt.out, {name})"
        if form == "os2":
            return f'os.path.join("d", {self.text_of(scope)}, {name} + ".pt")'
        if form == "path":
            return f"Path(ROOT) / ({name})"
        if form == "joinpath":
            return f'str(Path("d").joinpath({self.text_of(scope)}, {name}))'
        if form == "zfill":
            return f"str({self.atom(scope)}).zfill(4) + {name}"
        return f"(Path(ROOT) / opt.tag).with_name({name})"

    # Statements

    def save(self, scope: list[str]) -> list[str]:
        form = self.pick("direct", "direct", "direct", "name", "keyword", "helper", "comprehension")
        if form == "direct":
            return [f"torch.save(0, {self.path(scope)})"]
        if form == "name":
            name = self.fresh("path")
            return [f"{name} = {self.path(scope)}", f"torch.save(0, {name})"]
        if form == "keyword":
            return [f"torch.save(0, f={self.path(scope)})"]
        if form == "comprehension":
            k = self.fresh("k")
            return [f"[torch.save(0, {self.path([*scope, k])}) for {k} in range(PASSES)]"]
        return self.helper_call(scope)

    def helper_call(self, scope: list[str]) -> list[str]:
        name = self.fresh("put")
        kind = self.pick(
            "path", "part", "loop", "nothing", "default", "namer", "two_deep", "method", "object"
        )
        if kind == "path":
            self.helpers += [f"def {name}(where):", "    torch.save(0, where)", ""]
            return [f"{name}({self.path(scope)})"]
        if kind == "part":
            inner = self.path(["part"])
            self.helpers += [f"def {name}(part):", f"    torch.save(0, {inner})", ""]
            argument = self.text_of(scope)
            return [f"{name}({argument})" if self.chance(60) else f"{name}(part={argument})"]
        if kind == "loop":
            inner = self.path(["part", "q"])
            self.helpers += [
                f"def {name}(part):",
                "    for q in range(PASSES):",
                f"        torch.save(0, {inner})",
                "",
            ]
            return [f"{name}({self.text_of(scope)})"]
        if kind == "nothing":
            self.helpers += [f"def {name}():", f"    torch.save(0, {self.path([])})", ""]
            return [f"{name}()"]
        if kind == "default":
            inner = self.path(["part", "folder"])
            self.helpers += [f'def {name}(part, folder="d"):', f"    torch.save(0, {inner})", ""]
            return [f"{name}({self.text_of(scope)})"]
        if kind == "namer":
            self.helpers += [f"def {name}(part):", f"    return {self.path(['part'])}", ""]
            return [f"torch.save(0, {name}({self.atom(scope)}))"]
        if kind in ("method", "object"):
            inner = self.path(["part", "self.folder", "self.count"])
            self.helpers += [
                f"class {name.title()}:",
                "    def __init__(self, folder):",
                "        self.folder = folder",
                "        self.count = 0",
                "",
                "    def put(self, part):",
                f"        torch.save(0, {inner})" + ("  # anything" if kind == "object" else ""),
                *(["        self.count += 1"] if self.chance(40) else []),
                "",
            ]
            if kind == "object":
                return [f"{name.title()}({self.text_of(scope)}).put({self.atom(scope)})"]
            self.helpers += [f'{name} = {name.title()}("d")', ""]
            return [f"{name}.put({self.text_of(scope)})"]
        inner = self.path(["part"])
        self.helpers += [
            f"def {name}_low(part):",
            f"    torch.save(0, {inner})",
            "",
            f"def {name}(part):",
            f"    {name}_low(part)",
            "",
        ]
        return [f"{name}({self.text_of(scope)})"]

    def rebinding(self, scope: list[str]) -> tuple[list[str], list[str]]:
        """Statements that bind one or two new names, and the names."""
        name = self.fresh("v")
        form = self.pick("plain", "plain", "tuple", "augmented", "walrus", "branch", "condition")
        value = self.text_of(scope)
        if form == "plain":
            return [f"{name} = {value}"], [name]
        if form == "tuple":
            other = self.fresh("v")
            return [f"{name}, {other} = {value}, {self.atom(scope)}"], [name, other]
        if form == "augmented":
            return [f"{name} = {value}", f'{name} += "_" + str({self.atom(scope)})'], [name]
        if form == "walrus":
            return [f"if ({name} := {value}):", "    pass"], [name]
        if form == "branch":
            return [
                "if opt.number > 3:",
                f"    {name} = {value}",
                "else:",
                f"    {name} = {value}",
            ], [name]
        return [f"{name} = {value} if opt.number > 3 else {value}"], [name]

    def wrapped(self, lines: list[str]) -> list[str]:
        """The lines inside a statement that always runs them."""
        inner = [f"    {line}" for line in lines]
        form = self.pick("none", "none", "none", "try", "with", "if", "finally", "match")
        if form == "try":
            return ["try:", *inner, "except ValueError:", "    pass"]
        if form == "finally":
            return ["try:", "    pass", "finally:", *inner]
        if form == "with":
            return ["with contextlib.nullcontext():", *inner]
        if form == "if":
            return ["if opt.number > 3:", *inner]
        if form == "match":
            return ["match opt.tag:", '    case "tag":', *(f"    {i}" for i in inner)]
        return lines

    def guarded(self, lines: list[str], index: str | None) -> list[str]:
        """The lines, in some programs only in the first or the last pass of the loop."""
        if index is None or not self.chance(15):
            return lines
        form = self.pick("first", "last", "break")
        if form == "break":
            return [*lines, "break"]
        test = f"{index} == 0" if form == "first" else f"{index} == PASSES - 1"
        return [f"if {test}:", *(f"    {line}" for line in lines)]

    def loop(self, depth: int, scope: list[str], outer: str | None) -> list[str]:
        """A loop with a save somewhere inside."""
        i, x = self.fresh("i"), self.fresh("x")
        kinds = ["range", "range", "enumerate", "items", "zip", "while", "plain", "tee"]
        if outer is not None:
            kinds += ["group", "offset"]
        kind = self.pick(*kinds)
        before: list[str] = []
        after: list[str] = []
        targets = [i]
        if kind == "range":
            head = f"for {i} in range({self.pick('PASSES', '3', '2, 5')}):"
        elif kind == "enumerate":
            head, targets = f"for {i}, {x} in enumerate(ITEMS):", [i, x]
        elif kind == "tee":
            head, targets = f"for {i}, {x} in enumerate(list(ITEMS), start=1):", [i, x]
        elif kind == "items":
            head, targets = f"for {i}, {x} in TABLE.items():", [i, x]
        elif kind == "zip":
            head, targets = f"for {i}, {x} in zip(ITEMS, range(PASSES)):", [i, x]
        elif kind == "plain":
            head = f"for {i} in sorted(ITEMS):"
        elif kind == "group":
            head = f"for {i} in GROUPS[{outer}]:"
        elif kind == "offset":
            head = f"for {i} in range({outer} * 10, {outer} * 10 + PASSES):"
        else:
            before, head, after = [f"{i} = 0"], f"while {i} < PASSES:", [f"{i} += 1"]
        scope = [*scope, *targets]
        from_zero = kind == "range" and "2, 5" not in head
        body = self.block(depth - 1, scope, i if from_zero else None)
        if kind == "while" and self.chance(30):
            body, after = [*after, *body], []
        return [*before, head, *(f"    {line}" for line in [*body, *after])]

    def block(self, depth: int, scope: list[str], outer: str | None) -> list[str]:
        """The body of a loop (or of the program, at the top)."""
        lines: list[str] = []
        if self.chance(25):
            counter = self.fresh("c")
            lines.append(f"{counter} = {self.pick(0, 1)}")
            scope = [*scope, counter]
        if self.chance(35):
            bound, names = self.rebinding(scope)
            lines += self.wrapped(bound)
            scope = [*scope, *names]
        moved = [name for name in scope if name.startswith("c")]
        early = [f"{self.pick(*moved)} += 1"] if moved and self.chance(40) else []
        late = [f"{self.pick(*moved)} += 1"] if moved and self.chance(60) else []
        if self.uses_total and self.chance(50):
            late.append("total += 1")
        lines += early
        if depth == 0 or self.chance(15):
            lines += self.guarded(self.wrapped(self.save(scope)), outer)
            if self.chance(10):
                lines += self.save(scope)
        if depth > 0:
            lines += self.wrapped(self.loop(depth, scope, outer))
        return [*lines, *late]

    def program(self) -> str:
        depth = self.pick(1, 1, 2, 2, 3)
        at_top = self.chance(40)
        self.uses_total = self.chance(25)
        scope = ["total"] if self.uses_total else []
        body = self.block(depth, scope, None)
        if at_top:
            main = body
        else:
            head = ["    global total"] if self.uses_total else []
            main = ["def main():", *head, *(f"    {line}" for line in body), "", "main()"]
        return "\n".join([PRELUDE, *self.helpers, *main, ""])


@st.composite
def programs(draw: Draw) -> str:
    return Generator(draw).program()


def run(source: str) -> list[tuple[int, str]]:
    """Execute a program; return the line and the path of each ``torch.save``, in order."""
    records: list[tuple[int, str]] = []
    torch = types.ModuleType("torch")

    def save(obj: object, f: object) -> None:
        records.append((sys._getframe(1).f_lineno, os.fspath(f)))  # type: ignore[call-overload]

    torch.save = save  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", torch)
        exec(compile(source, "<generated>", "exec"), {"__name__": "__main__"})
    return records


def judge(source: str) -> list[str]:
    """Return what the checker got wrong about a program."""
    records = run(source)
    lines = source.splitlines()
    found: dict[int, set[str]] = {}
    for finding in analyse(source):
        found.setdefault(finding.line, set()).add(finding.code)
    paths: dict[int, Counter[str]] = {}
    for line, path in records:
        paths.setdefault(line, Counter())[path] += 1
    wrong = []
    for line, written in paths.items():
        codes = {code for code in found.get(line, set()) if code.startswith("SVI1")}
        twice = [path for path, times in written.items() if times > 1]
        if codes & REPEATS and not twice:
            wrong.append(f"line {line}: {sorted(codes)}, but no path comes twice: {list(written)}")
        if twice and not codes - {"SVI107"} and "# anything" not in lines[line - 1]:
            wrong.append(f"line {line}: nothing reported, but {twice[0]!r} is written again")
        if "SVI107" in codes and not any(
            after == line and before != line and old == new
            for (before, old), (after, new) in itertools.pairwise(records)
        ):
            wrong.append(f"line {line}: SVI107, but the save before wrote another path")
    return wrong


@settings(
    max_examples=int(os.environ.get("SAVEIMAGE_PROGRAMS", "2000")),
    derandomize="SAVEIMAGE_PROGRAMS" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(programs())
def test_claims_hold_when_the_program_is_run(source: str) -> None:
    note(source)
    assert judge(source) == []


def test_the_judge_sees_a_wrong_claim() -> None:
    """The comparison itself: a repeated path that nobody reports, and a report of none."""
    silent = "import torch\nfor i in range(3):\n    torch.save(0, __import__('os').sep)\n"
    assert run(silent) == [(3, os.sep)] * 3
    assert judge("import torch\nfor i in range(3):\n    torch.save(0, f'{i}.pt')\n") == []
    assert judge("import torch\nfor i in iter((1,)):\n    torch.save(0, 'same.pt')\n") != []
