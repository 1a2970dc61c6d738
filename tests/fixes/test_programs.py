"""Programs that are run before and after a safe fix: output, files and contents are the same.

What a fix may add is named: backups beside a file that would have been overwritten, and other
colours where a finding is about colours.
"""

# ruff: noqa: E501
from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fixing import dedent

from flake8_saveimage import FixOptions, fix_source
from flake8_saveimage.fixes.project import forget_projects
from flake8_saveimage.rules import all_rules

pytestmark = pytest.mark.torch

BACKUP = re.compile(r"_\d+(?=\.\w+$)")
DEFAULT = frozenset(rule.code for rule in all_rules() if rule.default)


@dataclass
class Outcome:
    """What a run printed, and the decoded content of each file that it wrote."""

    output: str = ""
    files: dict[str, Any] = field(default_factory=dict)

    def without_backups(self) -> dict[str, Any]:
        return {name: content for name, content in self.files.items() if not BACKUP.search(name)}


def run(folder: Path, *scripts: str) -> Outcome:
    """Run scripts one after the other in a folder, each as a program of its own."""
    before, modules, path = Path.cwd(), set(sys.modules), list(sys.path)
    output = io.StringIO()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(output):
            warnings.simplefilter("ignore")
            for script in scripts:
                runpy.run_path(script, run_name="__main__")
                for name in set(sys.modules) - modules:
                    if (folder / f"{name}.py").exists():
                        del sys.modules[name]
    finally:
        os.chdir(before)
        sys.path[:] = path
    return Outcome(output.getvalue(), contents(folder))


def contents(folder: Path) -> dict[str, Any]:
    import torch
    from torchvision.io import read_image

    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or path.suffix in (".py", ".pyc", ".tar", ".toml"):
            continue
        if path.suffix == ".png":
            found[name] = key(read_image(str(path)))
        elif path.suffix in (".pt", ".pth"):
            found[name] = key(torch.load(path, weights_only=True))
        else:
            found[name] = path.read_bytes()
    return found


