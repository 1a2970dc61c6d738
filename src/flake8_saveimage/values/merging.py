"""What holds where a name, a branch or an element may be any of several things."""

from __future__ import annotations

from flake8_saveimage.values.domain import (
    NOTHING,
    UNKNOWN,
    Abstract,
    Items,
    Perhaps,
    Several,
    Thing,
    Values,
    as_values,
    join,
)
from flake8_saveimage.values.dtypes import DTypes

# The answer where the analysis gave up: nothing is claimed, not even that nothing is visible.
EXHAUSTED = Values(known=True)
# The answer where a value depends on itself: unknown, but it adds nothing to what else it may be.
PENDING = Values(marks=frozenset({"pending"}))

_MAX_SEVERAL = 8


def merged(values: list[Abstract]) -> Abstract:
    """Return what holds where any of several things may be meant."""
    if any(isinstance(v, Items) for v in values):
        values = [v for v in values if v is not PENDING]
    first = values[0]
    if len(values) == 1:
        return first
    if all(value is first for value in values):
        return first
    things = [v for v in values if isinstance(v, Thing)]
    if things:
        # `net = Net()` here and `net = net.cuda()` there: what is visible of it is the Net
        others = [v for v in values if v != NOTHING and not (isinstance(v, Values) and not v.known)]
        return _one_of(others)
    if all(isinstance(v, Items) for v in values):
        return _union_of_sequences([v for v in values if isinstance(v, Items)])
    if all(isinstance(v, DTypes) for v in values):
        result = DTypes.NONE
        for v in values:
            result |= v if isinstance(v, DTypes) else DTypes.NONE
        return result
    if all(v == first for v in values):
        return first
    tensors = [as_values(v) for v in values if v != NOTHING]
    if any(v.kind == "tensor" for v in tensors):
        # `if self.transform: image = self.transform(image)`: the image itself is not saved
        tensors = [v for v in tensors if v.kind != "image"]
    joined = tensors[0] if tensors else UNKNOWN
    for value in tensors[1:]:
        joined = join(joined, value)
    return joined


def _one_of(values: list[Abstract]) -> Abstract:
    """Return an object that is one of these; of those of one class, the last is taken."""
    found: dict[object, Abstract] = {}
    for value in values:
        for part in value.parts if isinstance(value, Several) else (value,):
            if not isinstance(part, Thing):
                return UNKNOWN
            found[getattr(part, "scope", part)] = part
    parts = tuple(found.values())
    return parts[0] if len(parts) == 1 else Several(parts[:_MAX_SEVERAL])


def _union_of_sequences(sequences: list[Items]) -> Items:
    lengths = {len(v.parts) for v in sequences}
    if len(lengths) == 1 and all(v.complete for v in sequences):
        columns = zip(*(v.parts for v in sequences), strict=True)
        return Items(tuple(merged(list(column)) for column in columns))
    # a list that grows: what only the longest has may be missing
    longest = max(sequences, key=lambda v: len(v.parts)).parts
    shortest = min(sequences, key=lambda v: len(v.parts)).parts
    ahead = _common(shortest, longest)
    behind = min(_common(shortest[::-1], longest[::-1]), len(shortest) - ahead)
    end = len(longest) - behind
    parts = (
        p if i < ahead or i >= end or isinstance(p, Perhaps) else Perhaps(p)
        for i, p in enumerate(longest)
    )
    return Items(tuple(parts), complete=False)


def _common(first: tuple[Abstract, ...], second: tuple[Abstract, ...]) -> int:
    """Return how many parts two sequences have in common at their beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), len(first))


def unwrapped(value: Abstract) -> Abstract:
    """Return a part of a list without the note that it may be missing."""
    return value.part if isinstance(value, Perhaps) else value


def any_object(values: list[Abstract]) -> Abstract:
    """Return one of the entries of a table of objects (``MODELS[name]``)."""
    return merged(values) if all(isinstance(v, Thing) for v in values) else UNKNOWN
