"""Check and fix every Python file of some 170 published packages, and count what goes wrong.

    python benchmarks/world.py [--packages N] [--jobs 1] [PATH ...]

The packages are those of ``benchmarks/world.tsv`` (science, web, tools, training, generated code)
and of the labelled corpus, pinned, downloaded once with pip (their hashes are checked) and kept
under ``.cache``. Nothing of them is unpacked, installed or run: the files are read out of the
archives and worked on in memory, as ``flake8-saveimage check`` and ``fix --unsafe-fixes`` work on
them, with all rules on, those that are off by default too, and without ``# noqa``.

The exit status is 0 only if no file crashes, none takes more than ``--limit`` seconds of CPU time,
every fix compiles, stays as it is when fixed again and gives pyflakes nothing new to say, a file
without a fix stays as it is byte by byte, and the gate lets everything through that has findings.
What Python accepts and libcst does not is counted, and has its line.
Run it with the newest Python that there is: what this Python cannot parse is counted and left out.
The report on standard output is the same in every run; times go to standard error. Needs a POSIX
system (the limits are the kernel's) and pyflakes, which flake8 brings.

The gate refuses most files, and published packages have few findings. Two ways to see more:
``--every-call`` has each save call reported, whatever the rules think of it, so that the edits meet
some hundred real calls. ``--no-gate`` looks into every file of up to ``--longest`` lines as if each
of its calls with two arguments saved an image or an object, so that the analysis and the edits meet
all the code that people write; what they make of it only has to end, and to compile.
"""

from __future__ import annotations

import argparse
import ast
import collections
import contextlib
import functools
import itertools
import multiprocessing
import re
import resource
import signal
import sys
import tarfile
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from corpus import DEFAULT_CACHE, HERE, download, read_packages

_SAVES = re.compile(rb"\bsave(_image)?\b")

CACHE = HERE.parent / ".cache" / "world"
MEMORY = 4 << 30
WORST = 20

COUNTS = (
    "files",
    "refused by the gate",
    "longer than --longest",
    "not for this Python",
    "not for libcst",
    "given up as too deep",
    "checked",
    "of these, fixed",
    "findings fixed",
    "findings left",
)
TROUBLES = (
    "crash",
    "hang",
    "refused with a finding",
    "does not compile",
    "second run changes it again",
    "changed without a finding",
    "counted as fixed but unchanged",
    "pyflakes",
)


class File(NamedTuple):
    """One file: an archive (or a folder) and its path inside."""

    package: str
    container: Path
    name: str

    def __str__(self) -> str:
        return f"{self.package}: {self.name}" if self.name else self.package


class Mode(NamedTuple):
    """What to do with each file."""

    every_call: bool
    no_gate: bool
    longest: int
    limit: float


class Outcome(NamedTuple):
    """What happened to one file. ``seconds`` of CPU time: check, fix, and libcst's parser."""

    result: str
    detail: str = ""
    lines: int = 0
    findings: tuple[tuple[str, str], ...] = ()
    fixed: int = 0
    left: int = 0
    troubles: tuple[str, ...] = ()
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)


# -- the files -----------------------------------------------------------------------------------


def packages(count: int | None) -> Iterator[Path]:
    """Yield the archives of the packages, downloaded."""
    known = [(package, CACHE) for package in read_packages(HERE / "world.tsv")]
    known += [(package, DEFAULT_CACHE) for package in read_packages()]
    for package, cache in known[:count]:
        yield download(package, cache)


def listed(container: Path) -> Iterator[File]:
    """Yield the Python files of an archive, a folder, or the one file that is given."""
    package, names = container.name, [""]
    if container.is_dir():
        names = [str(path.relative_to(container)) for path in container.rglob("*.py")]
    elif zipfile.is_zipfile(container):
        package = "-".join(container.name.split("-")[:2])
        with zipfile.ZipFile(container) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(".py")]
    elif tarfile.is_tarfile(container):
        package = container.name.removesuffix(".tar.gz")
        with tarfile.open(container) as sdist:
            names = [m.name for m in sdist if m.isfile() and m.name.endswith(".py")]
    for name in sorted(names):
        yield File(package, container, name)


