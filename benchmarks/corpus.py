"""Score the checker against a labelled corpus of real call sites.

    python benchmarks/corpus.py

The corpus is 217 calls of ``save_image`` and ``torch.save`` in 42 published packages, each read and
labelled by hand (``benchmarks/corpus/RUBRIC.md`` says what the labels mean). The packages are
downloaded once with pip, their hashes checked, and kept under ``.cache/corpus``; nothing of them is
installed or imported. The exit status is 0 only if at the sites of high confidence nothing is
missed and there is no false alarm.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import tokenize
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE / "corpus"
DEFAULT_CACHE = HERE.parent / ".cache" / "corpus"

PATH_CODES = {
    "LOOP": "SVI101",
    "OUTER": "SVI102",
    "HOOK": "SVI103",
    "CONST": "SVI104",
    "ROLLING": "SVI105",
}
RANGE_CODES = {"OUT": "SVI201", "INT": "SVI202", "NONE": "SVI203"}
REPEATING = {"SVI101", "SVI102", "SVI103"}


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned requirement and the file that pip must bring for it."""

    requirement: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Label:
    """What the readers said of one call: ``line`` is where the call starts, from 1."""

    dist: str
    file: str
    line: int
    path: str
    range: str
    confidence: str
    why: str


@dataclass(slots=True)
class Score:
    """How one family of rules did at the sites of one confidence."""

    title: str
    silent: int = 0
    rows: dict[str, list[str]] = field(
        default_factory=lambda: {"found": [], "missed": [], "false alarm": []}
    )

    def add(self, verdict: str, where: str, what: str) -> None:
        self.rows[verdict].append(f"{what:<28} {where}")

    @property
    def perfect(self) -> bool:
        return not self.rows["missed"] and not self.rows["false alarm"]

    def __str__(self) -> str:
        counts = ", ".join(f"{len(rows)} {verdict}" for verdict, rows in self.rows.items())
        lines = [f"{self.title}: {counts}, {self.silent} rightly silent"]
        for verdict, rows in self.rows.items():
            lines += [f"  {verdict:<12} {row}" for row in rows]
        return "\n".join(lines)


def read_packages(table: Path = DATA / "packages.tsv") -> list[Package]:
    rows = table.read_text(encoding="utf-8").splitlines()[1:]
    return [Package(*row.split("\t")) for row in rows]


