"""Run a script, a folder or a module as ``python`` itself would, with itself as ``__main__``."""

from __future__ import annotations

import builtins
import importlib.machinery
import io
import os
import runpy
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

_PACKAGE = os.path.dirname(__file__) + os.sep  # noqa: PTH120 (compared with co_filename)


def run_script(script: str, arguments: list[str]) -> None:
    """``python script ARGS...``.

    Raises:
        SystemExit: there is no such file (status 2, as python says it).
    """
    sys.argv = [script, *arguments]
    path = Path(script)
    if path.is_dir() or zipfile.is_zipfile(path):
        sys.path[:1] = [str(path.absolute())]
        _run_as_main("__main__", alter_argv=False)
        return
    try:
        with io.open_code(str(path.absolute())) as file:
            source = file.read()
    except OSError as error:
        number, reason, full = error.errno, error.strerror, str(path.absolute())
        print(
            f"{sys.executable}: can't open file {full!r}: [Errno {number}] {reason}",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    filename = str(path.absolute())
    if not getattr(sys.flags, "safe_path", False):
        # python -m put the working directory there; a script wants its own folder.
        sys.path[0] = str(path.resolve().parent)
    namespace = _new_main(filename)
    _as_user(lambda: exec(_compile(source, filename), namespace))


def run_module(module: str, arguments: list[str]) -> None:
    """``python -m module ARGS...``."""
    sys.argv = ["-m", *arguments]
    _run_as_main(module, alter_argv=True)


def _run_as_main(module: str, *, alter_argv: bool) -> None:
    # What the interpreter itself calls for -m, folders and zip files: it keeps __spec__, which
    # spawned children need to import the same module, and runs in sys.modules["__main__"].
    run: Callable[..., Any] = runpy._run_module_as_main  # type: ignore[attr-defined]
    _new_main(None)
    _as_user(lambda: run(module, alter_argv=alter_argv))


def _compile(source: bytes, filename: str) -> CodeType:
    return compile(source, filename, "exec", dont_inherit=True)


def _new_main(filename: str | None) -> dict[str, Any]:
    main = ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __annotations__={})
    if filename is not None:
        loader = importlib.machinery.SourceFileLoader("__main__", filename)
        main.__dict__.update(__file__=filename, __cached__=None, __loader__=loader)
    sys.modules["__main__"] = main
    return main.__dict__


def _as_user(run: Callable[[], object]) -> None:
    """Let everything that ``run`` raises go on its way, without our frames in the traceback."""
    try:
        run()
    except SystemExit:
        raise
    except BaseException as error:
        _hide_frames(error)
        raise


def _hide_frames(error: BaseException) -> None:
    """The interpreter adds our frames again on the way out; the hook takes them off."""
    hook = sys.excepthook

    def excepthook(
        kind: type[BaseException], value: BaseException, traceback: TracebackType | None
    ) -> None:
        sys.excepthook = hook
        _clean(value, set())
        hook(kind, value, value.__traceback__)

    sys.excepthook = excepthook


def _clean(error: BaseException, seen: set[int]) -> None:
    if id(error) in seen:
        return
    seen.add(id(error))
    error.__traceback__ = _user_frames(error.__traceback__)
    for other in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
        if other is not None:
            _clean(other, seen)


def _user_frames(traceback: TracebackType | None) -> TracebackType | None:
    kept: list[TracebackType] = []
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        # runpy is under us only where we called it, before the first frame of the user.
        ours = filename.startswith(_PACKAGE) or (not kept and filename == "<frozen runpy>")
        if not ours and not (not kept and filename == runpy.__file__):
            kept.append(traceback)
        traceback = traceback.tb_next
    for index, this in enumerate(kept):
        this.tb_next = kept[index + 1] if index + 1 < len(kept) else None
    return kept[0] if kept else None
