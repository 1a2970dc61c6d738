"""Removed keyword: `range=` (now `value_range=`), `filename=` (now `fp=`).

## What it does
Finds the keywords of `save_image` that torchvision has renamed.

## Why is this bad
With a current torchvision the call raises `TypeError`, when the first image is saved.

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
The keyword gets its new name. Safe: the meaning is the same, and the old name can only raise.

## How to configure
`# noqa: SVI205` on the line; `ignore = SVI205` or `per-file-ignores` in flake8's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report keywords that are gone."""
    if save.site.kind != "image":
        return None
    removed = save.values.removed
    if not removed:
        return None
    old = " and ".join(f"{before}=" for before, _after in removed)
    new = " and ".join(f"{after}=" for _before, after in removed)
    return Problem(
        f"{old} is gone from save_image: this call raises TypeError; write {new}",
        Remedy("rename", renames=removed),
    )


RULE = Rule("SVI205", "removed keyword: range= is now value_range=, filename= is now fp=", check)
