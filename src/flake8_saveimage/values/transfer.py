"""Transfer functions for torch: constructors, arithmetic, activations, reductions, conversions.

Each one maps abstract arguments to an abstract result that contains whatever torch computes from
concrete ones (``benchmarks/ranges_soundness.py`` checks this against torch itself). The names are
qualified names; ``Tensor.x`` stands for the method, ``name_`` for the in-place form.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from flake8_saveimage.values import spans
from flake8_saveimage.values.calls import (
    OPERATIONS,
    Arguments,
    converted,
    operation,
    parts,
)
from flake8_saveimage.values.domain import (
    UNKNOWN,
    Abstract,
    Items,
    Origin,
    Thing,
    Values,
    any_dtype,
    as_values,
    constant,
    emit,
    join,
    join_parts,
    number,
    operand_as,
    pointwise,
    tensor,
)
from flake8_saveimage.values.dtypes import (
    DTypes,
    Ranks,
    each,
    result_types,
    union,
    within,
)
from flake8_saveimage.values.scaling import handled, rescaled
from flake8_saveimage.values.spans import INF, UNIT, WHOLE, Span

# |randn| cannot exceed sqrt(-2 ln 2**-53) = 8.6, the tail of Box-Muller on 53 bits; half rounds
NORMAL = Span(-10.0, 10.0)
THREE_SIGMA = Span(-3.0, 3.0)
SIGNED = Span(-1.0, 1.0)


# --- constructors ---------------------------------------------------------------------------


def noise(dtypes: DTypes, what: str, ranks: Ranks = Ranks.TENSOR) -> Values:
    """Return normally distributed values: bounded by the generator, spread over three sigma."""
    return tensor(NORMAL, dtypes, reach=THREE_SIGMA, origin=Origin(what, "noise"), ranks=ranks)


def shape_ranks(a: Arguments) -> Ranks:
    """Return the rank of a new tensor: sizes that are written out give it dimensions."""
    size = a.get("size")
    visible = size.parts if isinstance(size, Items) else (size,)
    if any(isinstance(part, Values) and part.kind == "number" for part in visible):
        return Ranks.DIMENSIONS
    return Ranks.TENSOR


@operation("torch.rand", parameters="size")
def rand(a: Arguments) -> Values:
    return tensor(UNIT, a.dtypes(DTypes.FLOAT), ranks=shape_ranks(a))


@operation("numpy.random.rand", "numpy.random.random", parameters="size")
def numpy_rand(a: Arguments) -> Values:
    return tensor(UNIT, DTypes.DOUBLE, ranks=shape_ranks(a))


@operation("torch.rand_like")
def rand_like(a: Arguments) -> Values:
    value = a.values("input")
    return tensor(UNIT, a.dtypes(value.dtypes & DTypes.FLOATS), ranks=like_ranks(value))


def like_ranks(value: Values) -> Ranks:
    """Return the ranks of a tensor with the shape of another."""
    return value.ranks & Ranks.TENSOR or Ranks.TENSOR


@operation("torch.randn", parameters="size")
def randn(a: Arguments) -> Values:
    if a.truth("requires_grad", False) is not False:
        # what is optimised does not stay noise
        return Values(dtypes=a.dtypes(DTypes.FLOAT), kind="tensor", ranks=shape_ranks(a))
    return noise(a.dtypes(DTypes.FLOAT), "randn", shape_ranks(a))


@operation("torch.randn_like")
def randn_like(a: Arguments) -> Values:
    value = a.values("input")
    return noise(a.dtypes(value.dtypes & DTypes.FLOATS), "randn_like", like_ranks(value))


@operation("torch.normal", parameters="mean std")
def normal(a: Arguments) -> Values:
    return _normal(a.values("mean"), a.values("std"), DTypes.ANY & DTypes.FLOATS, "normal")


@operation("Tensor.normal_", parameters="input mean std")
def normal_(a: Arguments) -> Values:
    mean, std = a.get("mean") or number(0.0), a.get("std") or number(1.0)
    return _normal(as_values(mean), as_values(std), a.values("input").dtypes, "normal_")


def _normal(mean: Values, std: Values, dtypes: DTypes, what: str) -> Values:
    base = noise(DTypes.FLOATS, what)
    value = pointwise(
        lambda n, m, s: spans.add(spans.multiply(n, s), m), base, mean, std, dtypes=dtypes
    )
    return dataclasses.replace(value, origin=Origin(what, "noise"))


@operation("Tensor.uniform_", parameters="input from to")
def uniform_(a: Arguments) -> Values:
    low, high = (as_values(a.get("from") or number(0)), as_values(a.get("to") or number(1)))
    if not a.complete:
        return dataclasses.replace(UNKNOWN, dtypes=a.values("input").dtypes)
    dtypes = a.values("input").dtypes & DTypes.FLOATS
    reach = spans.hull(low.reach, high.reach) if low.reach and high.reach else None
    span = emit(spans.hull(low.span, high.span), dtypes)
    ranks = like_ranks(a.values("input"))
    return tensor(span, dtypes, reach=reach, origin=Origin("uniform_"), ranks=ranks)


@operation("torch.randint", parameters="low high size")
def randint(a: Arguments) -> Values:
    low, high = a.get("low"), a.get("high")
    if not isinstance(high, Values) or ("size" not in a and not a.extra and "high" not in a):
        low, high = number(0), low  # randint(high, size)
    dtypes = a.dtypes(DTypes.INT64)
    if not a.complete:
        return Values(dtypes=dtypes, kind="tensor", ranks=Ranks.TENSOR)
    return _integers(as_values(low), as_values(high), dtypes)


@operation("torch.randint_like", parameters="input low high")
def randint_like(a: Arguments) -> Values:
    low, high = a.get("low"), a.get("high")
    if high is None:
        low, high = number(0), low
    return _integers(as_values(low), as_values(high), a.dtypes(a.values("input").dtypes))


def _integers(low: Values, high: Values, dtypes: DTypes) -> Values:
    # the upper end is exclusive, but float dtypes may round up to it
    top = spans.subtract(high.span, Span(1.0, 1.0)) if not dtypes & DTypes.FLOATS else high.span
    span = emit(spans.hull(low.span, top), dtypes)
    reach = span if low.span.point and high.span.point else None
    return tensor(span, dtypes, reach=reach, origin=Origin("randint"), ranks=Ranks.TENSOR)


@operation("torch.bernoulli", "Tensor.bernoulli", "Tensor.bernoulli_")
def bernoulli(a: Arguments) -> Values:
    value = a.values("input")
    return tensor(UNIT, value.dtypes, ranks=like_ranks(value))


@operation("torch.randperm", "torch.arange", parameters="start end step")
def counted(a: Arguments) -> Values:
    given = [as_values(a.get(name)) for name in ("start", "end", "step") if a.get(name)]
    default = DTypes.INT64
    if any(v.dtypes & DTypes.FLOATS for v in given):
        default = DTypes.FLOAT if all(v.dtypes is DTypes.DOUBLE for v in given) else DTypes.ANY
        if any(within(v.dtypes, DTypes.FLOATS) for v in given):
            default = DTypes.FLOAT
    dtypes = a.dtypes(default)
    ends = [v.span for v in given[:2]]
    if len(given) == 1:
        ends.append(Span(0.0, 0.0))
    if not ends or not a.complete:
        return Values(dtypes=dtypes, kind="tensor", ranks=Ranks.DIMENSIONS)
    span = spans.hull(ends[0], ends[-1])
    return tensor(emit(span, dtypes), dtypes, reach=None, known=False)


@operation("torch.linspace", parameters="start end steps")
def linspace(a: Arguments) -> Values:
    start, end = a.values("start"), a.values("end")
    dtypes = a.dtypes(DTypes.FLOAT)
    reach = spans.hull(start.reach, end.reach) if start.reach and end.reach else None
    span = emit(spans.hull(start.span, end.span), dtypes, slack=4)
    return tensor(span, dtypes, reach=reach, known=reach is not None, origin=Origin("linspace"))


def _filled(*names: str, value: float) -> None:
    def constructor(a: Arguments, default: DTypes = DTypes.FLOAT) -> Values:
        return tensor(Span(value, value), a.dtypes(default), ranks=shape_ranks(a))

    operation(*(f"torch.{n}" for n in names), parameters="size")(constructor)
    operation(*(f"numpy.{n}" for n in names), parameters="size dtype")(
        lambda a: constructor(a, DTypes.DOUBLE)
    )

    @operation(*(f"torch.{n}_like" for n in names))
    def like(a: Arguments) -> Values:
        source = a.values("input")
        return tensor(Span(value, value), a.dtypes(source.dtypes), ranks=like_ranks(source))

    @operation(*(f"Tensor.new_{n}" for n in names))
    def new(a: Arguments) -> Values:
        return tensor(Span(value, value), a.dtypes(a.values("input").dtypes), ranks=Ranks.TENSOR)


_filled("zeros", value=0.0)
_filled("ones", value=1.0)


@operation("torch.eye", parameters="n m")
def eye(a: Arguments) -> Values:
    return tensor(UNIT, a.dtypes(DTypes.FLOAT))


@operation("torch.full", parameters="size fill_value")
def full(a: Arguments) -> Values:
    fill = a.values("fill_value")
    lifted = fill.dtypes & ~DTypes.DOUBLE | (
        DTypes.FLOAT if fill.dtypes & DTypes.DOUBLE else DTypes.NONE
    )
    if fill.ranks is not Ranks.NUMBER:
        lifted = DTypes.ANY
    return _full(fill, a.dtypes(lifted))


@operation("torch.full_like", parameters="input fill_value")
@operation("Tensor.new_full", parameters="input size fill_value")
def full_like(a: Arguments) -> Values:
    return _full(a.values("fill_value"), a.dtypes(a.values("input").dtypes))


@operation("Tensor.fill_", parameters="input value")
def fill_(a: Arguments) -> Values:
    return _full(a.values("value"), a.values("input").dtypes)


def _full(fill: Values, dtypes: DTypes) -> Values:
    value = converted(dataclasses.replace(fill, marks=frozenset()), dtypes)
    return dataclasses.replace(value, ranks=Ranks.TENSOR, kind="tensor")


@operation("Tensor.zero_")
def zero_(a: Arguments) -> Values:
    return tensor(Span(0.0, 0.0), a.values("input").dtypes, ranks=Ranks.TENSOR)


@operation("torch.empty", parameters="")
def empty(a: Arguments) -> Values:
    return Values(
        dtypes=a.dtypes(DTypes.FLOAT), kind="tensor", ranks=Ranks.TENSOR, reach=None, known=False
    )


@operation("torch.empty_like", "Tensor.new_empty", "Tensor.new_tensor")
def empty_like(a: Arguments) -> Values:
    dtypes = a.dtypes(a.values("input").dtypes)
    return Values(dtypes=dtypes, kind="tensor", ranks=Ranks.TENSOR)


for _name, _dtype in (
    ("FloatTensor", DTypes.FLOAT),
    ("DoubleTensor", DTypes.DOUBLE),
    ("HalfTensor", DTypes.HALF),
    ("BFloat16Tensor", DTypes.BFLOAT16),
    ("LongTensor", DTypes.INT64),
    ("IntTensor", DTypes.INT32),
    ("ByteTensor", DTypes.UINT8),
    ("BoolTensor", DTypes.BOOL),
):

    @operation(f"torch.{_name}", f"torch.cuda.{_name}", parameters="data")
    def typed_tensor(a: Arguments, dtype: DTypes = _dtype) -> Values:
        data = a.get("data")
        if isinstance(data, Items) and not a.extra:
            return _literal(data, dtype)
        return Values(dtypes=dtype, kind="tensor", ranks=Ranks.TENSOR)


@operation("torch.tensor", "torch.as_tensor", "torch.asarray", parameters="data")
def tensor_literal(a: Arguments) -> Values:
    data = a.get("data")
    if not isinstance(data, Values | Items):
        return Values(dtypes=a.dtypes(DTypes.ANY), kind="tensor", ranks=Ranks.TENSOR)
    return _literal(data, a.dtypes(DTypes.NONE))


def _literal(data: Values | Items, dtypes: DTypes) -> Values:
    value = _flattened(data)
    lifted = value.dtypes
    if value.kind == "number":
        if value.dtypes & DTypes.DOUBLE:
            lifted = lifted & ~DTypes.DOUBLE | DTypes.FLOAT
        if isinstance(data, Items):
            # a list of mixed numbers gets the highest category of its parts
            highest = [d for d in (DTypes.FLOAT, DTypes.INT64, DTypes.BOOL) if d & lifted]
            lifted = highest[0] if highest else DTypes.ANY
    elif value.kind in ("unknown", "image"):
        lifted = DTypes.ANY
    result = converted(value, dtypes or lifted)
    single = value.span.point
    return dataclasses.replace(
        result,
        kind="tensor",
        ranks=_literal_ranks(data),
        reach=result.reach if single or value.kind != "number" else None,
        marks=value.marks,
    )


def _literal_ranks(data: Values | Items) -> Ranks:
    if isinstance(data, Items):
        return Ranks.DIMENSIONS
    return Ranks.ZERO if data.ranks is Ranks.NUMBER else data.ranks & Ranks.TENSOR or Ranks.TENSOR


def _flattened(data: Abstract) -> Values:
    if isinstance(data, Items):
        if not data.parts or not data.complete:
            return dataclasses.replace(UNKNOWN, sources=frozenset())
        return join_parts([_flattened(part) for part in data.parts])
    return as_values(data)


@operation("torch.nn.Parameter", "torch.nn.parameter.Parameter", parameters="data")
def parameter(a: Arguments) -> Values:
    """Training changes a parameter to anything."""
    dtypes = a.values("data").dtypes & DTypes.FLOATS
    return Values(dtypes=dtypes or DTypes.FLOATS, kind="tensor", ranks=Ranks.TENSOR)


@operation("torch.from_numpy", "torch.autograd.Variable", parameters="data")
def wrapped(a: Arguments) -> Values:
    value = a.values("data")
    return dataclasses.replace(value, kind="tensor", ranks=value.ranks & Ranks.TENSOR)


# --- arithmetic -----------------------------------------------------------------------------


def _exactly(function: Callable[..., float], *operands: Values) -> Values | None:
    """Compute with Python's own numbers where every operand is one."""
    given = [constant(v) for v in operands]
    if None in given:
        return None
    whole = all(within(v.dtypes, DTypes.INTEGERS | DTypes.BOOL) for v in operands)
    try:
        result = function(*(int(g) if whole else g for g in given if g is not None))
    except (ArithmeticError, ValueError, TypeError):
        return UNKNOWN
    return number(result) if isinstance(result, int | float) else UNKNOWN


