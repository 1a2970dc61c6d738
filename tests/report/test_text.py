"""Text with the source line: the caret stands under the call."""

from __future__ import annotations

from pathlib import Path

import pytest
from reporting import check

from flake8_saveimage.report import Style, render


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ('torch.save(1, "a.pt")', (0, 21)),
        ('x = "äöü"; torch.save(1, "a.pt")', (11, 21)),
        ('x = "\u65e5\u672c\U0001f3a8"; torch.save(1, "a.pt")', (14, 21)),  # two columns each
        ('x = "e\u0301"; torch.save(1, "a.pt")', (9, 21)),  # a combining accent takes none
        ('torch.save(1, "\U0001f3a8.pt")', (0, 22)),
    ],
    ids=["ascii", "accents", "wide", "combining", "wide in the call"],
)
def test_caret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, columns: tuple[int, int]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = check({"a.py": f"import torch\n{line}\n"}, tmp_path)
    _, source, caret, *_ = render("text", run, Style(show_source=True)).split("\n")
    assert source == f"    2 | {line}"
    start, length = columns
    assert caret == "      | " + " " * start + "^" * length
