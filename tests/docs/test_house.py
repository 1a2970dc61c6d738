"""The drawing of the house is true: each module has its floor, and imports only point downwards."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "flake8_saveimage"
DRAWING = (ROOT / "docs" / "assets" / "house.svg").read_text(encoding="utf-8")
# Too small for a room of their own, and where they live.
LODGERS = {
    "codes": 1,
    "collector": 1,
    "discovery": 4,
    "lexical": 1,
    "patch": 4,
    "writing": 1,
    "fixes.command": 5,
}
TRAINING = {"runtime", "guard"}
# The one look back: a report that wants to know what can be mended has the fixer asked.
LOOKS_BACK = {("analysis", "fixes.applicability")}


def floors() -> dict[str, int]:
    """Return the floor of each module, as drawn."""
    found = dict(LODGERS)
    for group in re.finditer(r'<g id="floor-(\d)">(.*?)</g>', DRAWING, re.DOTALL):
        for text in re.findall(r"<text[^>]*>([^<]+)</text>", group[2]):
            found |= dict.fromkeys(re.split(r", ", text), int(group[1]))
    return found


FLOORS = floors()
MODULES = sorted(
    path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] != "__init__.py"
)


def name_of(path: Path) -> str:
    """Return the dotted name below the package."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


NAMES = {name_of(path) for path in MODULES}


def floor_of(module: str) -> int:
    """Return the floor of a module or of the package that it is in."""
    floor = FLOORS.get(module, FLOORS.get(module.partition(".")[0]))
    assert floor is not None, f"{module} is neither drawn in house.svg nor a lodger"
    return floor


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of this package that a file imports when it runs, lazily or not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            full_names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            full_names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            relative = isinstance(node, ast.ImportFrom)
            assert not relative or path.parent.name == "runtime", "imports are absolute here"
            continue
        for full_name in full_names:
            package, _, module = full_name.partition(".")
            owner = module if module in NAMES else module.rpartition(".")[0]
            if package == "flake8_saveimage" and owner:
                yield owner


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downwards(path: Path) -> None:
    name = name_of(path)
    if name.partition(".")[0] in TRAINING:
        assert {module.partition(".")[0] for module in imports(path)} <= TRAINING
        return
    upwards = [module for module in imports(path) if floor_of(module) > floor_of(name)]
    assert upwards == []


def test_nothing_imports_the_training_side() -> None:
    for path in MODULES:
        if name_of(path).partition(".")[0] not in TRAINING:
            assert TRAINING.isdisjoint(module.partition(".")[0] for module in imports(path)), path


def test_no_module_needs_one_that_needs_it() -> None:
    graph = {
        name: {m for m in imports(path) if m != name and (name, m) not in LOOKS_BACK}
        for path in MODULES
        if (name := name_of(path))
    }
    graphlib.TopologicalSorter(graph).prepare()  # names the cycle, if there is one


def test_every_room_and_every_lodger_is_a_module() -> None:
    assert set(FLOORS) <= NAMES
    assert len(set(FLOORS) - set(LODGERS)) >= 15
