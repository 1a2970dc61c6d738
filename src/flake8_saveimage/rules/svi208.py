"""Lossy file format changes pixels.

## What it does
Finds images that are saved as JPEG: by the extension of the path or by `format=`.

## Why is this bad
JPEG halves the resolution of the colours and quantizes the rest. For samples to look at that is
fine; for masks, metrics (FID, PSNR), adversarial examples or anything that is read back, the pixels
are no longer those of the tensor.

## Example
```python
from torchvision.utils import save_image

def export(image, index):
    save_image(image.clamp(0, 1), f"out/{index:05d}.jpg")
```

## Use instead
```python
from torchvision.utils import save_image

def export(image, index):
    save_image(image.clamp(0, 1), f"out/{index:05d}.png")
```

## Fix safety
There is no fix: other code may look for the file under its name.

## How to configure
Off by default: turn it on with `extend-select = SVI208`. Silence one line with `# noqa: SVI208`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a lossy format."""
    from flake8_saveimage.values.storage import lossy_format  # libcst

    found = lossy_format(save.site)
    if found is None:
        return None
    return Problem(
        f"{found} is lossy: the saved pixels differ from the tensor; use .png for images that are"
        " measured or read back"
    )


RULE = Rule(
    code="SVI208",
    name="lossy-format",
    default=False,
    looks_at="path",
    writers=lambda row: bool(row.lossy),
    check=check,
)
