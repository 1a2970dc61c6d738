"""An accelerator that is simulated in Python: its tensors are reached only by copies.

Each operation computes with a hidden CPU tensor and is written down. A device of that name is
registered with torch, so that ``torch.full(..., device=tensor.device)`` works as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_map

setup: Callable[[str], None] | None
try:
    from torch.utils import backend_registration

    setup = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
except ImportError:
    setup = None

NAME = "simulated"
operations: list[str] = []  # on the device
transfers: list[int] = []  # elements that each copy took to the host
_library: torch.library.Library | None = None


class Remote(torch.Tensor):
    """A tensor on the simulated device."""

    hidden: torch.Tensor

    @staticmethod
    def __new__(cls, hidden: torch.Tensor) -> Remote:
        made: Remote = torch.Tensor._make_wrapper_subclass(
            cls,
            hidden.shape,
            strides=hidden.stride(),
            storage_offset=hidden.storage_offset(),
            dtype=hidden.dtype,
            device=f"{NAME}:0",
        )
        made.hidden = hidden
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Remote({tuple(self.shape)}, {self.dtype})"

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(op, *args, **(kwargs or {}))


def compute(op: Any, *args: Any, **kwargs: Any) -> Any:
    """Do an operation of the device, or a copy from it or to it."""
    name = str(op)
    if name == "aten._local_scalar_dense.default":
        transfers.append(1)
        return op(args[0].hidden)
    target = kwargs.get("device")
    to_host = target is not None and torch.device(target).type == "cpu"
    if name == "aten.copy_.default" and not isinstance(args[0], Remote):
        transfers.append(args[1].numel())
        return args[0].copy_(args[1].hidden)
    operations.append(name)
    if target is not None:
        kwargs["device"] = "cpu"
    seen: dict[int, Remote] = {}

    def unwrap(item: Any) -> Any:
        if isinstance(item, Remote):
            seen[id(item.hidden)] = item
            return item.hidden
        return item

    result = op(*tree_map(unwrap, list(args)), **tree_map(unwrap, kwargs))
    if to_host:
        transfers.append(result.numel())
        return result.clone()

    def wrap(item: Any) -> Any:
        if isinstance(item, torch.Tensor):
            return seen[id(item)] if id(item) in seen else Remote(item)
        return item

    return tree_map(wrap, result)


def register() -> None:
    """Make the device known to torch, once."""
    global _library
    if _library is None:
        assert setup is not None
        setup(NAME)
        _library = torch.library.Library("_", "IMPL")
        _library.fallback(compute, "PrivateUse1")


def reset() -> None:
    operations.clear()
    transfers.clear()
