"""When a fix is safe: the path keeps its meaning, and nothing notices the older files beside it."""

# ruff: noqa: E501
from __future__ import annotations

from pathlib import Path

import pytest
from fixing import assert_fixed, dedent, fix

from flake8_saveimage import FixOptions, fix_source
from flake8_saveimage.rules.finding import Finding

LOOP = """
import glob, os, shutil, subprocess, torch
from pathlib import Path
from torchvision.utils import save_image

def train(model, out, writer):
    for epoch in range(3):
        image = model().clamp(0, 1)
        {body}
"""


def found(body: str, tail: str = "") -> Finding:
    """Return the one finding about a path."""
    source = LOOP.format(body=body.replace("\n", "\n        "))
    result = fix(dedent(source) + tail, codes="SVI1")
    (finding,) = (*result.applied, *result.left)
    return finding


@pytest.mark.parametrize(
    "body",
    [
        'save_image(image, f"{out}/fake.png")',
        'path = f"{out}/fake.png"\nsave_image(image, path)\nwriter.add(path)',
        'path = f"{out}/fake.png"\nwriter.path = path\nsave_image(image, path)',
        'path = Path(out) / "fake.png"\npath.parent.mkdir(exist_ok=True)\nsave_image(image, str(path))\nwriter.add(path)',
        'save_image(image, f"{out}/fake.png")\nwriter.add(os.path.join(out, "fake.png"))',
        'save_image(image, f"{out}/fake.png")\nlog(glob.glob("data/*.jpg"))',
        'save_image(image, f"{out}/fake.png")\nnames.remove(epoch)',
        'save_image(image, f"{out}/fake.png")\nsubprocess.run(["ls", "data"])',
    ],
)  # fmt: skip
def test_using_the_path_is_safe(body: str) -> None:
    assert found(body).fix == "safe"


def test_read_back_elsewhere_is_safe() -> None:
    tail = '\ndef show():\n    return read_image("runs/fake.png")\n'
    assert found('save_image(image, "runs/fake.png")', tail).fix == "safe"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('save_image(image, f"{out}/fake.png")\nos.listdir(out)', "its folder is listed"),
        ('save_image(image, f"{out}/fake.png")\nfor f in glob.glob(out + "/*.png"): writer.add(f)', "its folder is listed"),
        ('save_image(image, f"{out}/fake.png")\nlist(Path(out).iterdir())', "its folder is listed"),
        ('save_image(image, "fake.png")\nos.listdir()', "its folder is listed"),
        ('save_image(image, "fake.png")\nglob.glob("*.png")', "its folder is listed"),
        ('save_image(image, f"{out}/fake.png")\nshutil.make_archive("all", "zip", out)', "its folder is listed"),
        ('save_image(image, f"{out}/fake.png")\ndata = ImageFolder(out)', "its folder is listed"),
        ('save_image(image, f"{out}/fake.png")\nshutil.rmtree(out)', "its folder is deleted"),
        ('save_image(image, f"{out}/fake.png")\nos.system("cp fake.png /best")', "a command names it"),
        ('save_image(image, f"{out}/fake.png")\nexec("show(\'fake.png\')")', "a command names it"),
        ('done = save_image(image, f"{out}/fake.png")', "the value of the call is used"),
        ('save_image(image, f"{out}/fake.png") or writer.add(epoch)', "the value of the call is used"),
        ('save_image(image, f"{out}/fake.png")\npatch("torchvision.utils.save_image")', "this file replaces save_image"),
    ],
)  # fmt: skip
def test_unsafe(body: str, reason: str) -> None:
    finding = found(body)
    assert (finding.fix, finding.reason) == ("unsafe", reason)


@pytest.mark.parametrize(
    ("reader", "keyword"),
    [
        ("", "keep=3"),
        ("def load():\n    return torch.load('out/net.pth')\n", 'if_exists="replace"'),
        ("def load(out):\n    return torch.load(out + '/net.pth')\n", 'if_exists="replace"'),
        ("def load(out):\n    return torch.load(f'{out}/net.pth')\n", 'if_exists="replace"'),
        ("print('wrote net.pth')\n", "keep=3"),
        ("NAME = 'other.pth'\n", "keep=3"),
    ],
)  # fmt: skip
def test_checkpoints_keep_some_or_are_replaced(reader: str, keyword: str) -> None:
    source = (
        "import torch\n\ndef train(net, out):\n    for epoch in range(9):\n"
        f'        torch.save(net, f"{{out}}/net.pth")\n\n{reader}'
    )
    result = fix(source, codes="SVI1")
    assert [finding.fix for finding in result.applied] == ["safe"]
    assert f'safe_save(net, f"{{out}}/net.pth", {keyword})' in result.code


def test_the_variable_of_the_path_shows_that_it_is_read() -> None:
    source = dedent(
        """
        import torch
        class Trainer:
            def __init__(self, path):
                self.path = path
            def save(self, states):
                for state in states:
                    path = str(self.path)
                    torch.save(state, path)
            def load(self):
                return torch.load(self.path)
        """
    )
    assert 'safe_save(state, path, if_exists="replace")' in fix(source).code


# -- the project -----------------------------------------------------------------------------------

TRAIN = """
import torch
from torchvision.utils import save_image

def train(net, opt):
    for epoch in range(9):
        save_image(net().clamp(0, 1), f"{opt.samples}/fake.png")
        torch.save(net, "checkpoints/net.pth")
"""


