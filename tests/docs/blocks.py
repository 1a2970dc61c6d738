"""The code blocks of a Markdown page, and a reader who tries them one after the other.

- a block with a title (```` ```python title="train.py" ````) is written to that file;
- ``console``: each line that begins with ``$`` is run, the lines below are what it prints; ``...``
  stands for anything, in a line or as lines of its own;
- ``python`` without a title is executed, all of a page's blocks in one namespace;
- ``toml``, ``ini``, ``yaml`` and ``json`` are parsed.

``<!-- tested by: tests/x/test_y.py::test_z -->`` above a block says that the named test runs it.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ *```+(?P<language>\w*)(?P<rest>[^`\n]*)$")
RUNS_TORCH = re.compile(r"^\$ (python|torchrun) (?!-m (json|flake8_saveimage ))", re.MULTILINE)
TITLE = re.compile(r'title="(?P<title>[^"]+)"')
TESTED_BY = re.compile(r"<!-- tested by: (?P<path>\S+)::(?P<name>\w+) -->")


class Block(NamedTuple):
    """One fenced block: where it stands, its language, its file name, and its text."""

    line: int
    language: str
    title: str | None
    text: str
    tested_by: tuple[str, str] | None

    @property
    def needs_torch(self) -> bool:
        """Whether trying the block takes an environment with torch."""
        if self.tested_by is not None or self.title is not None:
            return False
        if self.language == "python":
            return bool(re.search(r"torch|flake8_saveimage\.(runtime|guard)|safe_save", self.text))
        return self.language == "console" and RUNS_TORCH.search(self.text) is not None


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    said = ""
    while number < len(lines):
        fence = FENCE.match(lines[number])
        if fence is None:
            said = lines[number] if lines[number].strip() else said
            number += 1
            continue
        start = number
        indent = len(lines[start]) - len(lines[start].lstrip())
        closing = lines[start].strip().partition(fence["language"] or "\0")[0].strip() or "```"
        number += 1
        while lines[number].strip() != closing:
            number += 1
        text = "\n".join(line[indent:] for line in lines[start + 1 : number]) + "\n"
        title = TITLE.search(fence["rest"])
        tested = TESTED_BY.search(said)
        yield Block(
            start + 1,
            fence["language"],
            title["title"] if title else None,
            text,
            (tested["path"], tested["name"]) if tested else None,
        )
        said = ""
        number += 1


class Reader:
    """Tries a page's blocks in a folder of its own."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        home = folder.parent / f"{folder.name}-home"
        home.mkdir()
        self.environment = {
            **{k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "CI")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def try_out(self, block: Block) -> None:
        """Try one block; raises ``AssertionError`` naming the page and the line."""
        if block.tested_by is not None:
            return self._is_tested(block)
        if block.title is not None:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        match block.language:
            case "python" if block.title is not None:
                compile(block.text, block.title, "exec")
            case "python":
                self._execute(block)
            case "console":
                self._run(block)
            case "toml":
                tomllib.loads(block.text)
            case "ini":
                configparser.ConfigParser().read_string(block.text)
            case "yaml":
                yaml.safe_load(block.text)
            case "json":
                json.loads(block.text)
            case other:
                raise AssertionError(f"{self._at(block)}: nobody tries a block of {other!r}")
        return None

    def _at(self, block: Block) -> str:
        return f"{self.page.relative_to(ROOT)}:{block.line}"

    def _is_tested(self, block: Block) -> None:
        assert block.tested_by is not None
        path, name = block.tested_by
        assert f"{name}" in (ROOT / path).read_text(encoding="utf-8"), self._at(block)

    def _execute(self, block: Block) -> None:
        with contextlib.chdir(self.folder) if sys.version_info >= (3, 11) else _chdir(self.folder):
            code = compile("\n" * block.line + block.text, str(self.page), "exec")
            exec(code, self.namespace)

    def _run(self, block: Block) -> None:
        for command, expected in commands(block.text):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
                check=False,
            )
            assert matches(expected, done.stdout), (
                f"{self._at(block)}: `{command}` printed\n{done.stdout}\ninstead of\n{expected}"
            )


def commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with the output that stands below it."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            assert found, f"a console block begins with a command, not with {line!r}"
            found[-1][1].append(line)
    return [(command, "\n".join(lines).strip()) for command, lines in found]


def matches(expected: str, output: str) -> bool:
    """Whether an output is what a page shows; ``...`` stands for anything."""
    expected = "\n".join(line.rstrip() for line in expected.strip().splitlines())
    pattern = re.escape(expected).replace(re.escape("..."), ".*?")
    lines = "\n".join(line.rstrip() for line in output.strip().splitlines())
    return re.fullmatch(pattern, lines, re.DOTALL) is not None


@contextlib.contextmanager
def _chdir(folder: Path) -> Iterator[None]:
    """Stand in for ``contextlib.chdir`` of Python 3.11."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
