"""No range handling is visible.

## What it does
Reports images of which this file neither shows the range nor handles it: nothing clamps them, no
`normalize=True`, no helper whose name says `denorm` or the like, no source such as `ToTensor()` or
a sigmoid.

## Why is this bad
`save_image` expects [0, 1] and silently clips the rest. If the values are in [-1, 1] or [0, 255],
or still under `Normalize`, the file looks wrong and nothing says why.

## Example
```python
import torch
from torchvision.utils import save_image

def sample(generator, path):
    z = torch.randn(64, 100)
    save_image(generator(z), path)
```

## Use instead
```python
import torch
from torchvision.utils import save_image

def sample(generator, path):
    z = torch.randn(64, 100)
    save_image(generator(z).clamp(0, 1), path)
```
or `(x + 1) / 2` before saving, or `normalize=True, value_range=(-1, 1)`: whichever is true.

## Fix safety
The fix calls the runtime helper, which clamps as torchvision does and warns when it really clips
something. The file's content stays the same, and so does its name: where the path is used again,
or the file is rewritten on purpose, `if_exists="replace"` is added. Elsewhere a second run into
the same folder writes `x_1.png` beside `x.png`, not over it. Safe, unless the value of the call is
used.

## How to configure
`# noqa: SVI203` on the line; `ignore = SVI203` or `per-file-ignores` in flake8's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report values of which nothing is known."""
    if save.site.kind != "image" or save.values.verdict != "unknown":
        return None
    return Problem(
        "nothing here shows the range of these values: save_image silently clips what is outside"
        " [0, 1]; clamp or rescale them, or pass normalize=True, value_range=(low, high)",
        Remedy("helper"),
    )


RULE = Rule("SVI203", "no range handling is visible", check)
