"""Scripts run before and after they are fixed, with the real torch: nothing right gets lost."""

from __future__ import annotations

import os
import re
import runpy
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flake8_saveimage import FixOptions, FixResult, fix_source
from flake8_saveimage.rules import all_rules
from flake8_saveimage.rules.finding import Finding

pytestmark = pytest.mark.torch

SCRIPTS = sorted((Path(__file__).parents[2] / "fixtures" / "fix").glob("*.py"))


def header(source: str) -> dict[str, str]:
    """What the first line of a script says: ``runs: loses; fixes: SVI101; unsafe``."""
    line = source.partition("\n")[0]
    fields = dict(re.findall(r"(\w+): ([^;]+)", line))
    return {**fields, "unsafe": "yes" if " unsafe;" in line else ""}


def fixed(path: Path, *, vendor: str | None = None) -> FixResult:
    def fix(source: str) -> FixResult:
        lines = source.splitlines()

        def accept(finding: Finding) -> bool:
            return finding.code in on and "noqa" not in lines[finding.line - 1]

        options = FixOptions(accept=accept, unsafe=bool(says["unsafe"]), vendor=vendor)
        return fix_source(source, filename=str(path) if vendor else path.name, options=options)

    says = header(path.read_text())
    on = {rule.code for rule in all_rules() if rule.default} | {says.get("select", "").strip()}
    result = fix(path.read_text())
    assert fix(result.code).code == result.code
    return result


def run(code: str, folder: Path) -> dict[str, Any]:
    """Run a script in a new folder and return its globals."""
    (folder / "out").mkdir(parents=True)
    script = folder / "script.py"
    script.write_text(code)
    before = Path.cwd()
    os.chdir(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return runpy.run_path(str(script), run_name="__main__")
    finally:
        os.chdir(before)


def on_disk(folder: Path) -> Counter[Any]:
    """Return the contents of all files that were written, in a form that can be compared."""
    import torch
    from torchvision.io import read_image

    found: Counter[Any] = Counter()
    for path in (folder / "out").iterdir():
        if path.suffix == ".png":
            found[key(read_image(str(path)))] += 1
        else:
            found[key(torch.load(path, weights_only=True))] += 1
    return found


def key(value: Any) -> Any:
    import torch

    if isinstance(value, dict):
        return tuple((name, key(item)) for name, item in sorted(value.items()))
    if isinstance(value, torch.Tensor):
        return tuple(value.shape), str(value.dtype), tuple(value.flatten().tolist())
    return value


def expected(saved: list[Any]) -> Counter[Any]:
    """Return what must be on disk for what a script meant to save: pixels for images."""
    import torch

    found: Counter[Any] = Counter()
    for value in saved:
        if isinstance(value, torch.Tensor) and value.ndim == 3:
            pixels = value.mul(255).add(0.5).clamp(0, 255).to(torch.uint8)
            found[key(pixels.expand(3, -1, -1))] += 1
        else:
            found[key(value)] += 1
    return found


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_fixed_script_keeps_every_file(path: Path, tmp_path: Path) -> None:
    says = header(path.read_text())
    result = fixed(path)
    assert sorted(f.code for f in result.applied) == sorted(says["fixes"].split())
    assert all(finding.fix is not None for finding in result.applied)
    assert result.left == ()

    after = run(result.code, tmp_path / "after")
    assert on_disk(tmp_path / "after") == expected(after["saved"])

    runs, _, what = says["runs"].strip().partition(" ")
    if runs == "raises":
        error = {e.__name__: e for e in (AttributeError, ImportError, RuntimeError, TypeError)}[
            what
        ]
        with pytest.raises(error):
            run(path.read_text(), tmp_path / "before")
        return
    before = run(path.read_text(), tmp_path / "before")
    there, wanted = on_disk(tmp_path / "before"), expected(before["saved"])
    if runs == "right":
        assert there == wanted
    elif runs == "loses":
        assert there.total() < wanted.total()
        assert there <= wanted
    else:
        assert runs == "wrong"
        assert there.total() == wanted.total()
        assert there != wanted


def test_every_kind_of_fix_is_run() -> None:
    codes = {code for path in SCRIPTS for code in header(path.read_text())["fixes"].split()}
    fixable = {r.code for r in all_rules() if "There is no fix" not in r.documentation}
    assert codes == fixable
    assert len(fixable) < len(all_rules())
    assert len(SCRIPTS) >= 25


@pytest.mark.parametrize(
    ("name", "count"), [("loop_constant_name", 4), ("constant_checkpoint", 1), ("name_is_taken", 3)]
)
def test_vendored_copy_runs_without_the_package(name: str, count: int, tmp_path: Path) -> None:
    import subprocess
    import sys

    from flake8_saveimage.fixes.vendoring import install

    script = tmp_path / "train.py"
    script.write_text(next(path for path in SCRIPTS if path.stem == name).read_text())
    vendor = str(tmp_path / "saving")
    assert install(vendor) == "created"
    script.write_text(fixed(script, vendor=vendor).code)
    assert "from saving import" in script.read_text()
    (tmp_path / "out").mkdir()
    hide = "import sys; sys.modules['flake8_saveimage'] = None; import runpy; "
    done = subprocess.run(
        [sys.executable, "-c", hide + "sys.path.insert(0, '.'); runpy.run_path('train.py')"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").iterdir())) == (
        1 if "constant_ch" in name else 3 + ("loop" in name)
    )
