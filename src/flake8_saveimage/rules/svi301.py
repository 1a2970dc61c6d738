"""`torch.utils.save_image` does not exist.

## What it does
Finds calls of `torch.utils.save_image`, under any alias.

## Why is this bad
There is no such function: the call raises `AttributeError` (or its import `ImportError`). It is
torchvision's, `torchvision.utils.save_image`.

## Example
```python
import torch

def export(image, path):
    torch.utils.save_image(image.clamp(0, 1), path)
```

## Use instead
```python
import torchvision

def export(image, path):
    torchvision.utils.save_image(image.clamp(0, 1), path)
```

## Fix safety
The call is pointed to torchvision's function, and the import added. Safe: the old one can only
raise.

## How to configure
`# noqa: SVI301` on the line; `ignore = SVI301` or `per-file-ignores` in flake8's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report the function that does not exist."""
    if save.site.qualified_name != "torch.utils.save_image":
        return None
    return Problem(
        "torch.utils.save_image does not exist: this call raises AttributeError;"
        " call torchvision.utils.save_image",
        Remedy("callee"),
    )


RULE = Rule("SVI301", "torch.utils.save_image does not exist", check)
