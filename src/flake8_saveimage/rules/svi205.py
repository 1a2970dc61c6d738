"""Removed keyword: `range=` is now `value_range=`, `filename=` is now `fp=`.

## What it does
Finds keywords of `save_image` that torchvision has renamed.

## Why is this bad
With a current torchvision the call raises `TypeError` when the first image is saved.

## Example
```python
from torchvision.utils import save_image

def sample(fake, path):
    save_image(fake, path, normalize=True, range=(-1, 1))
```

## Use instead
```python
from torchvision.utils import save_image

def sample(fake, path):
    save_image(fake, path, normalize=True, value_range=(-1, 1))
```

## Fix safety
The keyword gets its new name. Safe: the meaning is the same, and the old name can only raise. Not
offered if the project pins a torchvision (or torch) that only knows the old name.

## How to configure
Silence one line with `# noqa: SVI205`. Turn the rule off with `extend-ignore = SVI205`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report keywords that no longer exist."""
    removed = save.values.removed
    if not removed:
        return None
    old = " and ".join(f"{before}=" for before, _after in removed)
    new = " and ".join(f"{after}=" for _before, after in removed)
    return Problem(
        f"{old} was removed from {save.site.writer.leaf}: this call raises TypeError; write {new}",
        Remedy("rename", renames=removed),
    )


RULE = Rule(
    code="SVI205",
    name="removed-keyword",
    looks_at="call",
    writers=lambda row: row.normalizer is not None and not row.is_helper,
    check=check,
)
