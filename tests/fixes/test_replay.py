"""``benchmarks/replay.py``: what it finds in small projects, fixed well and badly."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from fixing import dedent

pytestmark = pytest.mark.torch

TRAIN = """
import os
import torch
from torchvision.utils import save_image

def train(out):
    folder = os.path.join(out, "images")
    for epoch in range(9):
        torch.save(epoch, f"{out}/model.pt")
        torch.save(epoch, "%s/model_%d.pt" % (out, epoch))
        save_image(make(epoch), folder + "/sample.png")
"""
EVALUATE = 'import torch\n\ndef load(out):\n    return torch.load(f"{out}/model.pt")\n'


@pytest.fixture(scope="module")
def replay() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "replay.py"
    spec = importlib.util.spec_from_file_location("replay", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["replay"] = module
    spec.loader.exec_module(module)
    return module


def project(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(dedent(text))
    return folder


def test_fixes_that_no_reader_notices(replay: ModuleType, tmp_path: Path) -> None:
    files = {"train.py": TRAIN, "evaluate.py": EVALUATE, "pyproject.toml": ""}
    before, after = project(tmp_path / "before", files), project(tmp_path / "after", files)
    replay.fix(after)
    code = (after / "train.py").read_text()
    assert code.count("safe_save(") == code.count("safe_save_image(") == 1
    assert list(replay.violations(before, after, tmp_path)) == []


@pytest.mark.parametrize(
    ("fixed", "reader", "noticed"),
    [
        ('safe_save(epoch, f"{out}/model.pt", keep=3)', "", "out/model_1.pt is None, was 1.1"),
        ('safe_save(epoch, f"{out}/model.pt", if_exists="unique")', "", "out/model.pt is 0.0, was"),
        ('torch.save(epoch, f"{out}/model.pth")', "", "out/model.pt is None"),
        ('safe_save(epoch, f"{out}/model.pt")', "os.listdir(args.out)", "read.py:1 lists out/"),
        ('safe_save(epoch, f"{out}/model.pt")', "glob.glob(out + '/*.pt')", "lists out/model_"),
        ('safe_save(epoch, f"{out}/model.pt")', "Path(out).rglob('*.pt')", "lists out/model_"),
    ],
)
def test_fixes_that_a_reader_notices(
    fixed: str, reader: str, noticed: str, replay: ModuleType, tmp_path: Path
) -> None:
    train = TRAIN if not reader else TRAIN.replace("%s/model_%d", "%s/weights_%d")
    files = {"train.py": train, "read.py": reader}
    before = project(tmp_path / "before", files)
    files["train.py"] = train.replace('torch.save(epoch, f"{out}/model.pt")', fixed)
    after = project(tmp_path / "after", files)
    found = list(replay.violations(before, after, tmp_path))
    assert any(noticed in violation for violation in found), found
