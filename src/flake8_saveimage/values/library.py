"""Calls of libraries: torch's and torchvision's objects, builtins, and helpers known by name."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence as Sized
from typing import TYPE_CHECKING

from flake8_saveimage.values.calls import OPERATIONS, Arguments
from flake8_saveimage.values.domain import (
    NOTHING,
    UNKNOWN,
    Abstract,
    Items,
    Literally,
    Perhaps,
    Thing,
    Values,
    as_values,
    join,
    number,
)
from flake8_saveimage.values.dtypes import DTypes, Ranks
from flake8_saveimage.values.naming import says_handled
from flake8_saveimage.values.objects import (
    Dataset,
    Frame,
    Instance,
    Layer,
    Loader,
    Named,
    Partial,
    Sequence,
    Table,
)
from flake8_saveimage.values.transfer import TYPE_NAMES
from flake8_saveimage.values.vision import COMPOSE, IMAGE, PARAMETERS, Chain, Transform

if TYPE_CHECKING:
    from flake8_saveimage.values.evaluate import Evaluator

_TRANSFORM = re.compile(r"torchvision\.transforms(?:\.v2|\.transforms)?\.([A-Z]\w+)$")
_MODULE = re.compile(r"torch\.nn\.(?:modules\.\w+\.)?([A-Z]\w+)$")
_DATASET = re.compile(r"torchvision\.datasets\.(?:\w+\.)?([A-Z]\w+)$")
_LOADER = re.compile(r"torch\.utils\.data\.(?:dataloader\.)?DataLoader$")
# what hands on its first argument: progress bars, wrappers, views of a dataset
_TRANSPARENT = re.compile(
    r"""
    (^|\.)(tqdm|trange|track|deepcopy|islice|cycle|prefetch)$ | tqdm\.\w+\.tqdm$
    | torch\.(compile|jit\.(script|trace))$ | torch\.nn\.utils\.(spectral_norm|weight_norm)$
    | torch\.nn\.utils\.parametrizations\.\w+$
    | torch\.utils\.data\.(dataset\.)?Subset$
    | torch\.nn\.(parallel\.)?(\w+\.)?(DataParallel|DistributedDataParallel)$
    """,
    re.VERBOSE,
)
_NUMBERS = re.compile(r"^(math|random|time|os)\.")
_SEQUENCES = ("ModuleList", "ParameterList")
_WRAPPERS = frozenset(
    "to cuda cpu eval train half float double apply requires_grad_ type bfloat16 share_memory "
    "compile xpu mps".split()
)
_PIL = frozenset("convert resize crop rotate transpose filter copy thumbnail".split())
SOME_NUMBER = Values(ranks=Ranks.NUMBER, kind="number", dtypes=DTypes.DOUBLE | DTypes.INT64)
FEATURES = Values(dtypes=DTypes.FLOATS, kind="tensor", ranks=Ranks.TENSOR)

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


def call(
    evaluator: Evaluator,
    qualified: str,
    args: list[Abstract],
    keywords: dict[str, Abstract],
    complete: bool,
    frame: Frame,
) -> Abstract:
    """Return what a library's function or class returns."""
    described = OPERATIONS.get(qualified)
    if qualified == "functools.partial" and args and isinstance(args[0], Thing):
        return Partial(args[0], tuple(args[1:]), keywords)
    if described is not None:
        plain = [UNKNOWN if isinstance(a, Perhaps) else a for a in args]
        found = described(plain, keywords, complete)
        if isinstance(found, Values) and found.kind == "unknown" and qualified.startswith("torch"):
            return dataclasses.replace(found, kind="tensor")
        return found
    if match := _TRANSFORM.match(qualified):
        return transform(match[1], args, keywords, complete)
    if _TRANSPARENT.search(qualified):
        return args[0] if args else keywords.get("iterable", UNKNOWN)
    if match := _MODULE.match(qualified):
        return module(match[1], args, keywords, complete)
    if _LOADER.match(qualified):
        source = args[0] if args else keywords.get("dataset", UNKNOWN)
        return UNKNOWN if "collate_fn" in keywords else Loader(source)
    if match := _DATASET.match(qualified):
        return dataset(args, keywords)
    return elsewhere(evaluator, qualified, args, frame)


def elsewhere(evaluator: Evaluator, qualified: str, args: list[Abstract], frame: Frame) -> Abstract:
    """Return what other functions return, as far as they or their names are known."""
    last = qualified.rpartition(".")[2]
    if qualified == "torch.nn.parallel.data_parallel" and len(args) > 1:
        if isinstance(args[0], Thing):
            return evaluator.invoke(args[0], (args[1],), {}, True, frame)
        return UNKNOWN
    if qualified.endswith("random_split") and args:
        return Items((args[0], args[0], args[0]))
    if _NUMBERS.match(qualified):
        return SOME_NUMBER
    if qualified.startswith("collections.OrderedDict") and args:
        return _ordered(args[0])
    if not qualified.startswith(("torch.", "torchvision.")) and says_handled(last):
        return dataclasses.replace(UNKNOWN, known=True)
    return UNKNOWN


def _ordered(value: Abstract) -> Abstract:
    if not isinstance(value, Items):
        return UNKNOWN
    pairs = [p for p in value.parts if isinstance(p, Items) and len(p.parts) == 2]
    return Items(
        tuple(p.parts[1] for p in pairs), value.complete and len(pairs) == len(value.parts)
    )


def transform(
    name: str, args: list[Abstract], keywords: dict[str, Abstract], complete: bool
) -> Abstract:
    """Build a transform of torchvision."""
    if name in COMPOSE:
        steps = args[0] if args else keywords.get("transforms", UNKNOWN)
        if isinstance(steps, Items):
            return Chain(steps.parts, steps.complete and complete)
        return Chain((), complete=False)
    names = PARAMETERS.get(name, "").split()
    given = {**dict(zip(names, args, strict=False)), **keywords}
    return Transform(name, Arguments(given, tuple(args), complete))


