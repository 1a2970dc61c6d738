"""Only what must change changes: bytes, line endings, comments, commas, the form of a call."""

# ruff: noqa: E501
from __future__ import annotations

import ast
import difflib

import pytest
from fixing import assert_fixed, dedent, fix

SCRIPT = dedent(
    """
    import torch

    def train(model, epochs):
        for epoch in range(epochs):
            torch.save(model, "model.bin")  # keep me
    """
)
FIXED = (
    SCRIPT.replace("torch.save(", "safe_save(")
    .replace('"model.bin")', '"model.bin", keep=3)')
    .replace("import torch\n", "from flake8_saveimage.runtime import safe_save\n")
)


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line for line in lines if line[0] in "-+"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_endings_stay(newline: str) -> None:
    assert fix(SCRIPT.replace("\n", newline)).code == FIXED.replace("\n", newline)


def test_mixed_line_endings_stay() -> None:
    before = SCRIPT.replace("epochs):\n", "epochs):\r\n")
    result = fix(before).code
    assert result.count("\r\n") == 2
    assert result.replace("\r\n", "\n") == FIXED


def test_tabs_stay() -> None:
    assert fix(SCRIPT.replace("    ", "\t")).code == FIXED.replace("    ", "\t")


def test_form_feed_coding_line_and_missing_last_newline_stay() -> None:
    head = "#!/usr/bin/env python\n# -*- coding: latin-1 -*-\n\x0c\n"
    before = head + SCRIPT.rstrip("\n").replace("keep me", "k\xe4ep")
    assert fix(before).code == head + FIXED.rstrip("\n").replace("keep me", "k\xe4ep")


def test_a_bom_that_is_part_of_the_text_stays() -> None:
    assert fix("\ufeff" + SCRIPT).code == "\ufeff" + FIXED


def test_text_without_findings_is_returned_as_it_is() -> None:
    source = "import torch\r\ntorch.save ( x , path_of(x) )\r"
    result = fix(source)
    assert result.code == source
    assert not result.changed


def test_only_the_call_and_the_import_change() -> None:
    lines = changed(SCRIPT, fix(SCRIPT).code)
    assert lines == [
        "- import torch\n",
        "+ from flake8_saveimage.runtime import safe_save\n",
        '-         torch.save(model, "model.bin")  # keep me\n',
        '+         safe_save(model, "model.bin", keep=3)  # keep me\n',
    ]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("save_image(x, p, value_range=(0, 1))", "save_image(x, p, value_range=(0, 1), normalize=True)"),
        ("save_image(x, p, value_range=(0, 1),)", "save_image(x, p, value_range=(0, 1), normalize=True,)"),
        (
            "save_image(x, p, value_range=(0, 1), normalize=False)",
            "save_image(x, p, value_range=(0, 1), normalize=True)",
        ),
        (
            "save_image(\n    x,\n    p,\n    value_range=(0, 1)\n)",
            "save_image(\n    x,\n    p,\n    value_range=(0, 1),\n    normalize=True\n)",
        ),
        (
            "save_image(\n    x,  # a\n    p,  # b\n    value_range=(0, 1),  # c\n)",
            "save_image(\n    x,  # a\n    p,  # b\n    value_range=(0, 1),  # c\n    normalize=True,\n)",
        ),
        (
            "save_image(x, p,\n           value_range=(0, 1))",
            "save_image(x, p,\n           value_range=(0, 1),\n           normalize=True)",
        ),
        ("save_image (x , p , range = (0, 1))", "save_image (x , p , value_range = (0, 1), normalize=True)"),
        ("save_image(x, p, **options)", "save_image(x, p, **options)"),
    ],
)  # fmt: skip
def test_arguments_are_added_as_the_others_are_written(call: str, expected: str) -> None:
    head = "from torchvision.utils import save_image\nx, p, options = load()\n"
    result = fix(head + call + "\n", unsafe=True, codes="SVI205 SVI206")
    assert result.code == head + expected + "\n"


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ('"ckpt_{epoch}.pth"', 'f"ckpt_{epoch}.pth"'),
        ("'ckpt_{epoch}.pth'", "f'ckpt_{epoch}.pth'"),
        ('r"ckpt_{epoch}.pth"', 'fr"ckpt_{epoch}.pth"'),
        ('"""ckpt_{epoch:03d}.pth"""', 'f"""ckpt_{epoch:03d}.pth"""'),
        ('out + "/ckpt_{epoch}.pth"', 'out + f"/ckpt_{epoch}.pth"'),
        ('"/a/" "ckpt_{epoch}.pth"', '"/a/" f"ckpt_{epoch}.pth"'),
    ],
)
def test_missing_f(literal: str, expected: str) -> None:
    before = (
        f"import torch\ndef train(out):\n  for epoch in range(3): torch.save(epoch, {literal})\n"
    )
    assert fix(before, codes="SVI108").code == before.replace(literal, expected)