def fix_in(folder: Path, files: dict[str, str]) -> dict[str, Finding]:
    """Fix train.py among other files and return its findings by kind of file."""
    for name, text in {"train.py": TRAIN, "pyproject.toml": "", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    source = (folder / "train.py").read_text()
    options = FixOptions(accept=lambda finding: finding.code.startswith("SVI1"))
    result = fix_source(source, filename=str(folder / "train.py"), options=options)
    (folder / "train.py").write_text(result.code)
    return {
        "image" if "fake" in finding.message else "object": finding
        for finding in (*result.applied, *result.left)
    }


@pytest.mark.parametrize(
    ("name", "text", "keyword"),
    [
        ("other.py", "x = 1\n", "keep=3"),
        ("evaluate.py", 'import torch\nnet = torch.load("checkpoints/net.pth")\n', "replace"),
        ("evaluate.py", 'parser.add_argument("--weights", default="net.pth")\n', "replace"),
        ("show.ipynb", '{"source": ["torch.load(\\"net.pth\\")"]}\n', "replace"),
        ("evaluate.sh", "python evaluate.py --weights checkpoints/net.pth\n", "replace"),
        ("config.yaml", "weights: checkpoints/net.pth\n", "replace"),
        ("node_modules/evaluate.py", 'net = torch.load("checkpoints/net.pth")\n', "keep=3"),
    ],
)  # fmt: skip
def test_other_files_show_that_a_checkpoint_is_read(
    name: str, text: str, keyword: str, tmp_path: Path
) -> None:
    found = fix_in(tmp_path, {name: text})
    assert found["object"].fix == "safe"
    assert keyword in (tmp_path / "train.py").read_text()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("evaluate.py", "fid(calculate_fid_given_paths([opt.samples]))\n", "its folder is listed in evaluate.py"),
        ("tools/page.py", "for f in Path(opt.samples).iterdir(): add(f)\n", "its folder is listed in tools/page.py"),
        ("clean.py", 'os.remove("fake.png")\n', "the file is deleted in clean.py"),
        ("clean.py", "shutil.rmtree(opt.samples)\n", "its folder is deleted in clean.py"),
        ("run.sh", "tar czf all.tgz samples/\n", "a command names it in run.sh"),
        ("test_train.py", '@patch("train.save_image")\ndef test(): ...\n', "test_train.py replaces save_image"),
        ("test_train.py", 'def test(monkeypatch):\n    monkeypatch.setattr(train, "save_image", no)\n', "test_train.py replaces save_image"),
        ("conftest.py", "torchvision.utils.save_image = fake\n", "conftest.py replaces save_image"),
    ],
)  # fmt: skip
def test_other_files_that_would_notice(name: str, text: str, reason: str, tmp_path: Path) -> None:
    found = fix_in(tmp_path, {name: text})
    assert (found["image"].fix, found["image"].reason) == ("unsafe", reason)


@pytest.mark.parametrize(
    "text",
    [
        "from train import save_image\n",
        "from train import *\n",
        "from train import (\n    train,\n    save_image,\n)\n",
        "import train as t\nt.save_image(x, y)\n",
        "import train\nprint(train.save_image)\n",
    ],
)
def test_an_import_that_another_file_uses_stays(text: str, tmp_path: Path) -> None:
    fix_in(tmp_path, {"other.py": text})
    code = (tmp_path / "train.py").read_text()
    assert "from torchvision.utils import save_image  # noqa: F401\n" in code
    assert "safe_save_image(net()" in code


def test_a_project_that_pins_an_old_torchvision_keeps_its_keywords(tmp_path: Path) -> None:
    source = "from torchvision.utils import save_image\nsave_image(x(), p(), range=(0, 1), normalize=True)\n"
    (tmp_path / "train.py").write_text(source)
    for pin, fixable in (("torchvision==0.8.2", False), ("torch<1.8", False), ("torch>=1.7", True)):
        (tmp_path / "setup.py").write_text("")
        (tmp_path / "requirements.txt").write_text(pin + "\n")
        from flake8_saveimage.fixes.project import forget_projects

        forget_projects()
        result = fix_source(source, filename=str(tmp_path / "train.py"))
        assert result.changed == fixable, pin


# -- colours ---------------------------------------------------------------------------------------


def test_a_colour_fix_keeps_names_and_nan() -> None:
    assert_fixed(
        """
        from torchvision.utils import save_image
        net, out = load()
        save_image(net(), f"{out}/0.png")
        for _ in range(9):
            save_image(net(), f"{out}/latest.png")
        """,
        """
        from flake8_saveimage.runtime import safe_save_image
        net, out = load()
        safe_save_image(net(), f"{out}/0.png", if_exists="replace", non_finite="zero")
        for _ in range(9):
            safe_save_image(net(), f"{out}/latest.png", if_exists="replace", non_finite="zero")
        """,
        codes="SVI203",
    )


def test_the_findings_of_a_call_are_fixed_together_or_not_at_all() -> None:
    source = dedent(
        """
        import os
        from torchvision.utils import save_image
        net, out = load()
        for _ in range(9):
            save_image(net(), out + "/x.png")
        print(os.listdir(out))
        """
    )
    result = fix(source)
    assert result.code == source
    assert {(finding.code, finding.fix) for finding in result.left} == {
        ("SVI101", "unsafe"),
        ("SVI203", "unsafe"),
    }
    assert (
        'safe_save_image(net(), out + "/x.png", non_finite="zero")' in fix(source, unsafe=True).code
    )


def test_an_error_that_is_handled_stays_an_error() -> None:
    source = dedent(
        """
        import torch
        from torchvision.utils import save_image
        def dump(path, x):
            image = torch.zeros(3, 4, 4, dtype=torch.uint8)
            try:
                save_image(image, path)
            except RuntimeError:
                save_image(image / 255, path)
        """
    )
    result = fix(source, unsafe=True, codes="SVI202")
    assert result.code == source
    assert [finding.reason for finding in result.left] == [
        "the error that the call raises is handled"
    ]
