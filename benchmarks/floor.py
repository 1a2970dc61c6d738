"""Measure `check` against the least that any checker built on libcst costs, on real training code.

    python benchmarks/floor.py PATH [PATH ...] [--src SRC] [--without PYTHON] [--profile]

Three floors, each one process:

- own: `check` itself, stopped at each file once libcst has parsed it. Start, reading, gate, imports
  and parsing are those of the version that is measured;
- bare: Python starts, reads the files that `check` reads, searches each for two words, imports
  libcst and calls ``libcst.parse_module`` for the files that `check` parses, the collector off.
  Which files these are is recorded once, before anything is measured;
- ast: the bare one, which calls ``ast.parse`` as well for the files that it parses.

``--without`` is the Python of an environment with flake8 that differs from this one in the plugin
alone: flake8 looks for plugins in each installed package, so other packages cost time too. flake8
then runs with and without the plugin over all PATHs in one process. With ``--each``, one process
runs over each PATH, or, where a PATH has no Python file directly in it, over each folder in it
(``repositories/OWNER+NAME``): the time to import libcst then counts once per repository.

With ``--of-large N`` the first N files of each PATH that save are checked alone, in a copy of PATH
among 20,000 other files of one project, with imports followed and not.

What is measured is CPU time, user and system, of one process, with bytecode compiled before. Runs
alternate, so that other load on the machine meets both sides; ratios are of minima, beside them
those of medians. ``--profile`` runs `check` once more and prints where its time goes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from checking import CHECK, Cost, compiled, cost

HERE = Path(__file__).resolve().parent

# argv: the file to write. Runs `check` on the rest and records the texts it has libcst parse.
RECORD = """\
import json, runpy, sys
import libcst
target, parse, texts = sys.argv.pop(1), libcst.parse_module, []
def recorded(source, *rest, **named):
    texts.append(source if isinstance(source, str) else source.decode())
    return parse(source, *rest, **named)
libcst.parse_module = recorded
try:
    runpy.run_module("flake8_saveimage", run_name="__main__", alter_sys=True)
finally:
    with open(target, "w", encoding="utf-8", errors="surrogatepass") as file:
        json.dump(texts, file)
"""

# argv: options and paths of `check`, which takes each file for one that is nested too deeply.
OWN = """\
import runpy
import libcst
parse = libcst.parse_module
def stopped(*source, **named):
    parse(*source, **named)
    raise RecursionError
libcst.parse_module = stopped
runpy.run_module("flake8_saveimage", run_name="__main__", alter_sys=True)
"""

# argv: a list of [path, is it parsed], the name of an additional step or "".
FLOOR = """\
import gc, json, sys
gc.disable()
with open(sys.argv[1], encoding="utf-8") as file:
    listed = json.load(file)
parsed = []
for path, wanted in listed:
    with open(path, "rb") as file:
        raw = file.read()
    if b"save" in raw and b"torch" in raw and wanted:
        parsed.append(raw.decode("utf-8-sig", "replace").replace("\\r\\n", "\\n"))
if sys.argv[2] == "ast":
    import ast
    for text in parsed:
        ast.parse(text)
if parsed:
    import libcst
    for text in parsed:
        libcst.parse_module(text)
"""


# A module of a large project: nothing is saved.
FILLING = """\
import os

from package{number} import module0


def name{module}(x):
    return os.path.join("a", str(x), module0.__name__)
"""


@dataclass(frozen=True, slots=True)
class Ratio:
    """What two commands cost over several runs."""

    first: list[Cost]
    second: list[Cost]

    @property
    def of_minima(self) -> float:
        first, second = (min(c.seconds for c in side) for side in (self.first, self.second))
        return first / second

    def __str__(self) -> str:
        first, second = (min(c.seconds for c in side) for side in (self.first, self.second))
        middle = [statistics.median(c.seconds for c in side) for side in (self.first, self.second)]
        user = [min(c.user for c in side) for side in (self.first, self.second)]
        return (
            f"{first:.3f} s / {second:.3f} s = {first / second:.3f} "
            f"(medians {middle[0] / middle[1]:.3f}, user time alone {user[0] / user[1]:.3f})"
        )


def alternate(
    commands: Sequence[Sequence[str]], runs: int, variables: Sequence[dict[str, str]]
) -> list[list[Cost]]:
    """Run commands in turns, each once unmeasured before, and return the costs of each."""
    for command, environment in zip(commands, variables, strict=True):
        cost(command, environment)
    rounds = [list(map(cost, commands, variables)) for _ in range(runs)]
    return [list(costs) for costs in zip(*rounds, strict=True)]


def check_command(paths: Sequence[Path], options: Sequence[str]) -> list[str]:
    return [sys.executable, *CHECK, *options, *map(str, paths)]


def sources(paths: Sequence[Path]) -> list[Path]:
    """Return the Python files below the paths."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [path for path in found if path.suffix == ".py" and path.is_file()]


def universal(raw: bytes) -> str:
    return raw.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")


def listed(
    paths: Sequence[Path], options: Sequence[str], variables: dict[str, str], folder: Path
) -> list[tuple[str, bool]]:
    """Return each file, and whether `check` has libcst parse the whole of it."""
    target = folder / "parsed.json"
    arguments = [*CHECK[2:], *options, *map(str, paths)]
    cost([sys.executable, "-c", RECORD, str(target), *arguments], variables)
    parsed = set(json.loads(target.read_text(encoding="utf-8", errors="surrogatepass")))
    return [(str(path), universal(path.read_bytes()) in parsed) for path in sources(paths)]


