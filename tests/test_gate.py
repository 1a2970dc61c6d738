"""The gate may only refuse files that hold no save call: every form of one must pass."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from flake8_saveimage.knowledge.writers import EVERYTHING
from flake8_saveimage.source.gate import text_may_save, tree_may_save

FIXTURES = sorted((Path(__file__).parent.parent / "fixtures").glob("SVI*/fires/*.py"))

PASS = [
    "import torch\ntorch.save(x, 'a')",
    "import torch as th\nth.save(x, 'a')",
    "import os, torch\ntorch.save(x, 'a')",
    "import os, \\\n    torch as th\nth.save(x, 'a')",
    "from torch import save\nsave(x, 'a')",
    "from torch import save; save(x, 'a')",
    "from torch import nn, \\\n    save\nsave(x, 'a')",
    "import torch  as th\nth.save(x, 'a')",
    "from torch import save as s\ns(x, 'a')",
    "from torch import (\n    load,\n    save,\n)\nsave(x, 'a')",
    "from torch.serialization import save\nsave(x, 'a')",
    "import torch.serialization as ts\nts.save(x, 'a')",
    "from torch import serialization\nserialization.save(x, 'a')",
    "from torch import *\nsave(x, 'a')",
    "import torchvision\ntorchvision.utils.save_image(x, 'a')",
    "import torchvision as tv\ntv.utils.save_image(x, 'a')",
    "import torchvision.utils as vutils\nvutils.save_image(x, 'a')",
    "from torchvision import utils\nutils.save_image(x, 'a')",
    "from torchvision import utils as u\nu.save_image(x, 'a')",
    "from torchvision.utils import save_image\nsave_image(x, 'a')",
    "from torchvision.utils import make_grid, save_image as si\nsi(x, 'a')",
    "from torchvision.utils import *\nsave_image(x, 'a')",
    "from utils import *\ntorch.save(x, 'a')",
    "import torch\ns = torch.save\ns(x, 'a')",
    "import torch\ntorch.utils.save_image(x, 'a')",
    "def f():\n    import torch\n    torch.save(x, 'a')",
    "import torch\nx = '#'; torch.save(x, 'a')",
    "import torch\nx = \"it's\"; torch.save(x, 'a')  # don't",
    "import torch\n'''doc \\''' more'''\ntorch.save(x, 'a')",
    "import torch\r\nif x:\r\n\ttorch.save(x, 'a')",
    "from torch import (load,  # for reading (later)\n    save)\nsave(x, 'a')",
    "import torch\nprint(f\"{torch.save(x, 'a')}\")",
    "import torch\nprint(f\"{a} {b or torch.save({}, 'a')}\")",
    "import torch\n(torch\n # why\n .save(x, 'a'))",
    "import torch\n(torch  # why\n .save(x, 'a'))",
    "import torch\ntorch \\\n .save(x, 'a')",
    "import torch\ntorch. \\\n  save(x, 'a')",
    "from \\\n torch import save\nsave(x, 'a')",
    "from torch \\\n import save\nsave(x, 'a')",
    "import torch \\\n as th\nth.save(x, 'a')",
    "import torch as \\\n th\nth.save(x, 'a')",
    "from\x0ctorch import save\nsave(x, 'a')",
    "import torch\nx = torch\nx.save(x, 'a')",
    "import torch;x=torch;x.save(1, 'a')",
    "import torch.serialization\ntorch . serialization . save(x, 'a')",
    "import torch as th\nth.jit.trace(x).save('a')",
    "import torch\nfrom torch.jit import script as s\ny = s(x)\ny.save('a')",
    "import accelerate\na = accelerate.Accelerator()\na.save(x, 'a')",
    "from lightning import *\nTrainer().save_checkpoint('a')",
]

REFUSE = [
    "",
    "import torch\nprint('torch.save(x)')",
    "import torch\n# torch.save(x, 'a')",
    'import torch\ndef f():\n    """Use torch.save(x, path)."""',
    "import numpy as np\nnp.save('a', x)",
    "from PIL import Image\nimage.save('torch.png')",
    "from mylib import save_image\nsave_image(x, 'a')  # torch",
    "import torch\nmodel.save('a')",
    "import torch\nself.save_image(x, 'a')",
    "from torch import save\n__all__ = ['save']",
    "from torch.serialization import load as load, save as save",
    "from torch.distributed.checkpoint import save\nsave(x)",
    "import accelerate\nmodel.save('a')",
    "from accelerate import Accelerator\naccelerator.save_state('a')",
    "import torch\nline = f\"torch.save({x}, '{path}')\"",
]


@pytest.mark.parametrize("source", PASS)
def test_every_form_of_a_save_call_passes(source: str) -> None:
    assert text_may_save(source)
    assert tree_may_save(ast.parse(source))


@pytest.mark.parametrize("source", REFUSE)
def test_files_that_save_nothing_are_refused(source: str) -> None:
    assert not text_may_save(source)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_fixtures_with_findings_pass(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert text_may_save(source, EVERYTHING)
    assert tree_may_save(ast.parse(source), EVERYTHING)


def test_the_gate_imports_nothing_heavy() -> None:
    code = "import sys, flake8_saveimage.source.gate; print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; sys.path[:0] = " + repr(sys.path) + "; " + code],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for module in ("libcst", "torch", "flake8'", "argparse"):
        assert module not in loaded


LONG = {
    "attributes": "torch.a\n",
    "open imports": "from a import (\n",
    "open imports of torch": "torch import (a\n",
    "imports on one line": "torch import ",
    "blanks": "torch  ",
    "format strings": "f'{",
    "comments": "torch # ",
}


@pytest.mark.parametrize("piece", LONG.values(), ids=LONG)
def test_no_text_takes_more_than_linear_time(piece: str) -> None:
    """Quadratic, these would take hours: no clock is needed to see that."""
    head = "import torch\nx = save\n# torch.save\n"
    for text in (head + piece * 100_000, head.replace("torch.save", "save") + piece * 100_000):
        text_may_save(text)
