"""Sample one run of `check` and print the CPU time of each stage, module and function.

    python benchmarks/stages.py PATH [PATH ...]        (or: floor.py --profile)

A timer interrupts each millisecond of CPU time; the time since the last sample counts for the
innermost frame of the checker that is running (``self``) or, for a stage, for everything below it
that is no stage. Calls into libcst, ``ast`` and ``re`` are shown by their own names.
"""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import signal
import sys
import time
from collections import defaultdict
from types import FrameType

PACKAGE = f"{os.sep}flake8_saveimage{os.sep}"
OUTSIDE = ("libcst", "ast", "re", "flake8", "tokenize")
LONGEST = 25


class Samples:
    """CPU seconds by stage, by module and by function."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = defaultdict(float)
        self.modules: dict[str, float] = defaultdict(float)
        self.functions: dict[str, float] = defaultdict(float)
        self._last = time.process_time()

    def take(self, _signal: int, frame: FrameType | None) -> None:
        """Count the time since the last sample for the running frame."""
        now = time.process_time()
        spent, self._last = now - self._last, now
        outside = ""
        while frame is not None:
            name = frame.f_code.co_filename
            if "importlib" in name:
                outside = "import"
            elif not outside:
                outside = library(frame.f_globals.get("__name__", ""))
            if PACKAGE in name:
                self._count(frame, name.rpartition(PACKAGE)[2], outside, spent)
                return
            frame = frame.f_back
        self.stages[outside or "start"] += spent

    def _count(self, frame: FrameType, module: str, outside: str, spent: float) -> None:
        stage = module.partition(os.sep)[0].removesuffix(".py")
        self.stages[outside or stage] += spent
        self.modules[f"{module}{f' -> {outside}' if outside else ''}"] += spent
        self.functions[f"{module}:{frame.f_code.co_name}"] += spent


def library(module: str) -> str:
    """Return the name of the library that a module belongs to, if it is one of those shown."""
    top = module.partition(".")[0]
    return top if top in OUTSIDE else ""


def shown(title: str, counts: dict[str, float]) -> None:
    total = sum(counts.values())
    print(f"{title} ({total:.3f} s)")
    for name, seconds in sorted(counts.items(), key=lambda item: -item[1])[:LONGEST]:
        if seconds >= 0.002:
            print(f"    {seconds:8.3f} s {seconds / total:6.1%}  {name}")


def main() -> int:
    sys.argv = ["flake8-saveimage", "check", "--isolated", "--jobs", "1", *sys.argv[1:]]
    start = time.process_time()
    samples = Samples()
    signal.signal(signal.SIGPROF, samples.take)
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        runpy.run_module("flake8_saveimage", run_name="__main__", alter_sys=True)
    signal.setitimer(signal.ITIMER_PROF, 0)
    print(f"check in this process: {time.process_time() - start:.3f} s, before it {start:.3f} s")
    shown("stages", samples.stages)
    shown("modules", samples.modules)
    shown("functions, with what they call outside", samples.functions)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
