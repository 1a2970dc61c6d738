"""The first ten minutes of a new user: README's command lines, and what their output suggests."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from neighbours import ROOT, run

COMMANDS = re.findall(r"^\$ (python -m pip .*)$", (ROOT / "README.md").read_text("utf-8"), re.M)


def checkout_in(folder: Path) -> Path:
    """Return a clone of this repository, with what is not committed yet."""
    checkout = folder / "flake8-saveimage"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name)
    run("git", "init", "--quiet", cwd=checkout, status=0)
    return checkout


class Terminal:
    """A terminal of 80 columns with a fresh virtual environment that has nothing but pip."""

    def __init__(self, folder: Path, checkout: Path) -> None:
        run(sys.executable, "-m", "venv", folder / "venv", cwd=folder, status=0)
        path = f"{folder / 'venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        self._environment = {"PATH": path, "HOME": str(folder), "TERM": "xterm"}
        self._checkout = checkout

    def types(self, command: str, status: int) -> list[str]:
        """Run a command as it stands; return the lines that the user sees."""
        words = ["script", "-qec", f"stty cols 80 rows 50; {command}", "/dev/null"]
        done = subprocess.run(
            words,
            cwd=self._checkout,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        shown = done.stdout.decode()
        assert done.returncode == status, shown
        shown = re.sub(r"\r\[[#.]*\] \d+/\d+ files|\r\x1b\[K", "", shown)  # on a slow machine
        return re.sub(r"\x1b\[[0-9;]*[mK]", "", shown).splitlines()


@pytest.mark.skipif(shutil.which("script") is None, reason="needs script(1) of util-linux")
def test_first_ten_minutes(tmp_path: Path) -> None:
    """README's first command, then what each output suggests, until the examples are clean."""
    checkout = checkout_in(tmp_path)
    terminal = Terminal(tmp_path, checkout)

    shown = terminal.types(COMMANDS[0], status=1)

    found = [line for line in shown if re.match(r"examples/\S+\.py:\d+:\d+: SVI\d{3} ", line)]
    assert len(found) == 8
    assert not any("error" in line.lower() for line in shown[shown.index(found[0]) :])
    start = time.perf_counter()
    again = terminal.types("python -m flake8_saveimage check examples", status=1)
    assert time.perf_counter() - start < 10  # 3 s on an idle machine
    assert max(map(len, again)) <= 80
    assert again[-2] == "Found 8 findings in 3 files."

    shown_patch = terminal.types(proposed(again[-1]), status=1)
    assert '+        safe_save(model.module.state_dict(), "out/ddp.pt", keep=3)' in shown_patch
    fixed = terminal.types(proposed(again[-1]).replace(" --diff", ""), status=1)
    assert "Fixed 6 of 8 findings in 3 files." in fixed
    left = terminal.types("flake8-saveimage check examples", status=1)
    assert left[-2] == "Found 2 findings in 2 files."
    assert "SVI109: Every process of a distributed job writes this file" in terminal.types(
        proposed(left[-1]), status=0
    )

    edit(checkout / "examples/shapes/train.py", '"real.png"', 'f"real_{epoch}.png"')
    save = 'torch.save(model.state_dict(), f"out/ddp_{epoch:03}.pt")'
    guarded = f"if dist.get_rank() == 0:\n            {save}"
    edit(checkout / "examples/shapes/train_ddp.py", save, guarded)
    assert terminal.types("flake8-saveimage check examples", status=0) == ["All checks passed!"]


def proposed(line: str) -> str:
    """Return the command that the last line of an output suggests."""
    return line[line.index("flake8-saveimage") :]


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file, which holds it once."""
    source = path.read_text(encoding="utf-8")
    assert source.count(old) == 1
    path.write_text(source.replace(old, new), encoding="utf-8")


def test_second_command_is_the_one_of_ci() -> None:
    assert COMMANDS[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
