"""One run of a script under guard: its start, its end, its report."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from flake8_saveimage.guard import ranks
from flake8_saveimage.guard.audit import Report, audit
from flake8_saveimage.guard.events import read
from flake8_saveimage.guard.launch import run_module, run_script
from flake8_saveimage.guard.report import Format, render
from flake8_saveimage.guard.session import Installation
from flake8_saveimage.guard.settings import Settings

STRICT_STATUS = 1
_RESTARTS = (
    "  --strict does not fail this rank, because the launcher would start it again: "
    "put the guard outside, python -m flake8_saveimage.guard --strict -m torch.distributed.run "
    "...\n"
)


@dataclass(frozen=True)
class Target:
    """The script or module to run, and its arguments."""

    name: str
    is_module: bool
    arguments: list[str]

    def launch(self) -> None:
        """Run it as ``__main__``. All that it raises passes through."""
        (run_module if self.is_module else run_script)(self.name, self.arguments)


@dataclass(frozen=True)
class Output:
    """Where the report goes (None: standard error) and how it looks."""

    file: Path | None
    format: Format

    def write(self, report: Report, base: str, end: str = "") -> None:
        """Write a report. A script that has closed or replaced its stderr does not stop it."""
        text = render(report, self.format, base)
        try:
            if self.file is not None:
                self.file.write_text(text, encoding="utf-8")
            else:
                sys.stderr.write(text + end)
                sys.stderr.flush()
        except (OSError, ValueError, AttributeError, RuntimeError) as error:
            with contextlib.suppress(OSError):
                os.write(2, f"flake8_saveimage.guard: cannot write the report: {error}\n".encode())


class Run:
    """Runs ``target``, and reports when the process ends or is terminated."""

    def __init__(
        self, settings: Settings, target: Target, output: Output, *, strict: bool, keep: bool
    ) -> None:
        self._settings = settings
        self._target = target
        self._output = output
        self._strict = strict
        self._keep = keep
        self._folder = Path(settings.folder)
        self._installation = Installation(settings)
        self._pid = os.getpid()
        self._has_failed = True
        self._has_finished = False

    def start(self) -> None:
        """Run the target in this process."""
        # The first exit handler to be registered is the last to run: what the script saves in its
        # own handlers and threads still counts.
        atexit.register(self.finish)
        self._handle_termination()
        self._installation.install()
        try:
            self._target.launch()
        except SystemExit as leave:
            self._has_failed = leave.code not in (None, 0)
            raise
        self._has_failed = False

    def finish(self) -> None:
        """Report, once, unless another rank does so later."""
        if os.getpid() != self._pid or self._has_finished:  # a forked child runs exit handlers too
            return
        self._has_finished = True
        self._installation.remove()
        self._installation.watch.flush()
        size = ranks.world_size() if self._keep else ranks.local_size()
        if self._settings.follow:
            size = 1
        if not ranks.is_reporter(self._folder, size, failed=self._has_failed):
            return
        report = audit(read(self._folder), self._settings, exists=os.path.lexists)
        fails = self._strict and bool(report.problems)
        restarts = fails and ranks.is_restarted_on_failure()
        self._output.write(report, self._settings.base, _RESTARTS if restarts else "")
        if not self._keep:
            shutil.rmtree(self._folder, ignore_errors=True)
        if fails and not restarts and not self._has_failed:
            _leave(STRICT_STATUS)

    def _handle_termination(self) -> None:
        """Report on SIGTERM, unless the script handles it, and then die of it as before."""
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL or os.name == "nt":
            return

        def terminate(number: int, frame: FrameType | None) -> None:
            signal.signal(number, signal.SIG_DFL)
            self.finish()
            os.kill(os.getpid(), number)

        def restore_in_child() -> None:
            if signal.getsignal(signal.SIGTERM) is terminate:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)

        signal.signal(signal.SIGTERM, terminate)
        os.register_at_fork(after_in_child=restore_in_child)


def _leave(status: int) -> NoReturn:
    """An exit handler cannot change the status in any other way; nothing of ours comes after."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)
