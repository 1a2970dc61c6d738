"""Mutation testing: which small changes of the analysis and of the helper would no test notice?

    python -m pip install -e ".[dev]" mutmut
    python benchmarks/mutants.py --sample 300 --seed 0 paths ranges
    python benchmarks/mutants.py --sample 300 --seed 0 --again paths    (the survivors, once more)

mutmut's own operators change one node of a module's libcst tree at a time: a number, a string, an
operator, an argument, a condition, an assignment. (mutmut's runner is not used: it leaves out
decorated functions and tables at module level, which is most of ``ranges``.) A random sample is
drawn, reproducible by its seed; verdicts are kept in ``mutants.jsonl``. One mutant is judged in a
forked process, on a copy of the repository, by the tests that execute the changed statement,
fastest first, until one fails. Tests that start processes of their own are left out unless
``--launching`` is given.

Killed: a test failed, or the module could not be imported. Timeout: the mutant ran far longer than
its tests do (it counts as killed). Prints a table and the diff of each survivor.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import gc
import importlib
import json
import math
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage
import hypothesis
import libcst as cst
import libcst.matchers as m
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).parents[1]
PACKAGE = "src/flake8_saveimage"
GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "paths": (("paths.py", "dependence.py", "texts.py"), ("tests/test_fixtures.py", "tests/paths")),
    "intent": (("intent.py",), ("tests/test_fixtures.py", "tests/paths")),
    "ranges": (
        ("ranges/*.py",),
        (
            "tests/test_fixtures.py",
            "tests/values/test_claims.py",
            "tests/values/test_domain.py",
            "tests/values/test_messages.py",
        ),
    ),
    "runtime": (("runtime/*.py",), ("tests/runtime",)),
}
IDLE = m.Name("cast") | m.Name("dataclass") | m.Name("TypeVar")
LAUNCHES = {"run_script"}  # fixtures of tests that start processes
PRELOADED = {
    "runtime": "numpy torch torchvision.transforms.v2 torchvision.utils PIL.Image",
    "paths": "flake8.style_guide libcst.metadata",
}


@dataclass
class Mutant:
    """One changed node: where it stands, and the whole module with the change in it."""

    module: str  # relative to the package
    number: int  # among all mutants of its module
    lines: range  # of the statement, from 1
    function: range  # of the outermost function or method, with its decorators; empty outside
    source: Callable[[], str] = field(repr=False)
    idle: bool = False  # @dataclass(frozen=...), cast("type", x): nothing to see at run time


class Mutations(cst.CSTVisitor):
    """Collect what mutmut's operators make of each node of a module."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, module: str, tree: cst.Module) -> None:
        super().__init__()
        self.module, self.tree = module, tree
        self.mutants: list[Mutant] = []
        self._functions: list[cst.CSTNode] = []
        self._idle: list[cst.CSTNode] = []
        self._statements: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Import | cst.ImportFrom):
            return False
        if isinstance(node, cst.FunctionDef):
            self._functions.append(node)
        if isinstance(node, cst.BaseSmallStatement | cst.BaseCompoundStatement | cst.Decorator):
            self._statements.append(node)
        if isinstance(node, cst.Call) and m.matches(node.func, IDLE):
            self._idle.append(node)
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for changed in operator(node):
                    self._add(node, changed)
        return True

    def on_leave(self, node: cst.CSTNode) -> None:
        for stack in (self._functions, self._statements, self._idle):
            if stack and stack[-1] is node:
                stack.pop()

    def _span(self, node: cst.CSTNode) -> range:
        position = self.get_metadata(PositionProvider, node)
        return range(position.start.line, position.end.line + 1)

    def _add(self, node: cst.CSTNode, changed: cst.CSTNode) -> None:
        statement = self._statements[-1] if self._statements else node
        lines = self._span(statement)
        if isinstance(statement, cst.BaseCompoundStatement):  # its head, not its body
            lines = range(lines.start, self._span(statement.body).start)
        function = range(0)
        if self._functions:
            outer = self._functions[0]
            assert isinstance(outer, cst.FunctionDef)
            first = outer.decorators[0] if outer.decorators else outer
            function = range(self._span(first).start, self._span(outer).stop)
        self.mutants.append(
            Mutant(
                self.module,
                len(self.mutants),
                lines,
                function,
                lambda: self.tree.deep_replace(node, changed).code,  # type: ignore[union-attr]
                bool(self._idle),
            )
        )


