"""Run a version of the checker as a user does, and measure what a command costs.

Only its command line and its JSON report are used. A version is a ``src`` folder, which is put on
``PYTHONPATH``; without one, the installed version runs.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECK = ("-m", "flake8_saveimage", "check", "--isolated", "--jobs", "1")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file: lines and columns count from 1, ``column`` 0 is not known."""

    file: str
    line: int
    column: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding. ``save`` is the call that writes: ``place``, or a call in another file."""

    place: Place
    code: str
    message: str
    save: Place


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run of ``check`` says; files are relative to the folder that was checked."""

    findings: tuple[Finding, ...]
    errors: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds, user and system, and peak memory in MB of one process and its children."""

    user: float
    system: float
    megabytes: float

    @property
    def seconds(self) -> float:
        return self.user + self.system


def environment(src: Path | None = None) -> dict[str, str]:
    """Return the environment in which the version in ``src`` is the one that is imported."""
    result = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if src is not None:
        if not (src / "flake8_saveimage").is_dir():
            raise SystemExit(f"{src} has no folder flake8_saveimage")
        result["PYTHONPATH"] = str(src.resolve())
    return result


def check(folder: Path, src: Path | None = None, options: Sequence[str] = ()) -> Report:
    """Return what all rules, those that are off by default too, find in a folder or file."""
    base = folder.resolve()
    command = [sys.executable, *CHECK, "--select", "SVI", "--format", "json", *options, str(base)]
    result = subprocess.run(
        command, env=environment(src), capture_output=True, text=True, check=False
    )
    try:
        data = json.loads(result.stdout)
    except ValueError:
        raise SystemExit(f"{shlex.join(command)}: {result.stderr.strip()}") from None
    return read_report(data, base if base.is_dir() else base.parent)


def read_report(data: dict[str, list[dict[str, object]]], base: Path) -> Report:
    """Return a JSON report as data, its files relative to ``base``."""
    findings = []
    for row in data["findings"]:
        place = read_place(row, base)
        save = row.get("save")
        findings.append(
            Finding(
                place,
                str(row["code"]),
                str(row["message"]),
                read_place(save, base) if isinstance(save, dict) else place,
            )
        )
    errors = ((relative(str(row["file"]), base), str(row["message"])) for row in data["errors"])
    return Report(tuple(sorted(findings)), tuple(sorted(errors)))


def read_place(row: dict[str, object], base: Path) -> Place:
    line, column = (int(str(row.get(name, 0))) for name in ("line", "column"))
    return Place(relative(str(row["file"]), base), line, column)


def relative(file: str, base: Path) -> str:
    return os.path.relpath(base / file, base)


@contextmanager
def compiled(src: Path | None = None) -> Iterator[dict[str, str]]:
    """Yield an environment in which bytecode is kept, in a temporary folder, as if installed."""
    with tempfile.TemporaryDirectory() as folder:
        result = {**environment(src), "PYTHONPYCACHEPREFIX": folder}
        result.pop("PYTHONDONTWRITEBYTECODE", None)
        yield result


def cost(command: Sequence[str], variables: dict[str, str]) -> Cost:
    """Run a command without its output and return its cost. Exit status 1 means findings."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read()
    expected = process.returncode in (0, 1) or b"cannot be parsed" in text
    if not expected or b"Traceback" in text:
        last = text.decode(errors="replace").strip().rpartition("\n")[2]
        raise SystemExit(f"{shlex.join(command)[:200]}: {last}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(usage.ru_utime, usage.ru_stime, usage.ru_maxrss / scale)
