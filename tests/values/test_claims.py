"""The claims written behind the expressions in ``fixtures/claims`` are those of the analysis."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from claiming import FILES, annotated

from flake8_saveimage.check.analysis import analyse


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_claims(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert annotated(source).splitlines() == source.splitlines()


def test_there_are_claims() -> None:
    assert sum(path.read_text(encoding="utf-8").count("show(") for path in FILES) >= 500


def test_the_stack_of_the_caller_changes_nothing() -> None:
    """A value through four functions, judged with 950 calls around it."""
    text = "x = torch.rand(3)\n" + "".join(
        f"def f{n}(x):\n    return {f'f{n - 1}(x)' if n else 'x * 2 - 1'}\n" for n in range(4)
    )
    source = f'import torch, torchvision\n{text}torchvision.utils.save_image(f3(x), "x.png")\n'

    def deep(calls: int) -> list[str]:
        return deep(calls - 1) if calls else [finding.code for finding in analyse(source)]

    depth = len(inspect.stack())
    assert deep(950 - depth) == deep(0) == ["SVI104", "SVI201"]
