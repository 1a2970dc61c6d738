"""Help that fits a screen and tells the truth; ``explain``; the cost of starting."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from commandline import LOOP, Command, lines, write

from flake8_saveimage.cli import arguments
from flake8_saveimage.report import FORMATS
from flake8_saveimage.rules import all_rules, documentation


@pytest.mark.parametrize(
    ("words", "height"),
    [([], 24), (["check"], 36), (["fix"], 36), (["explain"], 24)],
    ids=["main", "check", "fix", "explain"],
)
def test_help_fits_a_screen_and_shows_examples(
    command: Command, words: list[str], height: int
) -> None:
    done = command(*words, "--help")
    text = done.stdout.decode()
    assert done.returncode == 0
    assert len(text.splitlines()) <= height
    assert max(map(len, text.splitlines())) <= 100
    assert "examples:" in text


@pytest.mark.parametrize("name", ["check", "fix", "explain"])
def test_help_names_every_option_and_no_other(name: str) -> None:
    import re

    parser = arguments._parser(name)
    known = {o for action in parser._actions for o in action.option_strings if o.startswith("--")}
    text = arguments._HELP[name].replace("--[no-]show-source", "--show-source --no-show-source")
    shown = set(re.findall(r"--[a-z][a-z-]+", text))
    assert shown | {"--help"} == known
    assert name != "check" or "|".join(FORMATS) in text


def test_no_command_shows_the_help_and_fails(command: Command) -> None:
    done = command()
    assert done.returncode == 2
    assert b"usage: flake8-saveimage" in done.stdout + done.stderr


def test_explain_lists_all_rules(command: Command) -> None:
    text = command("explain").stdout.decode()
    for rule in all_rules():
        assert f"{rule.code}  {'on ' if rule.default else 'off'}  {rule.title}" in text


def test_explain_prints_the_documentation(command: Command) -> None:
    text = command("explain", "svi101").stdout.decode()
    assert text.startswith("SVI101: ")
    for line in documentation("SVI101").splitlines()[1:]:
        assert line.startswith("```") or line.lstrip("# ") in text
    assert "```" not in text
    both = command("explain", "SVI101", "SVI104").stdout.decode()
    assert both.index("SVI101: ") < both.index("SVI104: ")


def imported(*words: str, cwd: Path) -> set[str]:
    """Return the modules that a run of the command imports."""
    code = (
        "import sys; from flake8_saveimage.cli import main; main(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=cwd, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


def test_files_that_the_gate_refuses_cost_no_import(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "import torch\n", "b.py": "x = 1\n"})
    modules = imported("check", "a.py", "b.py", cwd=tmp_path)
    assert not modules & {"libcst", "flake8", "logging", "tokenize", "dataclasses", "tomllib"}
    assert not modules & {"shutil", "inspect", "difflib", "pathlib", "importlib.metadata"}
    assert not modules & {"multiprocessing", "concurrent.futures", "torch", "subprocess"}
    modules = imported("check", ".", cwd=tmp_path)
    assert not modules & {"libcst", "multiprocessing", "concurrent.futures", "torch"}


def test_a_finding_imports_libcst_but_never_torch(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": LOOP})
    modules = imported("check", "a.py", cwd=tmp_path)
    assert "libcst" in modules
    assert not modules & {"torch", "torchvision", "pycodestyle", "pyflakes"}


def test_a_rule_is_explained_by_its_name_too(command: Command) -> None:
    by_name = command("explain", "loop-invariant-path").stdout
    assert by_name == command("explain", "svi101").stdout
    assert lines(by_name)[2] == "(loop-invariant-path, on by default)"