@operation("add", parameters="input other")
def add(a: Arguments) -> Values:
    return _with_alpha(a, 1) if "alpha" in a else plus(a.values("input"), a.values("other"), 1)


@operation("sub", "subtract", parameters="input other")
def sub(a: Arguments) -> Values:
    return _with_alpha(a, -1) if "alpha" in a else plus(a.values("input"), a.values("other"), -1)


def _with_alpha(a: Arguments, sign: int) -> Values:
    first, second, alpha = a.values("input"), a.values("other"), a.values("alpha")
    combine = spans.add if sign == 1 else spans.subtract
    dtypes = result_types(((first.dtypes, first.ranks), (second.dtypes, second.ranks)))
    return pointwise(
        lambda x, y, k: combine(x, spans.multiply(y, k)), first, second, alpha, dtypes=dtypes
    )


@operation("torch.rsub", parameters="input other")
def rsub(a: Arguments) -> Values:
    return plus(a.values("other"), a.values("input"), -1)


def plus(first: Values, second: Values, sign: int) -> Values:
    """Return first + second, or first - second where ``sign`` is -1."""
    exact = _exactly(lambda x, y: x + sign * y, first, second)
    if exact is not None:
        return exact
    result = pointwise(spans.add if sign == 1 else spans.subtract, first, second)
    shift, base = constant(second), constant(first)
    if shift is not None:
        return rescaled(result, first, 1.0, sign * shift)
    if base is not None:
        return rescaled(result, second, float(sign), base)
    if sign == 1 and first.marks | second.marks >= _UNDO:
        return handled(result)
    if sign == -1 and "mean" in second.marks:
        return dataclasses.replace(result, marks=result.marks | {"centred"})
    return result


