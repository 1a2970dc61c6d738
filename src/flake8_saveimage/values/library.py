"""Calls of libraries: constructors of torch and torchvision, builtins, helpers known by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from flake8_saveimage.syntax.arguments import Arguments
from flake8_saveimage.values.context import Context
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
    passed_on,
)
from flake8_saveimage.values.dtypes import NUMPY_NAMES, DTypes, Ranks
from flake8_saveimage.values.elements import element
from flake8_saveimage.values.naming import says_handled, says_moved
from flake8_saveimage.values.objects import (
    Chain,
    Dataset,
    Frame,
    LibraryObject,
    Loader,
    Named,
    Partial,
    Table,
    Transform,
)
from flake8_saveimage.values.operations import OPERATIONS, Passed, apply
from flake8_saveimage.values.ops.conversion import TYPED_TENSORS
from flake8_saveimage.values.ops.nn import build_layer
from flake8_saveimage.values.ops.vision import build_transform

SOME_NUMBER = Values(ranks=Ranks.NUMBER, kind="number", dtypes=DTypes.DOUBLE | DTypes.INT64)

# what returns its first argument: progress bars, wrappers, views of a dataset
_TRANSPARENT = frozenset("tqdm trange track deepcopy islice cycle prefetch".split())
_TRANSPARENT_IN_TORCH = frozenset(
    "torch.compile torch.jit.script torch.jit.trace torch.nn.utils.spectral_norm "
    "torch.nn.utils.weight_norm torch.utils.data.Subset torch.utils.data.dataset.Subset".split()
)
_PARALLEL = ("DataParallel", "DistributedDataParallel")
_NUMBERS = ("math.", "random.", "time.", "os.")
_WRAPPERS = frozenset(
    "to cuda cpu eval train half float double apply requires_grad_ type bfloat16 share_memory "
    "compile xpu mps module __iter__".split()
)


def call(
    context: Context, qualified: str, arguments: Passed, frame: Frame, node: object
) -> Abstract:
    """Return what a library's function or class returns."""
    first = _first(arguments)
    if qualified == "functools.partial" and isinstance(first, Thing):
        rest = arguments.positional[1:]
        return Partial(first, Arguments(rest, arguments.keywords, arguments.complete))
    if qualified in OPERATIONS:
        return _operation(qualified, arguments)
    if _is_transparent(qualified):
        return _first(arguments, "iterable")
    built = _built(qualified, arguments, node)
    return built if built is not None else _elsewhere(context, qualified, arguments, frame)


def _is_transparent(qualified: str) -> bool:
    """Whether a function or class returns its first argument, as far as values go."""
    home, _, last = qualified.rpartition(".")
    return (
        last in _TRANSPARENT
        or qualified in _TRANSPARENT_IN_TORCH
        or home == "torch.nn.utils.parametrizations"
        or (last in _PARALLEL and (home == "torch.nn" or home.startswith("torch.nn.parallel")))
    )


def _first(arguments: Passed, keyword: str = "") -> Abstract:
    """Return the first positional argument, or the one passed by keyword."""
    return next(iter(arguments.positional), arguments.keywords.get(keyword, UNKNOWN))


def _operation(qualified: str, arguments: Passed) -> Abstract:
    sure = tuple(UNKNOWN if isinstance(a, Perhaps) else a for a in arguments.positional)
    found = apply(qualified, dataclasses.replace(arguments, positional=sure))
    if isinstance(found, Values) and found.kind == "unknown" and qualified.startswith("torch"):
        return dataclasses.replace(found, kind="tensor")
    return found


def _built(qualified: str, arguments: Passed, node: object) -> Abstract | None:
    """Return what the constructor of a class of torch or torchvision returns."""
    home, _, name = qualified.rpartition(".")
    if not name[:1].isupper():
        return None
    if home in _TRANSFORMS:
        return build_transform(name, arguments, node)
    if home == "torch.nn" or home.startswith("torch.nn.modules."):
        return build_layer(name, arguments, node)
    if name == "DataLoader" and home in ("torch.utils.data", "torch.utils.data.dataloader"):
        custom = "collate_fn" in arguments.keywords
        return UNKNOWN if custom else Loader(_first(arguments, "dataset"), collates=True)
    if home == "torchvision.datasets" or home.startswith("torchvision.datasets."):
        return _dataset(arguments)
    return None


_TRANSFORMS = tuple(f"torchvision.transforms{home}" for home in ("", ".v2", ".transforms"))


def _dataset(arguments: Passed) -> Dataset:
    """Build a dataset of torchvision: the transform is given by name or found by its kind."""
    wanted = arguments.keywords.get("transform")
    if wanted is None:
        transforms = (a for a in arguments.positional if isinstance(a, Transform | Chain))
        wanted = next(transforms, None)
    return Dataset(wanted)


def _elsewhere(context: Context, qualified: str, arguments: Passed, frame: Frame) -> Abstract:
    """Return what other functions return, as far as they or their names are known."""
    args = arguments.positional
    if qualified == "torch.nn.parallel.data_parallel" and len(args) > 1:
        return context.invoke(args[0], Arguments((args[1],)), frame)
    if qualified.endswith("random_split") and args:
        return Items((args[0], args[0], args[0]))
    if qualified.startswith(_NUMBERS):
        return SOME_NUMBER
    if qualified.startswith("collections.OrderedDict") and args:
        return _ordered(args[0])
    last = qualified.rpartition(".")[2]
    if not qualified.startswith(("torch.", "torchvision.")) and says_handled(last):
        return dataclasses.replace(UNKNOWN, known=True)
    if says_moved(last) and args:
        return passed_on(as_values(args[0]))
    return UNKNOWN


