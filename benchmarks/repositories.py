"""Score the checker against hand-labelled saves of whole repositories.

    python benchmarks/repositories.py FOLDER [-v] [--src SRC | --report FILE]

FOLDER holds each repository of ``benchmarks/corpus/repositories.tsv`` as ``OWNER+NAME``; nothing
is fetched. ``benchmarks/corpus/RUBRIC.md`` says what the labels mean. ``path`` and ``range`` are
judged from the one file, ``path_x`` and ``range_x`` from the whole repository; ``ranks`` says
whether every process of a distributed job reaches the save. A finding belongs to the save that it
names, also where it stands at a call in another file. Prints for each field what was found, missed
and false, for labels of high confidence and for all; ``-v`` lists each miss and each false alarm.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from checking import Finding, Place, Report, check, read_report

LABELS = Path(__file__).resolve().parent / "corpus" / "repositories.jsonl"

REPEATING = frozenset({"SVI101", "SVI102", "SVI103"})
PATH = {
    "LOOP": frozenset({"SVI101", "SVI103"}),
    "OUTER": frozenset({"SVI102", "SVI103"}),
    "HOOK": frozenset({"SVI103"}),
    "CONST": frozenset({"SVI104"}),
    "ROLLING": frozenset({"SVI105"}),  # opt-in: no false alarm where the label is another
}
RANGE = {
    "OUT": frozenset({"SVI201"}),
    "INT": frozenset({"SVI202"}),
    "NONE": frozenset({"SVI203"}),
}
RANKS = {"yes": frozenset({"SVI109"})}

UNBOUNDED = re.compile(r"\bunbounded\b")  # an SVI203 that names the layer
SEVERE = REPEATING | {"SVI104"}  # a label that is worse than constant may have SVI104


@dataclass(frozen=True, slots=True)
class Label:
    """What the readers said of one save call in one field."""

    place: Place
    value: str
    confidence: str
    why: str


@dataclass(frozen=True, slots=True)
class Field:
    """How one field is scored: which codes each label asks for, and which alarms count."""

    name: str
    expected: dict[str, frozenset[str]]
    alarms: frozenset[str]
    ignored: frozenset[str] = frozenset()  # labels that are not scored


FIELDS = (
    Field("path", PATH, SEVERE),
    Field("path_x", PATH, SEVERE),
    Field("range", RANGE, frozenset({"SVI201", "SVI202", "SVI203"})),
    Field("range_x", RANGE, frozenset({"SVI201", "SVI202", "SVI203"})),
    Field("ranks", RANKS, frozenset({"SVI109"}), frozenset({"no/yes"})),
)


@dataclass(slots=True)
class Score:
    """Counts of one field: ``sites`` and ``found`` by label, ``right`` and ``false`` by code."""

    sites: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    false_at: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)

    def add(self, kind: Field, label: Label, findings: Iterable[Finding]) -> None:
        """Score the findings at one labelled save."""
        expected = kind.expected.get(label.value, frozenset())
        codes = {code(finding, kind) for finding in findings}
        got = "+".join(sorted(codes)) or "nothing"
        where = f"{label.place.file}:{label.place.line}: {label.value}"
        self.sites[label.value] += 1
        if codes & expected:
            self.found[label.value] += 1
        elif expected:
            self.details.append(f"missed  {where}, got {got} ({label.why})")
        wrong = {code for code in codes & kind.alarms if not is_right(code, label.value, expected)}
        self.right.update((codes & kind.alarms) - wrong)
        self.false.update(wrong)
        if wrong:
            self.false_at[label.value] += 1
            self.details.append(f"false   {where}, got {got} ({label.why})")


def code(finding: Finding, kind: Field) -> str:
    """Return a finding's code; an SVI203 that names an unbounded layer says what SVI201 says."""
    if kind.name == "range_x" and finding.code == "SVI203" and UNBOUNDED.search(finding.message):
        return "SVI201"
    return finding.code


def is_right(code: str, value: str, expected: frozenset[str]) -> bool:
    """Say whether an alarm is true, though perhaps too weak, at a save with this label."""
    if code in expected:
        return True
    if code == "SVI104":
        return value in ("LOOP", "OUTER", "HOOK")
    return code == "SVI203" and value in ("OUT", "INT")


def read_labels(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]


