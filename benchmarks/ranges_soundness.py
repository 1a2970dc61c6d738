"""Check the claims of the range analysis against torch, on random programs.

    python benchmarks/ranges_soundness.py [--programs 100000] [--seed 0]

A program is a few straight lines over random tensors of every dtype. Each line runs in torch and
in the analysis; every element of every intermediate result must lie inside the claimed interval
(NaN only where the claim allows it) and its dtype must be among the claimed ones. Prints how many
programs and results were checked and exits with 1 at the first claim that torch refutes.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import libcst
import numpy as np
import torch
import torch.nn.functional as F
import torchvision
import torchvision.transforms.functional as TF

from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.reader import read_facts
from flake8_saveimage.syntax.scopes import Place
from flake8_saveimage.values.domain import Abstract, Values
from flake8_saveimage.values.dtypes import BY_NAME, DTypes, Ranks
from flake8_saveimage.values.evaluate import Evaluator

DTYPES = "uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 bool".split()
FLOATS = "float16 bfloat16 float32 float64".split()
SHAPES = ("(2, 3, 8, 8)", "(3, 8, 8)", "(3, 1, 1)", "(2, 3, 8, 8)", "(2, 3, 8, 8)", "()")
NUMBERS = (
    "0 1 2 3 -1 255 256 127 128 -2 7 300 0.0 0.5 1.0 2.0 -1.0 0.1 0.2 255.0 127.5 1e-3 -0.5 "
    "0.229 0.485 1e4 1e5 3.7 1e-8 1e30 0.9 True False"
).split()
MODES = ("'nearest'", "'bilinear'", "'bicubic'", "'area'")

# {x}, {y}: earlier results; {n}, {m}: numbers; {d}: a dtype; {f}: a floating one; {mode}
LEAVES = (
    "torch.rand({shape}, dtype=torch.{f})",
    "torch.rand({shape})",
    "torch.randn({shape})",
    "torch.randn({shape}, dtype=torch.{f})",
    "torch.randint({low}, {high}, {shape})",
    "torch.randint(0, 256, {shape}, dtype=torch.uint8)",
    "torch.randint({high}, {shape})",
    "torch.zeros({shape}, dtype=torch.{d})",
    "torch.ones({shape})",
    "torch.full({shape}, {n})",
    "torch.full({shape}, {n}, dtype=torch.{f})",
    "torch.tensor([{n}, {m}, {n}]).view(3, 1, 1)",
    "torch.tensor({n})",
    "torch.linspace({n}, {m}, 8)",
    "torch.arange(8)",
    "torch.arange({low}, {high})[:1]",
    "torch.eye(8)",
    "torch.empty({shape}).uniform_({n}, {m})",
    "torch.empty({shape}).normal_(0.5, 0.1)",
    "torch.empty({shape}, dtype=torch.{d}).fill_({n})",
    "torch.normal(0.0, 2.0, {shape})",
)
UNARY = """
    tanh sigmoid exp expm1 log log1p log2 sqrt rsqrt abs neg sign floor ceil round trunc frac
    square reciprocal sin cos erf relu nan_to_num detach clone contiguous float half double byte
    bfloat16 int long bool isnan mean sum max min amax amin std var norm argmax median atan
    logical_not
