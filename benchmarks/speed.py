"""Measure what the checker costs, as ratios of CPU time that anybody can take on their own code.

    python benchmarks/speed.py PATH [PATH ...] --without PYTHON --torchfix PYTHON

Installs nothing. ``--without`` is the Python of an environment with flake8 but without this plugin,
``--torchfix`` that of one with TorchFix; what is not given, or not installed (ruff), is left out.

Each ratio is the median of ``--pairs`` pairs. The two commands of a pair run one right after the
other in one process each, and what counts is the user CPU time that the system accounts to them,
so other load on the machine disturbs little. Bytecode is compiled before the first pair, into a
temporary folder, as an installed package has it.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from growth import many_functions

Result = TypeVar("Result")

FLOOR = """\
import os, sys
found = 0
for top in sys.argv[1:]:
    for folder, _, names in os.walk(top):
        for name in names:
            if name.endswith(".py"):
                with open(os.path.join(folder, name), "rb") as file:
                    text = file.read()
                found += b"torch.save" in text or b"save_image" in text
print(found)
"""
ARGPARSE = "import argparse; argparse.ArgumentParser().parse_args([])"
GROWTH = (1, 4, 16, 64)
PHASES = ("read", "gate", "ast", "parse", "facts", "rules", "positions")


class Cost(NamedTuple):
    """User CPU seconds and peak memory in MB of one process and what it started."""

    seconds: float
    megabytes: float


class Pair(NamedTuple):
    """Two commands to compare: ``limit`` is what the ratio of the first to the second may be."""

    title: str
    first: list[str]
    second: list[str]
    limit: float | None = None
    difference: float | None = None  # or what the difference in seconds may be


def run(command: Sequence[str], environment: dict[str, str]) -> Cost:
    """Run a command, its output thrown away, and return what it cost."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read()
    if process.returncode not in (0, 1) or b"Traceback" in said:  # 1: findings
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise SystemExit(f"speed: {shlex.join(command)}: {last}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(usage.ru_utime, usage.ru_maxrss / scale)


@contextmanager
def compiled() -> Iterator[dict[str, str]]:
    """Yield an environment in which Python keeps bytecode, in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        yield environment


def compare(pair: Pair, pairs: int, environment: dict[str, str], warm: bool = True) -> None:
    """Run the pair so many times and print the ratio."""
    if warm:
        run(pair.first, environment)
        run(pair.second, environment)
    costs = [(run(pair.first, environment), run(pair.second, environment)) for _ in range(pairs)]
    first, second = (statistics.median(c[side].seconds for c in costs) for side in (0, 1))
    ratio = statistics.median(a.seconds / max(b.seconds, 1e-3) for a, b in costs)
    difference = statistics.median(a.seconds - b.seconds for a, b in costs)
    print(f"{pair.title}\n    {shown(pair.first)}\n    {shown(pair.second)}")
    line = f"    {first:.3f} s / {second:.3f} s: ratio {ratio:.3f}, difference {difference:.3f} s"
    if pair.limit is not None:
        line += f" (allowed ratio {pair.limit}: {verdict(ratio <= pair.limit)})"
    if pair.difference is not None:
        line += f" (allowed {pair.difference} s: {verdict(difference <= pair.difference)})"
    peak = statistics.median(a.megabytes for a, _ in costs)
    print(f"{line}, peak {peak:.0f} MB of the first, {pairs} pairs\n", flush=True)


def verdict(met: bool) -> str:
    return "met" if met else "NOT MET"


def shown(command: Sequence[str]) -> str:
    """Return the command as one would type it."""
    words = ["FLOOR" if word == FLOOR else word for word in command]
    return shlex.join([Path(words[0]).name, *words[1:]])


def beside(python: str, name: str) -> str:
    """Return the program ``name`` of the environment of an interpreter."""
    return str(Path(python).with_name(name))


def comparisons(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Pair]]:
    """Yield what can be compared here, with the name that ``--only`` knows it by."""
    python, paths = sys.executable, options.paths
    refused = folder / "refused.py"
    refused.write_text("import torch\n\nprint(torch.rand(3))\n", encoding="utf-8")
    ours = [beside(python, "flake8-saveimage")]
    check = [*ours, "check", "--isolated", "--jobs", "1", *paths]
    yield "start", Pair("--version", [*ours, "--version"], [python, "-c", ARGPARSE], 2.0)
    hook = [*ours, "check", str(refused)]
    yield "hook", Pair("one file that saves nothing", hook, [python, "-c", ""], difference=0.060)
    floor = Pair("check against the floor", check, [python, "-c", FLOOR, *paths], 2.5)
    yield "floor", floor
    ruff = shutil.which("ruff", path=str(Path(python).parent)) or shutil.which("ruff")
    if ruff is not None:
        arguments = ["check", "--select", "F", "--no-cache", "--isolated", "--quiet", *paths]
        yield "ruff", Pair("check against ruff", check, [ruff, *arguments], 1.0)
    if options.without is not None:
        arguments = ["--isolated", "--jobs", "1", *paths]
        yield (
            "flake8",
            Pair(
                "flake8 with and without the plugin",
                [beside(python, "flake8"), *arguments],
                [beside(options.without, "flake8"), *arguments],
                options.flake8_limit,
            ),
        )
    if options.torchfix is not None:
        theirs = [beside(options.torchfix, "torchfix"), "--jobs", "1", *paths]
        yield "torchfix", Pair("check against torchfix", check, theirs, 0.01)


def sources_below(paths: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def phases(files: Sequence[Path]) -> None:
    """Take the time of each phase in this process and print it."""
    from flake8_saveimage.check import analysis
    from flake8_saveimage.rules import all_rules
    from flake8_saveimage.rules.save import saves_of
    from flake8_saveimage.source import reading
    from flake8_saveimage.source.gate import bytes_may_save, tree_may_save
    from flake8_saveimage.syntax.collector import collector_paused
    from flake8_saveimage.syntax.flow import Flow
    from flake8_saveimage.syntax.reader import read_facts

    for late in ("paths", "values"):  # imported before the clock starts
        importlib.import_module(f"flake8_saveimage.{late}")
    rules = all_rules()
    spent = dict.fromkeys(PHASES, 0.0)

    def timed(name: str, work: Callable[[], Result]) -> Result:
        start = time.process_time()
        result = work()
        spent[name] += time.process_time() - start
        return result

    passed = lines = found = 0
    for file in files:
        raw = timed("read", file.read_bytes)
        if not timed("gate", lambda raw=raw: bytes_may_save(raw)):
            continue
        with collector_paused():
            try:
                text = reading.universal_newlines(reading.decode(raw).text)
                if not tree_may_save(timed("ast", lambda text=text: ast.parse(text))):
                    continue
                module = timed("parse", lambda text=text: analysis.parse(text))
            except (reading.SourceError, SyntaxError, ValueError, analysis.Unparsable):
                continue
            flow = Flow(timed("facts", lambda module=module: read_facts(module)))
            sites = timed("facts", lambda flow=flow: saves_of(flow))
            diagnoses = timed(
                "rules",
                lambda sites=sites: [
                    analysis.Diagnosis(rule, site, problem)
                    for site in sites
                    for rule in rules
                    if rule.applies_to(site.site.writer)
                    and (problem := rule.check(site)) is not None
                ],
            )
            result = analysis.Analysis(text, module, flow, sites, diagnoses)
            found += len(timed("positions", lambda result=result: analysis.findings(result)))
        passed, lines = passed + 1, lines + text.count("\n")
    print(f"phases: {len(files)} files, {passed} pass the gate ({lines} lines, {found} findings)")
    for name, seconds in spent.items():
        print(f"    {name:<10} {seconds:8.3f} s")
    if spent["parse"]:
        ratio = (spent["facts"] + spent["rules"]) / spent["parse"]
        print(f"    (facts + rules) / parse: {ratio:.2f} (allowed 2: {verdict(ratio <= 2)})\n")


def growth(folder: Path, pairs: int, environment: dict[str, str]) -> None:
    """Check generated code of growing size, in one file and in many, against the smallest."""
    from flake8_saveimage.check.analysis import analyse

    unit = many_functions(500)
    analyse(unit)
    command = [beside(sys.executable, "flake8-saveimage"), "check", "--isolated", "--jobs", "1"]
    print("growth: CPU seconds for each unit of code, start-up left out")
    for size in GROWTH:
        text = many_functions(500 * size)
        seconds = []
        for _ in range(pairs if size < 64 else 2):
            start = time.process_time()
            analyse(text)
            seconds.append(time.process_time() - start)
        print(f"    one file, {size:>2} units: {min(seconds) / size:.4f}", flush=True)
    many = folder / "many"
    many.mkdir()
    before: tuple[int, float] | None = None
    for size in GROWTH:
        for number in range(size):
            (many / f"part_{number}.py").write_text(unit, encoding="utf-8")
        cost = min(run([*command, str(many)], environment).seconds for _ in range(2))
        if before is not None:
            step = (cost - before[1]) / (size - before[0])
            print(f"    files, {before[0]:>2} to {size:>2}: {step:.4f}", flush=True)
        before = (size, cost)
    print()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("--without", metavar="PYTHON", help="has flake8, but not this plugin")
    parser.add_argument("--torchfix", metavar="PYTHON", help="has TorchFix")
    parser.add_argument("--flake8-limit", type=float, default=1.03, help="1.01 without torch")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument(
        "--only",
        nargs="+",
        default=["start", "hook", "phases", "growth", "floor", "ruff", "flake8"],
        metavar="PART",
        help="start hook phases growth floor ruff flake8 torchfix (default: all but torchfix)",
    )
    options = parser.parse_args()
    if options.torchfix is not None and "torchfix" not in options.only:
        options.only.append("torchfix")
    with compiled() as environment, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, pair in comparisons(options, folder):
            if part in options.only:
                once = part == "torchfix"  # it takes minutes
                compare(pair, 1 if once else options.pairs, environment, warm=not once)
        # last: a new process starts with the peak memory of the one that it comes from
        if "growth" in options.only:
            growth(folder, options.pairs, environment)
        if "phases" in options.only:
            phases(sources_below(options.paths))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
