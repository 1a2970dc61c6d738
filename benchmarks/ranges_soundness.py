"""Check the claims of the range analysis against torch, NumPy, Pillow and OpenCV.

    python benchmarks/ranges_soundness.py [--programs 100000] [--seed 0]

A program is a few straight lines over random tensors or arrays of every dtype, or over a picture.
Each line runs in the library and in the analysis; every element of every intermediate result must
lie inside the claimed interval (NaN only where the claim allows it), its dtype must be among the
claimed ones, and the axes and channels of a picture must be in the claimed order. Prints how many
programs and results were checked and exits with 1 at the first claim that is refuted.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import libcst
import numpy as np
import torch
import torch.nn.functional as F
import torchvision
import torchvision.transforms.functional as TF
from einops import rearrange
from PIL import Image

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
    "TF.pil_to_tensor(TF.to_pil_image({x}[0]))",
    "np.asarray(TF.to_pil_image({x}))",
    "TF.to_tensor(TF.to_pil_image({x}))",
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
ARRAY_DTYPES = "uint8 int8 int16 int32 int64 float16 float32 float64 bool".split()
ARRAY_SHAPES = ("(8, 8, 3)", "(8, 8, 3)", "(3,)", "(2, 8, 8, 3)", "()")
# {a}: a dtype of NumPy; {s}: a shape of an array
ARRAY_LEAVES = (
    "np.random.rand(8, 8, 3)",
    "np.random.random({s})",
    "np.random.rand(8, 8, 3).astype(np.{a})",
    "np.random.randn(8, 8, 3)",
    "np.random.normal({m}, 2.0, (8, 8, 3))",
    "np.random.uniform({low}, {high}, {s})",
    "np.random.randint({low}, {high}, {s})",
    "np.random.randint(0, 256, {s}, dtype=np.uint8)",
    "np.random.randint(0, 256, (8, 8, 3)).astype('uint8')",
    "np.zeros({s}, dtype=np.{a})",
    "np.ones({s}, np.{a})",
    "np.full({s}, {n})",
    "np.full({s}, {n}, dtype=np.{a})",
    "np.array([{n}, {m}, {n}])",
    "np.array([[{n}, 1, 2]], dtype=np.{a})",
    "np.array({n})",
    "np.linspace({n}, {m}, 3)",
    "np.arange({high})[:1]",
    "np.{a}({n})",
    "np.float32({n})",
    "torch.rand(8, 8, 3).numpy()",
    "torch.randint(0, 256, (8, 8, 3), dtype=torch.uint8).numpy()",
    "np.asarray(torch.randn({s}))",
)
ARRAY_FUNCTIONS = """
    tanh exp log log1p sqrt abs negative sign floor ceil round rint trunc square reciprocal sin cos
    nan_to_num mean sum max min std var median ravel squeeze copy ascontiguousarray flip isnan
    zeros_like ones_like
