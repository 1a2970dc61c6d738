"""A new user's first hour, done for real, written down as docs/walk.md.

``python docs/walk.py`` walks again and rewrites the page; with ``--check`` it fails if what happens
differs from what the page shows. Everything is fresh: home, virtual environment, git repository.
Only pip's cache is warm, by an installation that is thrown away.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "walk.md"
LIMIT = 30.0  # seconds from the start of the installation to the first finding
TIMING = re.compile(r"\d+(\.\d+)? s\b")

SCRIPT = """\
import torch
from torch import nn
from torchvision.utils import save_image

generator = nn.Sequential(nn.Linear(16, 3 * 32 * 32), nn.Tanh(), nn.Unflatten(1, (3, 32, 32)))

for epoch in range(3):
    noise = torch.randn(8, 16)
    save_image(generator(noise), "samples.png")
"""
EXPORT = """\
import torch

for name in ("a", "b"):
    torch.save(name, "weights.pth")
"""
HOOKS = """\
repos:
  - repo: ../flake8-saveimage
    rev: {rev}
    hooks:
      - id: flake8-saveimage
"""


class Walk:
    """Runs commands in a world of its own and writes them down."""

    def __init__(self, world: Path) -> None:
        self.world = world
        self.project = world / "project"
        self.page: list[str] = []
        self.open = False
        for folder in ("home", "project"):
            (world / folder).mkdir()
        kept = {
            name: os.environ[name]
            for name in ("LANG", "PIP_CERT", "SSL_CERT_FILE")
            if name in os.environ
        }
        self.environment = {
            **kept,
            "PATH": f"{self.project / 'venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(world / "home"),
            "PIP_CACHE_DIR": str(world / "cache"),
            "PIP_QUIET": "2",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "GIT_AUTHOR_NAME": "You",
            "GIT_AUTHOR_EMAIL": "you@example.org",
            "GIT_COMMITTER_NAME": "You",
            "GIT_COMMITTER_EMAIL": "you@example.org",
            "NO_COLOR": "1",
            "PRE_COMMIT_COLOR": "never",
        }

    def say(self, text: str) -> None:
        """Write a paragraph."""
        if self.open:
            self.page.append("```\n")
            self.open = False
        self.page.append(f"{text}\n")

    def write(self, name: str, content: str, shown: str | None = None) -> None:
        """Write a file of the project, and show it."""
        (self.project / name).write_text(content, encoding="utf-8")
        if shown is not None:
            language = "yaml" if name.endswith(".yaml") else "python"
            self.say(_TESTED)
            self.page.append(f'```{language} title="{name}"\n{shown}```\n')

    def run(self, command: str, status: int = 0) -> None:
        """Run a command in the project and write down what it prints."""
        if not self.open:
            self.page.append(f"{_TESTED}\n```console")
            self.open = True
        output = self.silently(command, status)
        self.page.append(
            "\n".join([f"$ {command}", *(line.rstrip() for line in output.splitlines())])
        )

    def silently(self, command: str, status: int = 0) -> str:
        """Run a command in the project and return what it prints."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode != status:
            sys.exit(f"{command}\nended with {done.returncode} instead of {status}:\n{done.stdout}")
        return done.stdout


_TESTED = (
    "<!-- tested by: tests/integration/test_walk.py::test_what_happens_is_what_the_page_shows -->"
)


def walk(world: Path) -> str:
    """Walk, and return the page."""
    here = Walk(world)
    python = shlex.quote(sys.executable)
    here.silently(f"git clone --quiet {shlex.quote(str(ROOT))} ../flake8-saveimage")
    here.silently(f"{python} -m venv ../warm")
    here.silently("../warm/bin/python -m pip install ../flake8-saveimage pre-commit")
    here.silently(f"{python} -m venv venv && git init --quiet --initial-branch=main .")
    here.write(".gitignore", "venv\n")

    here.say("# A first hour\n")
    here.say(
        "An empty git repository, a fresh virtual environment, and this repository cloned beside\n"
        "it as `../flake8-saveimage`. `python docs/walk.py` did what follows and wrote this page;\n"
        "a test does it again.\n"
    )
    here.say("## A script with a bug\n")
    here.write("train.py", SCRIPT, SCRIPT)
    here.say("## Install, and look\n")
    start = time.perf_counter()
    here.run("python -m pip install ../flake8-saveimage")
    here.run("flake8-saveimage check train.py", status=1)
    seconds = time.perf_counter() - start
    if seconds > LIMIT and "--check" not in sys.argv:
        sys.exit(
            f"{seconds:.0f} s from the installation to the first finding; {LIMIT:.0f} are allowed"
        )
    here.say(
        f"From the start of the installation (pip's cache warm) to the findings: {seconds:.0f} s.\n"
    )
    here.say("## Mend\n")
    here.run("flake8-saveimage fix --diff train.py", status=1)
    here.run("flake8-saveimage fix train.py")
    here.run("flake8-saveimage check train.py")
    here.say("## Keep it that way\n")
    rev = here.silently("git -C ../flake8-saveimage rev-parse HEAD").strip()
    here.run("python -m pip install pre-commit")
    here.say("`rev` is a tag, or what `git -C ../flake8-saveimage rev-parse HEAD` prints:\n")
    here.write(".pre-commit-config.yaml", HOOKS.format(rev=rev), HOOKS.format(rev="v0.1.0"))
    here.run("pre-commit install")
    here.run("git add .")
    here.run('git commit --quiet -m "First commit"')
    here.say("The next mistake does not get in:\n")
    here.write(
        "export.py",
        'import torch\n\nfor name in ("a", "b"):\n    torch.save(name, "weights.pth")\n',
    )
    here.run("cat export.py")
    here.run("git add export.py")
    here.run('git commit --quiet -m "Export"', status=1)
    here.run('sed -i \'s/"weights.pth"/f"weights_{name}.pth"/\' export.py')
    here.run("git add export.py")
    here.run('git commit --quiet -m "Export"')
    here.run("git log --format=%s")
    here.say("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(here.page)).rstrip() + "\n"


def main() -> None:
    """Write the page, or compare with it."""
    with tempfile.TemporaryDirectory() as world:
        page = walk(Path(world))
    if "--check" not in sys.argv:
        PAGE.write_text(page, encoding="utf-8")
        return
    before, now = (TIMING.sub("N s", text) for text in (PAGE.read_text(encoding="utf-8"), page))
    if before != now:
        diff = difflib.unified_diff(
            before.splitlines(), now.splitlines(), "the page", "now", lineterm=""
        )
        sys.exit("\n".join(diff))


if __name__ == "__main__":
    main()
