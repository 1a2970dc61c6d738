"""Fix whole repositories and compare: what is left is what the next check reports, and vice versa.

    python benchmarks/fixes.py REPOSITORY ...

Each repository is copied and fixed, first safely, then with ``--unsafe-fixes`` and all rules. After
each step every file must compile, a second fix must change nothing, the next check must report
what the fix has left, and pyflakes and ``ruff --select I,F`` must not report more than before.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pyflakes.checker import Checker

COMMAND = [sys.executable, "-m", "flake8_saveimage"]
FINDING = re.compile(r"(.+?\.py):(\d+):(\d+): (SVI\d+) ")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    return subprocess.run(
        [*COMMAND, *arguments, "--isolated", "--extend-exclude=*.ipynb", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def findings(output: str) -> Counter[tuple[str, str]]:
    """Return file and code of the findings in an output; lines may have moved."""
    return Counter((match[1], match[4]) for match in FINDING.finditer(output))


def complaints(folder: Path) -> Counter[str]:
    """Return what pyflakes says about the files, without lines."""
    found: Counter[str] = Counter()
    for path in folder.rglob("*.py"):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        lines = path.read_bytes().splitlines()
        for message in Checker(tree, str(path)).messages:
            if b"# noqa" in lines[message.lineno - 1]:
                continue
            text = re.sub(r" from line \d+", "", message.message % message.message_args)
            found[f"{path.relative_to(folder)}: {text}"] += 1
    return found


def unformatted(folder: Path) -> set[str]:
    """Return the files that ruff's rules for imports and names find fault with."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select=I,F",
         "--output-format=concise", "."],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {line.partition(":")[0] for line in done.stdout.splitlines() if ".py:" in line}


def _is_broken(path: Path) -> bool:
    try:
        ast.parse(path.read_bytes())
    except SyntaxError:
        return True
    return False


def problems(repository: Path, folder: Path) -> Iterator[str]:
    """Yield what is wrong after fixing a copy."""
    shutil.copytree(repository, folder, ignore=shutil.ignore_patterns(".git"))
    for flags in ([], ["--unsafe-fixes", "--select=SVI"]):
        selection = [flag for flag in flags if flag != "--unsafe-fixes"]
        before = {path: path.read_bytes() for path in folder.rglob("*.py")}
        said, faulty = complaints(folder), unformatted(folder)
        checked = findings(run(folder, "check", *selection).stdout)
        done = run(folder, "fix", *flags)
        left = findings(done.stdout)
        if "defect" in done.stderr:
            yield f"{flags}: {done.stderr.strip()}"
        again = findings(run(folder, "check", *selection).stdout)
        if again != left:
            yield f"{flags}: left {dict(left - again)}, reported {dict(again - left)}"
        changed = [path for path, raw in before.items() if path.read_bytes() != raw]
        yield from (f"{flags}: {path} does not compile" for path in filter(_is_broken, changed))
        more = complaints(folder) - said
        if more:
            yield f"{flags}: pyflakes: {dict(more)}"
        worse = unformatted(folder) - faulty
        if worse:
            yield f"{flags}: ruff: {sorted(worse)}"
        text = {path: path.read_bytes() for path in changed}
        run(folder, "fix", *flags)
        if text != {path: path.read_bytes() for path in changed}:
            yield f"{flags}: a second fix changes files"
        print(f"  {' '.join(flags) or 'safe'}: {checked.total()} findings, "
              f"{checked.total() - left.total()} fixed, {len(changed)} files")  # fmt: skip


def main(arguments: list[str]) -> int:
    """Fix each repository and return 1 if something is wrong."""
    failed = 0
    for name in filter(os.path.isdir, arguments):
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for problem in problems(Path(name), Path(folder) / "copy"):
                failed = 1
                print(f"  PROBLEM {problem}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