@functools.lru_cache(maxsize=1)
def opened(container: Path) -> Callable[[str], bytes]:
    """Return what reads a file of the archive or folder: files of one archive come in a row."""
    if container.is_dir():
        return lambda name: (container / name).read_bytes()
    if zipfile.is_zipfile(container):
        return zipfile.ZipFile(container).read
    if tarfile.is_tarfile(container):
        contents: dict[str, bytes] = {}
        with tarfile.open(container) as sdist:
            for member in sdist:
                content = sdist.extractfile(member) if member.name.endswith(".py") else None
                if content is not None:
                    contents[member.name] = content.read()
        return contents.__getitem__
    return lambda _: container.read_bytes()


# -- work on one file, in a process of its own ---------------------------------------------------


class Work:
    """Checks and fixes files as the two commands do."""

    def __init__(self, mode: Mode) -> None:
        from flake8_saveimage.check import analysis
        from flake8_saveimage.check.runner import Checker
        from flake8_saveimage.config import options as config
        from flake8_saveimage.fixes import FixOptions
        from flake8_saveimage.fixes.editing import annotated
        from flake8_saveimage.fixes.fixer import Fixer

        codes = "--select=SVI"
        if mode.every_call:
            report_every_call()
        if mode.no_gate:
            codes = "--select=SVI1,SVI2"
            look_at_every_call()
        self.mode = mode
        self.in_parser = 0.0
        analysis.parse = self._timed(analysis.parse)  # type: ignore[assignment]
        request = config.Request(isolated=True, forwarded=(codes, "--disable-noqa"))
        options = config.load(request).options
        self.checker = Checker(options, annotate=annotated)
        self.fixer = Fixer(options, FixOptions(unsafe=True))

    def _timed(self, function: Callable[[str], Any]) -> Callable[[str], Any]:
        def timed(text: str) -> Any:
            start = time.process_time()
            try:
                return function(text)
            finally:
                self.in_parser += time.process_time() - start

        return timed

    def __call__(self, file: File) -> Outcome:
        """Say what happened to a file."""
        from flake8_saveimage.source.gate import bytes_may_save

        raw = opened(file.container)(file.name)
        n_lines = raw.count(b"\n")
        if self.mode.no_gate and n_lines > self.mode.longest:
            return Outcome("longer than --longest")
        if not self.mode.no_gate and not bytes_may_save(raw):
            return Outcome("refused by the gate", troubles=self._behind_gate(raw))
        self.in_parser = 0.0
        start = time.process_time()
        checked = self.checker.on_source(file.name, raw)
        after_check, in_parser = time.process_time(), self.in_parser
        if checked.error:
            return failed(checked.error)
        fixed = self.fixer.on_source(file.name, raw)
        end = time.process_time()
        seconds = (after_check - start, end - after_check, in_parser)
        if fixed.error:
            return failed(f"fix: {fixed.error}")
        findings = tuple((f.code, f"{f.line}:{f.column} {f.message}") for f in checked.findings)
        troubles = [] if fixed.after is None else self._judge(file.name, raw, fixed.after)
        if fixed.fixed and fixed.after in (None, raw):
            troubles.append("counted as fixed but unchanged")
        if fixed.after is not None and not fixed.fixed:
            troubles.append("changed without a finding")
        return Outcome(
            "checked", "", n_lines, findings, fixed.fixed, len(fixed.left), tuple(troubles), seconds
        )

    def _behind_gate(self, raw: bytes) -> tuple[str, ...]:
        """Look into a file that the gate refuses although it talks of torch and of saving."""
        from flake8_saveimage.check.analysis import Unparsable, analyse
        from flake8_saveimage.source import reading

        if self.mode.every_call or b"torch" not in raw or _SAVES.search(raw) is None:
            return ()
        try:
            text = reading.universal_newlines(reading.decode(raw).text)
            return ("refused with a finding",) if analyse(text) else ()
        except (reading.SourceError, Unparsable, RecursionError):
            return ()

    def _judge(self, name: str, raw: bytes, after: bytes) -> list[str]:
        """Say what is wrong with a fix."""
        from flake8_saveimage.source import reading

        trees = []
        try:
            for content in (raw, after):
                text = reading.decode(content).text
                compile(text, name, "exec", dont_inherit=True)
                trees.append(reading.parse(text))
        except (SyntaxError, ValueError, reading.SourceError) as error:
            # some files of packages are parsed but never compile: `return` outside of a function
            return [f"does not compile: {error}"] if trees else []
        if self.mode.no_gate:  # the calls of the helper are calls with two arguments, too
            return []
        again = self.fixer.on_source(name, after)
        if again.error:
            return [f"crash: fixed again: {again.error}"]
        troubles = [] if again.after is None else ["second run changes it again"]
        return troubles + list(complaints(trees[1], name) - complaints(trees[0], name))


