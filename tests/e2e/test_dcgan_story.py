"""The whole story: a GAN loses its samples, the fix is run, the GAN runs again, all are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch

SCRIPT = Path(__file__).parents[2] / "fixtures" / "e2e" / "dcgan.py"
EPOCHS = 3
# A debugger would see what is saved at each call; the script itself is not touched.
WATCH = """\
import runpy, sys, torch, torchvision

saved = []

def keep(owner, name):
    original = getattr(owner, name)

    def save(obj, *args, **kwargs):
        tensor = torch.is_tensor(obj)
        saved.append(obj.detach().clone() if tensor else {k: v.clone() for k, v in obj.items()})
        return original(obj, *args, **kwargs)

    setattr(owner, name, save)

where, sys.argv = sys.argv[1], sys.argv[2:]
write = torch.save
if where == "before":
    keep(torchvision.utils, "save_image")
    keep(torch, "save")
else:
    from flake8_saveimage import runtime

    keep(runtime, "safe_save_image")
    keep(runtime, "safe_save")
runpy.run_path(sys.argv[0], run_name="__main__")
write(saved, "saved.pt")
"""


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flake8_saveimage", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def train(folder: Path, where: str) -> list[object]:
    """Run the script and return what it passed to its save calls."""
    import torch

    script = folder / "dcgan.py"
    (folder / "watch.py").write_text(WATCH)
    done = subprocess.run(
        [sys.executable, "watch.py", where, str(script), "--epochs", str(EPOCHS), "--outf", "out"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    saved = torch.load(folder / "saved.pt", weights_only=True)
    assert isinstance(saved, list)
    return saved


def pixels(batch: object) -> list[object]:
    """The pixels of a batch in [0, 1] as torchvision lays them out, two in a row."""
    import torch
    from torchvision.utils import make_grid

    assert isinstance(batch, torch.Tensor)
    grid = make_grid(batch, nrow=2)
    return grid.mul(255).add(0.5).clamp(0, 255).to(torch.uint8).tolist()


def files(folder: Path, pattern: str) -> list[Path]:
    return sorted((folder / "out").glob(pattern))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SCRIPT, tmp_path / "dcgan.py")
    return tmp_path


def test_the_script_loses_images_and_the_fixed_one_keeps_them_all(folder: Path) -> None:
    import torch
    from torchvision.io import read_image

    # as it is: 2 x 3 real samples, 2 x 3 fakes and 3 checkpoints are saved; 1, 2 and 1 remain
    before = train(folder, "before")
    assert len(before) == EPOCHS * 5
    assert [len(files(folder, name)) for name in ("real*", "fake*", "netG*")] == [1, 2, 1]
    shutil.rmtree(folder / "out")

    # the checker says so
    done = command("check", "--isolated", "--format", "json", "dcgan.py", cwd=folder)
    assert done.returncode == 1, done.stderr
    for code in ("SVI101", "SVI102", "SVI201"):
        assert code in done.stdout

    # the fix mends everything, the second time there is nothing left to do
    done = command("fix", "--isolated", "dcgan.py", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    fixed = (folder / "dcgan.py").read_bytes()
    assert command("fix", "--isolated", "dcgan.py", cwd=folder).returncode == 0
    assert (folder / "dcgan.py").read_bytes() == fixed
    assert command("check", "--isolated", "dcgan.py", cwd=folder).returncode == 0

    # again: the same training, and every image and checkpoint is there
    after = train(folder, "after")
    assert len(after) == len(before)
    for one, other in zip(before, after, strict=True):
        if isinstance(one, torch.Tensor):
            assert torch.equal(one, other)
    counts = [len(files(folder, name)) for name in ("real*", "fake*", "netG*")]
    assert counts == [2 * EPOCHS, 2 * EPOCHS, EPOCHS]

    images = [value for value in after if isinstance(value, torch.Tensor)]
    on_disk = {
        name: sorted(read_image(str(path)).tolist() for path in files(folder, name))
        for name in ("real*", "fake*")
    }
    assert on_disk["real*"] == sorted(pixels(image) for image in images[::2])
    assert on_disk["fake*"] == sorted(pixels((image + 1) / 2) for image in images[1::2])
    states = [torch.load(path, weights_only=True) for path in files(folder, "netG*")]
    weights = sorted(state["main.0.weight"].flatten().tolist() for state in states)
    expected = [value for value in after if isinstance(value, dict)]
    assert weights == sorted(state["main.0.weight"].flatten().tolist() for state in expected)
