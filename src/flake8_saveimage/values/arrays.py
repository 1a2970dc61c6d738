"""What becomes an array when NumPy gets it: images, lists, numbers, tensors."""

from __future__ import annotations

import dataclasses

from flake8_saveimage.values.domain import Abstract, Items, Values, as_values, join_parts
from flake8_saveimage.values.dtypes import DTypes, Ranks
from flake8_saveimage.values.elementwise import joined_dtypes
from flake8_saveimage.values.intervals import WHOLE, Interval
from flake8_saveimage.values.layout import with_new_axis

BYTES = Interval(0.0, 255.0)
INTEGER = DTypes.INT32 | DTypes.INT64  # the default: 32 bits on Windows before version 2


def made_array(data: Abstract | None) -> Values:
    """Return what ``numpy.array(data)`` makes; of a number, a NumPy scalar."""
    if isinstance(data, Items):
        return _of_list(data)
    value = as_values(data)
    if value.kind == "image":
        return _of_image(value)
    dtypes = value.dtypes
    if dtypes != DTypes.ANY:  # which stands for other dtypes as well
        dtypes &= ~DTypes.BFLOAT16
    if value.kind == "number":
        if dtypes & DTypes.INT64:
            dtypes |= INTEGER
        return dataclasses.replace(value, kind="array", dtypes=dtypes, ranks=Ranks.ZERO)
    ranks = value.ranks & Ranks.TENSOR or Ranks.TENSOR
    return dataclasses.replace(value, kind="array", dtypes=dtypes, ranks=ranks)


def numpy_operand(data: Abstract | None) -> Values:
    """Return an operand of a function of NumPy: Python's numbers stay what they are."""
    value = as_values(data)
    if isinstance(data, Items) or value.kind == "image":
        return made_array(data)
    # a function of NumPy returns a tensor for a tensor, by the rules of either library
    if value.kind != "tensor":
        return value
    bools = DTypes.UINT8 if value.dtypes & DTypes.BOOL else DTypes.NONE  # bools come back as bytes
    return dataclasses.replace(value, kind="unknown", dtypes=value.dtypes | bools)


def converted_to_hidden(value: Values) -> Values:
    """Return an array after its conversion to a dtype that is not visible (perhaps uint16)."""
    return dataclasses.replace(value, dtypes=DTypes.ANY, interval=WHOLE)


def _of_list(data: Items) -> Values:
    """Return the array of a list: numbers, lists of numbers, or arrays on a new axis."""
    parts = [made_array(part) for part in data.parts]
    if not parts or not data.complete:
        unseen = converted_to_hidden(join_parts(parts)) if parts else Values()
        return dataclasses.replace(unseen, kind="array", ranks=Ranks.TENSOR, reach=None)
    dtypes = joined_dtypes(parts)
    result = with_new_axis(dataclasses.replace(join_parts(parts), dtypes=dtypes), 0)
    numbers = any(as_values(part).kind == "number" for part in data.parts)
    return dataclasses.replace(result, reach=None) if numbers else result


def _of_image(value: Values) -> Values:
    """Return the array of an image of Pillow: bytes where its mode is known."""
    ranks = Ranks.DIMENSIONS
    if value.dtypes is not DTypes.UINT8:
        return dataclasses.replace(value, kind="array", ranks=ranks)
    reach, origin = value.reach, value.origin
    if reach is None and value.channels is not None:
        reach, origin = BYTES, value.channels.origin
    return dataclasses.replace(
        value, kind="array", ranks=ranks, reach=reach, origin=origin, known=reach is not None
    )
