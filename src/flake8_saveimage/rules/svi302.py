"""A view or slice is saved with its whole storage.

## What it does
Finds `torch.save` calls of a slice or another view of a part of a tensor.

## Why is this bad
`torch.save` writes the storage, not the view: ten rows of a tensor with a million rows take as much
space on disk, and as long to load, as all of them.

## Example
```python
import torch

def keep(path):
    features = torch.randn(1_000_000, 512)
    torch.save(features[:10], path)
```

## Use instead
```python
import torch

def keep(path):
    features = torch.randn(1_000_000, 512)
    torch.save(features[:10].clone(), path)
```

## Fix safety
`.clone()` is added to what is certainly a tensor. Safe: the loaded tensor is the same; only tensors
that shared their storage no longer share it after loading.

## How to configure
Off by default: turn it on with `extend-select = SVI302`. Silence one line with `# noqa: SVI302`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a part of a tensor that is saved with the whole."""
    from flake8_saveimage.values.storage import saved_view  # libcst

    view = saved_view(save.site, save.evaluator)
    if view is None:
        return None
    return Problem(
        "a slice is saved with the whole storage that it is a view of; save its .clone() instead",
        Remedy("clone") if view == "itself" else None,
    )


RULE = Rule(
    code="SVI302",
    name="saved-view",
    default=False,
    looks_at="object",
    writers=lambda row: row.pickles,
    check=check,
)
