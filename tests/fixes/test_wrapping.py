"""The fix for values that wrap around: they are clamped before the conversion."""

from __future__ import annotations

import pytest
from fixing import dedent, fix

SCRIPT = """
import numpy as np
import torch
from torchvision.io import write_png
from torchvision.transforms.functional import pil_to_tensor, to_pil_image

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
        (
            "x = (image * 255).numpy()\n    write_png(torch.from_numpy(np.uint8(x)), path)",
            "np.uint8(np.clip(x, 0, 255))",
        ),
        (
            "x = np.array(image.numpy() * 255, dtype=np.uint8)\n"
            "    write_png(torch.from_numpy(x), path)",
            "np.array(np.clip(image.numpy() * 255, 0, 255), dtype=np.uint8)",
        ),
        ("write_png(pil_to_tensor(to_pil_image(image)), path)", "to_pil_image(image.clamp(0, 1))"),
        (
            "write_png(pil_to_tensor(to_pil_image(image * 2)), path)",
            "_image((image * 2).clamp(0, 1))",
        ),
        (
            "x = (image * 255).type(torch.uint8)\n    write_png(x, path)",
            "* 255).clamp(0, 255).type(",
        ),
    ],
)
def test_values_are_clamped_before(before: str, after: str) -> None:
    source = dedent(SCRIPT.format(lines=before))
    (finding,) = fix(source, codes="SVI209").left
    assert finding.fix == "unsafe"
    assert after in fix(source, codes="SVI209", unsafe=True).code
