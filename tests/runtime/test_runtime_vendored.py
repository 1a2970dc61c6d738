"""The folder stands alone: vendored, without the package, without flake8 and libcst."""

from __future__ import annotations

import ast
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import flake8_saveimage
from flake8_saveimage import runtime

Run = Callable[..., subprocess.CompletedProcess[str]]
SOURCE = Path(runtime.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.fixture
def saving(tmp_path: Path) -> Path:
    """Return a copy of the helper's modules under another name."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(SOURCE, tmp_path / "saving", ignore=ignored))


@pytest.mark.usefixtures("saving")
def test_a_vendored_copy_works_on_its_own(run_script: Run) -> None:
    done = run_script(
        """
        import sys
        import torch
        before = set(sys.modules)
        import saving
        new = {name.split(".")[0] for name in set(sys.modules) - before}
        assert not new & {"flake8", "libcst", "flake8_saveimage", "PIL", "torchvision"}, new
        print(saving.safe_save_image(torch.rand(3, 4, 4), "x.png"), saving.RUNTIME_VERSION)
        assert "torchvision" not in sys.modules
        """
    )
    assert done.stdout.split() == ["x.png", runtime.RUNTIME_VERSION]


@pytest.mark.parametrize("place", ["saving", "project.tools.saving"])
def test_a_vendored_copy_warns_about_the_callers_line(
    place: str, saving: Path, run_script: Run, tmp_path: Path
) -> None:
    """The warning names the script, not one of the modules in between; a queue likewise."""
    folder = tmp_path / place.replace(".", "/")
    if folder != saving:
        folder.parent.mkdir(parents=True)
        saving.rename(folder)
    done = run_script(
        f"""
        import sys, warnings
        import torch
        from {place} import SaveImageWarning, SaveQueue, safe_save, safe_save_image

        def save(image):
            safe_save_image(image, "x.png")  # line 7
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            save(torch.rand(3, 4, 4) + 1)
            save(torch.rand(3, 4, 4) + 1)
            safe_save(torch.rand(1000, 100)[0], "x.pt")  # line 12
            with SaveQueue() as queue:
                queue.save_image(torch.rand(3, 4, 4) - 1, "y.png")  # line 14
        assert "flake8_saveimage" not in sys.modules
        for warning in seen:
            assert warning.category is SaveImageWarning
            print(warning.filename, warning.lineno)
        """
    )
    lines = [line.rpartition(" ") for line in done.stdout.splitlines()]
    assert {Path(file).name for file, _, _ in lines} == {"script.py"}
    assert [int(line) for _, _, line in lines] == [7, 12, 14]


@pytest.mark.usefixtures("saving")
def test_a_vendored_queue_travels_by_pickle(run_script: Run) -> None:
    done = run_script(
        """
        import pickle
        from saving import SaveQueue, SaveQueueError
        queue = pickle.loads(pickle.dumps(SaveQueue(workers=3)))
        print(SaveQueue.__module__, SaveQueueError.__module__, queue.workers)
        """
    )
    assert done.stdout.split() == ["saving", "saving", "3"]


def test_pickles_name_the_package_as_those_of_the_one_file_did() -> None:
    content = pickle.dumps(runtime.SaveQueue)
    assert b"flake8_saveimage.runtime\x94" in content
    assert pickle.loads(content) is runtime.SaveQueue
    assert runtime.SaveImageWarning.__module__ == "flake8_saveimage.runtime"


def test_the_first_lines_say_what_it_is() -> None:
    head = (SOURCE / "__init__.py").read_text(encoding="utf-8").splitlines()[:4]
    assert re.match(r"# flake8-saveimage runtime \d+\.\d+\.\d+ ", head[0])
    assert runtime.RUNTIME_VERSION in head[0]
    assert head[1] == "# SPDX-License-Identifier: MIT"
    assert flake8_saveimage.__version__ == runtime.RUNTIME_VERSION


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_imports_only_what_it_may(path: Path) -> None:
    allowed = sys.stdlib_module_names | {"torch", "PIL"}
    # fsspec only when a URL is written, typing_extensions only for type checkers
    typed = {"typing_extensions"}
    allowed |= {"remote": {"fsspec"}, "api": typed, "queue": typed, "many": typed}.get(
        path.stem, set()
    )
    own = {module.stem for module in MODULES}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom) and node.level:
            assert (node.level, node.module in own) == (1, True)
        elif isinstance(node, ast.ImportFrom):
            assert str(node.module).split(".")[0] in allowed
