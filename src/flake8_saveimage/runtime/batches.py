"""Check the tensors of an image and make one batch (B, C, H, W) of them."""

from __future__ import annotations

import torch

from .arguments import Images


def batch_of(images: Images) -> torch.Tensor:
    """(B, C, H, W) with 1 to 4 channels and at least one pixel, or a clear error."""
    tensor = _one_tensor(images)
    given = shape_text(tensor)
    if tensor.dim() == 5:
        raise ValueError(
            f"a 5-D tensor ({given}) is no image or batch of images; for a video "
            "of shape (B, C, T, H, W) pass tensor.transpose(1, 2).flatten(0, 1)"
        )
    if not 2 <= tensor.dim() <= 4:
        raise ValueError(
            f"a tensor of shape {given} is no image; pass (H, W), (C, H, W) or (B, C, H, W)"
        )
    if tensor.numel() == 0:
        raise ValueError(f"the tensor is empty (shape {given}); there is nothing to save")
    if tensor.dim() == 2:
        tensor = tensor.unsqueeze(0)
    if tensor.dim() == 3:
        tensor = tensor.unsqueeze(0)
    channels = tensor.size(1)
    if channels > 4:
        if tensor.size(3) <= 4:
            order = "0, 3, 1, 2" if given.count("x") == 3 else "2, 0, 1"
            raise ValueError(
                f"shape {given} looks like channels last; pass tensor.permute({order})"
            )
        raise ValueError(
            f"shape {given} has {channels} channels; an image has 1 (grey), 2 (grey, alpha), "
            "3 (RGB) or 4 (RGB, alpha). Greyscale images in a batch: pass tensor.unsqueeze(1)"
        )
    return tensor


def _one_tensor(images: Images) -> torch.Tensor:
    if isinstance(images, torch.Tensor):
        return _plain(images)
    if not isinstance(images, (list, tuple)):
        hint = "; pass torch.from_numpy(array)" if type(images).__module__ == "numpy" else ""
        raise TypeError(
            f"a tensor or a list of tensors is needed, not {type(images).__name__}{hint}"
        )
    if not images:
        raise ValueError("the list of images is empty; there is nothing to save")
    for i, image in enumerate(images):
        if not isinstance(image, torch.Tensor):
            raise TypeError(f"item {i} of the list is {type(image).__name__}, not a tensor")
    plain = [_plain(image) for image in images]
    for i, image in enumerate(plain):
        if image.shape != plain[0].shape:
            raise ValueError(
                f"images of one grid must have one size: item 0 is {shape_text(plain[0])}, "
                f"item {i} is {shape_text(image)}; resize or pad them, or save them one by one"
            )
    stacked = torch.stack(plain)
    return stacked.unsqueeze(1) if stacked.dim() == 3 else stacked  # (H, W) each


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as dense, real values without a gradient; never a changed input."""
    if tensor.is_meta:
        raise TypeError("a tensor on the meta device has no values to save")
    if hasattr(tensor, "full_tensor"):
        raise TypeError("a distributed tensor (DTensor): pass tensor.full_tensor()")
    if tensor.is_nested:
        raise TypeError("a nested tensor: pass a list, tensor.unbind()")
    tensor = tensor.detach()
    if tensor.is_complex():
        raise TypeError("a complex tensor has no grey levels: pass tensor.abs() or tensor.real")
    if tensor.is_quantized:
        return tensor.dequantize()
    if tensor.layout is not torch.strided:
        return tensor.to_dense()
    return tensor


def shape_text(tensor: torch.Tensor) -> str:
    return "x".join(str(n) for n in tensor.shape) or "()"
