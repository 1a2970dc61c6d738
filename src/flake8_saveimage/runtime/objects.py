"""Objects for torch.save: nested containers of tensors, and views of large storages."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch

from .warning import Site, warn_once

_T = TypeVar("_T")
_IMMUTABLE = (int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device)
_WASTE = 65_536  # bytes; below this nobody minds


def _same(item: _T) -> _T:
    return item


def map_tensors(
    obj: Any,
    change: Callable[[torch.Tensor], Any],
    change_other: Callable[[Any], Any] = _same,
) -> Any:
    """A copy of nested dicts, lists and tuples with every tensor changed, and every other leaf.

    Containers keep their type and attributes (a ``state_dict`` its ``_metadata``). An object met
    twice is one object again.
    """
    done: dict[int, Any] = {}

    def visit(item: Any) -> Any:
        twin: Any
        if id(item) in done:
            return done[id(item)]
        if isinstance(item, torch.Tensor):
            done[id(item)] = change(item)
        elif isinstance(item, dict):
            done[id(item)] = twin = copy.copy(item)
            for key, value in item.items():
                twin[key] = visit(value)
        elif isinstance(item, list):
            done[id(item)] = twin = copy.copy(item)
            twin[:] = [visit(value) for value in item]
        elif isinstance(item, tuple):
            parts = [visit(value) for value in item]
            plain = type(item) is tuple
            make = tuple if plain else getattr(type(item), "_make", type(item))
            done[id(item)] = make(parts)
        elif isinstance(item, _IMMUTABLE):
            return item
        else:
            done[id(item)] = change_other(item)
        return done[id(item)]

    return visit(obj)


def _tensors_in(obj: object) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    seen: set[int] = set()
    todo = [obj]
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, torch.Tensor):
            found.append(item)
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, (list, tuple)):
            todo.extend(item)
    return found


def storage_of(tensor: torch.Tensor) -> tuple[str, int, int] | None:
    """Device, address and size in bytes of a tensor's storage; None if it has none of its own."""
    if tensor.layout is not torch.strided or tensor.is_meta:
        return None
    try:
        storage = tensor.untyped_storage()
        return str(storage.device), storage.data_ptr(), storage.nbytes()
    except (NotImplementedError, RuntimeError):
        return None


def _wasteful(obj: object) -> dict[tuple[str, int, int], int]:
    """Storages of which the tensors use less than half, with the bytes that they use."""
    used: dict[tuple[str, int, int], int] = {}
    for tensor in _tensors_in(obj):
        storage = storage_of(tensor)
        if storage is not None:
            used[storage] = used.get(storage, 0) + tensor.numel() * tensor.element_size()
    return {
        storage: size
        for storage, size in used.items()
        if storage[2] > 2 * size and storage[2] - size > _WASTE
    }


def _compacted(obj: Any, wasteful: Mapping[tuple[str, int, int], int]) -> Any:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        if storage_of(tensor) not in wasteful:
            return tensor
        small = tensor.detach().clone()
        if isinstance(tensor, torch.nn.Parameter):
            return torch.nn.Parameter(small, tensor.requires_grad)
        return small.requires_grad_(tensor.requires_grad)

    return map_tensors(obj, change)


def lean(obj: Any, compact: bool, site: Site, label: str) -> Any:
    """The object to write: views of large storages are copied, or warned about."""
    wasteful = _wasteful(obj)
    if not wasteful:
        return obj
    if compact:
        return _compacted(obj, wasteful)
    whole, used = sum(storage[2] for storage in wasteful), sum(wasteful.values())
    warn_once(
        site,
        "views",
        f"{label} holds views that use {used:,} bytes of storages of {whole:,} bytes, and a view "
        "is saved with its whole storage; pass compact=True, or tensor.clone()",
    )
    return obj
