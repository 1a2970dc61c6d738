"""A pickle runs code when it is loaded: nothing here loads one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "flake8_saveimage"
LOADERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
LOADERS |= {"torch", "numpy", "np", "pandas", "pd", "jsonpickle", "yaml"}
READING = {
    "load",
    "loads",
    "Unpickler",
    "_Unpickler",
    "read_pickle",
    "open",
    "jit",
    "hub",
    "decode",
}
# Ranks of one run tell each other a path or an error: torch.distributed pickles it on the way.
BETWEEN_RANKS = {("ranks.py", "broadcast_object_list")}


def loaders(tree: ast.AST) -> set[str]:
    """Return how a module loads pickles, or what receives them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base = node.value
            while isinstance(base, ast.Attribute):
                base = base.value
            if isinstance(base, ast.Name) and base.id in LOADERS and node.attr in READING:
                found.add(f"{base.id}.{node.attr}")
            if node.attr in ("Unpickler", "broadcast_object_list", "all_gather_object"):
                found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LOADERS:
            found |= {f"{node.module}.{a.name}" for a in node.names if a.name in READING}
    return found


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_no_module_loads_a_pickle(path: Path) -> None:
    found = {(path.name, name) for name in loaders(ast.parse(path.read_text(encoding="utf-8")))}
    assert found <= BETWEEN_RANKS


@pytest.mark.parametrize(
    "source",
    ["torch.load(f)", "pickle.loads(x)", "from pickle import load", "p = pickle.Unpickler",
     "np.load(f)", "torch.jit.load(f)", "from torch.serialization import load as read"],
)  # fmt: skip
def test_a_loader_would_be_seen(source: str) -> None:
    assert loaders(ast.parse(source))
