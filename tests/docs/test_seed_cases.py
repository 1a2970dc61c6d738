"""The table of CONTRIBUTING.md with the cases that started this project: each cell is measured."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from flake8_saveimage.check.analysis import analyse
from flake8_saveimage.rules import all_rules

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(
    r"^\| \[.+?\]\((?P<path>fixtures/seed/\w+\.py)\) "
    r"\| (?P<reported>[^|]+) \| (?P<torchvision>[^|]+) \| (?P<helper>[^|]+) \|$",
    re.MULTILINE,
)
ROWS = [match.groupdict() for match in ROW.finditer((ROOT / "CONTRIBUTING.md").read_text("utf-8"))]
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: Path(row["path"]).stem)
EXPECT = re.compile(r"# expect: (SVI\d{3}):(\d+)$")


def test_every_fixture_has_its_row() -> None:
    fixtures = sorted(path.name for path in (ROOT / "fixtures" / "seed").glob("*.py"))
    assert sorted(Path(row["path"]).name for row in ROWS) == fixtures
    assert len(fixtures) == 7


@every_row
def test_what_is_reported(row: dict[str, str]) -> None:
    source = (ROOT / row["path"]).read_text("utf-8")
    on = {rule.code for rule in all_rules() if rule.default}
    found = [(finding.line, finding.column, finding.code) for finding in analyse(source, codes=on)]

    assert (", ".join(code for _, _, code in found) or "nothing") == row["reported"].strip()
    tagged = [
        (number, int(tag[2]), tag[1])
        for number, line in enumerate(source.splitlines(), 1)
        if (tag := EXPECT.search(line))
    ]
    assert found == tagged


@pytest.mark.torch
@every_row
def test_what_is_written(row: dict[str, str], tmp_path: Path) -> None:
    torchvision = pytest.importorskip("torchvision")
    from flake8_saveimage.runtime import safe_save_image

    plain, helped = tmp_path / "plain", tmp_path / "helped"
    outcome, _ = _run(row["path"], torchvision.utils.save_image, plain)
    assert outcome == row["torchvision"].strip()
    outcome, warned = _run(row["path"], safe_save_image, helped)
    assert _compared(outcome, warned, plain, helped) == row["helper"].strip()


def _run(path: str, save: object, folder: Path) -> tuple[str, bool]:
    """Run a case with one way to save; return what came of it, and whether it warned."""
    import torch

    folder.mkdir()
    module = ModuleType("case")
    exec(compile((ROOT / path).read_text("utf-8"), path, "exec"), module.__dict__)
    module.__dict__["save_image"] = save
    torch.manual_seed(0)
    error = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            module.main(str(folder))
        except (RuntimeError, FileExistsError) as problem:
            error = type(problem).__name__
    count = len(list(folder.rglob("*.png")))
    files = "no file" if count == 0 else f"{count} file{'s' if count > 1 else ''}"
    return f"{files}, then {error}" if error else files, bool(caught)


def _compared(outcome: str, warned: bool, plain: Path, helped: Path) -> str:
    """Return what the helper wrote, in words, beside what torchvision wrote."""
    files = {path.relative_to(helped): _pixels(path) for path in helped.rglob("*.png")}
    expected = {path.relative_to(plain): _pixels(path) for path in plain.rglob("*.png")}
    if not expected:
        assert files == _tensors(len(files))
        return f"{outcome}, the values as they are"
    assert files == expected
    return "the same" + (", and a warning" if warned else "")


def _pixels(path: Path) -> list[int]:
    from PIL import Image

    with Image.open(path) as image:
        return list(image.tobytes())


def _tensors(count: int) -> dict[Path, list[int]]:
    """Return the pixels of the uint8 tensors that the case makes."""
    import torch

    torch.manual_seed(0)
    images = [torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8) for _ in range(count)]
    return {
        Path(f"image_{number}.png"): image.permute(1, 2, 0).flatten().tolist()
        for number, image in enumerate(images)
    }
