"""What Python accepts and libcst does not is reported once, at the line where libcst stopped."""

from __future__ import annotations

import ast

import pytest

from flake8_saveimage.check.analysis import parse
from flake8_saveimage.source.reading import Unparsable


def test_the_line_is_the_one_that_libcst_does_not_understand() -> None:
    source = "import torch\n\n\ndef f():\n    (x): int\n    return torch\n"
    ast.parse(source)
    with pytest.raises(Unparsable) as caught:
        parse(source)
    assert caught.value.line == 5
    assert "error at" not in caught.value.message, "one place is enough"
    assert caught.value.message.startswith("expected one of")


def test_what_is_no_token_is_told_with_its_line() -> None:
    with pytest.raises(Unparsable) as caught:
        parse("x = 1\ny = 'a\n")
    assert caught.value.line >= 1
    assert "unterminated string literal" in caught.value.message
