"""Copies that the training loop cannot change, made without waiting for the device."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from .arguments import Images
from .buffers import BufferPool
from .objects import has_own_storage

_OF_TORCH = (torch.Tensor.__deepcopy__, torch.nn.Parameter.__deepcopy__)


@dataclass
class Snapshot:
    """The host memory of one save, and the events that fill it.

    The steps of a save reach the content through this object only: they are kept by the traceback
    of an error, and the content must not be.
    """

    pool: BufferPool
    content: Any = None
    buffers: list[tuple[torch.Tensor, bool]] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)

    def take(self, size: int, pinned: bool = False) -> torch.Tensor:
        buffer = self.pool.take(size, pinned)
        self.buffers.append((buffer, pinned))
        return buffer

    def wait(self) -> None:
        """Wait until everything has arrived on the host."""
        for event in self.events:
            event.synchronize()

    def release(self) -> None:
        """Give the memory back; a transfer under way ends first."""
        self.wait()
        self.content = None
        while self.buffers:
            self.pool.give(*self.buffers.pop())


def image_bytes(images: object) -> int:
    """The bytes that a snapshot of images takes, roughly: on a device the pixels are made first."""
    given = images if isinstance(images, (list, tuple)) else [images]
    tensors = [tensor for tensor in given if isinstance(tensor, torch.Tensor)]
    return sum(t.numel() * (t.element_size() if t.device.type == "cpu" else 1) for t in tensors)


def own(batch: torch.Tensor, images: Images, snapshot: Snapshot) -> torch.Tensor:
    """The batch in memory that the caller cannot change; a list was stacked, so copied, already."""
    if not isinstance(images, torch.Tensor):
        return batch
    buffer = snapshot.take(batch.numel() * batch.element_size())
    return buffer.view(batch.dtype).view(batch.shape).copy_(batch)


def fetch(
    packed: torch.Tensor, streams: dict[torch.device, Any], snapshot: Snapshot
) -> torch.Tensor:
    """Start a transfer from CUDA; the result is read after :meth:`Snapshot.wait`."""
    device = packed.device
    cuda: Any = torch.cuda  # untyped in torch
    if device not in streams:
        streams[device] = cuda.Stream(device)
    stream = streams[device]
    host = snapshot.take(packed.numel(), pinned=True)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        host.copy_(packed, non_blocking=True)
        packed.record_stream(stream)
        arrived = cuda.Event()
        arrived.record(stream)
    snapshot.events.append(arrived)
    return host


def copy_object(obj: Any, tensors: Sequence[torch.Tensor], snapshot: Snapshot) -> Any:
    """A deep copy with its `tensors` on the CPU; what shared a storage shares its copy.

    Read it after :meth:`Snapshot.wait`.
    """
    memo: dict[Any, Any] = {}
    # where UntypedStorage.__deepcopy__ looks, so that storages and subclasses share as well
    on_cpu = memo["torch"] = {}
    elsewhere: dict[int, Any] = {}
    plain = [t for t in tensors if type(t).__deepcopy__ in _OF_TORCH and has_own_storage(t)]
    for tensor in plain:
        copies = on_cpu if tensor.device.type == "cpu" else elsewhere
        memo[id(tensor)] = _copy_tensor(tensor, copies, snapshot)
    for tensor in tensors:
        if id(tensor) not in memo:
            memo[id(tensor)] = _copy_other(tensor, memo)
    for tensor in plain:
        vars(memo[id(tensor)]).update(copy.deepcopy(vars(tensor), memo))
    snapshot.events += _events({tensor.device for tensor in plain if tensor.is_cuda})
    return copy.deepcopy(obj, memo)


def _copy_tensor(tensor: torch.Tensor, copies: dict[int, Any], snapshot: Snapshot) -> torch.Tensor:
    storage: Any = tensor.untyped_storage()
    if storage._cdata not in copies:
        copies[storage._cdata] = _copy_storage(tensor, snapshot)
    copied = torch.empty(0, dtype=tensor.dtype, device="cpu").set_(
        copies[storage._cdata], tensor.storage_offset(), tensor.size(), tensor.stride()
    )
    if tensor.is_conj():
        copied = copied.conj()
    if tensor.is_neg():
        copied = torch._neg_view(copied)
    if type(tensor) is torch.Tensor:
        return copied.requires_grad_(tensor.requires_grad)
    alike: torch.Tensor = torch.Tensor._make_subclass(type(tensor), copied, tensor.requires_grad)
    return alike


def _copy_other(tensor: torch.Tensor, memo: dict[Any, Any]) -> torch.Tensor:
    """A copy of a sparse, quantized or other special tensor, or one that copies itself."""
    copied: torch.Tensor = copy.deepcopy(tensor if tensor.is_leaf else tensor.detach(), memo)
    if copied.device.type not in ("cpu", "meta"):
        copied = copied.detach().cpu()
    if copied.requires_grad != tensor.requires_grad:
        copied.requires_grad_(tensor.requires_grad)
    for name, value in vars(tensor).items():  # Parameter's own copy drops them
        vars(copied).setdefault(name, copy.deepcopy(value, memo))
    return copied


def _copy_storage(tensor: torch.Tensor, snapshot: Snapshot) -> Any:
    """A storage's bytes on the CPU; from CUDA into pinned memory, in the order of the stream.

    Not on a side stream: the next optimizer step would change the parameters under the copy.
    """
    storage: Any = tensor.untyped_storage()
    if tensor.device.type != "cpu" and not tensor.is_cuda:
        return storage.cpu()
    source = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)
    host = snapshot.take(source.numel(), pinned=tensor.is_cuda)
    host.copy_(source, non_blocking=True)
    return host.untyped_storage()


def _events(devices: Iterable[torch.device]) -> list[Any]:
    events = []
    cuda: Any = torch.cuda  # untyped in torch
    for device in devices:
        event = cuda.Event()
        event.record(torch.cuda.current_stream(device))
        events.append(event)
    return events