def mutants_of(module: str, source: str) -> list[Mutant]:
    """Return all mutants of a module's source."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    visitor = Mutations(module, wrapper.module)
    wrapper.visit(visitor)
    return visitor.mutants


class Selection:
    """A pytest plugin: run chosen tests in a chosen order, and note the first that fails."""

    def __init__(self, chosen: list[str] | None, launching: bool) -> None:
        self.chosen, self.launching = chosen, launching
        self.killer = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if not self.launching:
            items[:] = [i for i in items if not LAUNCHES & set(getattr(i, "fixturenames", ()))]
        if self.chosen is not None:
            rank = {name: place for place, name in enumerate(self.chosen)}
            items[:] = sorted((i for i in items if i.nodeid in rank), key=lambda i: rank[i.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.killer = self.killer or report.nodeid


class Measure(Selection):
    """A pytest plugin: which test executes which lines, and how long does it take?"""

    def __init__(self, launching: bool, measured: coverage.Coverage) -> None:
        super().__init__(None, launching)
        self.measured = measured
        self.seconds: dict[str, float] = {}
        self.launchers: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.measured.switch_context(item.nodeid)
        if LAUNCHES & set(getattr(item, "fixturenames", ())):
            self.launchers.append(item.nodeid)
        start = time.perf_counter()
        result = yield
        self.seconds[item.nodeid] = time.perf_counter() - start
        self.measured.switch_context("")
        return result


def forked(work: Callable[[], Any], seconds: float) -> Any:
    """Return what ``work`` returns in a process of its own, or "timeout"."""
    answer = Path("answer.json").absolute()
    answer.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds) + 5))
        signal.alarm(math.ceil(4 * seconds))  # a machine that does other things as well
        null = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(null, 1)
        os.dup2(null, 2)
        answer.write_text(json.dumps(work()), encoding="utf-8")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the tests left running
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM):
        return "timeout"
    return json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else "crash"


def pytest_with(plugin: Selection, files: list[str]) -> int:
    options = ["-x", "-q", "-p", "no:cacheprovider", "--basetemp=scratch", "--hypothesis-seed=0"]
    return int(pytest.main([*options, *files], plugins=[plugin]))


class Judge:
    """The tests of a group: which of them see a line, and whether one of them fails."""

    def __init__(self, tests: tuple[str, ...], launching: bool) -> None:
        self.tests, self.launching = list(tests), launching
        sys.dont_write_bytecode = False
        measured = forked(self._measure, 3600)
        sys.dont_write_bytecode = True  # a mutant of the same size and second would be mistaken
        assert measured not in ("timeout", "crash"), Path("output.txt").read_text()
        status, self.seconds, self.launchers, self.seen = measured
        assert status == 0, f"the tests fail without a mutant: {Path('output.txt').read_text()}"
        assert self.verdict(sorted(self.seconds))[0] == "survived", "no mutant, but a test fails"

    def _measure(self) -> tuple[int, dict[str, float], list[str], dict[str, Any]]:
        measured = coverage.Coverage(data_file=None, include=[f"{PACKAGE}/*"], messages=False)
        plugin = Measure(self.launching, measured)
        measured.start()
        status = pytest_with(plugin, self.tests)
        measured.stop()
        data = measured.get_data()
        files = {
            str(Path(name).relative_to(Path(PACKAGE).absolute())): name
            for name in data.measured_files()
        }
        seen = {short: data.contexts_by_lineno(name) for short, name in files.items()}
        return status, plugin.seconds, plugin.launchers, seen

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Return the tests that execute the statement (or else the function, or else all)."""
        seen = self.seen.get(mutant.module, {})
        body = range(0)
        if mutant.function:
            body = range(mutant.function.start + 1, mutant.function.stop)
        for lines in (mutant.lines, body):
            names = {name for line in lines for name in seen.get(str(line), ()) if name}
            if names and mutant.function:
                break
        else:
            names = set(self.seconds)
        names.update(self.launchers)  # what they execute is not seen from here
        return sorted(names, key=lambda name: self.seconds[name])

    def verdict(self, names: list[str]) -> tuple[str, str]:
        """Return "killed", "survived" or "timeout", and the test that failed."""
        files = sorted({name.partition("::")[0] for name in names})
        plugin = Selection(names, launching=True)

        def work() -> tuple[int, str]:
            return pytest_with(plugin, files), plugin.killer

        seconds = 10 + 4 * sum(self.seconds[name] for name in names)
        answer = forked(work, seconds)
        if answer == "timeout":
            return "timeout", ""
        if answer == "crash":
            return "killed", "crash"
        status, killer = answer
        assert status != pytest.ExitCode.NO_TESTS_COLLECTED
        return ("survived" if status == 0 else "killed"), killer


