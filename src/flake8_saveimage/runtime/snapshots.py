"""Copies that the training loop cannot change, made without waiting for the device."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from .arguments import Images
from .objects import map_tensors, storage_of
from .pictures import Picture


def own(batch: torch.Tensor, images: Images) -> torch.Tensor:
    """The batch in memory that the caller cannot change; a list was stacked, so copied, already."""
    return batch.clone() if isinstance(images, torch.Tensor) else batch


def fetch(picture: Picture, streams: dict[torch.device, Any]) -> Callable[[], Picture]:
    """Start the one transfer of a CUDA picture; the result waits for it."""
    packed = picture.pack()
    device = packed.device
    cuda: Any = torch.cuda  # untyped in torch
    if device not in streams:
        streams[device] = cuda.Stream(device)
    stream = streams[device]
    host = torch.empty(packed.shape, dtype=torch.uint8, device="cpu", pin_memory=True)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        host.copy_(packed, non_blocking=True)
        packed.record_stream(stream)
        arrived = cuda.Event()
        arrived.record(stream)

    def arrive() -> Picture:
        arrived.synchronize()
        return picture.unpack(host)

    return arrive


def snapshot_of(obj: Any) -> tuple[Any, Callable[[], None]]:
    """A copy of an object with its tensors on the CPU, and what to wait for before reading it."""
    storages: dict[tuple[str, int, int], Any] = {}
    devices: set[torch.device] = set()

    def copy_tensor(tensor: torch.Tensor) -> torch.Tensor:
        place = storage_of(tensor)
        if place is None or type(tensor) not in (torch.Tensor, torch.nn.Parameter):
            return copy.deepcopy(tensor.detach()).cpu().requires_grad_(tensor.requires_grad)
        if place not in storages:
            storages[place] = _copy_storage(tensor)
            if tensor.is_cuda:
                devices.add(tensor.device)
        plain = torch.empty(0, dtype=tensor.dtype, device="cpu").set_(
            storages[place], tensor.storage_offset(), tensor.size(), tensor.stride()
        )
        if isinstance(tensor, torch.nn.Parameter):
            return torch.nn.Parameter(plain, tensor.requires_grad)
        return plain.requires_grad_(tensor.requires_grad)

    copied = map_tensors(obj, copy_tensor, copy.deepcopy)
    cuda: Any = torch.cuda  # untyped in torch
    events = []
    for device in devices:
        event = cuda.Event()
        event.record(torch.cuda.current_stream(device))
        events.append(event)

    def arrive() -> None:
        for event in events:
            event.synchronize()

    return copied, arrive


def _copy_storage(tensor: torch.Tensor) -> Any:
    """A storage's bytes on the CPU; from CUDA into pinned memory, in the order of the stream.

    Not on a side stream: the next optimizer step would change the parameters under the copy.
    """
    storage: Any = tensor.untyped_storage()
    if not tensor.is_cuda:
        return storage.cpu() if tensor.device.type != "cpu" else storage.clone()
    source = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)
    host = torch.empty(source.shape, dtype=torch.uint8, device="cpu", pin_memory=True)
    host.copy_(source, non_blocking=True)
    return host.untyped_storage()
