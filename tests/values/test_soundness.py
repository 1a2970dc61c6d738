"""What the analysis claims holds in torch: random programs, run both ways."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("torch")
pytest.importorskip("torchvision")
pytest.importorskip("cv2")
pytest.importorskip("einops")

from claiming import FILES, claims
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

pytestmark = pytest.mark.torch
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "ranges_soundness.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ranges_soundness", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.torch.set_num_threads(1)
    return module


soundness = load()


@st.composite
def programs(draw: st.DrawFn) -> tuple[list[str], random.Random]:
    """Programs of one to three tensors and one to five operations."""
    rng = draw(st.randoms(use_true_random=False))
    return soundness.random_program(rng), rng


@settings(
    max_examples=int(os.environ.get("SAVEIMAGE_PROGRAMS", "2000")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(programs())
def test_every_value_lies_inside_its_claim(drawn: tuple[list[str], random.Random]) -> None:
    lines, rng = drawn
    soundness.check(lines, random.Random(rng.random()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_shown_lies_inside_its_claim(path: Path, tmp_path: Path) -> None:
    """``fixtures/claims``, run with ordinary values, with those of bytes, and with NaN and inf."""
    torch = soundness.torch
    if not hasattr(torch.nn.utils.parametrizations, "weight_norm"):
        pytest.skip("the programs use what torch 2.1 and torchvision 0.16 brought")
    source = path.read_text(encoding="utf-8")
    claimed, code = claims(source), compile(source, str(path), "exec")
    seen: set[int] = set()

    def show(value: object) -> None:
        line = sys._getframe(1).f_lineno
        seen.add(line)
        assert soundness.refutation(claimed[line], value) is None, f"line {line}"

    Image.new("RGB", (8, 8), (200, 3, 77)).save(tmp_path / "image.png")
    odd = torch.tensor([float("nan"), float("inf"), -float("inf")]).repeat(128).view(2, 3, 8, 8)
    for x in (torch.randn(2, 3, 8, 8) * 3, torch.rand(2, 3, 8, 8) * 255, odd):
        names = {"x": x, "y": torch.rand(2, 3, 8, 8), "show": show, "__name__": path.stem}
        with warnings.catch_warnings(), Image.open(tmp_path / "image.png") as pil:
            warnings.simplefilter("ignore")
            exec(code, {**names, "pil": pil, "file": str(tmp_path / "image.png")})
    assert seen == set(claimed)


@pytest.mark.parametrize(
    ("claim", "value", "refuted"),
    [
        ("torch.rand(4)", "torch.tensor([0.0, 1.5])", True),
        ("torch.rand(4)", "torch.tensor([0.0, float('nan')])", True),
        ("torch.rand(4)", "torch.zeros(4, dtype=torch.float64)", True),
        ("torch.rand(4)", "torch.tensor([0.0, 1.0])", False),
        ("torch.tanh(unknown)", "torch.tensor([-1.5])", True),
    ],
)
def test_the_check_sees_what_is_wrong(claim: str, value: str, refuted: bool) -> None:
    """The harness itself: a value outside of a claim is noticed."""
    claimed = soundness.claims_of([claim])[0]
    assert (
        soundness.refutation(claimed, eval(value, dict(soundness.NAMES))) is not None
    ) == refuted


def test_programs_are_understood() -> None:
    """The claims say something: most results have finite bounds."""
    counts = soundness.run(300, seed=1)
    assert counts["bounded"] > counts["results"] / 2
