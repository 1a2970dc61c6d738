"""How calls are checked, typed and warned about, and what torch.compile makes of them."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from flake8_saveimage.runtime import SaveImageWarning, safe_save, safe_save_image

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_warning_that_is_an_error_comes_after_the_file(tmp_path: Path) -> None:
    """And comes again: it was not given, so nothing is clipped silently."""
    path = tmp_path / "x.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            with pytest.raises(SaveImageWarning, match="were clipped"):
                safe_save_image(torch.full((3, 4, 4), 1.5), path)
            with pytest.raises(SaveImageWarning, match="views"):
                safe_save(torch.rand(1000, 1000)[0], tmp_path / "x.pt")
    assert len(list(tmp_path.iterdir())) == 6


def test_a_failed_save_does_not_use_up_the_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for folder in ("file", "out", "out"):
            problem = pytest.raises(NotADirectoryError) if folder == "file" else nullcontext()
            with problem:
                safe_save_image(torch.full((3, 4, 4), 1.5), tmp_path / folder / "x.png")
    assert len(seen) == 1


def test_compiled_code_leaves_the_helper_out(run_script: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch._dynamo")
    done = run_script(
        """
        import warnings
        import torch
        from flake8_saveimage.runtime import safe_save, safe_save_image
        warnings.simplefilter("always")
        graphs = []

        def backend(graph, inputs):
            graphs.append(str(graph.code))
            return graph.forward

        @torch.compile(backend=backend)
        def step(x):
            y = x.sin() / 2
            safe_save_image(y + 3, "x.png")
            safe_save({"y": y}, "x.pt")
            return y.cos()

        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            for _ in range(3):
                step(torch.rand(3, 4, 4))
        assert [graph.count('.sin()') + graph.count('.cos()') for graph in graphs] == [1, 1], graphs
        assert not any("clamp" in graph or "mul" in graph for graph in graphs), graphs
        assert [w.lineno for w in seen] == [15], [str(w) for w in seen]
        assert seen[0].filename == __file__
        assert "were clipped" in str(seen[0].message)
        """
    )
    assert done.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} >= {"x.png", "x_1.png", "x.pt", "x_1.pt"}


def test_importing_the_helper_does_not_import_the_compiler(run_script: Run) -> None:
    run_script(
        """
        import sys, torch
        before = "torch._dynamo" in sys.modules
        import flake8_saveimage.runtime
        assert before or "torch._dynamo" not in sys.modules
        """
    )


TYPED = """
import io
from concurrent.futures import Future
from pathlib import Path
import torch
from flake8_saveimage.runtime import SaveQueue, safe_save, safe_save_image

image = torch.rand(3, 4, 4)
a: Path = safe_save_image(image, "x.png", nrow=4, if_exists="backup", keep=3)
b: Path = safe_save({}, f=Path("x.pt"), pickle_protocol=4, if_full="wait")
c: io.BytesIO = safe_save_image(image, io.BytesIO(), "png")
d: io.BytesIO = safe_save({}, f=io.BytesIO())
e: Path = safe_save_image(image, io.BytesIO(), "png")  # error
safe_save_image(image, "x.png", nrwo=4)  # error
safe_save({}, "x.pt", if_exists="never")  # error
with SaveQueue(max_pending_bytes=1 << 30) as queue:
    f: Future[Path] = queue.save_image(image, "x.png", nrow=4, if_exists="backup")
    g: Future[Path] = queue.save({}, f=Path("x.pt"), pickle_protocol=4, if_full="wait")
    h: Future[io.BytesIO] = queue.save_image(image, io.BytesIO(), "png")
    queue.save_image(image, "x.png", nrwo=4)  # error
    queue.save({}, "x.pt", if_exists="never")  # error
    queue.save({}, "x.pt", max_pending=3)  # error
"""


def test_the_types_of_a_call(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "typed.py").write_text(TYPED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "typed.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=500,
    )
    lines = [n for n, line in enumerate(TYPED.splitlines(), 1) if line.endswith("# error")]
    found = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert found == set(lines), done.stdout