def difference(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++"))]


def compiles(source: str) -> bool:
    try:
        compile(source, "<mutant>", "exec")
    except SyntaxError:
        return False
    return True


def copied() -> Path:
    """Copy what the tests need, and work in the copy."""
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    for name in ("src", "tests", "fixtures", "benchmarks", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, folder)
    os.chdir(folder)
    sys.path.insert(0, str(folder / "src"))
    os.environ["PYTHONPATH"] = str(folder / "src")
    os.environ["SAVEIMAGE_PROGRAMS"] = "100"
    return folder


def preload(groups: list[str]) -> None:
    """Import once, before forking, what is slow to import and not mutated."""
    for name in PRELOADED["runtime" if "runtime" in groups else "paths"].split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", phases=phases, database=None)
    hypothesis.settings.load_profile("mutants")
    gc.freeze()  # pytest collects garbage twice a run: not through all of torch


def sampled(group: str, size: int, seed: int) -> list[Mutant]:
    """Draw mutants of a group's modules; a larger sample holds the smaller one."""
    package = Path(PACKAGE)
    paths = sorted(path for pattern in GROUPS[group][0] for path in package.glob(pattern))
    mutants = [
        m for path in paths for m in mutants_of(str(path.relative_to(package)), path.read_text())
    ]
    random.Random(seed).shuffle(mutants)
    mutants = [mutant for mutant in mutants if not mutant.idle]
    print(f"{group}: {min(size, len(mutants))} of {len(mutants)} mutants", flush=True)
    return sorted(mutants[:size], key=lambda mutant: (mutant.module, mutant.number))


def recorded(results: Path) -> dict[str, dict[str, Any]]:
    """Return the newest record of each mutant."""
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return {record["mutant"]: record for record in map(json.loads, lines)}


def judged(mutant: Mutant, before: str, after: str, judge: Judge) -> dict[str, Any]:
    """Put a mutant in the module's place for as long as the tests take."""
    path = Path(PACKAGE) / mutant.module
    for stale in path.parent.glob(f"__pycache__/{path.stem}.*"):
        stale.unlink()
    start = time.perf_counter()
    path.write_text(after)
    verdict, killer = judge.verdict(judge.tests_of(mutant))
    path.write_text(before)
    seconds = round(time.perf_counter() - start, 2)
    return {"module": mutant.module, "verdict": verdict, "killer": killer, "seconds": seconds}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(GROUPS)} (all of them)")
    parser.add_argument(
        "--sample", type=int, default=300, metavar="N", help="mutants of each group"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true", help="judge known survivors once more")
    parser.add_argument("--launching", action="store_true", help="also tests that start processes")
    parser.add_argument("--results", type=Path, default=Path("mutants.jsonl"), metavar="FILE")
    arguments = parser.parse_args()
    groups = arguments.groups or list(GROUPS)
    results = arguments.results.absolute()
    known = recorded(results)
    folder = copied()
    preload(groups)
    assert not any(name.startswith("flake8_saveimage") for name in sys.modules)
    judges: dict[tuple[str, ...], Judge] = {}
    found: list[dict[str, Any]] = []
    for group in groups:
        tests = GROUPS[group][1]
        for mutant in sampled(group, arguments.sample, arguments.seed):
            before = (Path(PACKAGE) / mutant.module).read_text()
            after = mutant.source()
            if not compiles(after):
                continue
            change = difference(before, after)
            name = "\n".join([f"{mutant.module} {mutant.number}", *change])
            if name not in known or (arguments.again and known[name]["verdict"] == "survived"):
                if tests not in judges:
                    judges[tests] = Judge(tests, arguments.launching)
                known[name] = {"mutant": name, **judged(mutant, before, after, judges[tests])}
                with results.open("a", encoding="utf-8") as file:
                    print(json.dumps(known[name]), file=file)
            found.append(known[name])
    shutil.rmtree(folder)
    report(found)
    return 0


def report(found: list[dict[str, Any]]) -> None:
    counts: dict[str, Counter[str]] = {}
    for record in found:
        counts.setdefault(record["module"], Counter())[record["verdict"]] += 1
        if record["verdict"] == "survived":
            print(f"\n{record['mutant']}")
    counts["all"] = sum(counts.values(), Counter())
    print("\nmodule               mutants  killed  timeout  survived  percent killed")
    for module, count in counts.items():
        dead = count["killed"] + count["timeout"]
        print(
            f"{module:20} {count.total():7} {count['killed']:7} {count['timeout']:8}"
            f" {count['survived']:9} {100 * dead / max(count.total(), 1):14.1f}"
        )


if __name__ == "__main__":
    sys.exit(main())
