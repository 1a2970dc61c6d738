"""Compare what two versions of the checker find in the same files.

    python benchmarks/compare.py OLD_SRC NEW_SRC PATH [PATH ...]

Each version is a ``src`` folder. All rules run, those that are off by default too. A finding is the
same if file, line, column and code are; ``--messages`` compares messages as well. Prints each
difference and exits with 1 if there is one.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from checking import Finding, Report, check


def differences(old: Report, new: Report, messages: bool) -> Iterator[str]:
    """Yield a line for each finding or error that only one of two reports has."""
    before, after = ({key(f): f for f in report.findings} for report in (old, new))
    for where in sorted(before.keys() | after.keys()):
        if where not in after:
            yield f"- {shown(before[where])}"
        elif where not in before:
            yield f"+ {shown(after[where])}"
        elif messages and before[where].message != after[where].message:
            yield f"- {shown(before[where])}"
            yield f"+ {' ' * len(place(before[where]))} {after[where].message}"
    for sign, here, there in (("-", old, new), ("+", new, old)):
        others = {file for file, _ in there.errors}
        for file, message in here.errors:
            if file not in others:
                yield f"{sign} {file}: error: {message}"


def key(finding: Finding) -> tuple[str, int, int, str]:
    return (finding.place.file, finding.place.line, finding.place.column, finding.code)


def place(finding: Finding) -> str:
    return f"{finding.place.file}:{finding.place.line}:{finding.place.column}: {finding.code}"


def shown(finding: Finding) -> str:
    return f"{place(finding)} {finding.message}"


def counts(old: Report, new: Report) -> Iterator[str]:
    """Yield the number of findings of each code before and after."""
    before, after = (Counter(f.code for f in report.findings) for report in (old, new))
    for code in sorted(before.keys() | after.keys()):
        mark = "" if before[code] == after[code] else f" ({after[code] - before[code]:+d})"
        yield f"{code} {before[code]:>5} -> {after[code]}{mark}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("old", type=Path, metavar="OLD_SRC")
    parser.add_argument("new", type=Path, metavar="NEW_SRC")
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    parser.add_argument("--messages", action="store_true", help="compare the messages too")
    parser.add_argument("--counts", action="store_true", help="print the findings of each code")
    options = parser.parse_args()
    found = 0
    for path in options.paths:
        old, new = check(path, options.old), check(path, options.new)
        lines = list(differences(old, new, options.messages))
        found += len(lines)
        for line in lines:
            print(line)
        if options.counts:
            print(*counts(old, new), sep="\n")
        print(
            f"{path}: {len(old.findings)} findings before, {len(new.findings)} after; "
            f"{len(old.errors)} errors before, {len(new.errors)} after; {len(lines)} differences"
        )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
