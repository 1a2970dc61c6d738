"""Objects for torch.save: nested containers of tensors, and views of large storages."""

from __future__ import annotations

import copy
import copyreg
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from .warning import Site, warn_once

_IMMUTABLE = (int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device)
_WASTE = 65_536  # bytes; below this it does not matter


def map_tensors(obj: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    """A copy of nested dicts, lists and tuples with every tensor changed.

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
            done[id(item)] = _tuple_like(item, [visit(value) for value in item])
        else:
            return item
        return done[id(item)]

    return visit(obj)


def _tuple_like(item: tuple[Any, ...], parts: list[Any]) -> Any:
    """A tuple of the same type and attributes; its own ``__new__`` is not called."""
    if all(new is old for new, old in zip(parts, item, strict=True)):
        return item
    try:
        twin: Any = tuple.__new__(type(item), parts)
    except TypeError:  # those of C, such as torch.return_types
        return type(item)(parts)
    if hasattr(item, "__dict__"):
        vars(twin).update(vars(item))
    return twin


def tensors_in(obj: object, *, inside_objects: bool = False) -> list[torch.Tensor]:
    """The tensors in nested containers and, if asked, in the attributes of modules and objects."""
    found: list[torch.Tensor] = []
    seen: dict[int, object] = {}  # the objects too, or the number of one that is gone comes back
    todo = [obj]
    while todo:
        item = todo.pop()
        if id(item) in seen or isinstance(item, _IMMUTABLE):
            continue
        seen[id(item)] = item
        if isinstance(item, torch.Tensor):
            found.append(item)
            if inside_objects:
                todo.append(vars(item))
        elif isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, (list, tuple)):
            todo.extend(item)
        elif inside_objects:
            todo.extend(_parts_of(item))
    return found


def _parts_of(item: object) -> Iterable[object]:
    """What :func:`copy.deepcopy` would copy of an object that says nothing else about copying."""
    if isinstance(item, torch.nn.Module):
        return [vars(item)]
    if isinstance(item, (set, frozenset, deque)):
        return item
    kind = type(item)
    if hasattr(kind, "__deepcopy__") or kind.__reduce_ex__ is not object.__reduce_ex__:
        return []
    if kind.__reduce__ is not object.__reduce__ or kind in copyreg.dispatch_table:
        return []
    own = getattr(kind, "__getstate__", None)
    if own is None or own is getattr(object, "__getstate__", None):
        return [getattr(item, "__dict__", None)]
    return [own(item)]


def has_own_storage(tensor: torch.Tensor) -> bool:
    """Whether a tensor is a dense view of a storage with data."""
    return storage_of(tensor) is not None and not tensor.is_quantized


def storage_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """The bytes of the storages of tensors, each counted once."""
    return sum(size for _, _, size in {s for s in map(storage_of, tensors) if s is not None})


def storage_of(tensor: torch.Tensor) -> tuple[str, int, int] | None:
    """Device, address and size in bytes of a tensor's storage; None if it has none of its own."""
    if tensor.layout is not torch.strided or tensor.is_meta:
        return None
    try:
        storage = tensor.untyped_storage()
        address, size = storage.data_ptr(), storage.nbytes()
        return None if size and not address else (str(storage.device), address, size)
    except (NotImplementedError, RuntimeError, ValueError):  # the last: not initialized yet
        return None


def _wasteful(obj: object) -> dict[tuple[str, int, int], int]:
    """Storages of which the tensors use less than half, with the bytes that they use."""
    used: dict[tuple[str, int, int], int] = {}
    for tensor in tensors_in(obj):
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
            small = torch.nn.Parameter(small, tensor.requires_grad)
        elif tensor.requires_grad:
            small.requires_grad_()
        vars(small).update(vars(tensor))
        return small

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