""".split()
STEPS = (
    *(f"{{x}}.{name}()" for name in UNARY),
    *(f"torch.{name}({{x}})" for name in "tanh sigmoid exp abs relu neg mean max sqrt".split()),
    *(f"F.{name}({{x}})" for name in "relu relu6 leaky_relu elu gelu silu softplus".split()),
    *(f"F.{name}({{x}})" for name in "softsign hardtanh hardsigmoid tanh mish logsigmoid".split()),
    *(f"({{x}} {op} {{y}})" for op in ("+", "-", "*", "/", "+", "*", "//", "%", "**", ">")),
    *(f"({{x}} {op} {{n}})" for op in ("+", "-", "*", "/", "+", "-", "*", "/", "//", "%", "**")),
    *(f"({{n}} {op} {{x}})" for op in ("+", "-", "*", "/")),
    "(-{x})",
    "({x} + 1) / 2",
    "{x} * 0.5 + 0.5",
    "({x} * 2 - 1)",
    "{x} / 255",
    "{x} * 255",
    "{x}.mul(255).add_(0.5).clamp_(0, 255)",
    "{x}.clone().mul_({n})",
    "{x}.clone().add_({n})",
    "{x}.clone().add_({y})",
    "{x}.clone().div_({n})",
    "{x}.clone().sub_({y})",
    "{x}.add({y}, alpha={n})",
    "{x}.sub({n}, alpha={m})",
    "{x}.clamp({n}, {m})",
    "{x}.clamp(0, 1)",
    "{x}.clamp(-1, 1)",
    "{x}.clamp(min={n})",
    "{x}.clamp(max={n})",
    "torch.clamp({x}, max={n}, min={m})",
    "{x}.clip({n}, {m})",
    "{x}.clone().clamp_({n}, {m})",
    "{x}.clamp_min({n})",
    "{x}.clamp_max({n})",
    "{x}.to(torch.{d})",
    "{x}.to(dtype=torch.{f})",
    "{x}.type(torch.{d})",
    "{x}.type_as({y})",
    "{x}.to('cpu')",
    "{x}.pow({n})",
    "{x}.pow(2)",
    "torch.pow({x}, 0.5)",
    "torch.maximum({x}, {y})",
    "torch.minimum({x}, {y})",
    "torch.max({x}, {y})",
    "torch.min({x}, {y})",
    "{x}.amax(dim=0, keepdim=True)",
    "{x}.mean(dim=0, keepdim=True)",
    "{x}.sum(dim=0)",
    "{x}.mean((-1, -2), keepdim=True)",
    "torch.softmax({x}, 0)",
    "F.softmax({x}, dim=-1)",
    "F.log_softmax({x}, dim=-1)",
    "torch.where({x} > 0, {x}, {y})",
    "torch.where({x} > {n}, {x}, {m})",
    "torch.where({x} > 0, {n}, {m})",
    "{x}.masked_fill({x} > 0, {n})",
    "torch.cat([{x}, {y}])",
    "torch.stack([{x}, {x}])",
    "torch.stack(({x}, {y}), 0).flatten(0, 1)",
    "torch.rand_like({x})",
    "torch.randn_like({x})",
    "torch.zeros_like({x})",
    "torch.ones_like({x})",
    "torch.full_like({x}, {n})",
    "torch.lerp({x}, {y}, 0.3)",
    "{x}.lerp({y}, {n})",
    "{x}.view(-1)",
    "{x}.permute(*range({x}.dim()))",
    "{x}.unsqueeze(0)",
    "{x}.squeeze()",
    "{x}.flip(-1)",
    "{x}.repeat(2, 1, 1, 1)",
    "{x}.new_zeros(3)",
    "{x}.new_full((3,), {n})",
    "{x}.clone().zero_()",
    "F.interpolate({x}, scale_factor=2, mode={mode})",
    "F.interpolate({x}, size=(5, 5), mode={mode}, antialias={flag})",
    "F.interpolate({x}, scale_factor=0.6, mode='bicubic', antialias=True)",
    "F.interpolate({x}, scale_factor=2)",
    "F.pad({x}, (1, 1, 1, 1))",
    "F.pad({x}, (1, 1, 1, 1), value={n})",
    "F.pad({x}, (1, 1, 1, 1), mode='reflect')",
    "F.avg_pool2d({x}, 2)",
    "F.max_pool2d({x}, 2)",
    "F.dropout({x}, 0.3)",
    "F.normalize({x}, dim=0)",
    "F.one_hot({x}.long().clamp(0, 3).view(-1), 4)",
    "torchvision.utils.make_grid({x})",
    "torchvision.utils.make_grid({x}, normalize=True)",
    "torchvision.utils.make_grid({x}, nrow=2, normalize=True, value_range=(-1, 1))",
    "torchvision.utils.make_grid({x}, pad_value={n})",
    "torchvision.utils.make_grid([{x}, {x}], normalize={flag})",
    "TF.normalize({x}, (0.5,), (0.5,))",
    "TF.normalize({x}, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])",
    "TF.normalize({x}, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))",
    "TF.normalize({x}, [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225], [4.3, 4.4, 4.5])",
    "TF.convert_image_dtype({x}, torch.{f})",
    "TF.convert_image_dtype({x}, torch.uint8)",
    "TF.resize({x}, [5, 5])",
    "TF.resize({x}, [12, 12], antialias={flag})",
    "TF.center_crop({x}, [6, 10])",
    "TF.hflip({x})",
    "TF.adjust_brightness({x}, 1.5)",
    "TF.adjust_contrast({x}, 1.5)",
)


class Unsound(AssertionError):
    """Torch refutes a claim."""


def random_program(rng: random.Random, leaves: int = 3, steps: int = 5) -> list[str]:
    """Return the right-hand sides of ``v0 = ...``, ``v1 = ...``."""
    lines: list[str] = []
    for _ in range(rng.randint(1, leaves)):
        lines.append("unknown" if rng.random() < 0.12 else _fill(rng.choice(LEAVES), rng, lines))
    for _ in range(rng.randint(1, steps)):
        lines.append(_fill(rng.choice(STEPS), rng, lines))
    return lines


def _fill(template: str, rng: random.Random, lines: list[str]) -> str:
    def operand() -> str:
        # mostly the latest results, so that chains grow
        back = min(rng.choice((0, 0, 0, 0, 1, 1, 2, 3)), len(lines) - 1)
        return f"v{len(lines) - 1 - back}"

    low = rng.choice((-300, -3, 0, 1))
    fields: dict[str, object] = {
        "shape": rng.choice(SHAPES),
        "n": rng.choice(NUMBERS),
        "m": rng.choice(NUMBERS),
        "d": rng.choice(DTYPES),
        "f": rng.choice(FLOATS),
        "mode": rng.choice(MODES),
        "flag": rng.choice(("True", "False")),
        "low": low,
        "high": low + rng.choice((1, 2, 10, 255, 1000)) if low else rng.choice((1, 2, 256, 1000)),
    }
    if lines:
        fields |= {"x": operand(), "y": operand()}
    return template.format(**fields)


def unknown_tensor(rng: random.Random) -> torch.Tensor:
    """Return a tensor of which the analysis is told nothing: any dtype, extremes, NaN."""
    dtype = getattr(torch, rng.choice(DTYPES))
    shape = ast.literal_eval(rng.choice(SHAPES))
    scale = rng.choice((1.0, 0.1, 100.0, 1e5, 1e38))
    values = (torch.randn(shape, dtype=torch.float64) * scale).to(dtype)
    if dtype.is_floating_point and values.numel() > 3 and rng.random() < 0.3:
        values.view(-1)[:3] = torch.tensor([float("nan"), float("inf"), float("-inf")])
    return values


NAMES: Mapping[str, Any] = {"torch": torch, "F": F, "TF": TF, "torchvision": torchvision}
HEADER = """\
import torch
import torchvision
import torch.nn.functional as F
import torchvision.transforms.functional as TF
"""


def claims_of(lines: list[str]) -> list[Abstract]:
    """Return what the analysis claims of each line of a program, from its text."""
    source = HEADER + "".join(f"v{index} = {line}\n" for index, line in enumerate(lines))
    flow = Flow(read_facts(libcst.parse_module(source)))
    evaluator = Evaluator(flow)
    block = flow.facts.scope.block
    end = Place(block, block.end)
    return [
        evaluator.name(f"v{index}", end, evaluator.top, flow.facts.module)
        for index in range(len(lines))
    ]


def refutation(claim: Abstract, value: Any) -> str | None:
    """Return how a concrete value contradicts a claim, ``None`` if it does not."""
    is_array = isinstance(value, np.ndarray | np.generic)
    if not isinstance(claim, Values) or not (torch.is_tensor(value) or is_array):
        return None
    if claim.kind != "unknown" and claim.kind != ("array" if is_array else "tensor"):
        return f"{type(value).__name__} is no {claim.kind}"
    dtype = BY_NAME.get(str(value.dtype).removeprefix("torch."))  # uint16 is left to ANY
    if claim.dtypes != DTypes.ANY and not (dtype and dtype & claim.dtypes):
        return f"dtype {value.dtype} is not in {claim.dtypes!r}"
    rank = Ranks.DIMENSIONS if value.ndim else Ranks.ZERO
    if not rank & claim.ranks:
        return f"{value.ndim} dimensions are not in {claim.ranks!r}"
    if is_array:
        value = torch.from_numpy(np.array(value, dtype=np.float64))
    return _outside(claim, value) or _misplaced(claim, value)


def _outside(claim: Values, value: torch.Tensor) -> str | None:
    """Return how the elements of a tensor contradict the claimed interval."""
    flat = value.detach().double().flatten()
    bad = flat.isnan()
    if bad.any() and not claim.interval.nan:
        return f"NaN is not in {claim.interval}"
    rest = flat[~bad]
    if rest.numel() and not (
        claim.interval.low <= rest.min().item() and rest.max().item() <= claim.interval.high
    ):
        return f"[{rest.min().item()!r}, {rest.max().item()!r}] is not inside {claim.interval}"
    return None


def _misplaced(claim: Values, value: torch.Tensor) -> str | None:
    """Return how the shape of an image contradicts the claimed order of its axes."""
    if claim.layout is None or claim.layout.origin.proof != "exact":
        return None
    name = claim.layout.name
    if value.ndim == len(name) - 1:  # a grey image has no axis of channels
        return None
    if value.ndim != len(name) or value.shape[name.index("C")] not in (1, 3, 4):
        return f"shape {tuple(value.shape)} is not {name}"
    return None


def check(lines: list[str], rng: random.Random) -> Counter[str]:
    """Run a program both ways; count the results checked, and those with finite bounds.

    Raises :class:`Unsound`.
    """
    concrete: dict[str, Any] = dict(NAMES)
    lines = list(lines)
    for index, line in enumerate(lines):
        name = f"v{index}"
        if line == "unknown":
            concrete[name] = unknown_tensor(rng)
            continue
        try:
            concrete[name] = eval(line, concrete)  # the program is our own
        except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, NameError):
            lines[index] = "unknown"  # torch refuses: nothing is claimed, any tensor will do
            concrete[name] = torch.rand(2, 3, 8, 8)
    counts: Counter[str] = Counter(programs=1)
    for index, claim in enumerate(claims_of(lines)):
        problem = refutation(claim, concrete[f"v{index}"])
        if problem is not None:
            program = "\n".join(f"v{i} = {text}" for i, text in enumerate(lines[: index + 1]))
            raise Unsound(f"{problem}\n{program}")
        if lines[index] != "unknown":
            counts["results"] += 1
            counts["bounded"] += isinstance(claim, Values) and claim.interval.bounded
    return counts


def run(programs: int, seed: int) -> Counter[str]:
    """Check random programs; return how many programs, results and finite claims there were."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    counts: Counter[str] = Counter()
    for _ in range(programs):
        counts += check(random_program(rng), rng)
    return counts


def main() -> int:
    """Run the check from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.process_time()
    try:
        counts = run(options.programs, options.seed)
    except Unsound as error:
        print(f"unsound: {error}", file=sys.stderr)
        return 1
    spent = time.process_time() - start
    print(
        f"{counts['programs']} programs, {counts['results']} results inside their claims, "
        f"{counts['bounded']} of these finite "
        f"(torch {torch.__version__}, seed {options.seed}, {spent:.0f} s of CPU)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