def labels_of(rows: Iterable[dict[str, object]], kind: Field) -> Iterator[Label]:
    """Yield the labels that a field is scored by: of ranges, only those of ``save_image``."""
    for row in rows:
        value = str(row[kind.name])
        if value in kind.ignored or (kind.expected is RANGE and row["api"] == "TS"):
            continue
        confidence = str(row.get(f"{kind.name}_conf", row["path_x_conf"]))
        place = Place(str(row["file"]), int(str(row["line"])))
        yield Label(place, value, confidence, str(row["why"]))


def by_save(report: Report) -> dict[Place, list[Finding]]:
    """Return the findings by file and line of the save that they are about."""
    result: dict[Place, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        result[Place(finding.save.file, finding.save.line)].append(finding)
    return result


def score(
    kind: Field, labels: Iterable[Label], found: dict[Place, list[Finding]], confidence: str
) -> Score:
    """Score one field over the labels of a confidence (``all``: each)."""
    result = Score()
    for label in labels:
        if confidence in ("all", label.confidence):
            result.add(kind, label, found.get(label.place, []))
    return result


def table(kind: Field, scored: Score) -> Iterator[str]:
    """Yield the lines of one field's table: labels first, then alarms."""
    for value in (*kind.expected, *sorted(scored.sites.keys() - kind.expected.keys())):
        sites, found = scored.sites[value], scored.found[value]
        if not sites:
            continue
        missed = f"{found:>4} found {sites - found:>4} missed" if value in kind.expected else ""
        yield f"    {value:<8} {sites:>4} sites {missed:<23} {scored.false_at[value]:>4} false"
    groups = [{alarm} for alarm in sorted(kind.alarms)]
    if kind.expected is PATH:
        groups.append(set(REPEATING))
    if kind.expected is RANGE:
        groups.append({"SVI201", "SVI202"})
    for group in groups:
        right = sum(scored.right[code] for code in group)
        alarms = right + sum(scored.false[code] for code in group)
        if alarms:
            share = f"{right:>4} right of {alarms:>4} ({right / alarms:.0%})"
            yield f"    {'+'.join(sorted(group)):<22} {share}"


def unknown_range(report: Report) -> int:
    """Count the findings that give no reason beyond an unknown value range."""
    return sum(f.code == "SVI203" and not UNBOUNDED.search(f.message) for f in report.findings)


def unlabelled(report: Report, rows: Iterable[dict[str, object]]) -> list[str]:
    """Return the findings at saves that the readers did not label."""
    known = {Place(str(row["file"]), int(str(row["line"]))) for row in rows}
    return [
        f"{finding.place.file}:{finding.place.line}: {finding.code} {finding.message}"
        for finding in report.findings
        if Place(finding.save.file, finding.save.line) not in known
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--labels", type=Path, default=LABELS, metavar="FILE")
    parser.add_argument("--src", type=Path, help="the version to score (default: as installed)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="a JSON report made before")
    parser.add_argument("-v", "--verbose", action="store_true", help="list misses, false alarms")
    parser.add_argument("--unlabelled", action="store_true", help="list the findings elsewhere")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    rows = read_labels(options.labels)
    for name in sorted({str(row["file"]) for row in rows}):
        if not (options.folder / name).is_file():
            raise SystemExit(f"{options.folder} has no file {name}")
    if options.report is not None:
        data = json.loads(options.report.read_text(encoding="utf-8"))
        report = read_report(data, options.folder.resolve())
    else:
        report = check(options.folder, options.src, ["--disable-noqa"])
    found = by_save(report)
    for kind in FIELDS:
        labels = list(labels_of(rows, kind))
        for confidence in ("high", "all"):
            scored = score(kind, labels, found, confidence)
            print(f"{kind.name}, confidence {confidence}:", *table(kind, scored), sep="\n")
        if options.verbose:
            print(*(f"  {line}" for line in sorted(scored.details)), sep="\n")
        print()
    counts = Counter(finding.code for finding in report.findings)
    print("findings:", ", ".join(f"{code} {n}" for code, n in sorted(counts.items())))
    print(f"only 'the value range is unknown': {unknown_range(report)}")
    elsewhere = unlabelled(report, rows)
    print(f"findings at saves without a label: {len(elsewhere)}")
    if options.unlabelled:
        print(*(f"  {line}" for line in elsewhere), sep="\n")
    for file, message in report.errors:
        print(f"error: {file}: {message}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
