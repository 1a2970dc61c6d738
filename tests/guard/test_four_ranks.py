"""Four processes over gloo write one file; after SVI109's fix one of them writes it, and whole."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flake8_saveimage import FixOptions, fix_source

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(sys.platform == "win32", reason="gloo needs another store there"),
]
torch: Any = pytest.importorskip("torch")

UNGUARDED = """\
import torch
import torch.distributed as dist


def train(path):
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    weights = torch.full((200_000,), float(rank))
    torch.save({"rank": rank, "weights": weights}, path)
    dist.barrier()
    dist.destroy_process_group()


train("model.pt")
"""
Run = Callable[..., Any]
Write = Callable[..., Path]


def fixed() -> str:
    options = FixOptions(accept=lambda finding: finding.code == "SVI109", unsafe=True)
    result = fix_source(UNGUARDED, filename="train.py", options=options)
    assert 'ranks="zero"' in result.code
    return result.code


def report_of(python: Run, train: Path) -> tuple[int, set[int]]:
    """Run a script as four processes under the guard.

    Return how often files were saved, and the ranks that wrote one file together.
    """
    outcome = python(
        *("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"),
        *("-m", "flake8_saveimage.guard", "--format=json", "--output=r.json", train),
    )
    assert outcome.status == 0, outcome.err
    report = json.loads((train.parent / "r.json").read_text())
    assert report["incomplete"] is None
    return report["saves"], {w["rank"] for file in report["shared"] for w in file["writes"]}


def is_whole(path: Path) -> bool:
    """Whether the file holds what rank 0 saved, and nothing of another one."""
    loaded = torch.load(path, weights_only=True)
    return loaded["rank"] == 0 and bool((loaded["weights"] == 0).all())


def test_every_rank_writes_and_after_the_fix_one(
    script: Write, python: Run, tmp_path: Path
) -> None:
    assert report_of(python, script(UNGUARDED)) == (4, {0, 1, 2, 3})
    (tmp_path / "model.pt").unlink()
    assert report_of(python, script(fixed())) == (1, set())
    assert is_whole(tmp_path / "model.pt")


@pytest.mark.slow
def test_the_fixed_script_never_damages_the_file(
    script: Write, python: Run, tmp_path: Path
) -> None:
    train = script(fixed())
    for _ in range(int(os.environ.get("SAVEIMAGE_RUNS", "2"))):
        (tmp_path / "model.pt").unlink(missing_ok=True)
        assert report_of(python, train) == (1, set())
        assert is_whole(tmp_path / "model.pt")
        assert [path.name for path in tmp_path.glob("*.pt")] == ["model.pt"]