# marks of the two halves of x * std + mean
_UNDO = {"unscaled", "mean"}


@operation("mul", "multiply", parameters="input other")
def mul(a: Arguments) -> Values:
    return times(a.values("input"), a.values("other"))


def times(first: Values, second: Values) -> Values:
    """Return the product."""
    exact = _exactly(lambda x, y: x * y, first, second)
    if exact is not None:
        return exact
    result = pointwise(spans.multiply, first, second)
    for factor, operand in ((constant(second), first), (constant(first), second)):
        if factor is not None:
            return rescaled(result, operand, factor, 0.0)
    if "std" in first.marks | second.marks:
        return dataclasses.replace(result, marks=result.marks | {"unscaled"})
    return result


@operation("div", "divide", "true_divide", parameters="input other")
def div(a: Arguments) -> Values:
    mode = a.text("rounding_mode")
    if mode in ("floor", "trunc"):
        return floor_divide(a)
    if "rounding_mode" in a and a.get("rounding_mode") is not None:
        return UNKNOWN
    return quotient(a.values("input"), a.values("other"))


def quotient(first: Values, second: Values) -> Values:
    """Return the true quotient; integers give float32."""
    exact = _exactly(lambda x, y: x / y, first, second)
    if exact is not None:
        return exact
    promoted = result_types(((first.dtypes, first.ranks), (second.dtypes, second.ranks)))
    # kernels multiply by a rounded reciprocal of a scalar: two roundings
    result = pointwise(spans.divide, first, second, dtypes=floating(promoted), slack=2)
    divisor = constant(second)
    if divisor:
        return rescaled(result, first, 1.0 / divisor, 0.0)
    if "extremum" in second.marks:
        return dataclasses.replace(handled(result), marks=frozenset())
    if within(first.dtypes, DTypes.INTEGERS):
        return dataclasses.replace(result, known=True)  # labels / classes: scaled on purpose
    if "std" in second.marks and "centred" in first.marks:
        return standardised(result, "division by the standard deviation")
    return result


def standardised(result: Values, what: str) -> Values:
    """Return values that were brought to zero mean: out of [0, 1], by how much is not seen."""
    return dataclasses.replace(
        result, known=True, reach=Span(-2.0, 2.0), origin=Origin(what, "assumed")
    )


def floating(dtypes: DTypes) -> DTypes:
    """Return the dtypes of a result that is never an integer: those become float32."""
    if dtypes & ~DTypes.FLOATS:
        return dtypes & DTypes.FLOATS | DTypes.FLOAT
    return dtypes


