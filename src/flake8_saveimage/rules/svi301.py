"""`torch.utils.save_image` does not exist.

## What it does
Finds calls of `torch.utils.save_image`, under any alias.

## Why is this bad
There is no such function: the call raises `AttributeError` (or its import `ImportError`). The
function is torchvision's, `torchvision.utils.save_image`.

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
The call is changed to torchvision's function, and the import added. Safe: the original can only
raise.

## How to configure
Silence one line with `# noqa: SVI301`. Turn the rule off with `extend-ignore = SVI301`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a function that does not exist."""
    called, writer = save.site.qualified_name, save.site.writer
    if called not in writer.missing:
        return None
    return Problem(
        f"{called} does not exist: this call raises AttributeError; call {writer.name}",
        Remedy("callee"),
    )


RULE = Rule(
    code="SVI301",
    name="missing-function",
    looks_at="call",
    writers=lambda row: bool(row.missing),
    check=check,
)