def _ordered(value: Abstract) -> Abstract:
    """Return the values of ``OrderedDict([(name, layer), ...])``."""
    if not isinstance(value, Items):
        return UNKNOWN
    pairs = [p for p in value.parts if isinstance(p, Items) and len(p.parts) == 2]
    complete = value.complete and len(pairs) == len(value.parts)
    return Items(tuple(p.parts[1] for p in pairs), complete)


def constant_of(qualified: str) -> Abstract:
    """Return what a library's name stands for where it is not called."""
    if qualified in ("math.pi", "numpy.pi"):
        return number(3.141592653589793)
    last = qualified.rpartition(".")[2]
    if qualified.startswith("torch.") and last in TYPED_TENSORS:
        return TYPED_TENSORS[last]
    if qualified.startswith("numpy.") and last in NUMPY_NAMES:
        return NUMPY_NAMES[last]
    if qualified.startswith(("torch.", "torchvision.", "numpy.", "cv2.", "PIL.")):
        return Named(qualified)
    return UNKNOWN


def _enumerate(context: Context, arguments: Passed, frame: Frame) -> Abstract:
    item = element(_first(arguments), context, frame)
    return Items((Items((SOME_NUMBER, item)),), complete=False)


def _zip(context: Context, arguments: Passed, frame: Frame) -> Abstract:
    items = tuple(element(a, context, frame) for a in arguments.positional)
    return Items((Items(items),), complete=False)


def _next(context: Context, arguments: Passed, frame: Frame) -> Abstract:
    return element(_first(arguments), context, frame)


def _same(context: Context, arguments: Passed, frame: Frame) -> Abstract:
    return _first(arguments) if arguments.positional else Items(())


def _map(context: Context, arguments: Passed, frame: Frame) -> Abstract | None:
    function, *sources = arguments.positional or (UNKNOWN,)
    if not sources or not isinstance(function, Thing):
        return None
    elements = tuple(element(a, context, frame) for a in sources)
    return Items((context.invoke(function, Arguments(elements), frame),), complete=False)


def _dict(context: Context, arguments: Passed, frame: Frame) -> Abstract:
    return Table(arguments.keywords)


def _some_number(context: Context, arguments: Passed, frame: Frame) -> Abstract:
    return SOME_NUMBER


def _sum(context: Context, arguments: Passed, frame: Frame) -> Abstract:
    return UNKNOWN


def _float(context: Context, arguments: Passed, frame: Frame) -> Abstract:
    first = _first(arguments)
    if isinstance(first, Values) and first.ranks is Ranks.NUMBER:
        return dataclasses.replace(first, dtypes=DTypes.DOUBLE)
    return SOME_NUMBER


def _either(context: Context, arguments: Passed, frame: Frame) -> Abstract | None:
    if len(arguments.positional) != 2:
        return None
    first, second = map(as_values, arguments.positional)
    return join(first, second)


_BUILTINS: Mapping[str, Callable[[Context, Passed, Frame], Abstract | None]] = {
    "enumerate": _enumerate,
    "zip": _zip,
    "next": _next,
    **dict.fromkeys(("iter", "list", "tuple", "reversed", "sorted", "tqdm"), _same),
    "map": _map,
    "dict": _dict,
    **dict.fromkeys(("len", "int", "round", "range", "id", "hash"), _some_number),
    "float": _float,
    "sum": _sum,
    **dict.fromkeys(("min", "max"), _either),
}


def builtin(context: Context, name: str, arguments: Passed, frame: Frame) -> Abstract | None:
    """Return what a builtin returns; ``None`` where the name is none that matters."""
    described = _BUILTINS.get(name)
    return described(context, arguments, frame) if described is not None else None


_HOMES = {"image": "Image", "array": "ndarray"}
_ONLY_IN = {"astype": "ndarray", "convert": "Image"}


def method(receiver: Abstract, name: str, arguments: Passed) -> Abstract | None:
    """Return what a method of a value returns; ``None`` if nothing is known of it."""
    args = arguments.positional
    if isinstance(receiver, Values):
        if name == "prepare" and args:  # accelerate wraps what it is given
            return args[0] if len(args) == 1 else Items(tuple(args))
        home = _ONLY_IN.get(name) or _HOMES.get(receiver.kind, "Tensor")
        if f"{home}.{name}" not in OPERATIONS:
            return None
        both = dataclasses.replace(arguments, positional=(receiver, *args))
        return apply(f"{home}.{name}", both)
    if isinstance(receiver, LibraryObject):
        qualified = f"{receiver.class_name}.{name}"
        return apply(qualified, arguments) if qualified in OPERATIONS else None
    if isinstance(receiver, Table):
        return _method_of_table(receiver, name, args)
    if isinstance(receiver, Items):
        return NOTHING if name in ("append", "extend") else receiver if name == "copy" else None
    return receiver if name in _WRAPPERS and not isinstance(receiver, Perhaps) else None


def _method_of_table(table: Table, name: str, args: tuple[Abstract, ...]) -> Abstract | None:
    if name == "values":
        return Items(tuple(table.entries.values()))
    if name == "items":
        return Items(tuple(Items((Literally(k), v)) for k, v in table.entries.items()))
    if name in ("get", "pop") and args and isinstance(args[0], Literally):
        return table.entries.get(args[0].value, UNKNOWN)
    return None