def test_missing_f_of_a_constant_elsewhere_is_left_alone() -> None:
    source = dedent(
        """
        import torch
        NAME = "ckpt_{epoch}.pth"
        def train():
            for epoch in range(3):
                torch.save(epoch, NAME)
        """
    )
    result = fix(source, unsafe=True, codes="SVI108")
    assert result.code == source
    assert [finding.fix for finding in result.left] == [None]


def test_several_findings_are_one_edit() -> None:
    assert_fixed(
        """
        from torchvision.utils import save_image
        def dump(loader):
            for images in loader:
                save_image(images, filename="x.png", range=None)
        """,
        """
        from flake8_saveimage.runtime import safe_save_image
        def dump(loader):
            for images in loader:
                safe_save_image(images, fp="x.png", value_range=None, non_finite="zero")
        """,
    )


def test_nested_calls_are_both_edited() -> None:
    assert_fixed(
        """
        import torch
        for _ in range(3):
            torch.save(torch.save(1, "a.pt"), "b.pt")
        """,
        """
        import torch
        for _ in range(3):
            torch.save(torch.save(1, "a.pt"), "b.pt")
        """,
        codes="SVI000",
    )
    result = fix(
        'import torch\nfor _ in range(3):\n    torch.save(torch.save(1, "a.pt"), "b.pt")\n',
        unsafe=True,
    )
    assert 'safe_save(safe_save(1, "a.pt", keep=3), "b.pt", keep=3)' in result.code
    assert "import torch\n" not in result.code.replace("from flake8_saveimage.runtime", "")


def test_generator_argument_gets_its_brackets() -> None:
    before = "from torchvision.utils import save_image\nsave_image(x for x in ())\n"
    ast.parse(fix(before, unsafe=True).code)


def test_a_call_through_a_handle_is_not_fixed() -> None:
    source = dedent(
        """
        import torch
        for i in range(3):
            with open("model.bin", "wb") as file:
                torch.save(i, file)
        """
    )
    result = fix(source, unsafe=True)
    assert result.code == source
    assert [(finding.code, finding.fix) for finding in result.left] == [("SVI101", None)]


def test_a_call_in_a_format_string_is_left_alone() -> None:
    """Before Python 3.12 the quotes of what is added could end the string."""
    source = "import torch\nfor i in x:\n    print(f\"{torch.save(i, 'x.pt')}\")\n"
    result = fix(source, unsafe=True)
    assert not result.changed
    assert [(finding.code, finding.fix) for finding in result.left] == [("SVI101", None)]


def test_two_saves_of_one_conversion_are_one_edit() -> None:
    assert_fixed(
        """
        import torch
        from torchvision.io import write_png
        image = torch.tanh(x()) * 255
        pixels = image.byte()
        write_png(pixels, f"{out}/a.png")
        write_png(pixels, f"{out}/b.png")
        """,
        """
        import torch
        from torchvision.io import write_png
        image = torch.tanh(x()) * 255
        pixels = image.clamp(0, 255).byte()
        write_png(pixels, f"{out}/a.png")
        write_png(pixels, f"{out}/b.png")
        """,
        codes="SVI209",
        unsafe=True,
    )


def test_a_conversion_by_a_function_without_its_module_is_left() -> None:
    source = dedent(
        """
        import numpy as np
        import torch
        from numpy import uint8
        from torchvision.io import write_png
        write_png(torch.from_numpy(uint8(np.tanh(x()) * 255)), path)
        """
    )
    result = fix(source, codes="SVI209", unsafe=True)
    assert result.code == source
    assert [finding.reason for finding in result.left] == ["there is no fix for this call"]