def failed(error: str) -> Outcome:
    """Return the outcome for a file that the command refuses with a line."""
    if "a defect of flake8-saveimage" in error or error.startswith("fix:"):
        return Outcome("checked", troubles=(f"crash: {error}",))
    if "by libcst" in error:
        return Outcome("not for libcst", error)
    if error.startswith("cannot be checked"):
        return Outcome("given up as too deep", error)
    return Outcome("not for this Python", error)


def report_every_call() -> None:
    """Replace the rules by one that wants the helper for every save call."""
    from flake8_saveimage.check import analysis
    from flake8_saveimage.rules.base import Problem, Remedy, Rule

    problem = Problem("a call", Remedy("helper"))
    rule = Rule("SVI104", "every-call", lambda _save: problem, "call", renames=True)
    analysis.all_rules = lambda: (rule,)  # type: ignore[assignment,attr-defined]


def look_at_every_call() -> None:
    """Open the gate, and take every call with two arguments for a save call."""
    from flake8_saveimage.check import analysis
    from flake8_saveimage.knowledge.writers import BY_NAME
    from flake8_saveimage.paths.dependence import Dependence
    from flake8_saveimage.paths.ranks import Processes
    from flake8_saveimage.rules.save import Save
    from flake8_saveimage.source import gate
    from flake8_saveimage.syntax.flow import Flow
    from flake8_saveimage.syntax.saves import SaveCall
    from flake8_saveimage.values.evaluate import Evaluator

    def saves_of(flow: Flow) -> list[Save]:
        calls = [call for call in flow.facts.calls if len(call.node.args) >= 2]
        names = itertools.cycle(("torchvision.utils.save_image", "torch.save"))
        sites: list[SaveCall] = []
        for index, (call, name) in enumerate(zip(calls, names, strict=False)):
            sites.append(SaveCall(flow, call, name, BY_NAME[name], sites, index))
        shared = Dependence(flow), Evaluator(flow), Processes(flow)
        saves: list[Save] = []
        saves.extend(Save(site, *shared, saves) for site in sites)
        return saves

    analysis.saves_of = saves_of  # type: ignore[attr-defined]
    gate.bytes_may_save = lambda _raw: True
    gate.tree_may_save = lambda _tree: True


def complaints(tree: ast.AST, name: str) -> collections.Counter[str]:
    """What pyflakes says, without line numbers, which a new import moves."""
    from pyflakes.checker import Checker

    found = Checker(tree, name).messages
    # "redefinition of 'x' from line 7": another line is no other complaint
    texts = (re.sub(r"\bline \d+", "line", m.message % m.message_args) for m in found)
    return collections.Counter(f"pyflakes: {text}" for text in texts)


def serve(connection: Connection, mode: Mode) -> None:
    """Answer with the outcome of each file that comes in; the kernel ends what takes too long."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")  # invalid escapes in what is compiled
    work = Work(mode)
    while True:
        file = connection.recv()
        signal.setitimer(signal.ITIMER_PROF, mode.limit)  # SIGPROF, even in libcst's own code
        outcome = work(file)
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send(outcome)


class Worker:
    """A process that works on one file after another, and is replaced where one kills it."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, self.mode), daemon=True)
        self.process.start()
        other.close()

    def __call__(self, file: File) -> Outcome:
        self.connection.send(file)
        try:
            outcome: Outcome = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            status = self.process.exitcode
            self._start()
            if status == -signal.SIGPROF:
                limit = self.mode.limit
                return Outcome("checked", troubles=(f"hang: more than {limit} s of CPU time",))
            return Outcome("checked", troubles=(f"crash: the process ended with {status}",))
        return outcome

    def close(self) -> None:
        self.process.terminate()


def outcomes(files: Iterable[File], mode: Mode, jobs: int) -> Iterator[Outcome]:
    """Yield what happened to each file, in order."""
    own = threading.local()
    with contextlib.ExitStack() as stack:

        def hire() -> None:
            own.worker = Worker(mode)
            stack.callback(own.worker.close)

        pool = stack.enter_context(ThreadPoolExecutor(jobs, initializer=hire))
        yield from pool.map(lambda file: own.worker(file), files)