""".split()
ARRAY_STEPS = (
    *(f"np.{name}({{x}})" for name in ARRAY_FUNCTIONS),
    *(f"{{x}}.{name}()" for name in "mean sum max min std round copy ravel flatten".split()),
    *(f"({{x}} {op} {{y}})" for op in ("+", "-", "*", "/", "+", "*", "//", "%", ">")),
    *(f"({{x}} {op} {{n}})" for op in ("+", "-", "*", "/", "+", "-", "*", "/", "//", "%", "**")),
    *(f"({{n}} {op} {{x}})" for op in ("+", "-", "*", "/")),
    *(f"np.{name}({{x}}, {{n}})" for name in "add subtract multiply divide power maximum".split()),
    *(f"np.{name}({{x}}, {{y}})" for name in "add subtract multiply minimum mod".split()),
    "(-{x})",
    "({x} * 2 - 1)",
    "{x} * 255",
    "{x} / 255",
    "{x} * 0.5 + 0.5",
    "np.asarray(Image.fromarray({x}))",
    "np.asarray(Image.fromarray({x}).convert('L'))",
    "np.array(Image.fromarray({x}[..., 0]).convert('RGB'))",
    "np.asarray(Image.fromarray({x}[:, :, 0].astype(np.{a})).convert('L'))",
    "np.asarray(Image.fromarray(np.uint8({x})).resize((5, 6)))",
    "np.asarray(TF.to_pil_image({x}))",
    "TF.to_tensor(np.uint8({x}))",
    "cv2.convertScaleAbs({x})",
    "cv2.resize({x}, (6, 5), interpolation=cv2.INTER_AREA)",
    "np.clip({x}, 0, 255)",
    "np.clip({x}, 0, 1)",
    "np.clip({x}, {n}, {m})",
    "{x}.clip({n}, {m})",
    "{x}.clip(0, 255).astype(np.uint8)",
    "np.clip({x}, a_min={n}, a_max=None)",
    "{x}.astype(np.{a})",
    "{x}.astype('{a}')",
    "{x}.astype(float)",
    "np.{a}({x})",
    "np.uint8({x})",
    "np.array({x}, dtype=np.{a})",
    "np.asarray([{x}, {x}])",
    "np.array([{x}, {y}])",
    "np.full_like({x}, {n})",
    "np.where({x} > 0, {x}, {y})",
    "np.where({x} > {n}, {x}, {m})",
    "np.round({x}, 2)",
    "np.round({x}, -1)",
    "np.mean({x}, axis=0)",
    "{x}.max(axis=-1)",
    "np.percentile({x}, 90)",
    "np.concatenate([{x}, {y}])",
    "np.concatenate([{x}, {x}], axis=1)",
    "np.hstack([{x}, {y}])",
    "np.vstack([{x}, {y}])",
    "np.stack([{x}, {y}], axis=-1)",
    "np.pad({x}, 1, constant_values={n})",
    "np.pad({x}, 1, mode='reflect')",
    "np.transpose({x}, (2, 0, 1))",
    "np.repeat({x}, 2, axis=0)",
    "np.expand_dims({x}, 0)",
    "{x}[0]",
    "{x}[..., ::-1]",
    "{x}[{x} > 0]",
    "{x}.reshape(-1)",
    "{x}.T",
    "torch.from_numpy(np.array({x})).numpy()",
    "torch.tensor({x})",
    "{x} * 2",
    "{x}.numpy()",
    "(torch.from_numpy(np.array({x})) * 255).byte()",
    "np.tanh({x}) * 127.5 + 127.5",
    "cv2.resize({x}, (5, 6))",
    "cv2.resize({x}, (16, 16), interpolation=cv2.INTER_CUBIC)",
    "cv2.GaussianBlur({x}, (3, 3), 0)",
    "cv2.cvtColor({x}, cv2.COLOR_RGB2GRAY)",
    "cv2.cvtColor({x}, cv2.COLOR_RGB2HSV)",
    "cv2.cvtColor({x}, cv2.COLOR_BGR2RGBA)",
    "np.array(Image.fromarray({x}))",
    "np.array(Image.fromarray({x}).convert('L'))",
    "np.array(Image.fromarray({x}).resize((5, 6)))",
    "TF.to_tensor(np.asarray({x}))",
)
PICTURE_LEAVES = (
    "Image.open(file).convert('RGB')",
    "np.array(Image.open(file).convert('RGB'))",
    "cv2.imread(file)",
    "cv2.imread(file, cv2.IMREAD_COLOR)",
    "cv2.imread(file, 0)",
    "TF.to_tensor(Image.open(file).convert('RGB'))",
    "TF.pil_to_tensor(Image.open(file).convert('RGB'))",
    "torchvision.io.read_image(file)",
    "torchvision.transforms.ToTensor()(Image.open(file).convert('RGB'))",
)
# each keeps the order of what is bright and dark, so that the channels can be told apart
PICTURE_STEPS = (
    *(f"{{x}}[{index}]" for index in ("..., ::-1", ":, :, ::-1", ":, :, [2, 1, 0]", "::-1")),
    *(f"{{x}}[{index}]" for index in (":, ::-1", "..., :3", "1:7, 2:9", "0", "None", ":, :, 0")),
    *(f"{{x}}[{index}]" for index in ("[2, 1, 0]", ":, [2, 1, 0]", ":, 1:", "..., None", "-1")),
    *(f"{{x}}.transpose({axes})" for axes in ("2, 0, 1", "1, 2, 0", "0, 3, 1, 2", "0, 2", "")),
    *(f"{{x}}.permute({axes})" for axes in ("2, 0, 1", "1, 2, 0", "0, 2, 3, 1", "0, 3, 1, 2")),
    *(f"np.moveaxis({{x}}, {axes})" for axes in ("-1, 0", "0, -1", "0, 1")),
    *(f"{{x}}.flip({axis})" for axis in ("0", "1", "-1")),
    *(f"np.flip({{x}}, {axis})" for axis in ("0", "2", "-1")),
    *(f"np.concatenate([{{x}}] * 5, axis={axis})" for axis in (0, 1, 2)),
    *(f"torch.cat([{{x}}] * 5, {axis})" for axis in (0, 1, -1)),
    *(f"torch.stack([{{x}}] * 5, {axis})" for axis in (0, 1)),
    *(f"np.{name}([{{x}}] * 5)" for name in "stack hstack vstack dstack array".split()),
    *(f"{{x}}.{name}()" for name in "squeeze copy numpy float double clone contiguous".split()),
    *(f"np.{name}({{x}})" for name in "array fliplr flipud ascontiguousarray squeeze".split()),
    *(f"TF.{name}({{x}})" for name in "to_tensor pil_to_tensor to_pil_image hflip vflip".split()),
    *(f"cv2.cvtColor({{x}}, cv2.COLOR_{name})" for name in ("BGR2RGB", "RGB2BGR", "BGR2GRAY")),
    *(f"cv2.cvtColor({{x}}, cv2.COLOR_{name})" for name in ("GRAY2BGR", "RGB2RGBA", "RGBA2BGR")),
    "np.transpose({x}, (1, 0, 2))",
    "np.swapaxes({x}, 0, 2)",
    "rearrange({x}, 'h w c -> c h w')",
    "rearrange({x}, 'c h w -> h w c')",
    "rearrange({x}, 'b c h w -> b h w c')",
    "{x}.transpose(1, 2)",
    "{x}.movedim(0, -1)",
    "{x}.unsqueeze(0)",
    "{x}.unsqueeze(1)",
    "np.expand_dims({x}, 0)",
    "np.stack([{x}] * 5, axis=-1)",
    "{x} / 255",
    "{x} * 0.5 + 0.25",
    "{x}.astype(np.float32)",
    "np.clip({x}, 0, 255)",
    "{x}.clamp(0, 255)",
    "({x} / 255 * 255).astype(np.uint8)",
    "torch.from_numpy({x}.copy())",
    "torch.tensor({x}.copy())",
    "TF.to_tensor({x}.copy())",
    "TF.resize({x}, [5, 6], antialias=True)",
    "TF.center_crop({x}, [6, 7])",
    "TF.rgb_to_grayscale({x})",
    "F.interpolate({x}, size=(5, 6))",
    "F.pad({x}, (1, 1, 1, 1))",
    "torchvision.utils.make_grid({x})",
    "Image.fromarray({x})",
    "{x}.convert('RGB')",
    "{x}.convert('L')",
    "{x}.copy().resize((6, 5))",
    "{x}.crop((1, 1, 7, 8))",
    "cv2.resize({x}, (6, 5))",
    "cv2.flip({x}, 1)",
    "cv2.GaussianBlur({x}, (3, 3), 0)",
    "np.mean({x}, axis=2)",
    "{x}.reshape(-1)",
    "{x}.view(-1)",
)
FAMILIES = {"tensor": (LEAVES, STEPS), "array": (ARRAY_LEAVES, ARRAY_STEPS)}
REFUSED = (
    RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, NameError, OverflowError,
    ZeroDivisionError, AttributeError, OSError, KeyError, cv2.error,
)  # fmt: skip


class Unsound(AssertionError):
    """A library refutes a claim."""


def random_program(
    rng: random.Random, leaves: int = 3, steps: int = 5, family: str = "tensor"
) -> list[str]:
    """Return the right-hand sides of ``v0 = ...``, ``v1 = ...``."""
    lines: list[str] = []
    makers, changers = FAMILIES[family]
    for _ in range(rng.randint(1, leaves)):
        lines.append("unknown" if rng.random() < 0.12 else _fill(rng.choice(makers), rng, lines))
    for _ in range(rng.randint(1, steps)):
        lines.append(_fill(rng.choice(changers), rng, lines))
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
        "a": rng.choice(ARRAY_DTYPES),
        "s": rng.choice(ARRAY_SHAPES),
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


def unknown_array(rng: random.Random) -> Any:
    """Return an array of which the analysis is told nothing."""
    shape = ast.literal_eval(rng.choice(ARRAY_SHAPES))
    scale = rng.choice((1.0, 0.1, 100.0, 1e5))
    dtype = rng.choice((*ARRAY_DTYPES, "uint16", "uint32"))
    with np.errstate(all="ignore"):
        return np.asarray(np.random.randn(*shape) * scale).astype(dtype)


NAMES: Mapping[str, Any] = {
    "torch": torch,
    "F": F,
    "TF": TF,
    "torchvision": torchvision,
    "np": np,
    "cv2": cv2,
    "Image": Image,
    "rearrange": rearrange,
}
HEADER = """\
import cv2
import numpy as np
import torch
import torchvision
from PIL import Image
import torch.nn.functional as F
import torchvision.transforms.functional as TF
from einops import rearrange
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
    if is_array and value.dtype == object:
        return None
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
    axis = name.index("C")
    if value.ndim != len(name) or value.shape[axis] not in (1, 2, 3, 4):
        return f"shape {tuple(value.shape)} is not {name}"
    exact = claim.channels is not None and claim.channels.origin.proof == "exact"
    if claim.channels is None or not exact or value.shape[axis] < 3:
        return None
    means = value.double().movedim(axis, 0).flatten(1).mean(1)
    first, last = (means[0], means[2]) if claim.channels.name[0] == "R" else (means[2], means[0])
    return f"channels {means.tolist()} are not {claim.channels.name}" if first < last else None


