"""A guarded script cannot tell: arguments, path, names, exit status and tracebacks are its own.

Most scripts here import no torch, so that a comparison of two runs is quick.
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch

Run = Callable[..., Any]
Start = Callable[..., Any]
Write = Callable[..., Path]

SELF_PORTRAIT = """\
'''A docstring.'''
import __main__, json, sys
print(json.dumps({
    "name": __name__, "file": __file__, "doc": __doc__, "argv": sys.argv, "path": sys.path[:2],
    "package": __package__, "spec": __spec__ and __spec__.name, "cached": __cached__,
    "main": __main__.__dict__ is globals(), "loader": type(__loader__).__name__,
    "torch": "torch" in sys.modules, "names": sorted(globals()),
}))
"""


@pytest.mark.parametrize(
    "how", ["relative", "absolute", "subfolder", "symlink", "module", "folder"]
)
def test_the_script_sees_itself(
    script: Write, python: Run, guarded: Run, tmp_path: Path, how: str
) -> None:
    script(SELF_PORTRAIT, "train.py")
    script(SELF_PORTRAIT, "code/train.py")
    script("", "package/__init__.py")
    script(SELF_PORTRAIT, "package/__main__.py")
    script(SELF_PORTRAIT, "app/__main__.py")
    (tmp_path / "link.py").symlink_to("code/train.py")
    target = {
        "relative": ["train.py"],
        "absolute": [tmp_path / "train.py"],
        "subfolder": ["code/train.py"],
        "symlink": ["link.py"],
        "module": ["-m", "package"],
        "folder": ["app"],
    }[how]
    arguments = ["--strict", "-m", "x", "--", "--output=1", ""]
    direct = python(*target, *arguments)
    outcome = guarded(*target, *arguments)
    assert direct.status == outcome.status == 0, outcome.err
    expected, seen = json.loads(direct.out), json.loads(outcome.out)
    assert seen == expected
    assert seen["torch"] is False


@pytest.mark.parametrize(
    "ending",
    [
        "",
        "sys.exit()",
        "sys.exit(0)",
        "sys.exit(7)",
        "sys.exit('so long')",
        "raise SystemExit(3)",
        "def f():\n    raise ValueError('wrong')\nf()",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e",
        "raise KeyboardInterrupt",
        "os.kill(os.getpid(), signal.SIGINT)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(5)",
        "this is no python",
        "sys.excepthook = lambda *e: print('mine', e[0].__name__)\nraise ValueError",
        "import nowhere",
    ],
)
@pytest.mark.parametrize("as_module", [False, True])
def test_status_and_traceback_are_the_scripts_own(
    script: Write, python: Run, guarded: Run, ending: str, as_module: bool
) -> None:
    script(f"import os, signal, sys\n{ending}\n", "train.py")
    target = ["-m", "train"] if as_module else ["train.py"]
    direct, outcome = python(*target), guarded(*target)
    assert outcome.status == direct.status
    assert outcome.out == direct.out
    own = [line for line in outcome.err.splitlines() if "flake8-saveimage guard: 0" not in line]
    # Python 3.10 shows the source of its runpy, later ones have it frozen
    frames = re.sub(r'  File "[^"]*runpy[^"]*", .*\n(?:    .*\n)*', "", direct.err)
    assert own == frames.splitlines()


def test_traceback_from_inside_a_save_shows_no_frame_of_the_guard(
    script: Write, python: Run, guarded: Run
) -> None:
    train = script("import torch\ntorch.save(lambda: 1, 'x.pt')\n")
    direct, outcome = python(train), guarded(train)
    assert direct.status == outcome.status == 1
    assert "flake8_saveimage/guard" not in outcome.err
    assert direct.err.splitlines()[:4] == outcome.err.splitlines()[:4]
    assert "attribute lookup <lambda> on __main__ failed" in outcome.err


def test_strict_changes_only_a_successful_status(script: Write, guarded: Run) -> None:
    source = "import sys, torch\nfor _ in range(2): torch.save(1, 'x.pt')\n"
    assert guarded("--strict", script(source)).status == 1
    assert guarded("--strict", script(source + "sys.exit(4)\n", "fails.py")).status == 4
    assert guarded("--strict", script("import torch\ntorch.save(1, 'y.pt')", "ok.py")).status == 0


def test_ctrl_c_reports_and_dies_of_the_signal(script: Write, start: Start) -> None:
    train = script("""\
        import time, torch
        for _ in range(2): torch.save(1, "x.pt")
        print("ready", flush=True)
        time.sleep(60)
    """)
    with start(train) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err
    assert "1 save lost" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a script"),
        (["-m"], "name a script"),
        (["--on-overwrite=never", "x.py"], "invalid choice"),
        (["report", "no/such/folder"], "holds no log of a run"),
        (["report", "."], "holds no log of a run"),
        (["missing.py"], "can't open file"),
        (["--output=no/such/folder/r.json", "x.py"], "no/such/folder"),
        (["-m", "no_such_module"], "No module named no_such_module"),
    ],
)
def test_wrong_use_gets_one_clear_message(guarded: Run, arguments: list[str], message: str) -> None:
    outcome = guarded(*arguments)
    assert outcome.status == (1 if "no_such_module" in arguments else 2)
    assert message in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        ("", -signal.SIGTERM),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))", 3),
        ("signal.signal(signal.SIGTERM, lambda *_: os._exit(4))", 4),
    ],
)
def test_sigterm_reports_and_ends_as_without_the_guard(
    script: Write, start: Start, handler: str, status: int
) -> None:
    train = script(f"""\
        import os, signal, sys, time, torch
        {handler}
        for _ in range(2): torch.save(1, "x.pt")
        if os.fork() == 0:
            assert {bool(handler)} or signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
            os._exit(0)
        os.wait()
        print("ready", flush=True)
        time.sleep(60)
    """)
    with start(train) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err.count("1 save lost") == (0 if status == 4 else 1), err


def test_the_log_of_a_killed_run_is_rendered(
    script: Write, start: Start, guarded: Run, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    train = script("""\
        import torch
        for _ in range(3): torch.save(1, "x.pt")
        torch.save(1, "best.pt")
        print("ready", flush=True)
        while True: torch.save(1, "best.pt")
    """)
    env = {"TMPDIR": str(temporary)}
    with start("--allow=*.bin", train, env=env) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.kill()
        _, err = process.communicate(timeout=60)
    assert "lost" not in err
    (folder,) = temporary.glob("saveimage-guard-*")
    for arguments in (["report"], ["report", folder]):
        outcome = guarded(*arguments, env=env)
        assert outcome.status == 0
        assert "x.pt: saved 3 times, 2 lost\n      3x train.py:2 torch.save" in outcome.err
    assert guarded("report", "--strict", folder).status == 1
    outcome = guarded("report", "--format=json", "--output=r.json", folder)
    assert json.loads((tmp_path / "r.json").read_text())["problems"] == 1


def test_a_run_that_is_killed_in_the_middle_of_a_save(
    script: Write, start: Start, guarded: Run, tmp_path: Path
) -> None:
    train = script("""\
        import os, signal, torch
        class Last:
            def __reduce__(self):
                os.kill(os.getpid(), signal.SIGKILL)
        torch.save(1, "x.pt")
        torch.save(Last(), "x.pt")
    """)
    with start("--run-dir=log", train) as process:
        process.communicate(timeout=60)
    assert "x.pt: saved 2 times, 1 lost" in guarded("report", "log").err


@pytest.mark.parametrize("module", ["zipfile", "json", "argparse", "tempfile", "hashlib"])
def test_files_of_the_working_folder_do_not_hide_the_guards_modules(
    script: Write, python: Run, guarded: Run, module: str
) -> None:
    script("raise RuntimeError('the wrong module')\n", f"{module}.py")
    train = script("import sys\nprint(sys.path[0])\n", "code/train.py")
    direct, outcome = python(train), guarded(train)
    assert (outcome.status, outcome.out) == (0, direct.out), outcome.err
    assert "no save was seen" in outcome.err


def test_without_torch_it_imports_and_says_what_is_missing_when_run(
    python: Run, script: Write
) -> None:
    source = str(Path(__file__).parents[2] / "src")
    isolated = ["-S", "-E"]  # no site-packages, hence no torch
    bare = f"import sys; sys.path.insert(0, {source!r}); "
    imported = python(*isolated, "-c", bare + "import flake8_saveimage.guard")
    assert (imported.status, imported.err) == (0, "")
    train = script("print('ran')\n")
    run = python(*isolated, "-c", bare + "from flake8_saveimage.guard.cli import main; main(['x'])")
    assert run.status == 2
    assert "torch is not installed" in run.err
    assert "pip install" in run.err
    assert "Traceback" not in run.err
    assert train.exists()


def test_the_log_is_removed_and_can_be_kept(script: Write, guarded: Run, tmp_path: Path) -> None:
    train = script("import torch\ntorch.save(1, 'x.pt')\n")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    assert guarded(train, env={"TMPDIR": str(temporary)}).status == 0
    assert list(temporary.iterdir()) == []
    assert guarded("--run-dir", tmp_path / "log", train).status == 0
    assert list((tmp_path / "log").glob("*.log"))
    report = guarded("report", tmp_path / "log")
    assert (report.status, report.err.splitlines()[0]) == (
        0,
        "flake8-saveimage guard: 1 save, 1 file: nothing lost",
    )
    again = guarded("--run-dir", tmp_path / "log", train)
    assert again.status == 2
    assert "holds an earlier run" in again.err
