"""``python -m flake8_saveimage.guard [options] (script | -m module) ARGS...``"""

from __future__ import annotations

import argparse
import atexit
import sys
import time
from pathlib import Path
from typing import NoReturn

from flake8_saveimage.guard import ranks
from flake8_saveimage.guard.audit import audit
from flake8_saveimage.guard.events import read
from flake8_saveimage.guard.journal import make_folder, newest_folder
from flake8_saveimage.guard.run import STRICT_STATUS, Output, Run, Target
from flake8_saveimage.guard.session import Installation, require_torch
from flake8_saveimage.guard.settings import OnOverwrite, Settings, allowed_in_project

_WITH_VALUE = {"--on-overwrite", "--format", "--output", "--run-dir", "--allow"}
_LAUNCHERS = {
    "accelerate",
    "accelerate.commands.launch",
    "deepspeed",
    "deepspeed.launcher.runner",
    "torch.distributed.launch",
    "torch.distributed.run",
    "torchrun",
}


def main(argv: list[str] | None = None) -> None:
    """The command. Everything the script raises, ``SystemExit`` included, passes through."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["report"]:
        raise SystemExit(_report(argv[1:]))
    own, target = _split(argv)
    options = _parse(own, target)
    assert target is not None
    try:
        require_torch()
        base = Path.cwd()
        allow = (*options.allow, *allowed_in_project(base))
        folder = _run_folder(options.run_dir)
        if options.output is not None:
            options.output = options.output.absolute()
            options.output.touch()
        follow = Path(target.name).name in _LAUNCHERS
        mode: OnOverwrite = "backup" if options.on_overwrite == "unique" else options.on_overwrite
        settings = Settings(str(folder), time.time_ns(), mode, allow, str(base), follow)
        settings.write()
    except (ImportError, OSError, ValueError) as error:
        _fail(str(error))
    if options.on_overwrite == "unique":
        print(
            "flake8_saveimage.guard: --on-overwrite=unique is now called backup: the given name "
            "holds the newest file",
            file=sys.stderr,
        )
    output = Output(options.output, options.format)
    Run(settings, target, output, strict=options.strict, keep=options.run_dir is not None).start()


def run_joined(folder: str, argv: list[str]) -> None:
    """Run a script that a watched launcher started: watched, and reported by the launcher."""
    _, target = _split(argv)
    assert target is not None
    try:
        installation = Installation(Settings.read(Path(folder)))
    except OSError:  # the launcher has ended
        pass
    else:
        installation.install()
        atexit.register(installation.watch.flush)
    target.launch()


def _report(argv: list[str]) -> int:
    """``report [LOGFOLDER]``: the report of a run that was killed. Returns the exit status."""
    options = _report_parser().parse_args(argv)
    folder = newest_folder() if options.folder is None else options.folder
    if folder is None:
        _fail("no log of a killed run was found; name the folder that --run-dir gave")
    try:
        settings = Settings.read(folder)
        log = read(folder)
    except (OSError, ValueError, TypeError) as error:
        _fail(f"{folder} holds no log of a run: {error}")
    report = audit(log, settings)
    Output(options.output, options.format).write(report, settings.base)
    return STRICT_STATUS if options.strict and report.problems else 0


def _run_folder(wanted: Path | None) -> Path:
    if wanted is None:
        return make_folder(ranks.launch_name())
    wanted.mkdir(parents=True, exist_ok=True)
    if (wanted / "reported").exists():
        raise FileExistsError(f"--run-dir {wanted} holds an earlier run: name a new folder")
    return wanted.absolute()


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the report here, not to stderr"
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help=f"exit with {STRICT_STATUS} if the script succeeds but files were lost or images "
        "damaged",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flake8_saveimage.guard",
        usage="%(prog)s [options] (script.py | -m module) [ARGS...]\n"
        "       %(prog)s report [options] [LOGFOLDER]",
        description=(
            "Run a script unchanged and report every file that it saved more than once, every "
            "image with clipped values, and every file that several ranks or processes wrote."
        ),
        allow_abbrev=False,
    )
    parser.add_argument(
        "--on-overwrite",
        choices=("report", "raise", "backup", "unique"),
        default="report",
        help="what to do when a save would overwrite a file of this run: report it at the end "
        "(default), raise, or move the earlier file to a free number (backup; unique is the old "
        "name for it)",
    )
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="PATTERN",
        help="files that may be rewritten, such as 'preview*.png' or 'out/*/state.pt'; may be "
        "repeated; also [tool.flake8-saveimage.guard] allow in pyproject.toml",
    )
    _add_output_options(parser)
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="keep the log in this new folder; on a shared file system, for ranks on several "
        "machines",
    )
    return parser


def _report_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flake8_saveimage.guard report",
        description="Report on a run from its log, for a run that was killed.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="LOGFOLDER",
        help="the folder of --run-dir; by default the last run that ended without a report",
    )
    _add_output_options(parser)
    return parser


def _parse(own: list[str], target: Target | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(own)
    if target is None:
        parser.error("name a script, or a module after -m")
    return options


def _split(argv: list[str]) -> tuple[list[str], Target | None]:
    """Our options, and the target with its arguments.

    Whatever follows the target is the script's, ``--`` and ``-m`` included, which argparse's
    REMAINDER does not promise.
    """
    index = 0
    while index < len(argv) and argv[index].startswith("-") and argv[index] != "-m":
        index += 2 if argv[index] in _WITH_VALUE else 1
    is_module = argv[index : index + 1] == ["-m"]
    rest = argv[index + is_module :]
    return argv[:index], Target(rest[0], is_module, rest[1:]) if rest else None


def _fail(message: str) -> NoReturn:
    print(f"flake8_saveimage.guard: {message}", file=sys.stderr)
    raise SystemExit(2)