# -- the report ----------------------------------------------------------------------------------


def report(files: list[File], found: list[Outcome], n_packages: int, no_gate: bool) -> bool:
    """Print what was found, and return whether nothing went wrong."""
    counts: collections.Counter[str] = collections.Counter(files=len(files))
    findings: list[tuple[str, str, File]] = []
    unread: list[tuple[str, File]] = []
    troubles: list[tuple[str, File]] = []
    for file, outcome in zip(files, found, strict=True):
        counts[outcome.result] += 1
        counts["of these, fixed"] += bool(outcome.fixed)
        counts["findings fixed"] += outcome.fixed
        counts["findings left"] += outcome.left
        findings += [(code, text, file) for code, text in outcome.findings]
        troubles += [(text, file) for text in outcome.troubles]
        if outcome.detail and outcome.result != "not for this Python":
            unread.append((outcome.detail, file))
    for text, _ in troubles:
        counts[text.partition(":")[0]] += 1
    print(f"{n_packages:7}  packages or paths")
    for word in (*COUNTS, *TROUBLES):
        print(f"{counts[word]:7}  {word}")
    list_rows("what Python can parse and this tool cannot look into", unread)
    list_rows("went wrong", troubles)
    per_rule = collections.Counter(code for code, _, _ in findings)
    print(f"\nfindings: {len(findings)}")
    for code in sorted(per_rule):
        # a call of anything says nothing to a reader
        shown = [] if no_gate else [(text, file) for c, text, file in findings if c == code]
        list_rows(code, shown, per_rule[code])
    return not troubles


def list_rows(title: str, rows: list[tuple[str, File]], count: int | None = None) -> None:
    print(f"\n{title}: {len(rows) if count is None else count}")
    for text, file in rows:
        print(f"  {file}: {text}")


def report_times(files: list[File], found: list[Outcome]) -> None:
    """Print on standard error where the time went."""
    rows = zip(files, found, strict=True)
    checked = [(sum(o.seconds[:2]), o, file) for file, o in rows if o.result == "checked"]
    checked.sort(key=lambda row: row[0])
    if not checked:
        return
    at = {share: checked[int((len(checked) - 1) * share)][0] for share in (0.5, 0.99, 1)}
    total = sum(seconds for seconds, _, _ in checked)
    error = functools.partial(print, file=sys.stderr)
    error("\nCPU seconds for check and fix of a file that is looked into:", end=" ")
    error(
        f"median {at[0.5]:.2f}, 99 of 100 below {at[0.99]:.2f}, worst {at[1]:.2f}; all {total:.0f}"
    )
    error(f"the worst {WORST}:\n{'lines':>8} {'check':>7} {'of it':>7} {'fix':>7}")
    error(f"{'':>8} {'':>7} {'libcst':>7}")
    for _, outcome, file in reversed(checked[-WORST:]):
        check, fix, parser = outcome.seconds
        error(f"{outcome.lines:>8} {check:>7.2f} {parser:>7.2f} {fix:>7.2f}  {file}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, help="instead of the packages")
    parser.add_argument("--packages", type=int, metavar="N", help="only the first N packages")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="only each N-th file")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--limit", type=float, default=20.0, metavar="SECONDS", help="for a file")
    parser.add_argument("--every-call", action="store_true", help="report each save call")
    parser.add_argument("--no-gate", action="store_true", help="every call is a save call")
    parser.add_argument("--longest", type=int, default=500, metavar="LINES", help="for --no-gate")
    options = parser.parse_args()
    if missing := [str(path) for path in options.paths if not path.exists()]:
        parser.error(f"no such file or folder: {', '.join(missing)}")
    mode = Mode(options.every_call, options.no_gate, options.longest, options.limit)
    containers = options.paths or list(packages(options.packages))
    files = [file for container in containers for file in listed(container)][:: options.sample]
    found = []
    for file, outcome in zip(files, outcomes(files, mode, options.jobs), strict=True):
        found.append(outcome)
        if outcome.troubles:
            print(f"{file}: {'; '.join(outcome.troubles)}", file=sys.stderr, flush=True)
    fine = report(files, found, len(containers), mode.no_gate)
    report_times(files, found)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
