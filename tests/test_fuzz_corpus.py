"""What the fuzzer found worth keeping; ``benchmarks/fuzz.py`` says what must hold for it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

CORPUS = Path(__file__).with_name("fuzz_corpus")
INPUTS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


def load() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"
    spec = importlib.util.spec_from_file_location("fuzz", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fuzz = load()


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_input_of_the_corpus(path: Path) -> None:
    fuzz.TARGETS[path.parent.name](path.read_bytes())


def test_the_corpus_is_small_and_has_all_targets() -> None:
    assert {path.parent.name for path in INPUTS} == set(fuzz.TARGETS)
    assert len(INPUTS) <= 80
    assert max(path.stat().st_size for path in INPUTS) <= fuzz.MAX_LEN


def test_the_checks_see_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness itself: a broken gate, a broken noqa and edits elsewhere are noticed."""
    from flake8_saveimage.config import noqa
    from flake8_saveimage.source import gate

    source = b"import torch\nfor i in x:\n    torch.save(i, 'a.pt')\n"
    for target in fuzz.TARGETS.values():
        target(source)
    with monkeypatch.context() as patch:
        patch.setattr(gate, "bytes_may_save", lambda raw, *rest: False)
        for target in (fuzz.gate, fuzz.noqa):
            with pytest.raises(AssertionError):
                target(source)
    with monkeypatch.context() as patch:
        patch.setattr(noqa, "silence", lambda text, *rest: text)
        with pytest.raises(AssertionError, match="left after"):
            fuzz.noqa(source)
    assert fuzz._outside(fuzz._ast("for i in x: save(i)"), set()) == fuzz._outside(
        fuzz._ast("import a\nfor i in x: safe_save(i, 1)"), set()
    )
    assert fuzz._outside(fuzz._ast("for i in x: save(i)"), set()) != fuzz._outside(
        fuzz._ast("for i in y: save(i)"), set()
    )
