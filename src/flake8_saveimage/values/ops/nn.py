"""Activations, layers and the functions behind them."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from flake8_saveimage.syntax.arguments import bind
from flake8_saveimage.values import intervals
from flake8_saveimage.values.domain import (
    Abstract,
    Items,
    Origin,
    Values,
    as_values,
    constant,
    number,
    placed,
    still_unbounded,
    without_bounds,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks, within
from flake8_saveimage.values.elementwise import emit, floating, pointwise
from flake8_saveimage.values.intervals import INF, UNIT, WHOLE, Interval
from flake8_saveimage.values.layout import channels_first, without_orders
from flake8_saveimage.values.objects import Layer, Sequential
from flake8_saveimage.values.operations import Operands, Passed, converted, operation, transferred
from flake8_saveimage.values.ops.arithmetic import SIGNED, clamped, without_bool

MIXED = Values(dtypes=DTypes.ANY, kind="tensor", ranks=Ranks.TENSOR)


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    return math.exp(x) / (1.0 + math.exp(x))


def _erf(x: Interval) -> Interval:
    # torch's error near zero is absolute, not relative
    return Interval(-1.0 if x.low < 0 else 0.0, 1.0 if x.high > 0 else 0.0, x.nan)


@dataclass(frozen=True, slots=True)
class Activation:
    """An elementwise function into floats.

    ``image`` maps an interval, ``fills`` is what the results tend to fill, ``slack`` the error of
    torch's kernel in units in the last place.
    """

    image: Callable[[Interval], Interval]
    fills: Interval | None = None
    slack: float = 4.0


ACTIVATIONS = {
    "tanh": Activation(intervals.increasing(math.tanh), fills=SIGNED),
    "sigmoid": Activation(intervals.increasing(_sigmoid), fills=UNIT),
    "expit": Activation(intervals.increasing(_sigmoid), fills=UNIT),
    "softmax": Activation(lambda s: Interval(0.0, 1.0, s.nan or not s.bounded), fills=UNIT),
    "hardsigmoid": Activation(lambda s: Interval(0.0, 1.0, s.nan), fills=UNIT),
    "log_softmax": Activation(lambda s: Interval(-INF, 0.0, nan=True)),
    "exp": Activation(intervals.increasing(math.exp)),
    "expm1": Activation(intervals.increasing(math.expm1)),
    "exp2": Activation(intervals.increasing(lambda x: 2.0**x)),
    "log": Activation(intervals.increasing(math.log)),
    "log2": Activation(intervals.increasing(math.log2)),
    "log10": Activation(intervals.increasing(math.log10)),
    "log1p": Activation(intervals.increasing(math.log1p)),
    "sqrt": Activation(intervals.increasing(math.sqrt)),
    "erf": Activation(_erf),
    "atan": Activation(intervals.increasing(math.atan)),
    "arctan": Activation(intervals.increasing(math.atan)),
    "sin": Activation(lambda s: Interval(-1.0, 1.0, s.nan or not s.bounded), slack=0),
    "cos": Activation(lambda s: Interval(-1.0, 1.0, s.nan or not s.bounded), slack=0),
    "rsqrt": Activation(lambda s: WHOLE),  # of -0.0 it is -inf
    "reciprocal": Activation(lambda s: intervals.divide(Interval(1.0, 1.0), s)),
    "gelu": Activation(lambda s: Interval(-0.2, max(s.high, 0.0), s.nan or not s.bounded)),
    "silu": Activation(lambda s: Interval(-0.31, max(s.high, 0.0), s.nan or not s.bounded)),
    "mish": Activation(lambda s: Interval(-0.31, max(s.high, 0.0), s.nan or not s.bounded)),
    "logit": Activation(lambda s: Interval(-INF, INF, nan=True)),
}


# activations that are not bounded from above
_UPWARDS = frozenset({"exp", "expm1", "exp2", "gelu", "silu", "mish"})


def _open(result: Values, value: Values, what: str) -> Values:
    """Return the result of an activation that bounds unbounded values on one side only."""
    open_before = still_unbounded(value) is not None
    return without_bounds(result, Origin(what, "unbounded") if open_before else None)


@operation(*ACTIVATIONS)
def activation(a: Operands) -> Values:
    value, row = a.values("input"), ACTIVATIONS[a.name]
    dtypes = floating(value)
    if a.name == "reciprocal" and value.kind in ("array", "unknown"):  # whole numbers in NumPy
        dtypes |= without_bool(value)
    result = pointwise(row.image, value, dtypes=dtypes, slack=row.slack)
    if row.fills is None:
        return _open(result, value, a.name) if a.name in _UPWARDS else result
    limits = emit(intervals.hull(row.fills, Interval(0.0, 0.0)), DTypes.DOUBLE, slack=0)
    interval = intervals.limited(result.interval, limits.low, limits.high)
    reach = row.fills if result.reach is None or value.kind == "number" else result.reach
    return dataclasses.replace(
        result, interval=interval, known=True, reach=reach, origin=Origin(a.name)
    )


@operation("softsign")
def softsign(a: Operands) -> Values:
    value = a.values("input")
    # x / (1 + |x|): integers wrap around in the divisor
    interval = Interval(-1.01, 1.01, nan=True) if within(value.dtypes, DTypes.FLOATS) else WHOLE
    result = pointwise(lambda s: s, value, dtypes=floating(value))
    return dataclasses.replace(result, interval=interval, reach=None)


@operation("softplus", parameters="input beta")
def softplus(a: Operands) -> Values:
    value = a.values("input")

    def interval(s: Interval) -> Interval:
        return Interval(0.0, INF if "beta" in a else max(s.high, 0.0) + 0.7, s.nan)

    result = dataclasses.replace(pointwise(interval, value, dtypes=floating(value)), reach=None)
    return _open(result, value, a.name)


@operation("relu")
def relu(a: Operands) -> Values:
    value = a.values("input")
    result = pointwise(
        lambda s: intervals.limited(s, 0.0, INF), value, dtypes=value.dtypes, slack=0
    )
    return _open(result, value, a.name)


@operation("leaky_relu", parameters="input negative_slope")
@operation("elu", "celu", parameters="input alpha")
def leaky_relu(a: Operands) -> Values:
    value = a.values("input")
    default = number(0.01 if "negative_slope" in a else 1.0)
    slope = as_values(a.get("negative_slope") or a.get("alpha") or default).interval

    def interval(s: Interval) -> Interval:
        below = intervals.multiply(slope, Interval(min(s.low, 0.0), 0.0))
        below = intervals.widened(below, 1e-4)
        return Interval(min(below.low, s.low), max(s.high, below.high), s.nan or not s.bounded)

    return _open(pointwise(interval, value, dtypes=value.dtypes, slack=4), value, a.name)


@operation("hardtanh", parameters="input min_val max_val")
def hardtanh(a: Operands) -> Values:
    low, high = a.get("min_val") or number(-1.0), a.get("max_val") or number(1.0)
    return _kept(clamped(a.values("input"), as_values(low), as_values(high), "hardtanh"), a)


def _kept(result: Values, a: Operands) -> Values:
    """Return the result in the dtype of the input: these functions do not promote."""
    return converted(result, a.values("input").dtypes)


@operation("relu6")
def relu6(a: Operands) -> Values:
    return _kept(clamped(a.values("input"), number(0.0), number(6.0), "relu6"), a)


@operation("torch.nn.functional.max_pool2d")
def max_pool(a: Operands) -> Values:
    return dataclasses.replace(channels_first(a.values("input")), scale=(1.0, 0.0))


@operation("torch.nn.functional.{avg_pool2d adaptive_avg_pool2d}")
def average(a: Operands) -> Values:
    value = channels_first(a.values("input"))
    padded = intervals.hull(value.interval, Interval(0.0, 0.0))  # zeros at the border count
    if not padded.bounded:
        padded = Interval(padded.low, padded.high, nan=True)  # inf - inf
    interval = emit(intervals.widened(padded, 1e-4), value.dtypes)
    return dataclasses.replace(value, interval=interval)


@operation(
    "torch.nn.functional.{interpolate upsample grid_sample}",
    parameters="input size scale_factor mode",
)
def interpolate(a: Operands) -> Values:
    """Resample; bicubic weights are negative in part and overshoot.

    The cubic kernel (Keys 1981; torch takes a = -0.75) has weights whose negative part is at most
    a * t * (1 - t) = 0.1875 along an axis, hence 0.4453 of the width over two axes.
    """
    value = channels_first(a.values("input"))
    mode = a.text("mode")
    smooth = mode in ("nearest", "nearest-exact", "area", "bilinear", "linear", "trilinear")
    if "mode" not in a and a.complete:
        smooth = True
    interval = intervals.hull(value.interval, Interval(0.0, 0.0)) if not smooth else value.interval
    if not smooth:
        margin = 0.65 * (interval.high - interval.low) if interval.bounded else 0.0
        interval = Interval(interval.low - margin, interval.high + margin, interval.nan)
    if not interval.bounded:
        interval = Interval(interval.low, interval.high, nan=True) if smooth else WHOLE
    nearest = mode in ("nearest", "nearest-exact") or (mode is None and smooth)
    stored = value.interval if nearest else emit(_blurred(interval), value.dtypes, slack=8)
    return dataclasses.replace(value, interval=stored, scale=(1.0, 0.0))


def _blurred(interval: Interval) -> Interval:
    """Widen for weighted sums: weights add up to one but for rounding in the coarsest dtype."""
    size = max(abs(interval.low), abs(interval.high)) if interval.bounded else 0.0
    slack = size * 1e-3
    return Interval(
        interval.low - slack if interval.low else 0.0, interval.high + slack, interval.nan
    )


@operation("torch.nn.functional.dropout", parameters="input p training")
def dropout(a: Operands) -> Values:
    value = a.values("input")
    rate = constant(a.get("p")) if "p" in a else 0.5
    gain = (
        Interval(1.0, 1.0 / (1.0 - rate))
        if rate is not None and 0 <= rate < 1
        else Interval(1.0, INF)
    )
    interval = intervals.multiply(
        intervals.hull(value.interval, Interval(0.0, 0.0)), intervals.hull(gain, UNIT)
    )
    return dataclasses.replace(value, interval=emit(interval, value.dtypes, slack=4), reach=None)


@operation("{torch torch.nn.functional Tensor}.{matmul mm bmm einsum linear bilinear}")
@operation("{torch torch.nn.functional Tensor}.{conv1d conv2d conv3d}")
@operation("{torch torch.nn.functional Tensor}.conv_transpose{1d 2d 3d}")
def mixing(a: Operands) -> Values:
    """Weighted sums. Those of a kernel that smooths, or of an inverse transform, may be images."""
    operands = [as_values(value) for value in (*a.given.values(), *a.rest)]
    found = [value.unbounded for value in operands if still_unbounded(value)]
    origin = Origin(a.name, "unbounded") if found else None
    marks = frozenset().union(*(value.marks for value in operands))
    if origin is None and "kernel" not in marks and not a.name.startswith("conv_transpose"):
        origin = Origin(a.name, "signed")
    return dataclasses.replace(MIXED, origin=origin, marks=marks & {"given"})


@operation("torch.nn.functional.{layer_norm batch_norm instance_norm group_norm}")
def norm_layer(a: Operands) -> Values:
    return dataclasses.replace(MIXED, origin=Origin(a.name, "unbounded"))


@operation("torch.nn.functional.normalize")
def unit_vectors(a: Operands) -> Values:
    value = a.values("input")
    # x / max(norm, eps): at most 1 but for rounding, for the orders p >= 1
    plain = "p" not in a and a.complete
    interval = emit(Interval(-1.01, 1.01, nan=True), value.dtypes) if plain else WHOLE
    return dataclasses.replace(value, interval=interval, reach=None, origin=None, scale=(1.0, 0.0))


# a layer of torch.nn: the function behind it and the parameters of its constructor
_LAYERS: dict[str, tuple[str, str]] = {
    "Tanh": ("tanh", ""),
    "Sigmoid": ("sigmoid", ""),
    "Hardsigmoid": ("hardsigmoid", ""),
    "Softmax": ("softmax", "dim"),
    "Softmax2d": ("softmax", ""),
    "LogSoftmax": ("log_softmax", "dim"),
    "ReLU": ("relu", "inplace"),
    "ReLU6": ("relu6", "inplace"),
    "LeakyReLU": ("leaky_relu", "negative_slope inplace"),
    "ELU": ("elu", "alpha inplace"),
    "GELU": ("gelu", ""),
    "SiLU": ("silu", ""),
    "Mish": ("mish", ""),
    "Softplus": ("softplus", "beta"),
    "Softsign": ("softsign", ""),
    "Hardtanh": ("hardtanh", "min_val max_val"),
    "Dropout": ("dropout", "p"),
    "Dropout2d": ("dropout", "p"),
    "Upsample": ("interpolate", "size scale_factor mode"),
    "PixelShuffle": ("pixel_shuffle", ""),
    "MaxPool2d": ("max_pool2d", ""),
    "AvgPool2d": ("avg_pool2d", ""),
}
_RESHAPING = frozenset({"Identity", "Flatten", "Unflatten"})
# layers whose results nothing bounds
_OPEN = re.compile(
    r"^(Lazy)?(Conv(Transpose)?\dd|Linear|Bilinear|(Sync)?BatchNorm(\dd)?|InstanceNorm\dd|PReLU)$"
    r"|^(Group|Layer|RMS)Norm$|^Embedding$"
)
_LISTS = ("ModuleList", "ParameterList")
FEATURES = Values(dtypes=DTypes.FLOATS, kind="tensor", ranks=Ranks.TENSOR)


def forgets(target: object) -> bool:
    """Whether what a layer returns has no bounds, whatever it is given."""
    if isinstance(target, Sequential):
        return any(map(forgets, target.steps))
    return isinstance(target, Layer) and _OPEN.search(target.name) is not None


def last_steps(steps: tuple[Abstract, ...]) -> tuple[Abstract, ...]:
    """Return the steps from the last one on that makes those before it irrelevant."""
    last = max((i for i, step in enumerate(steps) if forgets(step)), default=0)
    return steps[last:]


def build_layer(name: str, arguments: Passed, node: object) -> Abstract:
    """Return what the constructor of a class of ``torch.nn`` returns."""
    first = arguments.positional[0] if arguments.positional else None
    if name == "Sequential":
        if len(arguments.positional) == 1 and isinstance(first, Items):
            return Sequential(first.parts)
        return Sequential(arguments.positional)
    if name in _LISTS:
        return first if isinstance(first, Items) else Items((), complete=False)
    parameters = _LAYERS.get(name, ("", ""))[1].split()
    return Layer(name, bind(parameters, arguments), node)


def apply_layer(layer: Layer, value: Values) -> Values:
    """Return what a layer makes of a value."""
    if layer.name in _RESHAPING:
        return value if layer.name == "Identity" else without_orders(value)
    found = _LAYERS.get(layer.name)
    if found is None:
        origin = Origin(layer.name, "unbounded", layer.node) if forgets(layer) else None
        return dataclasses.replace(FEATURES, origin=origin)
    source = value if value.kind == "tensor" else dataclasses.replace(value, kind="tensor")
    operands = Operands({**layer.arguments.given, "input": source})
    result = as_values(transferred(f"torch.nn.functional.{found[0]}", operands))
    if result.unbounded and result.unbounded.node is None:
        result = dataclasses.replace(result, origin=Origin(layer.name, "unbounded"))
    return as_values(placed(result, layer.node))
