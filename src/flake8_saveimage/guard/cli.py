"""``python -m flake8_saveimage.guard [options] (script | -m module) ARGS...``"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from flake8_saveimage.guard import ranks
from flake8_saveimage.guard.audit import audit
from flake8_saveimage.guard.journal import make_folder, read
from flake8_saveimage.guard.launch import run_module, run_script
from flake8_saveimage.guard.report import Format, render
from flake8_saveimage.guard.session import Installation, require_torch
from flake8_saveimage.guard.watch import OnOverwrite, Settings

STRICT_STATUS = 1
_WITH_VALUE = {"--on-overwrite", "--format", "--output", "--run-dir"}
_LAUNCHERS = {"torch.distributed.run", "torch.distributed.launch", "torchrun"}


def main(argv: list[str] | None = None) -> None:
    """The command. Everything the script raises, ``SystemExit`` included, passes through."""
    options = _parse(sys.argv[1:] if argv is None else argv)
    try:
        require_torch()
        folder = _run_folder(options.run_dir)
        if options.output is not None:
            options.output.touch()
    except (ImportError, OSError) as error:
        _fail(str(error))
    settings = Settings(folder, time.time_ns(), options.on_overwrite)
    run = _Run(options, Installation(settings), folder)
    # The first exit handler to be registered is the last to run: what the script saves in its
    # own handlers and threads still counts.
    atexit.register(run.finish)
    run.start()


@dataclass(frozen=True)
class _Options:
    target: str
    is_module: bool
    arguments: list[str]
    on_overwrite: OnOverwrite
    format: Format
    output: Path | None
    strict: bool
    run_dir: Path | None


class _Run:
    def __init__(self, options: _Options, installation: Installation, folder: Path) -> None:
        self._options = options
        self._installation = installation
        self._folder = folder
        self._cwd = Path.cwd()
        self._pid = os.getpid()
        self._failed = True

    def start(self) -> None:
        options = self._options
        self._installation.install()
        launch = run_module if options.is_module else run_script
        try:
            launch(options.target, options.arguments)
        except SystemExit as leave:
            self._failed = leave.code not in (None, 0)
            raise
        self._failed = False

    def finish(self) -> None:
        if os.getpid() != self._pid:  # a forked child that ran our exit handlers
            return
        self._installation.remove()
        self._installation.watch.flush()
        size = ranks.local_size() if self._options.run_dir is None else ranks.world_size()
        if not ranks.is_reporter(self._folder, size, failed=self._failed):
            return
        report = audit(*read(self._folder))
        self._write(render(report, self._options.format, self._cwd))
        if self._options.run_dir is None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._options.strict and report.problems and not self._failed:
            _leave(STRICT_STATUS)

    def _write(self, text: str) -> None:
        output = self._options.output
        try:
            if output is None:
                sys.stderr.write(text)
                sys.stderr.flush()
            else:
                output.write_text(text, encoding="utf-8")
        except (OSError, ValueError, AttributeError) as error:  # closed or replaced by the script
            with contextlib.suppress(OSError):
                os.write(2, f"flake8_saveimage.guard: cannot write the report: {error}\n".encode())


def _leave(status: int) -> NoReturn:
    """An exit handler cannot change the status in any other way; nothing of ours comes after."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _run_folder(wanted: Path | None) -> Path:
    if wanted is None:
        return make_folder(ranks.launch_name())
    wanted.mkdir(parents=True, exist_ok=True)
    if (wanted / "reported").exists():
        raise FileExistsError(f"--run-dir {wanted} holds an earlier run: name a new folder")
    return wanted.absolute()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flake8_saveimage.guard",
        usage="%(prog)s [options] (script.py | -m module) [ARGS...]",
        description=(
            "Run a script unchanged and report every file that torch.save or save_image wrote "
            "more than once, every image with clipped values, and every file that several ranks "
            "or processes wrote."
        ),
        allow_abbrev=False,
    )
    parser.add_argument(
        "--on-overwrite",
        choices=("report", "raise", "unique"),
        default="report",
        help="what to do when a save would overwrite a file of this run: report it at the end "
        "(default), raise, or save under a free name",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the report here, not to stderr"
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help=f"exit with {STRICT_STATUS} if the script succeeds but lost files or damaged images",
    )
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="keep the log in this new folder; on a shared file system, for ranks on several "
        "machines",
    )
    return parser


def _parse(argv: list[str]) -> _Options:
    parser = _parser()
    own, target, is_module = _split(argv)
    found = parser.parse_args(own)
    if not target:
        parser.error("name a script, or a module after -m")
    if Path(target[0]).name in _LAUNCHERS:
        parser.error(
            f"{target[0]} starts its ranks as new programs, out of sight: put the guard inside, "
            "torchrun ... -m flake8_saveimage.guard train.py"
        )
    return _Options(
        target=target[0],
        is_module=is_module,
        arguments=target[1:],
        on_overwrite=found.on_overwrite,
        format=found.format,
        output=None if found.output is None else found.output.absolute(),
        strict=found.strict,
        run_dir=found.run_dir,
    )


def _split(argv: list[str]) -> tuple[list[str], list[str], bool]:
    """Our options; the target and its arguments; whether the target is a module.

    Whatever follows the target is the script's, ``--`` and ``-m`` included, which argparse's
    REMAINDER does not promise.
    """
    index = 0
    while index < len(argv) and argv[index].startswith("-") and argv[index] != "-m":
        index += 2 if argv[index] in _WITH_VALUE else 1
    is_module = argv[index : index + 1] == ["-m"]
    return argv[:index], argv[index + is_module :], is_module


def _fail(message: str) -> NoReturn:
    print(f"flake8_saveimage.guard: {message}", file=sys.stderr)
    raise SystemExit(2)