def key(value: Any) -> Any:
    import torch

    if isinstance(value, dict):
        return tuple((name, key(item)) for name, item in sorted(value.items()))
    if isinstance(value, torch.Tensor):
        return tuple(value.shape), str(value.dtype), tuple(value.flatten().tolist())
    return value


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in {"pyproject.toml": "", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


def fix_all(folder: Path, *, codes: frozenset[str] = DEFAULT, unsafe: bool = False) -> list[str]:
    """Fix every script of a folder and return the codes of what was fixed."""
    forget_projects()
    fixed: list[str] = []
    for path in sorted(folder.rglob("*.py")):
        options = FixOptions(accept=lambda finding: finding.code in codes, unsafe=unsafe)
        result = fix_source(path.read_text(), filename=str(path), options=options)
        path.write_text(result.code)
        fixed += [finding.code for finding in result.applied]
    return sorted(fixed)


def before_and_after(
    tmp_path: Path, files: dict[str, str], *scripts: str, codes: frozenset[str] = DEFAULT
) -> tuple[Outcome, Outcome, list[str]]:
    scripts = scripts or ("train.py",)
    before = run(write(tmp_path / "before", files), *scripts)
    folder = write(tmp_path / "after", files)
    fixed = fix_all(folder, codes=codes)
    return before, run(folder, *scripts), fixed


# -- every way of spelling a path, every way of reading it back ---------------------------------

PATHS = {
    "literal": ("", '"out/model.pt"'),
    "variable": ('path = "out/model.pt"', "path"),
    "f-string": ('out = "out"', 'f"{out}/model.pt"'),
    "join": ('out = "out"', 'os.path.join(out, "model.pt")'),
    "percent": ('out = "out"', '"%s/model.pt" % out'),
    "format": ('out = "out"', '"{}/model.pt".format(out)'),
    "pathlib": ('out = Path("out")', 'out / "model.pt"'),
    "plus": ('out = "out/"', 'out + "model.pt"'),
    "attribute": ('opt = SimpleNamespace(path="out/model.pt")', "opt.path"),
    "dictionary": ('config = {"path": "out/model.pt"}', 'config["path"]'),
}
READERS = {
    "torch.load": "print(torch.load({path}, weights_only=True))",
    "torch.load of a handle": 'with open({path}, "rb") as handle:\n    print(torch.load(handle, weights_only=True))',
    "mapped": "print(torch.load({path}, weights_only=True, mmap=True))",
    "open": 'print(len(open({path}, "rb").read()) > 100)',
    "io.open": 'print(io.open({path}, "rb").read(2))',
    "Path.read_bytes": "print(Path({path}).read_bytes()[:2])",
    "Path.open": 'print(Path({path}).open("rb").read(2))',
    "os.open": "handle = os.open({path}, os.O_RDONLY)\nprint(os.read(handle, 2))\nos.close(handle)",
    "size": "print(os.path.getsize({path}) == Path({path}).stat().st_size)",
    "exists": "print(os.path.exists({path}), os.path.isfile({path}))",
    "archive": "print(sorted(len(name) > 3 for name in zipfile.ZipFile({path}).namelist())[:1])",
    "copy": 'shutil.copy({path}, f"out/copy{{epoch}}.bin")\nprint(torch.load(f"out/copy{{epoch}}.bin", weights_only=True))\nos.remove(f"out/copy{{epoch}}.bin")',
    "os.link": 'os.link({path}, f"out/link{{epoch}}.bin")\nprint(torch.load(f"out/link{{epoch}}.bin", weights_only=True))\nos.remove(f"out/link{{epoch}}.bin")',
    "function": "print(load(str({path})))",
    "another spelling": 'print(load("./out/" + "mod" + "el.pt"))',
    "child process": 'print(subprocess.run([sys.executable, "-c", "import os, sys; print(os.path.isfile(sys.argv[1]))", str({path})], capture_output=True, text=True).stdout)',
    "formatted": 'shown = str({path})\nprint(f"{{shown:<40}}|")',
    "chdir": 'os.chdir("out")\nprint(load("model.pt"))\nos.chdir("..")',
}  # fmt: skip
PROGRAM = """
import io, os, shutil, subprocess, sys, zipfile
from pathlib import Path
from types import SimpleNamespace

import torch


def load(path):
    return torch.load(path, weights_only=True)


os.makedirs("out", exist_ok=True)
{setup}
for epoch in range(3):
    torch.save({{"epoch": epoch}}, {path})
    {read}
print(load("out/model.pt"))
"""


def program(spelling: str, reader: str) -> str:
    setup, path = PATHS[spelling]
    read = READERS[reader].format(path=path).replace("\n", "\n    ")
    return PROGRAM.format(setup=setup, path=path, read=read)


PAIRS = [(spelling, reader) for spelling in PATHS for reader in READERS]
# All readers with one spelling, all spellings with one reader, and every seventh pair.
CHOSEN = [
    pair
    for number, pair in enumerate(PAIRS)
    if pair[0] == "f-string" or pair[1] == "torch.load" or number % 7 == 0
]


@pytest.mark.parametrize(("spelling", "reader"), CHOSEN, ids=lambda text: text.replace(" ", "_"))
def test_reading_a_checkpoint_back(spelling: str, reader: str, tmp_path: Path) -> None:
    files = {"train.py": program(spelling, reader)}
    if reader == "child process" and spelling != "f-string":
        pytest.skip("starts three processes")
    before, after, fixed = before_and_after(tmp_path, files)
    assert after.output == before.output
    assert after.without_backups() == before.files
    if fixed:
        assert fixed == ["SVI101"]
        assert len(after.files) <= len(before.files) + 3  # backups are bounded


def test_there_are_enough_programs() -> None:
    assert len(CHOSEN) >= 45


IMAGE_READERS = {
    "read_image": 'print(read_image("out/x.png").sum().item())',
    "pillow": 'print(Image.open("out/x.png").getpixel((0, 0)))',
    "array": 'print(np.asarray(Image.open("out/x.png")).sum())',
    "loader": 'print(default_loader("out/x.png").size)',
    "path": 'print(Image.open(Path("out") / "x.png").size)',
    "bytes": 'print(decode_image(torch.frombuffer(bytearray(open("out/x.png", "rb").read()), dtype=torch.uint8)).sum().item())',
}
IMAGES = """
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.datasets.folder import default_loader
from torchvision.io import decode_image, read_image
from torchvision.utils import save_image

os.makedirs("out", exist_ok=True)
torch.manual_seed(0)
for step in range(3):
    save_image(torch.rand(3, 4, 4), "out/x.png")
    {read}
"""


@pytest.mark.parametrize("reader", IMAGE_READERS)
def test_reading_an_image_back(reader: str, tmp_path: Path) -> None:
    files = {"train.py": IMAGES.replace("{read}", IMAGE_READERS[reader])}
    before, after, fixed = before_and_after(tmp_path, files)
    assert fixed == ["SVI101"]
    assert after.output == before.output
    assert after.without_backups() == before.files
    assert len(after.files) == 3  # nothing is lost


# -- the cases that the contract is made for -----------------------------------------------------

TRAIN = """
import torch

def train():
    weights = torch.zeros(2)
    for epoch in range(3):
        weights = weights + 1
        torch.save({"epoch": epoch, "weights": weights}, "model.pt")

train()
"""
EVALUATE = """
import torch

state = torch.load("model.pt", weights_only=True)
print(state["epoch"], state["weights"].tolist())
"""


def test_training_and_evaluation_in_two_processes(tmp_path: Path) -> None:
    outputs = []
    for name in ("before", "after"):
        folder = write(tmp_path / name, {"train.py": TRAIN, "evaluate.py": EVALUATE})
        if name == "after":
            assert fix_all(folder) == ["SVI101"]
            assert 'if_exists="replace"' in (folder / "train.py").read_text()
        for script in ("train.py", "evaluate.py"):
            done = subprocess.run(
                [sys.executable, script], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
        assert contents(folder) == {"model.pt": contents(folder)["model.pt"]}
    assert outputs == ["2 [3.0, 3.0]\n"] * 2


def test_pixels_of_a_reader_in_another_file(tmp_path: Path) -> None:
    files = {
        "train.py": IMAGES.replace("{read}", "pass"),
        "show.py": 'from PIL import Image\nprint(list(Image.open("out/x.png").getdata()))\n',
    }
    before, after, fixed = before_and_after(tmp_path, files, "train.py", "show.py")
    assert fixed == ["SVI101"]
    assert before.output == after.output
    assert len(after.files) == 3


def test_checkpoints_of_two_runs_are_bounded(tmp_path: Path) -> None:
    files = {"train.py": TRAIN.replace("range(3)", "range(50)")}
    before, after, _ = before_and_after(tmp_path, files, "train.py", "train.py")
    assert len(after.files) == 4
    assert after.files["model.pt"] == before.files["model.pt"]


NUMBERED = {
    "f-string": 'torch.save(epoch, f"model_{epoch}.pt")',
    "percent": 'torch.save(epoch, "model_%d.pt" % epoch)',
    "plus": 'torch.save(epoch, "model_" + str(epoch) + ".pt")',
    "two parts": 'name = "model"\n    torch.save(epoch, f"{name}_{epoch}.pt")',
    "an unseen save": 'getattr(torch, "save")(epoch, f"model_{epoch}.pt")',
    "another file": "keep(epoch)",
}


@pytest.mark.parametrize("suffix", [".pt", ".pth.tar"])
@pytest.mark.parametrize("number", NUMBERED)
def test_numbered_files_of_the_program_stay(number: str, suffix: str, tmp_path: Path) -> None:
    """Backups have such names, too, and only three of them are kept."""
    source = f"""
import torch
from other import keep

for epoch in range(8):
    torch.save({{"epoch": epoch}}, "model.pt")
    {NUMBERED[number]}
"""
    other = 'import torch\n\ndef keep(epoch):\n    torch.save(epoch, f"model_{epoch}.pt")\n'
    files = {"train.py": source, "other.py": other}
    files = {name: text.replace(".pt", suffix) for name, text in files.items()}
    if number != "another file":
        files["other.py"] = "keep = None\n"
    folder = write(tmp_path / "before", files)
    before = run(folder, "train.py").output, sorted(path.name for path in folder.iterdir())
    folder = write(tmp_path / "after", files)
    assert fix_all(folder) == ["SVI101"]
    assert before == (
        run(folder, "train.py").output,
        sorted(path.name for path in folder.iterdir()),
    )
    assert len(before[1]) >= 8 + 1 + 2


def test_images_that_the_program_numbers_itself_are_left_alone(tmp_path: Path) -> None:
    source = """
    import torch
    from torchvision.utils import save_image

    for epoch in range(3):
        save_image(torch.zeros(3, 4, 4), "sample.png")
        save_image(torch.zeros(3, 4, 4), f"sample_{epoch}.png")
    """
    before, after, fixed = before_and_after(tmp_path, {"train.py": source})
    assert fixed == []
    assert after == before


def test_a_nan_does_not_end_the_run(tmp_path: Path) -> None:
    source = """
    import torch
    from torchvision.utils import save_image

    for epoch in range(3):
        save_image(torch.full((3, 4, 4), float("nan") * epoch).sigmoid(), "sample.png")
    print("end")
    """
    before, after, fixed = before_and_after(tmp_path, {"train.py": source})
    assert fixed == ["SVI101"]
    assert after.output == before.output == "end\n"
    assert after.without_backups() == before.files


COLOURS = """
import os, pickle

import torch
from torchvision.utils import save_image

os.makedirs("out", exist_ok=True)
torch.manual_seed(0)
for step, image in enumerate(pickle.loads(pickle.dumps([torch.randn(3, 4, 4) for _ in range(2)]))):
    image = {value}
    try:
        save_image(image, {path})
    finally:
        print(step)
print(sorted(os.listdir("out")))
"""


@pytest.mark.parametrize(
    ("code", "value", "path"),
    [
        ("SVI201", "torch.tanh(image)", 'f"out/{step}.png"'),
        ("SVI201", "torch.tanh(image)", '"out/latest.png"'),
        ("SVI203", "image", 'f"out/{step}.png"'),
        ("SVI203", "image", '"out/latest.png"'),
        ("SVI203", "image.clone().fill_(float('nan'))", 'f"out/{step}.png"'),
        ("SVI207", "torch.rand(3, 4, 4).bfloat16()", 'f"out/{step}.png"'),
    ],
)
def test_a_colour_fix_changes_nothing_else(
    code: str, value: str, path: str, tmp_path: Path
) -> None:
    source = COLOURS.replace("{value}", value).replace("{path}", path)
    codes = frozenset({code})
    before, after, fixed = before_and_after(tmp_path, {"train.py": source}, codes=codes)
    assert fixed == [code]
    assert after.output == before.output
    assert set(after.files) == set(before.files)
    if code == "SVI203":
        assert after.files == before.files
    else:
        assert after.files != before.files


def test_two_runs_of_a_colour_fix_leave_one_file(tmp_path: Path) -> None:
    source = COLOURS.replace("{value}", "torch.tanh(image)").replace("{path}", 'f"out/{step}.png"')
    before, after, _ = before_and_after(
        tmp_path, {"train.py": source}, "train.py", "train.py", codes=frozenset({"SVI201"})
    )
    assert set(after.files) == set(before.files) == {"out/0.png", "out/1.png"}


def test_a_guarded_import_still_saves(tmp_path: Path) -> None:
    source = """
    import torch
    try:
        from torchvision.utils import save_image
    except ImportError:
        save_image = None

    def dump(image):
        if save_image is not None:
            save_image(image, "x.png")

    torch.manual_seed(0)
    for step in range(3):
        dump(torch.rand(3, 4, 4))
    """
    before, after, fixed = before_and_after(tmp_path, {"train.py": source})
    assert fixed == ["SVI103"]
    assert after.without_backups() == before.files
    assert len(after.files) == 3


def test_a_module_without_torch_still_imports(tmp_path: Path) -> None:
    """In a function, the import of the helper does not matter before the function runs."""
    source = """
    try:
        import torch_that_is_not_there as missing
        from torchvision.utils import save_image
    except ImportError:
        save_image = None

    def dump(images):
        for image in images:
            save_image(image, "x.png")

    print("imported")
    """
    before, after, fixed = before_and_after(tmp_path, {"train.py": source})
    assert before.output == after.output == "imported\n"
    assert "SVI101" in fixed


@pytest.mark.parametrize(
    "other",
    [
        "from train import save_image\nprint(save_image.__name__)\n",
        "from train import *\nprint(save_image.__name__)\n",
        "import train\nprint(train.save_image.__name__)\n",
        "import train as t\nprint(t.save_image.__name__)\n",
        "import train\nprint(getattr(train, 'save_image').__name__)\n",
    ],
)
def test_other_files_find_the_imports_that_they_rely_on(other: str, tmp_path: Path) -> None:
    train = """
    import torch
    from torchvision.utils import save_image

    def train():
        for step in range(2):
            save_image(torch.zeros(3, 4, 4), "x.png")

    if __name__ == "__main__":
        train()
    """
    files = {"train.py": train, "other.py": other}
    before, after, fixed = before_and_after(tmp_path, files, "train.py", "other.py")
    assert fixed == ["SVI101"]
    assert after.output == before.output == "save_image\n"


def test_a_mocked_save_is_still_mocked(tmp_path: Path) -> None:
    train = """
    import torch
    from torchvision.utils import save_image

    def train():
        for step in range(2):
            save_image(torch.zeros(3, 4, 4), "x.png")
    """
    test = """
    from unittest.mock import patch
    import train

    with patch("train.save_image") as saved:
        train.train()
    print(saved.call_count)
    """
    files = {"train.py": train, "test_train.py": test}
    before, after, fixed = before_and_after(tmp_path, files, "test_train.py")
    assert fixed == []
    assert after == before
    assert before.output == "2\n"


@pytest.mark.parametrize(
    "tail",
    [
        'print(sorted(os.listdir("out")))',
        'print(len(glob.glob("out/*.png")))',
        'print(len(list(Path("out").iterdir())))',
        'print(len(ImageFolder(".").samples))',
        'shutil.make_archive("all", "tar", "out")\nprint(len(tarfile.open("all.tar").getnames()))',
        'print(os.popen("ls out | wc -l").read())',
        'shutil.copytree("out", "copy")\nprint(len(os.listdir("copy")))',
        'print(sum(len(names) for _, _, names in os.walk("out")))',
    ],
)
def test_what_notices_further_files_is_left_alone(tail: str, tmp_path: Path) -> None:
    source = (
        "import glob, os, shutil, tarfile\nfrom pathlib import Path\nimport torch\n"
        "from torchvision.datasets import ImageFolder\nfrom torchvision.utils import save_image\n"
        'os.makedirs("out", exist_ok=True)\nfor step in range(3):\n'
        f'    save_image(torch.zeros(3, 4, 4), "out/x.png")\n{tail}\n'
    )
    before, after, fixed = before_and_after(tmp_path, {"train.py": source})
    assert fixed == []
    assert after == before


VALUES = {
    "printed": "print(torch.save(step, 'x.pt'))",
    "assigned": "result = torch.save(step, 'x.pt')\n    print(result)",
    "or": "torch.save(step, 'x.pt') or print('saved')",
    "compared": "assert torch.save(step, 'x.pt') is None",
    "returned": "print((lambda: torch.save(step, 'x.pt'))())",
    "collected": "print([torch.save(step, 'x.pt')])",
}


@pytest.mark.parametrize("use", VALUES)
def test_a_value_that_is_used_stays_what_it_is(use: str, tmp_path: Path) -> None:
    source = f"import torch\nfor step in range(2):\n    {VALUES[use]}\n"
    before, after, _ = before_and_after(tmp_path, {"train.py": source})
    assert after.output == before.output
    assert after.without_backups() == before.files


# -- single rules --------------------------------------------------------------------------------


def test_a_grid_of_two_ranges_keeps_the_right_half(tmp_path: Path) -> None:
    source = """
    import torch
    from torchvision.utils import save_image

    torch.manual_seed(0)
    real, fake = torch.rand(2, 3, 4, 4), torch.tanh(torch.randn(2, 3, 4, 4))
    save_image(torch.cat([real, fake]), "grid.png")
    save_image([real[0], fake[0]], "list.png")
    save_image(torch.stack([real[0], fake[0]]), "stack.png")
    """
    before, after, fixed = before_and_after(
        tmp_path, {"train.py": source}, codes=frozenset({"SVI201"})
    )
    assert fixed == []
    assert after == before


def test_clone_is_only_for_tensors(tmp_path: Path) -> None:
    source = """
    import numpy as np
    import torch

    class Log(list):
        pass

    rows = Log([1, 2, 3])
    torch.save(rows[:2], "rows.pt")
    torch.save(torch.arange(9.0)[:2], "tensor.pt")
    print(rows[:2])
    """
    before, after, fixed = before_and_after(
        tmp_path, {"train.py": source}, codes=frozenset({"SVI302"})
    )
    assert fixed == ["SVI302"]
    assert after.output == before.output
    assert after.files == before.files


NAMES = {
    '"out/x.png"': 'f"out/x_{epoch}_{i}.png"',
    'f"{out}/x.png"': 'f"{out}/x_{epoch}_{i}.png"',
    'f"{out}/{i}.png"': 'f"{out}/{i}_{epoch}.png"',
    'os.path.join(out, "x.png")': 'os.path.join(out, f"x_{epoch}_{i}.png")',
    'os.path.join(out, "x_%d.png" % i)': 'os.path.join(out, "x_%d_%d.png" % (i, epoch))',
    '"out/%s_%d.png" % ("x", i)': '"out/%s_%d_%d.png" % ("x", i, epoch)',
    '"out/{}.png".format(i)': '"out/{}_{epoch}.png".format(i, epoch=epoch)',
    'Path(out) / "x.png"': 'Path(out) / f"x_{epoch}_{i}.png"',
    'out + "/x.png"': 'out + f"/x_{epoch}_{i}.png"',
}


@pytest.mark.parametrize("path", NAMES)
@pytest.mark.parametrize("is_bound", [False, True])
def test_names_are_preferred(path: str, is_bound: bool, tmp_path: Path) -> None:
    source = (
        "import os\nfrom pathlib import Path\nimport torch\n"
        'from torchvision.utils import save_image\nout = "out"\nos.makedirs(out)\n'
        "for epoch in range(2):\n    for i, image in enumerate(torch.zeros(2, 3, 4, 4)):\n"
        + (f"        path = {path}\n        save_image(image, path)\n" if is_bound else
           f"        save_image(image, {path})\n")
    )  # fmt: skip
    folder = write(tmp_path / "after", {"train.py": source})
    options = FixOptions(accept=lambda finding: finding.code in DEFAULT, prefers_names=True)
    result = fix_source(source, filename=str(folder / "train.py"), options=options)
    assert result.code == source.replace(path, NAMES[path])
    assert {finding.fix for finding in result.applied} == {"safe"}
    (folder / "train.py").write_text(result.code)
    assert len(run(folder, "train.py").files) == 4
    assert fix_source(result.code, filename="train.py", options=options).code == result.code


def test_names_are_not_preferred_where_something_reads_the_old_one(tmp_path: Path) -> None:
    options = FixOptions(prefers_names=True)
    folder = write(tmp_path, {"train.py": TRAIN, "evaluate.py": EVALUATE})
    result = fix_source(TRAIN, filename=str(folder / "train.py"), options=options)
    assert [finding.reason for finding in result.left] == ["something reads or lists the old name"]


def test_an_error_that_is_handled(tmp_path: Path) -> None:
    source = """
    import torch
    from torchvision.utils import save_image

    image = torch.arange(48, dtype=torch.uint8).reshape(3, 4, 4)
    try:
        save_image(image, "x.png")
    except RuntimeError:
        save_image(image / 255, "x.png")
        print("handled")
    """
    before, after, fixed = before_and_after(
        tmp_path, {"train.py": source}, codes=frozenset({"SVI202"})
    )
    assert fixed == []
    assert after == before


def test_braces_whose_names_are_not_all_bound(tmp_path: Path) -> None:
    source = """
    import torch
    NAME = "model_{epoch}.pt"
    def train():
        for epoch in range(2):
            torch.save(epoch, NAME)
            torch.save(epoch, "{epoch}_{undefined}.pt")
    train()
    """
    before, after, fixed = before_and_after(
        tmp_path, {"train.py": source}, codes=frozenset({"SVI108"})
    )
    assert fixed == []
    assert after == before
