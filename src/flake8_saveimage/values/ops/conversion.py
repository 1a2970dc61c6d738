"""Changes of dtype and of device, and tensors turned into Python numbers."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values.domain import Abstract, Items, Origin, Thing, Values, Wrapped
from flake8_saveimage.values.dtypes import DTypes, Ranks, each, union
from flake8_saveimage.values.operations import Operands, converted, operation

_CASTS = {
    "float": DTypes.FLOAT,
    "double": DTypes.DOUBLE,
    "half": DTypes.HALF,
    "bfloat16": DTypes.BFLOAT16,
    "byte": DTypes.UINT8,
    "char": DTypes.INT8,
    "short": DTypes.INT16,
    "int": DTypes.INT32,
    "long": DTypes.INT64,
    "bool": DTypes.BOOL,
}
TYPED_TENSORS = {
    "FloatTensor": DTypes.FLOAT,
    "DoubleTensor": DTypes.DOUBLE,
    "HalfTensor": DTypes.HALF,
    "BFloat16Tensor": DTypes.BFLOAT16,
    "LongTensor": DTypes.INT64,
    "IntTensor": DTypes.INT32,
    "ByteTensor": DTypes.UINT8,
    "BoolTensor": DTypes.BOOL,
}


@operation(f"Tensor.{{{' '.join(_CASTS)}}}")
def cast(a: Operands) -> Values:
    return cast_to(a.values("input"), _CASTS[a.name], a.name)


def cast_to(value: Values, dtypes: DTypes, what: str) -> Values:
    """Return a tensor in other dtypes; ``what`` is the function or method that converts it."""
    result = converted(value, dtypes)
    kind = "tensor" if value.kind == "unknown" else value.kind
    wrapped = value.wrapped or (_wrapped(value, what) if dtypes is DTypes.UINT8 else None)
    return dataclasses.replace(result, kind=kind, marks=value.marks - {"part"}, wrapped=wrapped)


def _wrapped(value: Values, what: str) -> Wrapped | None:
    """Return the loss when values visibly outside of [0, 255] become bytes."""
    reach = value.reach
    if reach is None or (reach.low > -1.0 and reach.high < 256.0):
        return None
    return Wrapped(reach, Origin(what), value.origin)


@operation("Tensor.{to type}", parameters="input first second")
def to(a: Operands) -> Values:
    value = a.values("input")
    for name in ("dtype", "first", "second"):
        wanted = a.get(name)
        if isinstance(wanted, DTypes):
            return cast_to(value, wanted, a.name)
        if isinstance(wanted, Values) and wanted.kind != "unknown" and name == "first":
            # a device index is a number, another tensor gives its dtype as well
            return value if wanted.kind == "number" else cast_to(value, wanted.dtypes, a.name)
        if isinstance(wanted, Thing) or (isinstance(wanted, Values) and "dtype" in wanted.marks):
            return _some_dtype(value)
    text = a.text("first")
    if text is not None and text.startswith("torch."):
        named = TYPED_TENSORS.get(text.rpartition(".")[2])
        return cast_to(value, named, a.name) if named else _some_dtype(value)
    if a.get("dtype") is not None:
        return _some_dtype(value)
    return value


def _some_dtype(value: Values) -> Values:
    """Return values after a conversion to a dtype that is not visible."""
    return dataclasses.replace(converted(value, DTypes.ANY), reach=value.reach)


@operation("Tensor.type_as", parameters="input other")
def type_as(a: Operands) -> Values:
    other = a.values("other")
    if other.kind == "unknown":
        return _some_dtype(a.values("input"))
    return cast_to(a.values("input"), other.dtypes, a.name)


@operation("{Tensor ndarray}.tolist")
def tolist(a: Operands) -> Abstract:
    return Items((item(a),), complete=False)


@operation("{Tensor ndarray}.item")
def item(a: Operands) -> Values:
    value = a.values("input")
    dtypes = union(
        DTypes.DOUBLE if d & DTypes.FLOATS else d if d is DTypes.BOOL else DTypes.INT64
        for d in each(value.dtypes)
    )
    return dataclasses.replace(value, dtypes=dtypes, ranks=Ranks.NUMBER, kind="number")
