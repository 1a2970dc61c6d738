"""Fix every Python file of installed and downloaded packages, and count what goes wrong.

    python benchmarks/fix_world.py [--jobs 2] [PATH ...]

By default: torch and torchvision where this Python has them, lightning and the 42 packages of the
corpus (downloaded with pip, kept under ``.cache``; see ``benchmarks/corpus.py``). All rules are on,
those that are off by default too, and unsafe fixes are made. As in the command, the gate
refuses most files before they are parsed by libcst. Nothing is written and nothing of the
packages is imported. The exit status is 0 only if no file crashes the fix, every result compiles,
fixing it again changes nothing, files without a fix stay as they are byte by byte, and pyflakes has
nothing new to say.

Published packages have few findings. ``--every-call`` has each save call reported, whatever the
rules think of it, so that the edits meet some hundred real calls.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from corpus import DEFAULT_CACHE, download, read_packages

LIGHTNING = "lightning==2.6.6"


WORDS = (
    "files",
    "not Python",
    "refused by the gate",
    "unchanged",
    "fixed",
    "findings fixed",
    "findings left",
    "crash",
    "does not compile",
    "second run changes it again",
    "changed without a finding",
    "counted as fixed but unchanged",
    "pyflakes",
)


class Source(NamedTuple):
    """One file: where it is from, and its bytes."""

    package: str
    name: str
    raw: bytes


class Outcome(NamedTuple):
    """What happened to one file: a word for the count, and the details of what went wrong."""

    package: str
    name: str
    result: str
    fixed: int = 0
    left: int = 0
    trouble: tuple[str, ...] = ()


def installed(package: str) -> Iterator[Source]:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        print(f"{package} is not installed here: left out", file=sys.stderr)
        return
    yield from folder(Path(spec.submodule_search_locations[0]), package)


def folder(path: Path, package: str) -> Iterator[Source]:
    for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
        yield Source(package, str(file), file.read_bytes())


def archive(path: Path) -> Iterator[Source]:
    package = path.name.partition("-")[0]
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile() and member.name.endswith(".py"):
                    content = tar.extractfile(member)
                    yield Source(package, member.name, content.read() if content else b"")
    else:
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                if name.endswith(".py"):
                    yield Source(package, name, wheel.read(name))


def lightning(cache: Path) -> Path:
    found = sorted(cache.glob("lightning-*.whl"))
    if not found:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(cache)]
        subprocess.run([*command, LIGHTNING], check=True)
        found = sorted(cache.glob("lightning-*.whl"))
    return found[0]


def everything(paths: list[str], cache: Path) -> Iterator[Source]:
    if paths:
        for path in paths:
            yield from folder(Path(path), Path(path).name)
        return
    for package in ("torch", "torchvision"):
        yield from installed(package)
    for archived in (lightning(cache), *(download(p, cache) for p in read_packages())):
        yield from archive(archived)


def fix(source: Source) -> Outcome:
    """Fix one file as the command does, and look at what came out."""
    from flake8_saveimage import sources
    from flake8_saveimage.analysis import Unparsable
    from flake8_saveimage.fixes import FixOptions, fix_source
    from flake8_saveimage.gate import text_may_save, tree_may_save

    options = FixOptions(accept=lambda _finding: True, unsafe=True)
    try:
        text, encoding = sources.decode(source.raw)
        if not text_may_save(text):
            return Outcome(source.package, source.name, "refused by the gate")
        before = sources.parse(text)
        if not tree_may_save(before):
            return Outcome(source.package, source.name, "refused by the gate")
        result = fix_source(text, filename=source.name, options=options)
    except (sources.SourceError, Unparsable):
        return Outcome(source.package, source.name, "not Python")
    except Exception as error:
        return Outcome(source.package, source.name, "crash", trouble=(f"crash: {error!r}",))
    if result.code == text and not result.applied:
        return Outcome(source.package, source.name, "unchanged", left=len(result.left))
    trouble = []
    if not result.applied:
        trouble.append("changed without a finding")
    try:
        after = sources.parse(result.code)
        again = fix_source(result.code, filename=source.name, options=options)
        if again.code != result.code:
            trouble.append("second run changes it again")
        if sources.encode(result.code, encoding, text, source.raw) == source.raw:
            trouble.append("counted as fixed but unchanged")
        trouble += complaints(after, source.name) - complaints(before, source.name)
    except sources.SourceError as error:
        trouble.append(f"does not compile: {error}")
    except Exception as error:
        trouble.append(f"crash: {error!r}")
    return Outcome(
        source.package, source.name, "fixed", len(result.applied), len(result.left), tuple(trouble)
    )


def report_every_call() -> None:
    """Replace the rules by one that wants the helper for every save call."""
    from flake8_saveimage import analysis
    from flake8_saveimage.rules.base import Problem, Remedy, Rule

    rule = Rule("SVI104", "every call", lambda _site: Problem("a call", Remedy("helper")))
    analysis.all_rules = lambda: (rule,)  # type: ignore[attr-defined]


def complaints(tree: object, name: str) -> collections.Counter[str]:
    """What pyflakes says, without line numbers, which a new import moves."""
    from pyflakes.checker import Checker

    found = Checker(tree, name).messages
    # "redefinition of 'x' from line 7": another line is no other complaint
    texts = (re.sub(r"\bline \d+", "line", m.message % m.message_args) for m in found)
    return collections.Counter(f"pyflakes: {text}" for text in texts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", help="files or folders instead of the packages")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every-call", action="store_true")
    arguments = parser.parse_args()
    prepare = report_every_call if arguments.every_call else None
    counts: collections.Counter[str] = collections.Counter()
    troubled = []
    with ProcessPoolExecutor(arguments.jobs, initializer=prepare) as pool:
        for outcome in pool.map(fix, everything(arguments.paths, arguments.cache), chunksize=64):
            counts["files"] += 1
            counts[outcome.result] += 1
            counts["findings fixed"] += outcome.fixed
            counts["findings left"] += outcome.left
            for trouble in outcome.trouble:
                counts[trouble.partition(":")[0]] += 1
                troubled.append(f"{outcome.package}: {outcome.name}: {trouble}")
    for word in WORDS:
        print(f"{counts[word]:7}  {word}")
    print(*troubled, sep="\n")
    return 1 if troubled else 0


if __name__ == "__main__":
    sys.exit(main())
