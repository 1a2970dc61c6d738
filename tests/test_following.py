"""Other files of a project: how imports are found, who reads a file back, and in which order."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path

import pytest

from flake8_saveimage.check.analysis import diagnose, located
from flake8_saveimage.check.following import Following
from flake8_saveimage.project.modules import module_file
from flake8_saveimage.project.roots import layout_of
from flake8_saveimage.rules.finding import Finding

LOOP = """\
import torch

def train(model):
    for epoch in range(9):
        torch.save(model, "model.pth")
"""


def project(folder: Path, **files: str) -> Path:
    """Make a repository of files; a dot in a name stands for a slash."""
    (folder / ".git").mkdir(parents=True)
    for name, text in files.items():
        path = folder / (name.replace(".", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def findings(path: Path, following: Following | None = None) -> list[Finding]:
    text = path.read_text(encoding="utf-8")
    importer = (following or Following()).importer(str(path), text)
    return located(diagnose(text, path=str(path.resolve()), importer=importer))


# -- readers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        ('model.load_state_dict(torch.load("model.pth"))', "torch.load"),
        ('state = torch.load(os.path.join(out, "model.pth"), map_location="cpu")', "torch.load"),
        ('state = torch.load(f"{out}/model.pth")', "torch.load"),
        ('with open("runs/model.pth", "rb") as file: pass', "open"),
        ('state = load_file("model.pth")', "load_file"),
    ],
)
def test_a_reader_is_named(tmp_path: Path, reader: str, name: str) -> None:
    project(tmp_path, train=LOOP, resume=f"import torch\n\n{reader}\n")
    [finding] = findings(tmp_path / "train.py")
    assert finding.code == "SVI101"
    assert f"; {name} (resume.py, line 3) reads it: if only the newest" in finding.message
    assert "safe_save(..., if_exists=\"replace\"); else add 'epoch'" in finding.message
    related = finding.related[-1]
    assert (Path(related.file).name, related.line, related.text) == ("resume.py", 3, reader)


def test_a_reader_in_the_same_file(tmp_path: Path) -> None:
    project(tmp_path, train=f'{LOOP}\n\nstate = torch.load("model.pth")\n')
    [finding] = findings(tmp_path / "train.py")
    assert "torch.load (line 8) reads it" in finding.message


@pytest.mark.parametrize(
    "line",
    [
        'torch.load("other.pth")',
        'torch.load("my_model.pth")',
        '# torch.load("model.pth")',
        'open("model.pth", "wb")',
        'open("model.pth", mode="w")',
        'upload("model.pth")',
        'torch.load(f"{name}model.pth")',
    ],
)
def test_what_reads_no_such_file(tmp_path: Path, line: str) -> None:
    project(tmp_path, train=LOOP, resume=f"import torch\n\n{line}\n")
    [finding] = findings(tmp_path / "train.py")
    assert "reads it" not in finding.message


def test_without_following_nothing_is_searched(tmp_path: Path) -> None:
    project(tmp_path, train=LOOP, resume='import torch\ntorch.load("model.pth")\n')
    [finding] = findings(tmp_path / "train.py", Following(is_on=False))
    assert "reads it" not in finding.message


# -- imports -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "importing", "found"),
    [
        ("utils", "train", "utils"),
        ("pkg", "train", "pkg/__init__"),
        ("pkg.models", "train", "pkg/models"),
        (".models", "pkg/train", "pkg/models"),
        (".", "pkg/train", "pkg/__init__"),
        ("..sub.deep", "pkg/sub/train", "pkg/sub/deep"),
        ("pkg.sub", "train", ""),
        ("pkg.models", "pkg/sub/train", "pkg/models"),
        ("json", "train", None),
        ("nowhere", "train", None),
        ("pkg.nowhere", "train", None),
        ("...outside", "pkg/train", None),
    ],
)
def test_modules(tmp_path: Path, name: str, importing: str, found: str | None) -> None:
    names = "utils train json pkg.__init__ pkg.models pkg.train pkg.sub.deep outside".split()
    project(tmp_path / "root", **dict.fromkeys(names, ""))
    (tmp_path / "outside.py").write_text("", encoding="utf-8")
    root = tmp_path.resolve() / "root"
    path = str(root / f"{importing}.py")
    expected = str(root / f"{found}.py") if found else found
    assert module_file(name, path, layout_of(path, str(root))) == expected


def test_a_module_that_is_made_later_is_found(tmp_path: Path) -> None:
    root = project(tmp_path, train="").resolve()
    path = str(root / "train.py")
    assert module_file("utils", path, layout_of(path, str(root))) is None
    (root / "utils.py").write_text("", encoding="utf-8")
    assert module_file("utils", path, layout_of(path, str(root))) == str(root / "utils.py")


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    root = project(tmp_path / "root", train="").resolve()
    (tmp_path / "utils.py").write_text("", encoding="utf-8")
    (root / "utils.py").symlink_to(tmp_path / "utils.py")
    path = str(root / "train.py")
    assert module_file("utils", path, layout_of(path, str(root))) is None


# -- order -------------------------------------------------------------------------------------

HELPERS = {
    "utils": """\
        import torch
        from store import put

        def save_checkpoint(state, path="model.pth"):
            put(state, path)
        """,
    "store": """\
        import torch
        import utils

        def put(state, path):
            torch.save(state, path)

        def again(state):
            for _ in range(3):
                utils.save_checkpoint(state)
        """,
    "train": """\
        from utils import save_checkpoint

        for epoch in range(9):
            save_checkpoint({})
        """,
}


def test_any_order_gives_the_same_findings(tmp_path: Path) -> None:
    """The files import each other; what was looked up for one must not change another."""
    project(tmp_path, **HELPERS)
    results = [
        {name: findings(tmp_path / f"{name}.py") for name in order}
        for order in itertools.permutations(HELPERS)
    ]
    assert all(result == results[0] for result in results)
    assert [f.code for f in results[0]["train"]] == ["SVI101"]
    assert "put (store.py, line 5) writes it" in results[0]["train"][0].message
