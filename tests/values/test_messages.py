"""The messages: the proof, what will happen, what to do, on one line."""

from __future__ import annotations

import pytest

from flake8_saveimage.check.analysis import analyse

HEAD = """\
import torch
from torchvision import transforms
from torchvision.io import read_image
from torchvision.utils import save_image

def run(net, x, pil, path):
"""


def messages(*lines: str) -> list[str]:
    source = HEAD + "".join(f"    {line}\n" for line in lines)
    return [f"{f.code} {f.message}" for f in analyse(source) if f.code[3] in "23"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["out = torch.tanh(net(x))", "save_image(out, path)"],
            "SVI201 values lie in [-1, 1] (tanh at line 7): values below 0 are saved as black;"
            " pass normalize=True, value_range=(-1, 1)",
        ),
        (
            ["out = net(x).sigmoid() * 255", "save_image(out, path)"],
            "SVI201 values lie in [0, 255] (* 255 at line 7): values above 1 are saved as white;"
            " divide by 255",
        ),
        (
            ["x = torch.randn(3, 8, 8)", "save_image(x, path)"],
            "SVI201 the image is normally distributed noise (randn at line 7): values below 0 are"
            " saved as black, values above 1 as white; rescale it to [0, 1] to show it",
        ),
        (
            [
                "n = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])",
                "save_image(n(transforms.ToTensor()(pil)), path)",
            ],
            "SVI201 values lie in [-2.118, 2.64] (Normalize at line 7): values below 0 are saved"
            " as black, values above 1 as white; undo the normalization (x * std + mean) before"
            " saving",
        ),
        (
            ["save_image(transforms.Normalize(net.mean, net.std)(x), path)"],
            "SVI201 values are no longer in [0, 1] (Normalize at line 7): values below 0 are saved"
            " as black, values above 1 as white; undo the normalization (x * std + mean) before"
            " saving",
        ),
        (
            ["save_image(read_image(path), path)"],
            "SVI202 the tensor is uint8: save_image raises RuntimeError; convert it with"
            " .float() / 255",
        ),
        (
            ["save_image(x > 0, path)"],
            "SVI202 the tensor is bool: save_image raises RuntimeError; convert it with .float()",
        ),
        (
            ["save_image(torch.tanh(x), path, normalize=True)"],
            "SVI204 normalize=True without value_range= stretches each batch to its own minimum"
            " and maximum, so colours differ between files; add value_range=(-1, 1)",
        ),
        (
            ["save_image(x, path, normalize=True, range=(-1, 1))"],
            "SVI205 range= was removed from save_image: this call raises TypeError;"
            " write value_range=",
        ),
        (
            ["torch.save(torch.zeros(9)[:2], path)"],
            "SVI302 a slice is saved with the whole storage that it is a view of;"
            " save its .clone() instead",
        ),
        (
            ["with open(path, 'wb') as f:", "    torch.save(x, f)", "    torch.save(net, f)"],
            "SVI303 this file is still open from the torch.save at line 8: only one of several"
            " archives in a file can be loaded; save one dict, or one file for each object",
        ),
    ],
)
def test_message(lines: list[str], message: str) -> None:
    assert messages(*lines) == [message]


def test_messages_are_one_line() -> None:
    for message in messages("save_image(x, path)", "save_image(x, path, value_range=(0, 1))"):
        assert "\n" not in message
        assert "; " in message