def check(lines: list[str], rng: random.Random, family: str = "tensor") -> Counter[str]:
    """Run a program both ways; count the results checked, and those with finite bounds.

    Raises :class:`Unsound`.
    """
    concrete: dict[str, Any] = dict(NAMES)
    lines = list(lines)
    unknown = unknown_tensor if family == "tensor" else unknown_array
    for index, line in enumerate(lines):
        name = f"v{index}"
        if line == "unknown":
            concrete[name] = unknown(rng)
            continue
        try:
            concrete[name] = eval(line, concrete)  # the program is our own
        except REFUSED:
            concrete[name] = None
        value = concrete[name]
        if value is None or (torch.is_tensor(value) and str(value.dtype)[6:] not in BY_NAME):
            lines[index] = "unknown"  # refused, or left out: nothing is claimed, anything will do
            concrete[name] = unknown(rng)
    return compare(lines, concrete)


def check_picture(file: str, rng: random.Random, steps: int = 6) -> Counter[str]:
    """Move a picture about at random, both ways; steps that the libraries refuse are left out."""
    concrete: dict[str, Any] = {**NAMES, "file": file}
    lines: list[str] = []
    wanted = rng.randint(2, steps)
    for attempt in range(60):
        templates = PICTURE_STEPS if lines else PICTURE_LEAVES
        line = _fill(rng.choice(templates), rng, lines) if attempt < 59 else "file"
        try:
            concrete[f"v{len(lines)}"] = eval(line, concrete)  # the program is our own
        except REFUSED:
            continue
        lines.append(line)
        if len(lines) == wanted:
            break
    return compare(lines, concrete)


def compare(lines: list[str], concrete: Mapping[str, Any]) -> Counter[str]:
    """Compare what each line gave with what is claimed of it."""
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
    np.random.seed(seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        file = picture(Path(folder))
        for number in range(programs):
            family = ("tensor", "array", "picture")[number % 3]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if family == "picture":
                    counts += check_picture(file, rng)
                else:
                    counts += check(random_program(rng, family=family), rng, family)
    return counts


def picture(folder: Path) -> str:
    """Write a picture in which red is brightest and blue darkest everywhere; return its path."""
    noise = np.random.RandomState(0).randint(0, 60, (9, 11, 3))
    pixels = (noise + np.array([190, 100, 10])).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "picture.png")
    return str(folder / "picture.png")


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