def read_labels() -> list[Label]:
    labels = []
    for row in (DATA / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(row)
        labels.append(
            Label(
                entry["dist"],
                entry["file"],
                entry["line"],
                entry["path"],
                entry["range"],
                entry["conf"],
                entry["why"],
            )
        )
    return labels


def is_whole(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def wheel_options(file: str) -> list[str]:
    """Return what has pip bring this wheel to any system and Python, and build nothing."""
    python, abi, platforms = file.removesuffix(".whl").split("-")[-3:]
    digits = re.findall(r"\d+", python)[-1]  # py3, py2.py3, cp313
    return [
        "--only-binary=:all:",
        "--ignore-requires-python",
        f"--implementation={python[:2]}",
        f"--python-version={digits[0]}.{digits[1:] or 0}",
        f"--abi={abi}",
        *(f"--platform={platform}" for platform in platforms.split(".")),
    ]


def download(package: Package, cache: Path) -> Path:
    """Return the package's file, downloaded with pip unless the cache has it whole."""
    target = cache / package.file
    if is_whole(target, package.sha256):
        return target
    print(f"downloading {package.requirement}", file=sys.stderr, flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", dir=cache, delete=False) as pinned:
        pinned.write(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--quiet"]
    pip += wheel_options(package.file) if package.file.endswith(".whl") else []
    try:
        result = subprocess.run(
            [*pip, "--dest", str(cache), "--requirement", pinned.name],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        Path(pinned.name).unlink()
    # pip prepares the metadata of a source distribution after saving nothing of it, so a failing
    # setup.py is a failed download; the wheel of the same release has another hash.
    if not is_whole(target, package.sha256):
        last = (result.stderr.strip() or "no such file, or another hash").splitlines()[-1]
        raise SystemExit(f"corpus: cannot download {package.requirement}: {last}")
    return target


def python_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the Python files of a wheel or source distribution: path inside it, content."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if name.endswith(".py"):
                    yield name, wheel.read(name)
        return
    with tarfile.open(archive) as sdist:
        for member in sdist:
            content = sdist.extractfile(member) if member.name.endswith(".py") else None
            if content is not None:
                yield member.name, content.read()


def decode(content: bytes) -> str | None:
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None


def check(content: bytes) -> dict[int, set[str]]:
    """Return the codes of all rules that fire, by the line on which the call starts."""
    from flake8_saveimage.check.analysis import analyse

    found: dict[int, set[str]] = collections.defaultdict(set)
    source = decode(content)
    if source is None:
        return found
    for finding in analyse(source, codes=None):
        found[finding.line].add(finding.code)
    return found


def default_codes() -> set[str]:
    from flake8_saveimage.rules import all_rules

    return {rule.code for rule in all_rules() if rule.default}


def judge_path(label: Label, codes: set[str], where: str, score: Score) -> None:
    """Score the rules SVI101 to SVI108 at one site. ``codes`` are all that fired there.

    SVI105 is opt-in: it counts where the label asks for it and is nobody's false alarm.
    """
    expected = PATH_CODES.get(label.path)
    fired = {code for code in codes if code.startswith("SVI1")} & (default_codes() | {"SVI105"})
    shown = "+".join(sorted(fired)) or "nothing"
    allowed = {expected, "SVI105"} if label.path in ("OK", "NA", "CONST", "ROLLING") else None
    if expected is None:
        pass
    elif expected in fired:
        score.add("found", where, f"{label.path} {expected}")
    else:
        score.add("missed", where, f"{label.path} {expected}, got {shown}")
    if allowed is not None and fired - allowed:
        score.add("false alarm", where, f"{label.path}, got {'+'.join(sorted(fired - allowed))}")
    elif expected is None:
        score.silent += 1


def judge_range(label: Label, codes: set[str], where: str, score: Score) -> None:
    """Score the rules SVI201 to SVI206 at one site. ``codes`` are all that fired there."""
    expected = RANGE_CODES.get(label.range)
    fired = {code for code in codes if code.startswith("SVI2")} & default_codes()
    if expected is not None and expected in fired:
        score.add("found", where, f"{label.range} {expected}")
    elif expected is not None:
        got = "+".join(sorted(fired)) or "nothing"
        score.add("missed", where, f"{label.range} {expected}, got {got}")
    elif fired:
        score.add("false alarm", where, f"{label.range}, got {'+'.join(sorted(fired))}")
    else:
        score.silent += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, metavar="DIR")
    parser.add_argument("--download-only", action="store_true", help="fill the cache and stop")
    parser.add_argument(
        "--labelled-only", action="store_true", help="skip the files in which nothing is labelled"
    )
    options = parser.parse_args()

    archives = {p.file: download(p, options.cache) for p in read_packages()}
    if options.download_only:
        return 0

    labels: dict[tuple[str, str], list[Label]] = collections.defaultdict(list)
    for label in read_labels():
        labels[label.dist, label.file].append(label)
    scores = {
        (family, confidence): Score(f"{family} rules, {confidence} confidence")
        for family in ("path", "range")
        for confidence in ("high", "low")
    }
    unlabelled: list[str] = []
    n_files = 0
    for dist, archive in archives.items():
        for name, content in python_files(archive):
            here = labels.pop((dist, name), [])
            if not here and (options.labelled_only or b"save" not in content):
                continue
            n_files += 1
            found = check(content)
            for label in here:
                where = f"{dist.split('-')[0]}:{name}:{label.line}  ({label.why})"
                codes = found.pop(label.line, set())
                judge_path(label, codes, where, scores["path", label.confidence])
                judge_range(label, codes, where, scores["range", label.confidence])
            for line, codes in sorted(found.items()):
                shown = "+".join(sorted(codes & default_codes()))
                if shown:
                    unlabelled.append(f"  {shown:<15} {dist.split('-')[0]}:{name}:{line}")
    for dist, name in labels:
        raise SystemExit(f"corpus: {dist} has no file {name}")

    for score in scores.values():
        print(score, end="\n\n")
    print(f"findings where nothing is labelled: {len(unlabelled)}", *unlabelled, sep="\n")
    print(f"\n{n_files} files checked")
    return 0 if all(s.perfect for (_, conf), s in scores.items() if conf == "high") else 1


if __name__ == "__main__":
    raise SystemExit(main())