def against_floor(options: argparse.Namespace, variables: dict[str, str], folder: Path) -> float:
    """Print the ratio of `check` to the floor and return it."""
    files = listed(options.paths, options.option, variables, folder)
    parsed = [path for path, wanted in files if wanted and is_parsable(path)]
    target = folder / "files.json"
    target.write_text(json.dumps([(path, path in parsed) for path, _ in files]), encoding="utf-8")
    lines = sum(universal(Path(path).read_bytes()).count("\n") for path in parsed)
    print(f"{len(files)} files, of which {len(parsed)} ({lines} lines) are parsed")
    check = check_command(options.paths, options.option)
    own = [sys.executable, "-c", OWN, *check[3:]]
    bare = [sys.executable, "-c", FLOOR, str(target)]
    commands = [check, own, [*bare, ""], [*bare, "ast"]]
    costs = alternate(commands, options.runs, [variables] * len(commands))
    ratios = [Ratio(costs[0], floor) for floor in costs[1:]]
    for name, ratio in zip(("own", "bare", "ast"), ratios, strict=True):
        print(f"check / floor ({name}): {ratio}")
    print(f"peak memory of check: {max(c.megabytes for c in costs[0]):.0f} MB", flush=True)
    return ratios[0].of_minima


def is_parsable(path: str) -> bool:
    import libcst

    try:
        libcst.parse_module(universal(Path(path).read_bytes()))
    except (libcst.ParserSyntaxError, RecursionError):
        return False
    return True


def repositories(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield what flake8 runs over: a path, or each folder in one that only holds folders."""
    for path in paths:
        if path.is_dir() and not any(path.glob("*.py")):
            yield from (folder for folder in sorted(path.iterdir()) if sources([folder]))
        else:
            yield path


def with_and_without(options: argparse.Namespace, variables: dict[str, str]) -> None:
    """Print how much longer flake8 takes with the plugin."""
    plain = {name: value for name, value in variables.items() if name != "PYTHONPATH"}
    flake8 = ["-m", "flake8", "--isolated", "--jobs", "1"]
    targets = [[path] for path in repositories(options.paths)] if options.each else [options.paths]
    ratios: list[float] = []
    for target in targets:
        names = list(map(str, target))
        with_plugin = [sys.executable, *flake8, *options.flake8_option, *names]
        without = [options.without, *flake8, *names]
        costs = alternate([with_plugin, without], options.flake8_runs, [variables, plain])
        ratio = Ratio(*costs)
        ratios.append(ratio.of_minima)
        if options.verbose or not options.each:
            title = target[0].name if len(target) == 1 else f"{len(target)} paths"
            print(f"flake8 with / without the plugin, {title}: {ratio}", flush=True)
    if options.each:
        low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
        print(
            f"flake8 with / without the plugin, {len(ratios)} repositories, one process each: "
            f"min {low:.3f}, median {middle:.3f}, max {high:.3f}"
        )


def files_of_large_project(options: argparse.Namespace, variables: dict[str, str]) -> None:
    """Print what following costs for each PATH alone, in a copy of a project of 20,000 files."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        (root / ".git").mkdir()
        for number in range(200):
            package = root / f"package{number}"
            package.mkdir()
            for module in range(100):
                text = FILLING.format(module=module, number=number)
                (package / f"module{module}.py").write_text(text, encoding="utf-8")
        ratios: list[float] = []
        for path in options.paths:
            copy = root / path.name
            if not copy.exists():
                ignore = shutil.ignore_patterns("__pycache__", "*.so*", "*.a", "*.h")
                shutil.copytree(path, copy, ignore=ignore)
            saving = [p for p in sources([copy]) if b"torch.save(" in p.read_bytes()]
            for file in saving[: options.of_large]:
                on, off = (
                    check_command([file], ["--saveimage-follow-imports", value, *options.option])
                    for value in ("true", "false")
                )
                ratio = Ratio(*alternate([on, off], options.runs, [variables] * 2))
                ratios.append(ratio.of_minima)
                print(f"following on / off, {file.relative_to(root)}: {ratio}", flush=True)
        print(f"median {statistics.median(ratios):.3f}, max {max(ratios):.3f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    parser.add_argument("--src", type=Path, help="the version to measure (default: as installed)")
    parser.add_argument("--without", metavar="PYTHON", help="flake8 without the plugin")
    parser.add_argument("--each", action="store_true", help="flake8 once per repository")
    parser.add_argument(
        "--of-large",
        type=int,
        metavar="N",
        help="instead: the first N files of each PATH that save, in a project of 20,000 files",
    )
    parser.add_argument("--runs", type=int, default=5, help="of check and floor")
    parser.add_argument("--flake8-runs", type=int, default=3, help="of flake8")
    parser.add_argument("--option", action="append", default=[], help="more options for check")
    parser.add_argument(
        "--flake8-option", action="append", default=[], help="more options for flake8 with it"
    )
    parser.add_argument("--limit", type=float, help="exit with 1 if check / floor (own) is higher")
    parser.add_argument("--no-floor", action="store_true", help="flake8 or the profile only")
    parser.add_argument("--profile", action="store_true", help="print where check spends its time")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line per repository")
    options = parser.parse_args()
    ratio = 0.0
    with compiled(options.src) as variables, tempfile.TemporaryDirectory() as name:
        if options.of_large is not None:
            files_of_large_project(options, variables)
            return 0
        if not options.no_floor:
            ratio = against_floor(options, variables, Path(name))
        if options.without is not None:
            with_and_without(options, variables)
        if options.profile:
            profile = [sys.executable, str(HERE / "stages.py"), *options.option]
            sys.stdout.flush()
            subprocess.run([*profile, *map(str, options.paths)], env=variables, check=True)
    return 1 if options.limit is not None and ratio > options.limit else 0


if __name__ == "__main__":
    raise SystemExit(main())
