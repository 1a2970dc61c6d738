"""The fix for values that wrap around: they are clamped before the conversion."""

from __future__ import annotations

import pytest
from fixing import dedent, fix

SCRIPT = """
import numpy as np
import torch
from torchvision.io import write_png

def save(model, path):
    image = torch.tanh(model())
    {lines}
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("write_png((image * 255).byte(), path)", "(image * 255).clamp(0, 255).byte()"),
        ("x = image * 255\n    write_png(x.to(torch.uint8), path)", "x.clamp(0, 255).to("),
        (
            "x = (image * 255).numpy().astype(np.uint8)\n    write_png(torch.from_numpy(x), path)",
            ".numpy().clip(0, 255).astype(np.uint8)",
        ),
    ],
)
def test_values_are_clamped_before(before: str, after: str) -> None:
    source = dedent(SCRIPT.format(lines=before))
    (finding,) = fix(source, codes="SVI209").left
    assert finding.fix == "unsafe"
    assert after in fix(source, codes="SVI209", unsafe=True).code
