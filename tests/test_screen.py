"""The screen may only refuse files in which no rule that is on by default finds anything."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path
from textwrap import dedent, indent

import pytest

from flake8_saveimage.analysis import analyse
from flake8_saveimage.rules import all_rules
from flake8_saveimage.screen import may_be_reported

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
    "parameter": """
        def export(x, path):
            torch.save(x, path)
    """,
    "below a folder": """
        async def export(x, folder, *, name):
            target = os.path.join(folder, f"{name}.pt")
            torch.save(x, f=target)
    """,
    "opened": """
        def export(x, path):
            with open(path / "weights.pt", "wb") as file:
                torch.save(x, file)
    """,
    "other saves": """
        def export(model, path):
            model.save(path)
            torch.jit.save(model, "model.pt")
            torch.save(model, path)
    """,
    "numbered": """
        def export(xs, path):
            prefix = somewhere(path)
            folder = f"{prefix}/{path}"
            for i, x in enumerate(xs):
                torch.save(x, f"{folder}/{i}.pt")
    """,
    "called once": """
        class Writer:
            def write_one(self, x, path):
                torch.save(x, path)

            def write_it(self, x):
                self.write_one(x, "model.pt")
    """,
    "table of functions": """
        def overridable():
            table = {torch.save: lambda obj, f: -1}
            return {torch.load, torch.save, *table}
    """,
    "torch passed on": """
        def export(x, path):
            getattr(torch, "save")
            torch.save(x, path)
    """,
}

LOOKED_AT = {
    "module level": "torch.save(x, path)",
    "image": "def f(x, path):\n    torchvision.utils.save_image(x, path)",
    "imported": "from torch import save\ndef f(x, path):\n    save(x, path)",
    "renamed function": "write = torch.save\ndef f(x, path):\n    write(x, path)",
    "renamed module": "th = torch\ndef f(x, path):\n    th.save(x, path)",
    "imported as": "import torch as th\ndef f(x, path):\n    th.save(x, path)",
    "serialization": "def f(x, path):\n    torch.serialization.save(x, path)",
    "constant": "def f(x):\n    torch.save(x, 'model.pt')",
    "default": "def f(x, path='model.pt'):\n    torch.save(x, path)",
    "loop": "def f(xs, path):\n    for x in xs:\n        torch.save(x, path)",
    "comprehension": "def f(xs, path):\n    [torch.save(x, path) for x in xs]",
    "loop around": "for x in xs:\n    def f(path):\n        torch.save(x, path)",
    "called": "def f(x, path):\n    torch.save(x, path)\nfor x in xs:\n    f(x, 'm.pt')",
    "called by a hook": "def f(x, p):\n    torch.save(x, p)\n"
    "class M:\n    def forward(self, x):\n        f(x, 'm.pt')",
    "called in a loop further out": "def f(x, p):\n    torch.save(x, p)\n"
    "def g(x):\n    f(x, 'm.pt')\nfor x in xs:\n    g(x)",
    "calls itself": "def f(x, p):\n    torch.save(x, p)\n    f(x, p)",
    "initialiser": "class C:\n    def __init__(self, x, path):\n        torch.save(x, path)",
    "passed on": "def f(x, p):\n    torch.save(x, p)\nfor x in xs:\n    run(f, x, 'm.pt')",
    "starts over": "def f(xs, p):\n    for _ in xs:\n        for i, x in enumerate(xs):\n"
    "            torch.save(x, p + str(i))",
    "put together before": "def f(x, p):\n    a = 'm.pt'\n    b = a\n    a = p\n"
    "    torch.save(x, b)",
    "rebound": "def f(x, path):\n    path = 'm.pt'\n    torch.save(x, path)",
    "rebound buffer": "def f(x):\n    b = io.BytesIO()\n    b = 'm.pt'\n    torch.save(x, b)",
    "lacks its f": "def f(x, path):\n    torch.save(x, path + '/{x}.pt')",
    "twice": "def f(x, path):\n    torch.save(x, path)\n    torch.save(x, path)",
    "starred": "def f(*args):\n    torch.save(*args)",
    "in a format string": "def f(x, path):\n    torch.save(x, path)\nf\"{torch.save(x, 'm.pt')}\"",
    "does not parse": "def f(x, path):\n    torch.save(x, path)\n    =",
    "tabs": "def f(x, path):\n\ttorch.save(x, path)",
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


def test_rules_about_buffers_see_every_file() -> None:
    source = "import io, torch\n" + dedent(PLAIN["buffer"])
    for code in ("SVI106", "SVI302", "SVI303"):
        assert may_be_reported(source, CODES | {code})
    assert not may_be_reported(source, frozenset())


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_that_is_found_is_refused(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    codes = frozenset(rule.code for rule in all_rules()) - {"SVI106", "SVI302", "SVI303"}
    assert may_be_reported(source, codes) or analyse(source, codes=codes) == []


TARGETS = (
    "path", "self.path", "'m.pt'", "f'{path}.pt'", "f'{name}.pt'", "path + 'm.pt'", "name",
    "buffer", "file", "file.name", "os.path.join(path, 'm.pt')", "os.path.join(here, name)",
    "f'{path}{i}.pt'", "name + str(i)", "str(path)", "here", "default", "'{path}.pt'", "make(path)",
)  # fmt: skip
BEFORE = (
    "pass", "path = 'a'", "name = 'b'", "name = path + 'c'", "buffer = io.BytesIO()",
    "name = f'd{default}'", "buffer = io.BytesIO()\nbuffer = here", "name = '{path}'",
)  # fmt: skip
AROUND = (
    "{}", "for _ in range(3):\n{}", "with open(path, 'wb') as file:\n{}",
    "with tempfile.NamedTemporaryFile() as file:\n{}", "if here:\n{}",
    "while True:\n    name = next(it)\n{}",
    "for i in range(9):\n{}", "for i, _ in enumerate(xs):\n{}", "for i in xs:\n{}",
)  # fmt: skip
AFTER = (
    "", "for i in range(3):\n    work(i, 'x.pt')", "work(1, 'x.pt')",
    "def forward(self, x):\n    work(x, 'x.pt')", "for p in paths:\n    work(p, p)",
    "def g(x):\n    work(x, 'x.pt')", "def g(x):\n    work(x, 'x.pt')\nfor x in xs:\n    g(x)",
    "class C:\n    def on_epoch_end(self, x):\n        work(x, 'x.pt')",
    "def after_frame(x):\n    work(x, 'x.pt')", "run = work\nfor x in xs:\n    run(x, 'x.pt')",
)  # fmt: skip


def program(target: str, before: str, around: str, after: str) -> str:
    """Return a program with one save."""
    save = f"torch.save(x, {target})"
    nested = "{}" in around and around != "{}"
    body = around.format(indent(save, "    ") if nested else save)
    function = "def work(x, path, default='d.pt'):\n" + indent(f"{before}\n{body}", "    ")
    return f"import io, os, tempfile, torch\nhere = 'here.pt'\n{function}\n{after}\n"


@pytest.mark.slow
def test_the_screen_agrees_with_the_rules_on_made_up_programs() -> None:
    refused = 0
    for parts in itertools.product(TARGETS, BEFORE, AROUND, AFTER):
        source = program(*parts)
        if not may_be_reported(source, CODES, {"after_frame"}):
            refused += 1
            assert analyse(source, codes=CODES, hooks={"after_frame"}) == [], source
    assert refused > 500
