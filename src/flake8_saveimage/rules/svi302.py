"""A view or slice is saved with its whole storage.

## What it does
Finds `torch.save` of a slice or another part-taking view of a tensor.

## Why is this bad
`torch.save` writes the storage, not the view: ten rows of a tensor of a million rows take as much
room on disk, and loading, as all of them.

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
`.clone()` is added. The loaded tensor is the same; only tensors that were meant to share their
storage after loading no longer do.

## How to configure
Off by default: `extend-select = SVI302` in flake8's configuration turns it on, `# noqa: SVI302`
silences a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a part of a tensor that takes the whole along."""
    if save.site.kind != "object":
        return None
    from flake8_saveimage.values.storage import saved_view

    view = saved_view(save.site, save.evaluator)
    if view is None:
        return None
    return Problem(
        "a slice is saved with the whole storage that it is a view of: the file holds all of it;"
        " save .clone() of it",
        Remedy("clone") if view == "itself" else None,
    )


RULE = Rule("SVI302", "a view or slice is saved with its whole storage", check)
