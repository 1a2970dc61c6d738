"""The screen may only refuse files in which no rule that is on by default finds anything."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path
from textwrap import dedent, indent

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.rules import all_rules
from flake8_saveimage.source.screen import may_be_reported

CODES = frozenset(rule.code for rule in all_rules() if rule.default)
FIXTURES = sorted((Path(__file__).parent.parent / "fixtures").rglob("*.py"))

PLAIN = {
    "buffer": """
        def pack(x):
            buffer = io.BytesIO()
            torch.save(x, buffer)
            return buffer.getvalue()
    """,
    "two buffers of one name": """
        def pack(x, y):
            for part in (x, y):
                b = io.BytesIO()
                torch.save(part, b)
                use(b)
            b = io.BytesIO()
            torch.save(y, b, _use_new_zipfile_serialization=False)
    """,
    "method": """
        class Storage:
            def __reduce__(self):
                b = io.BytesIO()
                torch.save(self, b)
                return load, (b.getvalue(),)
    """,
    "temporary file": """
        def test_roundtrip(model):
            for device in devices():
                with tempfile.NamedTemporaryFile() as tmp:
                    if windows:
                        torch.save(model, tmp)
                    else:
                        torch.save(model, tmp.name)
    """,
    "function in a loop": """
        for case in cases:
            class Test:
                async def test(self):
                    b = io.BytesIO()
                    for part in parts:
                        torch.save(part, f=b)
    """,
    "other saves": """
        def pack(model, path):
            model.save(path)
            torch.jit.save(model, "model.pt")
            b = io.BytesIO()
            torch.save(model, b)
    """,
    "table of functions": """
        def overridable():
            table = {torch.save: lambda obj, f: -1}
            return {torch.load, torch.save, *table}
    """,
    "torch passed on": """
        def pack(x):
            getattr(torch, "save")
            b = io.BytesIO()
            torch.save(x, b)
    """,
}

SAVE = "def f(x):\n    b = io.BytesIO()\n    torch.save(x, b)\n"
LOOKED_AT = {
    "module level": "b = io.BytesIO()\ntorch.save(x, b)",
    "image": SAVE + "def g(x, path):\n    torchvision.utils.save_image(x, path)",
    "imported": SAVE + "from torch import save\ndef g(x, path):\n    save(x, path)",
    "renamed function": SAVE + "write = torch.save\ndef g(x, path):\n    write(x, path)",
    "renamed module": SAVE + "th = torch\ndef g(x, path):\n    th.save(x, path)",
    "imported as": SAVE + "import torch as th\ndef g(x, path):\n    th.save(x, path)",
    "serialization": SAVE + "def g(x, path):\n    torch.serialization.save(x, path)",
    "path": SAVE + "def g(x, path):\n    torch.save(x, path)",
    "opened": "def f(x, path):\n    with open(path, 'wb') as b:\n        torch.save(x, b)",
    "opened by us": "def f(x, path):\n    b = reserve(path)\n    torch.save(x, b)",
    "rebound": "def f(x):\n    b = io.BytesIO()\n    b = 'm.pt'\n    torch.save(x, b)",
    "rebound in a branch": "def f(x):\n    b = io.BytesIO()\n    if x:\n        b = 'm.pt'\n"
    "    torch.save(x, b)",
    "rebound in a loop": "def f(xs):\n    b = io.BytesIO()\n    for x in xs:\n"
    "        torch.save(x, b)\n        b = 'm.pt'",
    "of a branch": "def f(x, b):\n    if x:\n        b = io.BytesIO()\n    torch.save(x, b)",
    "global": "b = 'm.pt'\ndef f(x):\n    global b\n    b = io.BytesIO()\n    torch.save(x, b)",
    "of the function around": "def f(b):\n    b = io.BytesIO()\n    def g(x):\n"
    "        torch.save(x, b)",
    "name of a path": "def f(x):\n    b = reserve()\n    torch.save(x, b.name)",
    "starred": "def f(*args):\n    torch.save(*args)",
    "hidden": "def f(x, **kwargs):\n    torch.save(x, **kwargs)",
    "passed on": "def f(x):\n    run(torch.save, x)",
    "in a format string": SAVE + "f\"{torch.save(x, 'm.pt')}\"",
    "does not parse": SAVE + "    =",
    "tabs": SAVE.replace("    ", "\t"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_saves_are_refused(name: str) -> None:
    source = "import io, os, tempfile, torch\n" + dedent(PLAIN[name])
    ast.parse(source)
    assert not may_be_reported(source, CODES)
    assert analyse(source, codes=CODES) == []


@pytest.mark.parametrize("name", LOOKED_AT)
def test_others_are_looked_at(name: str) -> None:
    assert may_be_reported("import io, torch, torchvision\n" + LOOKED_AT[name], CODES)


def test_rules_about_what_is_saved_see_every_file() -> None:
    source = "import io, torch\n" + dedent(PLAIN["buffer"])
    for code in ("SVI302", "SVI303"):
        assert may_be_reported(source, CODES | {code})
    assert not may_be_reported(source, frozenset())


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_that_is_found_is_refused(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    codes = frozenset(rule.code for rule in all_rules()) - {"SVI302", "SVI303"}
    assert may_be_reported(source, codes) or analyse(source, codes=codes) == []


TARGETS = (
    "path", "buffer", "file", "file.name", "buffer.name", "open(path, 'wb')", "str(file)",
)  # fmt: skip
BEFORE = (
    "pass", "buffer = io.BytesIO()", "buffer = io.BytesIO()\nbuffer = here", "file = path",
    "global buffer\nbuffer = io.BytesIO()", "file = tempfile.TemporaryFile()",
    "file = open(path, 'wb')", "if here:\n    buffer = io.BytesIO()", "del buffer",
    "buffer = path\nbuffer: object = io.BytesIO()", "buffer, file = io.BytesIO(), path",
)  # fmt: skip
AROUND = (
    "{}", "for _ in range(3):\n{}", "with open(path, 'wb') as file:\n{}", "if here:\n{}",
    "with tempfile.NamedTemporaryFile() as file:\n{}", "with here as buffer:\n{}",
    "with tempfile.NamedTemporaryFile() as file:\n    file = path\n{}",
    "while True:\n    buffer = next(it)\n{}", "for buffer in xs:\n{}",
    "try:\n    buffer = io.BytesIO()\nfinally:\n{}", "def inner(buffer, *file):\n{}",
    "with io.BytesIO() as buffer, open(path) as file:\n{}",
)  # fmt: skip
AFTER = (
    "", "buffer = path", "for i in range(3):\n    work(i, 'x.pt')",
    "class C:\n    def forward(self, x):\n        work(x, 'x.pt')",
)  # fmt: skip


def program(target: str, before: str, around: str, after: str) -> str:
    """Return a program with one save."""
    save = f"torch.save(x, {target})"
    body = around.format(indent(save, "    ") if around != "{}" else save)
    function = "def work(x, path, buffer='d.pt'):\n" + indent(f"{before}\n{body}", "    ")
    return f"import io, os, tempfile, torch\nhere = 'here.pt'\n{function}\n{after}\n"


@pytest.mark.slow
def test_the_screen_agrees_with_the_rules_on_made_up_programs() -> None:
    codes = CODES | {"SVI106"}  # it asks where a file is, not whether it is overwritten
    refused = 0
    for parts in itertools.product(TARGETS, BEFORE, AROUND, AFTER):
        source = program(*parts)
        if not may_be_reported(source, codes):
            refused += 1
            assert analyse(source, codes=codes) == [], source
    assert refused > 200