@operation("floor_divide", parameters="input other")
def floor_divide(a: Arguments) -> Values:
    first, second = a.values("input"), a.values("other")
    exact = _exactly(lambda x, y: x // y, first, second)
    if exact is not None:
        return exact

    def whole(x: Span, y: Span) -> Span:
        result = spans.divide(x, y)
        return Span(_floor(result.low) - 1, _ceil(result.high), result.nan or not x.bounded)

    return dataclasses.replace(pointwise(whole, first, second), reach=None)


@operation("remainder", "fmod", parameters="input other")
def remainder(a: Arguments) -> Values:
    first, second = a.values("input"), a.values("other")
    exact = _exactly(lambda x, y: x % y, first, second)
    if exact is not None:
        return exact

    def modulo(x: Span, y: Span) -> Span:
        size = max(abs(y.low), abs(y.high))
        return Span(-size, size, nan=True)

    return dataclasses.replace(pointwise(modulo, first, second), reach=None)


@operation("pow", parameters="input exponent")
def power(a: Arguments) -> Values:
    first, second = a.values("input"), a.values("exponent")
    exact = _exactly(lambda x, y: x**y, first, second)
    if exact is not None:
        return exact
    return pointwise(spans.power, first, second, slack=8)


@operation("torch.square", "Tensor.square", "Tensor.square_")
def square(a: Arguments) -> Values:
    value = a.values("input")
    dtypes = value.dtypes
    if dtypes & DTypes.BOOL:
        dtypes = dtypes & ~DTypes.BOOL | DTypes.INT64
    return pointwise(lambda x: spans.power(x, Span(2.0, 2.0)), value, dtypes=dtypes)


@operation("neg", "negative")
def neg(a: Arguments) -> Values:
    value = a.values("input")
    exact = _exactly(lambda x: -x, value)
    if exact is not None:
        return exact
    return rescaled(pointwise(spans.negated, value, slack=0), value, -1.0, 0.0)


@operation("lerp", parameters="input end weight")
def lerp(a: Arguments) -> Values:
    first, second, weight = a.values("input"), a.values("end"), a.values("weight")
    return blend(first, second, weight)


def blend(first: Values, second: Values, weight: Values) -> Values:
    """Return ``first * (1 - weight) + second * weight`` (a mask, a mix of two images)."""
    mixed = join(first, second)
    dtypes = result_types(tuple((v.dtypes, v.ranks) for v in (first, second, weight)))
    inside = weight.span.low >= 0 and weight.span.high <= 1
    span = emit(mixed.span, dtypes, slack=8) if inside and mixed.span.bounded else WHOLE
    if span is not WHOLE:
        slack = 4 * (mixed.span.high - mixed.span.low) * 2.0**-7
        span = emit(Span(span.low - slack, span.high + slack, span.nan), dtypes)
    return dataclasses.replace(mixed, span=span, dtypes=dtypes, scale=(1.0, 0.0))


# --- elementwise functions ------------------------------------------------------------------

_FUNCTIONAL = ("torch.nn.functional", "torch.special")


def _names(name: str) -> tuple[str, ...]:
    return (name, *(f"{module}.{name}" for module in _FUNCTIONAL))


def _activation(
    names: str, span: Callable[[Span], Span], *, reach: Span | None = None, slack: float = 4.0
) -> None:
    """Register an elementwise function into floats; ``reach`` is what it tends to fill."""
    for name in names.split():

        @operation(*_names(name))
        def transfer(a: Arguments, name: str = name) -> Values:
            value = a.values("input")
            result = pointwise(span, value, dtypes=floating(value.dtypes), slack=slack)
            if reach is None:
                return result
            limits = emit(spans.hull(reach, Span(0.0, 0.0)), DTypes.DOUBLE, slack=0)
            result = dataclasses.replace(
                result, span=spans.limited(result.span, limits.low, limits.high), known=True
            )
            if result.reach is None or value.kind == "number":
                return dataclasses.replace(result, reach=reach, origin=Origin(name))
            return dataclasses.replace(result, origin=Origin(name))


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    return math.exp(x) / (1.0 + math.exp(x))


def _atan(x: float) -> float:
    return math.atan(x)


_activation("tanh", spans.increasing(math.tanh), reach=SIGNED)
_activation("sigmoid expit", spans.increasing(_sigmoid), reach=UNIT)
_activation("softmax", lambda s: Span(0.0, 1.0, nan=s.nan or not s.bounded), reach=UNIT)
_activation("hardsigmoid", lambda s: Span(0.0, 1.0, nan=s.nan), reach=UNIT)
_activation("log_softmax", lambda s: Span(-INF, 0.0, nan=True))
_activation("exp", spans.increasing(math.exp))
_activation("expm1", spans.increasing(math.expm1))
_activation("exp2", spans.increasing(lambda x: 2.0**x))
_activation("log", spans.increasing(math.log))
_activation("log2", spans.increasing(math.log2))
_activation("log10", spans.increasing(math.log10))
_activation("log1p", spans.increasing(math.log1p))
_activation("sqrt", spans.increasing(math.sqrt))
# torch's error near zero is absolute, not relative
_activation("erf", lambda s: Span(-1.0 if s.low < 0 else 0.0, 1.0 if s.high > 0 else 0.0, s.nan))
_activation("atan arctan", spans.increasing(_atan))
_activation("sin cos", lambda s: Span(-1.0, 1.0, nan=s.nan or not s.bounded), slack=0)
_activation("rsqrt", lambda s: WHOLE)  # of -0.0 it is -inf
_activation("reciprocal", lambda s: spans.divide(Span(1.0, 1.0), s))
_activation("gelu", lambda s: Span(-0.2, max(s.high, 0.0), nan=s.nan or not s.bounded))
_activation("silu mish", lambda s: Span(-0.31, max(s.high, 0.0), nan=s.nan or not s.bounded))
_activation("logit", lambda s: Span(-INF, INF, nan=True))


@operation(*_names("softsign"))
def softsign(a: Arguments) -> Values:
    value = a.values("input")
    # x / (1 + |x|): integers wrap around in the divisor
    span = Span(-1.01, 1.01, nan=True) if within(value.dtypes, DTypes.FLOATS) else WHOLE
    result = pointwise(lambda s: s, value, dtypes=floating(value.dtypes))
    return dataclasses.replace(result, span=span, reach=None)


@operation(*_names("softplus"), parameters="input beta")
def softplus(a: Arguments) -> Values:
    value = a.values("input")

    def span(s: Span) -> Span:
        return Span(0.0, INF if "beta" in a else max(s.high, 0.0) + 0.7, s.nan)

    return dataclasses.replace(pointwise(span, value, dtypes=floating(value.dtypes)), reach=None)


@operation(*_names("relu"))
def relu(a: Arguments) -> Values:
    value = a.values("input")
    return pointwise(lambda s: spans.limited(s, 0.0, INF), value, dtypes=value.dtypes, slack=0)


@operation(*_names("leaky_relu"), parameters="input negative_slope")
@operation(*_names("elu"), *_names("celu"), parameters="input alpha")
def leaky_relu(a: Arguments) -> Values:
    value = a.values("input")
    default = number(0.01 if "negative_slope" in a else 1.0)
    slope = as_values(a.get("negative_slope") or a.get("alpha") or default).span

    def span(s: Span) -> Span:
        below = spans.multiply(slope, Span(min(s.low, 0.0), 0.0))
        below = spans.widened(below, 1e-4)
        return Span(min(below.low, s.low), max(s.high, below.high), s.nan or not s.bounded)

    return pointwise(span, value, dtypes=value.dtypes, slack=4)


@operation(*_names("hardtanh"), parameters="input min_val max_val")
def hardtanh(a: Arguments) -> Values:
    low, high = a.get("min_val") or number(-1.0), a.get("max_val") or number(1.0)
    return _kept(clamped(a.values("input"), as_values(low), as_values(high), "hardtanh"), a)


def _kept(result: Values, a: Arguments) -> Values:
    """Return the result in the dtype of the input: these functions do not promote."""
    return converted(result, a.values("input").dtypes)


@operation(*_names("relu6"))
def relu6(a: Arguments) -> Values:
    return _kept(clamped(a.values("input"), number(0.0), number(6.0), "relu6"), a)


@operation("clamp", "clip", "numpy.clip", parameters="input min max")
def clamp(a: Arguments) -> Values:
    low, high = a.get("min"), a.get("max")
    return clamped(
        a.values("input"),
        as_values(low) if low is not None else None,
        as_values(high) if high is not None else None,
        "clamp",
        complete=a.complete,
    )


@operation("clamp_min", parameters="input min")
def clamp_min(a: Arguments) -> Values:
    return clamped(a.values("input"), a.values("min"), None, "clamp_min")


@operation("clamp_max", parameters="input max")
def clamp_max(a: Arguments) -> Values:
    return clamped(a.values("input"), None, a.values("max"), "clamp_max")


def clamped(
    value: Values, low: Values | None, high: Values | None, what: str, complete: bool = True
) -> Values:
    """Return values moved into the bounds that are given.

    Two constant bounds also tell where the author means the values to be: an unknown value
    clamped to [-1, 1] is taken to fill it.
    """
    bounds = [b for b in (low, high) if b is not None]
    dtypes = result_types(tuple((v.dtypes, v.ranks) for v in (value, *bounds)))

    def span(x: Span, *limits: Span) -> Span:
        given = iter(limits)
        if low is not None:
            x = _elementwise(max, x, next(given))
        return x if high is None else _elementwise(min, x, next(given))

    result = pointwise(span, value, *bounds, dtypes=dtypes, slack=0)
    ends = (constant(low), constant(high))
    reach = result.reach
    origin = result.origin
    if not bounds:
        known = value.known or not complete
        reach = None
    else:
        known = True
        if ends[0] is not None and ends[1] is not None and ends[0] <= ends[1]:
            if value.reach is None:
                reach, origin = Span(ends[0], ends[1]), Origin(what)
            elif reach is not None and reach != value.reach:
                origin = Origin(what)
    return dataclasses.replace(
        result, reach=reach, known=known, origin=origin, sources=value.sources, kind=value.kind
    )


def _elementwise(function: Callable[..., float], first: Span, second: Span) -> Span:
    return Span(
        function(first.low, second.low),
        function(first.high, second.high),
        first.nan or second.nan,
    )


@operation("maximum", "fmax", parameters="input other")
def maximum(a: Arguments) -> Values:
    return _extreme_of(max, a.values("input"), a.values("other"))


@operation("minimum", "fmin", parameters="input other")
def minimum(a: Arguments) -> Values:
    return _extreme_of(min, a.values("input"), a.values("other"))


def _extreme_of(function: Callable[..., float], first: Values, second: Values) -> Values:
    result = pointwise(lambda x, y: _elementwise(function, x, y), first, second, slack=0)
    return dataclasses.replace(result, reach=None, known=first.known or second.known)


@operation("abs", "absolute")
def absolute(a: Arguments) -> Values:
    value = a.values("input")
    return pointwise(spans.absolute, value, dtypes=value.dtypes, slack=0)


@operation("sign", "sgn")
def sign(a: Arguments) -> Values:
    value = a.values("input")
    low = -1.0 if value.span.low < 0 else 0.0
    high = 1.0 if value.span.high > 0 else 0.0
    span = Span(low, high, value.span.nan)  # the sign of NaN is 0, that of a uint8 0 or 1
    reach = SIGNED if value.reach is None or value.reach.low < 0 else UNIT
    return dataclasses.replace(
        value, span=span, reach=reach, known=True, origin=Origin("sign"), scale=(1.0, 0.0)
    )


def _floor(x: float) -> float:
    return x if abs(x) == INF else float(math.floor(x))


def _ceil(x: float) -> float:
    return x if abs(x) == INF else float(math.ceil(x))


for _name, _low, _high in (
    ("floor", _floor, _floor),
    ("ceil", _ceil, _ceil),
    ("round", _floor, _ceil),
    ("trunc", _floor, _ceil),
    ("fix", _floor, _ceil),
):

    @operation(_name)
    def rounded(
        a: Arguments,
        low: Callable[[float], float] = _low,
        high: Callable[[float], float] = _high,
    ) -> Values:
        value = a.values("input")
        result = pointwise(
            lambda s: Span(low(s.low), high(s.high), s.nan), value, dtypes=value.dtypes
        )
        reach = value.reach if result.reach is not None else None
        return dataclasses.replace(result, reach=reach)


@operation("frac")
def frac(a: Arguments) -> Values:
    value = a.values("input")
    return dataclasses.replace(
        pointwise(lambda s: Span(-1.0, 1.0, s.nan or not s.bounded), value, dtypes=value.dtypes),
        reach=None,
    )


@operation("nan_to_num", parameters="input nan posinf neginf")
def nan_to_num(a: Arguments) -> Values:
    value = a.values("input")
    fills = [as_values(a.get(name)).span for name in ("nan", "posinf", "neginf") if a.get(name)]
    span = spans.hull(value.span, Span(0.0, 0.0))
    for fill in fills:
        span = spans.hull(span, fill)
    return dataclasses.replace(value, span=emit(Span(span.low, span.high), value.dtypes, slack=0))


# --- comparisons and integers ---------------------------------------------------------------

_COMPARISONS = "eq ne lt le gt ge isnan isinf isfinite logical_and logical_or logical_not"


@operation(
    *(f"torch.{n}" for n in _COMPARISONS.split()),
    *(f"Tensor.{n}" for n in _COMPARISONS.split()),
    "torch.isclose",
    "torch.logical_xor",
    "Tensor.bool",
)
def comparison(a: Arguments) -> Values:
    value = a.values("input")
    return tensor(UNIT, DTypes.BOOL, ranks=Ranks.TENSOR, sources=value.sources)


@operation("torch.argmax", "torch.argmin", "torch.argsort", "torch.nonzero", "torch.multinomial")
@operation("Tensor.argmax", "Tensor.argmin", "Tensor.argsort", "Tensor.nonzero")
@operation("Tensor.multinomial", "torch.bincount")
def index(a: Arguments) -> Values:
    span = Span(0.0, 2.0**63)
    return tensor(span, DTypes.INT64, reach=None, ranks=Ranks.TENSOR)


@operation("torch.histc")
def histc(a: Arguments) -> Values:
    return UNKNOWN


@operation("torch.nn.functional.one_hot")
def one_hot(a: Arguments) -> Values:
    return tensor(UNIT, DTypes.INT64)


# --- reductions -----------------------------------------------------------------------------


def reduced(a: Arguments, value: Values, span: Span, dtypes: DTypes) -> Values:
    """Return a reduction of ``value``: what it reaches depends on the data."""
    whole = "dim" not in a and a.complete
    return dataclasses.replace(
        value,
        span=span,
        dtypes=dtypes,
        ranks=Ranks.ZERO if whole else Ranks.TENSOR,
        reach=None,
        origin=None,
        scale=(1.0, 0.0),
    )


@operation("torch.mean", "Tensor.mean", "torch.nanmean", parameters="input dim keepdim")
def mean(a: Arguments) -> Values:
    value = a.values("input")
    dtypes = a.dtypes(value.dtypes & DTypes.FLOATS or DTypes.FLOAT)
    # sums lose some digits before they are divided, and overflow; the mean of nothing is NaN
    huge = max(abs(value.span.low), abs(value.span.high)) > 1e30
    span = WHOLE if huge else emit(spans.widened(value.span, 1e-4), dtypes)
    result = reduced(a, value, dataclasses.replace(span, nan=True), dtypes)
    return dataclasses.replace(result, marks=result.marks | {"mean"})


@operation(
    "torch.sum", "Tensor.sum", "torch.cumsum", "Tensor.cumsum", parameters="input dim keepdim"
)
@operation("torch.nansum", "Tensor.nansum", parameters="input dim keepdim")
def total(a: Arguments) -> Values:
    value = a.values("input")
    summed = value.dtypes & DTypes.FLOATS
    if value.dtypes & ~DTypes.FLOATS:
        summed |= DTypes.INT64
    dtypes = a.dtypes(summed)
    huge = max(abs(value.span.low), abs(value.span.high)) > 2.0**31
    signed = Span(
        0.0 if value.span.low >= 0 else -INF,
        0.0 if value.span.high <= 0 else INF,
        value.span.nan or value.span.low < 0 < value.span.high,
    )
    if within(dtypes, DTypes.INT64) and not huge:
        low, high = max(signed.low, -(2.0**63)), min(signed.high, 2.0**63)
        return reduced(a, value, Span(low, high), dtypes)
    return reduced(a, value, emit(signed, dtypes), dtypes)


@operation("torch.std", "Tensor.std", parameters="input dim unbiased keepdim")
def std(a: Arguments) -> Values:
    result = _spread(a)
    return dataclasses.replace(result, marks=result.marks | {"std"})


@operation("torch.var", "Tensor.var", parameters="input dim unbiased keepdim")
def _spread(a: Arguments) -> Values:
    value = a.values("input")
    dtypes = value.dtypes & DTypes.FLOATS or DTypes.FLOAT
    return reduced(a, value, Span(0.0, INF, nan=True), dtypes)


@operation("torch.norm", "Tensor.norm", "torch.linalg.norm", parameters="input p dim")
def norm(a: Arguments) -> Values:
    value = a.values("input")
    result = reduced(a, value, Span(0.0, INF, nan=True), floating(value.dtypes))
    return dataclasses.replace(result, marks=result.marks | {"extremum"}, ranks=Ranks.TENSOR)


@operation(
    "torch.amax",
    "torch.amin",
    "Tensor.amax",
    "Tensor.amin",
    "torch.quantile",
    parameters="input dim keepdim",
)
@operation("Tensor.quantile", "torch.median", "Tensor.median", parameters="input dim keepdim")
def extremum(a: Arguments) -> Values:
    value = a.values("input")
    result = reduced(a, value, value.span, value.dtypes)
    return dataclasses.replace(result, marks=result.marks | {"extremum"}, ranks=Ranks.TENSOR)


@operation("torch.max", "torch.min", "Tensor.max", "Tensor.min", parameters="input dim keepdim")
def max_or_min(a: Arguments) -> Abstract:
    other = a.get("dim") or a.get("other")
    if isinstance(other, Values) and other.kind != "number":
        return _extreme_of_either(a.values("input"), other)
    found = dataclasses.replace(extremum(a), known=a.values("input").known)
    if other is None and a.complete:
        return found
    return Items((found, index(a))) if a.complete else UNKNOWN


def _extreme_of_either(first: Values, second: Values) -> Values:
    mixed = join(first, second)
    dtypes = result_types(((first.dtypes, first.ranks), (second.dtypes, second.ranks)))
    return dataclasses.replace(converted(mixed, dtypes), reach=None, scale=(1.0, 0.0))


OPERATIONS["torch.median"] = OPERATIONS["Tensor.median"] = OPERATIONS["torch.max"]


@operation("torch.sort", "Tensor.sort", "torch.topk", "Tensor.topk", parameters="input k dim")
def sort(a: Arguments) -> Abstract:
    return Items((unmoved(a.values("input")), index(a)))


# --- moving values around -------------------------------------------------------------------


def unmoved(value: Values) -> Values:
    """Return the same values in another shape: dimensions may have come or gone."""
    return dataclasses.replace(value, ranks=value.ranks | Ranks.TENSOR)


def reshaped_by_index(value: Values) -> Values:
    """Return what indexing or slicing a tensor gives: some of its values."""
    return unmoved(value) if value.kind != "number" else UNKNOWN


_SAME = """
    detach contiguous expand_as requires_grad_ data rename share_memory_ pin_memory
    resolve_conj positive retain_grad detach_ real view_as reshape_as flip fliplr flipud rot90 roll
    to_dense numpy resolve_neg
"""
_RESHAPED = """
    view reshape permute transpose t T mT squeeze unsqueeze flatten unflatten expand repeat
    repeat_interleave tile narrow select index_select gather take masked_select chunk split unbind
    swapaxes swapdims movedim moveaxis diagonal broadcast_to unfold take_along_dim squeeze_
    unsqueeze_ transpose_ t_ hsplit vsplit tensor_split ravel atleast_1d atleast_2d atleast_3d
    adjoint
"""


@operation(*(f"torch.{n}" for n in _SAME.split()), *(f"Tensor.{n}" for n in _SAME.split()))
@operation("numpy.array", "numpy.asarray", "numpy.copy", "numpy.ascontiguousarray")
def same(a: Arguments) -> Values:
    return a.values("input")


@operation("torch.clone", "Tensor.clone", "Tensor.cpu", "Tensor.cuda", "Tensor.xpu", "Tensor.mps")
def copied(a: Arguments) -> Values:
    value = a.values("input")
    return dataclasses.replace(value, marks=value.marks - {"part"})


@operation(*(f"torch.{n}" for n in _RESHAPED.split()), *(f"Tensor.{n}" for n in _RESHAPED.split()))
@operation("torch.nn.functional.pixel_shuffle", "torch.nn.functional.pixel_unshuffle")
@operation("numpy.transpose", "numpy.expand_dims", "numpy.squeeze", "numpy.flip", "numpy.reshape")
@operation("numpy.moveaxis", "einops.rearrange", "einops.repeat")
def reshaped(a: Arguments) -> Values:
    return unmoved(a.values("input"))


@operation("torch.nn.functional.max_pool2d")
def max_pool(a: Arguments) -> Values:
    return dataclasses.replace(a.values("input"), scale=(1.0, 0.0))


@operation("torch.nn.functional.avg_pool2d", "torch.nn.functional.adaptive_avg_pool2d")
def average(a: Arguments) -> Values:
    value = a.values("input")
    padded = spans.hull(value.span, Span(0.0, 0.0))  # zeros at the border count
    if not padded.bounded:
        padded = Span(padded.low, padded.high, nan=True)  # inf - inf
    span = emit(spans.widened(padded, 1e-4), value.dtypes)
    return dataclasses.replace(value, span=span)


@operation(
    "torch.nn.functional.interpolate",
    "torch.nn.functional.upsample",
    parameters="input size scale_factor mode",
)
@operation("torch.nn.functional.grid_sample", parameters="input size scale_factor mode")
def interpolate(a: Arguments) -> Values:
    """Resample; bicubic weights are negative in part and overshoot.

    The cubic kernel (Keys 1981; torch takes a = -0.75) has weights whose negative part is at most
    a * t * (1 - t) = 0.1875 along an axis, hence 0.4453 of the width over two axes.
    """
    value = a.values("input")
    mode = a.text("mode")
    smooth = mode in ("nearest", "nearest-exact", "area", "bilinear", "linear", "trilinear")
    if "mode" not in a and a.complete:
        smooth = True
    span = spans.hull(value.span, Span(0.0, 0.0)) if not smooth else value.span
    if not smooth:
        margin = 0.65 * (span.high - span.low) if span.bounded else 0.0
        span = Span(span.low - margin, span.high + margin, span.nan)
    if not span.bounded:
        span = Span(span.low, span.high, nan=True) if smooth else WHOLE
    nearest = mode in ("nearest", "nearest-exact") or (mode is None and smooth)
    stored = value.span if nearest else emit(_blurred(span), value.dtypes, slack=8)
    return dataclasses.replace(value, span=stored, scale=(1.0, 0.0))


def _blurred(span: Span) -> Span:
    """Widen for weighted sums: weights add up to one but for rounding in the coarsest dtype."""
    size = max(abs(span.low), abs(span.high)) if span.bounded else 0.0
    slack = size * 1e-3
    return Span(span.low - slack if span.low else 0.0, span.high + slack, span.nan)


@operation("torch.nn.functional.pad", parameters="input pad mode value")
def pad(a: Arguments) -> Values:
    value = a.values("input")
    mode = a.text("mode")
    if mode is not None and mode != "constant":
        return value
    fill = as_values(a.get("value") or number(0.0))
    padded = converted(dataclasses.replace(fill, ranks=value.ranks), value.dtypes)
    return dataclasses.replace(value, span=spans.hull(value.span, padded.span))


@operation(
    "torch.cat",
    "torch.stack",
    "torch.concat",
    "torch.concatenate",
    "torch.hstack",
    parameters="tensors dim",
)
@operation("torch.vstack", "torch.dstack", "torch.column_stack", parameters="tensors dim")
def cat(a: Arguments) -> Values:
    sequence = parts(a.get("tensors"))
    if sequence is None:
        whole = as_values(a.get("tensors"))
        return dataclasses.replace(whole, kind="tensor", ranks=Ranks.DIMENSIONS)
    dtypes = result_types(tuple((v.dtypes, Ranks.DIMENSIONS) for v in sequence))
    result = join_parts([converted(v, v.dtypes) for v in sequence])
    span = converted(dataclasses.replace(result, dtypes=any_dtype(sequence)), dtypes)
    return dataclasses.replace(
        span, kind="tensor", ranks=Ranks.DIMENSIONS, reach=result.reach, scale=result.scale
    )


@operation("torch.where", parameters="condition input other")
def where(a: Arguments) -> Abstract:
    if "input" not in a:
        return UNKNOWN
    first, second = a.values("input"), a.values("other")
    return _selected(first, second)


@operation("Tensor.where", parameters="input condition other")
def where_method(a: Arguments) -> Abstract:
    return _selected(a.values("input"), a.values("other"))


def _selected(first: Values, second: Values) -> Values:
    """Return elements taken from either: the parts are there, but which ones is data."""
    dtypes = result_types(((first.dtypes, first.ranks), (second.dtypes, second.ranks)))
    if dtypes & DTypes.DOUBLE and Ranks.NUMBER in (first.ranks, second.ranks):
        dtypes |= DTypes.FLOAT
    mixed = join_parts([first, second])
    span = spans.hull(first.span, second.span)
    result: Span | None = None
    for dtype in each(dtypes):
        both = spans.hull(operand_as(first, dtype), operand_as(second, dtype))
        result = both if result is None else spans.hull(result, both)
    return dataclasses.replace(
        mixed,
        span=result or span,
        dtypes=dtypes,
        kind="tensor",
        ranks=Ranks.TENSOR,
        reach=spans.overlap(first.reach, second.reach),
        scale=(1.0, 0.0),
    )


@operation("masked_fill", parameters="input mask value")
def masked_fill(a: Arguments) -> Values:
    value, fill = a.values("input"), a.values("value")
    stored = converted(fill, value.dtypes)
    return dataclasses.replace(value, span=spans.hull(value.span, stored.span), scale=(1.0, 0.0))


@operation("Tensor.copy_", parameters="input src")
def copy_(a: Arguments) -> Values:
    value = a.values("src")
    return converted(value, a.values("input").dtypes)


@operation("torch.nn.functional.dropout", parameters="input p training")
def dropout(a: Arguments) -> Values:
    value = a.values("input")
    rate = constant(a.get("p")) if "p" in a else 0.5
    gain = Span(1.0, 1.0 / (1.0 - rate)) if rate is not None and 0 <= rate < 1 else Span(1.0, INF)
    span = spans.multiply(spans.hull(value.span, Span(0.0, 0.0)), spans.hull(gain, UNIT))
    return dataclasses.replace(value, span=emit(span, value.dtypes, slack=4), reach=None)


# --- conversions ----------------------------------------------------------------------------


def _to(name: str, dtypes: DTypes) -> None:
    @operation(f"Tensor.{name}")
    def transfer(a: Arguments) -> Values:
        return cast_to(a.values("input"), dtypes)


def cast_to(value: Values, dtypes: DTypes) -> Values:
    """Return a tensor in other dtypes; byte-scaled values become integers as they are."""
    result = converted(value, dtypes)
    kind = "tensor" if value.kind == "unknown" else value.kind
    return dataclasses.replace(result, kind=kind, marks=value.marks - {"part"})


for _name, _dtype in (
    ("float", DTypes.FLOAT),
    ("double", DTypes.DOUBLE),
    ("half", DTypes.HALF),
    ("bfloat16", DTypes.BFLOAT16),
    ("byte", DTypes.UINT8),
    ("char", DTypes.INT8),
    ("short", DTypes.INT16),
    ("int", DTypes.INT32),
    ("long", DTypes.INT64),
    ("bool", DTypes.BOOL),
):
    _to(_name, _dtype)


@operation("Tensor.to", "Tensor.type", "Tensor.astype", parameters="input first second")
def to(a: Arguments) -> Values:
    value = a.values("input")
    for name in ("dtype", "first", "second"):
        wanted = a.get(name)
        if isinstance(wanted, DTypes):
            return cast_to(value, wanted)
        if isinstance(wanted, Values) and wanted.kind != "unknown" and name == "first":
            # a device index is a number, another tensor gives its dtype as well
            return value if wanted.kind == "number" else cast_to(value, wanted.dtypes)
        if isinstance(wanted, Thing) or (isinstance(wanted, Values) and "dtype" in wanted.marks):
            return _some_dtype(value)
    text = a.text("first")
    if text is not None and text.startswith("torch."):
        named = TYPE_NAMES.get(text.rpartition(".")[2])
        return cast_to(value, named) if named else dataclasses.replace(value, dtypes=DTypes.ANY)
    if a.get("dtype") is not None:
        return _some_dtype(value)
    return value


def _some_dtype(value: Values) -> Values:
    """Return values after a conversion to a dtype that is not visible."""
    return dataclasses.replace(converted(value, DTypes.ANY), reach=value.reach)


TYPE_NAMES = {
    "FloatTensor": DTypes.FLOAT,
    "DoubleTensor": DTypes.DOUBLE,
    "HalfTensor": DTypes.HALF,
    "ByteTensor": DTypes.UINT8,
    "LongTensor": DTypes.INT64,
    "IntTensor": DTypes.INT32,
    "BoolTensor": DTypes.BOOL,
}


@operation("Tensor.type_as", parameters="input other")
def type_as(a: Arguments) -> Values:
    other = a.values("other")
    if other.kind == "unknown":
        return _some_dtype(a.values("input"))
    return cast_to(a.values("input"), other.dtypes)


@operation("Tensor.tolist")
def tolist(a: Arguments) -> Abstract:
    return Items((item(a),), complete=False)


@operation("Tensor.item")
def item(a: Arguments) -> Values:
    value = a.values("input")
    dtypes = union(
        DTypes.DOUBLE if d & DTypes.FLOATS else d if d is DTypes.BOOL else DTypes.INT64
        for d in each(value.dtypes)
    )
    return dataclasses.replace(value, dtypes=dtypes, ranks=Ranks.NUMBER, kind="number")


# --- everything that mixes channels or positions ---------------------------------------------

_MIXING = "matmul mm bmm einsum conv1d conv2d conv3d conv_transpose2d linear bilinear layer_norm"


@operation(
    *(f"torch.{n}" for n in _MIXING.split()),
    *(f"torch.nn.functional.{n}" for n in _MIXING.split()),
    *(f"Tensor.{n}" for n in _MIXING.split()),
    "torch.nn.functional.batch_norm",
    "torch.nn.functional.instance_norm",
    "torch.nn.functional.group_norm",
)
def mixing(a: Arguments) -> Values:
    return Values(dtypes=DTypes.ANY, kind="tensor", ranks=Ranks.TENSOR)


@operation("torch.nn.functional.normalize")
def unit_vectors(a: Arguments) -> Values:
    value = a.values("input")
    # x / max(norm, eps): at most 1 but for rounding, for the orders p >= 1
    plain = "p" not in a and a.complete
    span = emit(Span(-1.01, 1.01, nan=True), value.dtypes) if plain else WHOLE
    return dataclasses.replace(value, span=span, reach=None, origin=None, scale=(1.0, 0.0))
