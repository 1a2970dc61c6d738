"""The messages about paths: which loop, which file, what to do, on one line."""

from __future__ import annotations

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.rules import all_rules

HEAD = """\
import os
import torch
from torchvision.utils import save_image

def run(net, x, loader, out, epochs):
"""
CODES = {rule.code for rule in all_rules() if rule.code.startswith("SVI1")}


def messages(*lines: str) -> list[str]:
    source = HEAD + "".join(f"    {line}\n" for line in lines)
    return [f"{f.code} {f.message}" for f in analyse(source, codes=CODES)]


EACH = "path does not depend on the loop over "


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("out + '/x.png'", "'x.png'"),
        ("f'{out}/{x.name}_y.png'", "'{x}_y.png'"),
        ("os.path.join(out, 'a', 'b.png')", "'b.png'"),
        ("f'{out}.png'", "'{out}.png'"),
        ("out", "out"),
        ("'%s/%s_fake.png' % (out, x)", "'{x}_fake.png'"),
        ("'{}/{}.png'.format(out, 'a')", "'a.png'"),
        ("os.path.join(out, x.folder)", "os.path.join(out, x.folder)"),
        ("'a\\x07b.png'", "'a?b.png'"),
        ("f'{out}/" + "n" * 90 + ".png'", "'" + "n" * 77 + "...'"),
    ],
)
def test_names_of_files(path: str, name: str) -> None:
    found = messages("for i in range(epochs):", f"    save_image(x, {path})")
    assert found == [
        f"SVI101 {EACH}'i' (line 6): each pass overwrites {name};"
        " add 'i' to the name, or use flake8_saveimage.runtime"
    ]


@pytest.mark.parametrize(
    ("loop", "named", "advice"),
    [
        ("for i, batch in enumerate(loader):", "the loop over 'i, batch'", "add 'i' to the name"),
        ("for (a, b) in loader:", "the loop over 'a, b'", "add 'a' to the name"),
        ("for (a, b), c in loader:", "the loop over '(a, b), c'", "add 'a' to the name"),
        ("for _ in range(epochs):", "the loop over '_'", "number the names"),
        ("for x.i in range(epochs):", "the loop over 'x.i'", "number the names"),
        ("while net.busy():", "the 'while' loop", "number the names"),
    ],
)
def test_names_of_loops(loop: str, named: str, advice: str) -> None:
    assert messages(loop, "    save_image(net(x), f'{out}/y.png')") == [
        f"SVI101 path does not depend on {named} (line 6): each pass overwrites 'y.png';"
        f" {advice}, or use flake8_saveimage.runtime"
    ]


def test_outer_loop() -> None:
    found = messages(
        "for epoch in range(epochs):",
        "    for i, y in enumerate(loader):",
        "        save_image(y, f'{out}/fake_{i}.png')",
    )
    assert found == [
        "SVI102 path 'fake_{i}.png' starts over in each pass of the loop over 'epoch' (line 6):"
        " the files of the pass before are overwritten;"
        " add 'epoch' to the name, or use flake8_saveimage.runtime"
    ]


def test_calls() -> None:
    found = messages(
        "def sample(n):",
        "    save_image(net(x), f'{out}/sample.png')",
        "for epoch in range(epochs):",
        "    sample(3)",
    )
    assert found == [
        "SVI103 path is the same in every call of 'sample', which the loop over 'epoch' (line 8)"
        " calls again and again (line 9): each call overwrites 'sample.png';"
        " pass in what tells the calls apart, or use flake8_saveimage.runtime"
    ]


def test_hooks() -> None:
    found = messages(
        "class Net(pl.LightningModule):",
        "    def validation_step(self, batch, index):",
        "        save_image(batch, 'val.png')",
    )
    assert found == [
        "SVI103 path is the same in every call of the hook 'validation_step': each call overwrites"
        " 'val.png'; add the epoch or step to the name, or use flake8_saveimage.runtime"
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["save_image(x, 'x.png')"],
            "SVI104 constant path: every run overwrites 'x.png'; take the folder from an argument,"
            " or use flake8_saveimage.runtime, which never overwrites",
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, out + '/last.pt')"],
            "SVI105 'last.pt' is rewritten in place: a crash in the middle of a save loses the old"
            " file and the new one; write beside it and os.replace, or use safe_save(...,"
            ' if_exists="replace")',
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, f'{out}/{i % 10}.pt')"],
            "SVI106 names of '{...}.pt' are told apart only by a remainder (%): those that come"
            " again overwrite each other; add a counter, or use flake8_saveimage.runtime",
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, f'{out}/{i // 10}.pt')"],
            "SVI106 names of '{...}.pt' are told apart only by a whole-number division (//): those"
            " that come again overwrite each other; add a counter, or use flake8_saveimage.runtime",
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, f'{out}/{net.loss(i):.3f}.pt')"],
            "SVI106 names of '{loss}.pt' are told apart only by a rounded number: those that"
            " come again overwrite each other; add a counter, or use flake8_saveimage.runtime",
        ),
        (
            ["torch.save(net, out + '/a.pt')", "torch.save(x, out + '/a.pt')"],
            "SVI107 'a.pt' was just written at line 6: this save destroys it;"
            " give the two files different names",
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, 'out/{i}_{x}.pt')"],
            "SVI108 '{i}_{x}.pt' holds {i}, {x} but is no f-string: every save writes one file,"
            " literally named so; put an f before the quote",
        ),
    ],
)
def test_other_messages(lines: list[str], message: str) -> None:
    assert messages(*lines) == [message]
