"""The shape of the code: imports, and facts that stand in one place only."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flake8_saveimage.knowledge.writers import WRITERS
from flake8_saveimage.rules import all_rules, index

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
MODULES = sorted((SOURCE / "flake8_saveimage").rglob("*.py"))
MAX_LATE_IMPORTS = 25


@dataclass(frozen=True)
class Import:
    """An import of one of our own modules. ``late``: inside of a function."""

    module: str
    imported: str
    late: bool
    line: str


def name_of(path: Path) -> str:
    """Return the name of a module of the package."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path) for path in MODULES}


def imports(path: Path) -> Iterator[Import]:
    """Yield the imports of a module, those under TYPE_CHECKING and in functions too."""
    text = path.read_text(encoding="utf-8")
    lines, tree = text.splitlines(), ast.parse(text)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            full = [f"{base}.{alias.name}" for alias in node.names]
            names = sorted({name if name in NAMES else base for name in full})
        else:
            continue
        for name in names:
            if name in NAMES:
                yield Import(name_of(path), name, id(node) in inside, lines[node.lineno - 1])


EVERY_IMPORT = [found for path in MODULES for found in imports(path)]


def test_there_are_no_import_circles() -> None:
    graph: dict[str, set[str]] = {}
    for found in EVERY_IMPORT:
        if found.module != found.imported:
            graph.setdefault(found.module, set()).add(found.imported)
    graphlib.TopologicalSorter(graph).prepare()


def test_imports_in_functions_are_few_and_say_why() -> None:
    late = [found for found in EVERY_IMPORT if found.late]
    assert [found for found in late if "  # " not in found.line] == []
    assert len(late) <= MAX_LATE_IMPORTS


def test_layers() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    if not command.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [str(command), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


# -- rules -------------------------------------------------------------------------------------


def test_index_of_the_rules_is_what_they_say() -> None:
    facts = {rule.code: index.Entry(rule.name, rule.default) for rule in all_rules()}
    assert dict(index.entries()) == facts
    assert len({entry.name for entry in facts.values()}) == len(facts)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_names_of_rules_are_in_kebab_case(rule: object) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name)  # type: ignore[attr-defined]


# -- writers -----------------------------------------------------------------------------------

TOKENS = {
    *(name for row in WRITERS for name in row.names),
    *(row.leaf for row in WRITERS if "_" in row.leaf),
    *(row.helper for row in WRITERS),
    *(old for row in WRITERS for old in row.renamed),
    *(name for row in WRITERS if row.normalizer for name in row.normalizer),
} - {"", "range", "filename", "filepath", "normalize"}  # words that name other things, too
ELSEWHERE = (
    "knowledge",
    "runtime",  # writes files itself, and cannot know the rows
    "values/vision.py",  # make_grid and transforms have parameters of the same names
    "values/ops",
    "values/naming.py",
)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_writers_are_spelt_out_in_their_rows_only(path: Path) -> None:
    place = path.relative_to(SOURCE / "flake8_saveimage").as_posix()
    if place.startswith(ELSEWHERE):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    words = [text.rstrip("=") for text in strings if isinstance(text, str)]
    assert [word for word in words if word in TOKENS] == []
