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
        ("'a\\x07b.png'", "'a\\x07b.png'"),
        ("f'{out}/" + "n" * 90 + ".png'", "'" + "n" * 77 + "...'"),
    ],
)
def test_names_of_files(path: str, name: str) -> None:
    found = messages("for i in range(epochs):", f"    save_image(x, {path})")
    assert found == [
        f"SVI101 {name} is overwritten on every iteration of the 'i' loop (line 6);"
        " add 'i' to the name, or use safe_save_image"
    ]


@pytest.mark.parametrize(
    ("loop", "named", "advice"),
    [
        ("for i, batch in enumerate(loader):", "'i, batch'", "'i'"),
        ("for i, batch in enumerate(tqdm(loader), 1):", "'i, batch'", "'i'"),
        ("for key, image in images.items():", "'key, image'", "'key'"),
        ("for epoch in tqdm(range(epochs)):", "'epoch'", "'epoch'"),
        ("for name in names:", "'name'", "'name'"),
        ("for c in ['a', 'b']:", "'c'", "'c'"),
        ("for batch in loader:", "'batch'", "an index from enumerate()"),
        ("for (a, b) in loader:", "'a, b'", "an index from enumerate()"),
        ("for (a, b), c in loader:", "'(a, b), c'", "an index from enumerate()"),
        ("for x.i in range(epochs):", "'x.i'", "a counter"),
        ("for _ in range(epochs):", "'for'", "a counter"),
        ("while net.busy():", "'while'", "a counter"),
    ],
)
def test_names_of_loops(loop: str, named: str, advice: str) -> None:
    assert messages(loop, "    save_image(net(x), f'{out}/y.png')") == [
        f"SVI101 'y.png' is overwritten on every iteration of the {named} loop (line 6);"
        f" add {advice} to the name, or use safe_save_image"
    ]


@pytest.mark.parametrize(
    ("outer", "inner", "advice"),
    [
        ("for epoch in range(9):", "for i, y in enumerate(loader):", "'epoch' and 'i'"),
        ("for epoch in range(9):", "for y in loader:", "'epoch' and an index from enumerate()"),
        ("while net.busy():", "for i in range(9):", "'i' and a counter"),
    ],
)
def test_nested_loops(outer: str, inner: str, advice: str) -> None:
    found = messages(outer, f"    {inner}", "        torch.save(net(y), f'{out}/y.pt')")
    assert [message.partition("; ")[2] for message in found] == [
        f"add {advice} to the name, or use safe_save"
    ]


@pytest.mark.parametrize(
    ("loop", "advice"),
    [("while net.busy():", "'n'"), ("for y in loader:", "'n'"), ("for _ in loader:", "'n'")],
)
def test_counter_in_the_body(loop: str, advice: str) -> None:
    found = messages(
        "n = 0", loop, "    net.work()", "    torch.save(net, f'{out}/y.pt')", "    n += 1"
    )
    assert [message.partition("; ")[2] for message in found] == [
        f"add {advice} to the name, or use safe_save"
    ]


def test_outer_loop() -> None:
    found = messages(
        "for epoch in range(epochs):",
        "    for i, y in enumerate(loader):",
        "        save_image(y, f'{out}/fake_{i}.png')",
    )
    assert found == [
        "SVI102 'fake_{i}.png' repeats on every iteration of the 'epoch' loop (line 6), which"
        " overwrites its files; add 'epoch' to the name, or use safe_save_image"
    ]


def test_calls() -> None:
    found = messages(
        "def sample(n):",
        "    save_image(net(x), f'{out}/sample.png')",
        "for epoch in range(epochs):",
        "    sample(3)",
    )
    assert found == [
        "SVI103 'sample.png' is overwritten by every call of 'sample' (line 9) in the 'epoch' loop"
        " (line 8); pass 'epoch' to 'sample' and add it to the name, or use safe_save_image"
    ]


def test_hooks() -> None:
    found = messages(
        "class Net(pl.LightningModule):",
        "    def validation_step(self, batch, index):",
        "        save_image(batch, 'val.png')",
    )
    assert found == [
        "SVI103 'val.png' is overwritten by every call of the hook 'validation_step';"
        " add the epoch or step to the name, or use safe_save_image"
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["save_image(x, 'x.png')"],
            "SVI104 'x.png' is overwritten by every run; take the folder from an argument,"
            " or use safe_save_image",
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, out + '/last.pt')"],
            "SVI105 'last.pt' is rewritten in place: a crash while saving loses the old file and"
            " the new one; write to a temporary file and os.replace it, or use safe_save(...,"
            ' if_exists="replace")',
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, f'{out}/{i % 10}.pt')"],
            "SVI106 '{...}.pt' varies only by a remainder (%): files with the same name overwrite"
            " each other; add a counter, or use safe_save",
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, f'{out}/{i // 10}.pt')"],
            "SVI106 '{...}.pt' varies only by a whole-number division (//): files with the same"
            " name overwrite each other; add a counter, or use safe_save",
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, f'{out}/{net.loss(i):.3f}.pt')"],
            "SVI106 '{loss}.pt' varies only by a rounded number: files with the same name"
            " overwrite each other; add a counter, or use safe_save",
        ),
        (
            ["torch.save(net, out + '/a.pt')", "torch.save(x, out + '/a.pt')"],
            "SVI107 'a.pt' was just written at line 6 and is overwritten here;"
            " give the two files different names",
        ),
        (
            ["for i in range(epochs):", "    torch.save(net, 'out/{i}_{x}.pt')"],
            "SVI108 '{i}_{x}.pt' contains {i}, {x}, but the f prefix is missing: every save writes"
            " one file with exactly this name; put an f before the quote",
        ),
    ],
)
def test_other_messages(lines: list[str], message: str) -> None:
    assert messages(*lines) == [message]