def module(
    name: str, args: list[Abstract], keywords: dict[str, Abstract], complete: bool
) -> Abstract:
    """Build a module of ``torch.nn``."""
    if name == "Sequential":
        if len(args) == 1 and isinstance(args[0], Items):
            return Sequence(args[0].parts)
        return Sequence(tuple(args))
    if name in _SEQUENCES:
        return args[0] if args and isinstance(args[0], Items) else Items((), complete=False)
    names = _LAYERS.get(name, ("", ""))[1].split()
    given = {**dict(zip(names, args, strict=False)), **keywords}
    return Layer(name, Arguments(given, (), complete))


def layer(target: Layer, value: Values) -> Values:
    """Return what a module of ``torch.nn`` makes of a value."""
    if target.name in _RESHAPING:
        return value
    found = _LAYERS.get(target.name)
    if found is None:
        return FEATURES
    described = OPERATIONS[f"torch.nn.functional.{found[0]}"]
    source = value if value.kind == "tensor" else dataclasses.replace(value, kind="tensor")
    arguments = Arguments({**target.arguments.given, "input": source}, (), True)
    result = as_values(described.transfer(arguments))
    if result.origin is not None and result.origin.node is None:
        origin = dataclasses.replace(result.origin, node=target.node)
        return dataclasses.replace(result, origin=origin)
    return result


def dataset(args: list[Abstract], keywords: dict[str, Abstract]) -> Abstract:
    """Build a dataset of torchvision: the transform is given by name or found by its kind."""
    wanted = keywords.get("transform")
    if wanted is None:
        wanted = next((a for a in args if isinstance(a, Transform | Chain)), None)
    return Dataset(wanted)


def value(qualified: str) -> Abstract:
    """Return what a library's name stands for where it is not called."""
    if qualified in ("math.pi", "numpy.pi"):
        return number(3.141592653589793)
    last = qualified.rpartition(".")[2]
    if qualified.startswith("torch.") and last in TYPE_NAMES:
        return TYPE_NAMES[last]
    if qualified.startswith(("torch.", "torchvision.")):
        return Named(qualified)
    return UNKNOWN


def builtin(
    evaluator: Evaluator,
    name: str,
    args: list[Abstract],
    keywords: dict[str, Abstract],
    frame: Frame,
) -> Abstract | None:
    """Return what a builtin returns; ``None`` where the name is none that matters."""
    first = args[0] if args else UNKNOWN
    if name == "enumerate":
        return Items((Items((SOME_NUMBER, evaluator.element(first, frame))),), complete=False)
    if name == "zip":
        return Items((Items(tuple(evaluator.element(a, frame) for a in args)),), complete=False)
    if name == "next":
        return evaluator.element(first, frame)
    if name in ("iter", "list", "tuple", "reversed", "sorted", "tqdm"):
        return first if args else Items(())
    if name == "map" and len(args) > 1 and isinstance(first, Thing):
        elements = tuple(evaluator.element(a, frame) for a in args[1:])
        return Items((evaluator.invoke(first, elements, {}, True, frame),), complete=False)
    if name == "dict":
        entries: dict[object, Abstract] = {}
        entries.update(keywords)
        return Table(entries)
    if name in ("len", "int", "float", "round", "range", "id", "hash", "sum"):
        return constant_conversion(name, first)
    if name in ("min", "max") and len(args) == 2:
        return join(as_values(first), as_values(args[1]))
    return None


def constant_conversion(name: str, first: Abstract) -> Abstract:
    """``float(x)`` of a number is the number; what ``len`` and ``range`` give is not followed."""
    if name in ("int", "float") and isinstance(first, Values) and first.ranks is Ranks.NUMBER:
        if name == "float":
            return dataclasses.replace(first, dtypes=DTypes.DOUBLE)
        return SOME_NUMBER
    return UNKNOWN if name == "sum" else SOME_NUMBER


def method(
    evaluator: Evaluator,
    receiver: Abstract,
    name: str,
    args: list[Abstract],
    keywords: dict[str, Abstract],
    complete: bool,
    frame: Frame,
) -> Abstract | None:
    """Return what a method of a value returns; ``None`` if nothing is known of it."""
    if isinstance(receiver, Values):
        if name == "prepare" and args:  # accelerate wraps what it is given
            return args[0] if len(args) == 1 else Items(tuple(args))
        if receiver.kind == "image":
            return IMAGE if name in _PIL else None
        described = OPERATIONS.get(f"Tensor.{name}")
        return described([receiver, *args], keywords, complete) if described else None
    if isinstance(receiver, Table):
        return _of_table(receiver, name, args)
    if isinstance(receiver, Items):
        return NOTHING if name in ("append", "extend") else receiver if name == "copy" else None
    if isinstance(receiver, Perhaps):
        return None
    return receiver if name in _WRAPPERS or name in ("module", "__iter__") else None


def _of_table(receiver: Table, name: str, args: Sized[Abstract]) -> Abstract | None:
    if name == "values":
        return Items(tuple(receiver.entries.values()))
    if name == "items":
        pairs = (Items((Literally(k), v)) for k, v in receiver.entries.items())
        return Items(tuple(pairs))
    if name in ("get", "pop") and args and isinstance(args[0], Literally):
        return receiver.entries.get(args[0].value, UNKNOWN)
    return None


__all__ = [
    "FEATURES", "SOME_NUMBER", "Instance", "builtin", "call", "dataset", "layer", "method",
    "module", "transform", "value",
]  # fmt: skip
