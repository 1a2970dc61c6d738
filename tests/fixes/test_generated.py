"""Generated modules with save calls put into them: whatever is around, only the calls change."""

from __future__ import annotations

import ast
import random
import warnings

import hypothesmith
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from flake8_saveimage import FixOptions, fix_source
from flake8_saveimage.check.analysis import Unparsable, parse

pytestmark = pytest.mark.slow

IMPORTS = [
    "import torch, torchvision",
    "import torchvision.utils as tv; import torch",
    "from torchvision.utils import save_image as si, make_grid\nfrom torch import save as s",
    "try:\n    import torch, torchvision\nexcept ImportError:\n    torch = None",
]
CALLS = [
    ("torchvision.utils.save_image", "torch.save"),
    ("tv.save_image", "torch.save"),
    ("si", "s"),
    ("torchvision.utils.save_image", "torch.save"),
]
ARGUMENTS = [
    "(x, 'a.png')",
    "(x, fp='a.png', normalize=True, range=(-1, 1))",
    "(x,\n    'a_{i}.png',  # why\n    value_range=(0, 1),\n)",
    "(x, 'latest.png')",
    "(x.tanh(), f'a_{i}.png')",
    "(*x, **y)",
    "(x, p)",
]
SHAPES = [
    "{image}{a}\n",
    "for i in z:\n    {image}{a}; {object}(x, 'b.pth')\n",
    "def f(x, p):\n    for i in z:\n        p = 'c.png'\n        {image}{a}\n        print(p)\n",
    "class C:\n    def training_step(self, x, i):\n\t    {object}(x, 'd.pth')\n",
    "[{object}(x[0], 'e.pth') for x in y if x] and {image}{a}\n",
    "while x:\n    with open(x, 'wb') as p: {object}(x, p)\n",
    "while x:\n    {object}({image}{a}, 'latest.pth')\n",
]
HELPERS = {"safe_save", "safe_save_image", "runtime_safe_save", "runtime_safe_save_image"}


def with_saves(source: str, seed: int) -> str:
    """Put an import on top and save statements between the lines of a module's top level."""
    chance = random.Random(seed)
    which = chance.randrange(len(IMPORTS))
    image, save = CALLS[which]
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    ends = sorted({node.end_lineno or 0 for node in tree.body}) or [0]
    at = [end for end in ends if _starts_line(lines, end)]
    text = ""
    for number, line in enumerate(lines, 1):
        text += line
        if number in at and chance.random() < 0.5:
            text += _statement(chance, image, save)
    future = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    head = "" if future else IMPORTS[which] + "\n"
    tail = IMPORTS[which] + "\n" if future else ""
    return (
        head
        + (text if text.endswith("\n") or not text else text + "\n")
        + tail
        + _statement(chance, image, save)
    )


def _starts_line(lines: list[str], end: int) -> bool:
    return 0 < end <= len(lines) and lines[end - 1].endswith("\n") and "\\" not in lines[end - 1]


def _statement(chance: random.Random, image: str, save: str) -> str:
    shape = chance.choice(SHAPES).replace("{image}", image).replace("{object}", save)
    return shape.replace("{a}", chance.choice(ARGUMENTS))


class _Blank(ast.NodeTransformer):
    """Takes out what a fix may change: the imports, and what is saved how by whom."""

    def _import(self, node: ast.Import | ast.ImportFrom) -> ast.AST | None:
        names = [
            alias
            for alias in node.names
            if alias.name.partition(".")[0] not in ("torch", "torchvision", "save", "save_image")
            and alias.name not in HELPERS
        ]
        return ast.Import(names) if names else None

    visit_Import = visit_ImportFrom = _import

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = ast.unparse(node.func)
        if name in HELPERS or name in {name for pair in CALLS for name in pair}:
            return ast.Name("SAVED")
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        call = node.value
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "str" and call.args:
            call = call.args[0]
        if isinstance(call, ast.Call) and ast.unparse(call.func) in HELPERS:
            return ast.Expr(ast.Name("SAVED"))
        return self.generic_visit(node)


def outside(source: str) -> str:
    return ast.dump(_Blank().visit(ast.parse(source)))


@given(source=hypothesmith.from_grammar(), seed=st.integers(0, 2**32))
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_modules(source: str, seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            before = with_saves(source, seed)
            ast.parse(before)
            round_trip = parse(before).code == before
        except (SyntaxError, ValueError, Unparsable):
            event("no module")
            return
        options = FixOptions(accept=lambda _finding: True, unsafe=True)
        result = fix_source(before, options=options)
        event("fixed" if result.changed else "nothing to fix")
        if not round_trip:
            assert result.code == before
            return
        compile(result.code, "<generated>", "exec", dont_inherit=True)
        assert fix_source(result.code, options=options).code == result.code
        assert outside(result.code) == outside(before)
        assert result.changed == (result.code != before)
