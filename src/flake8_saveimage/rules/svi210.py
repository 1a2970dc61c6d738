"""Channels in the wrong order: red and blue change places.

## What it does
Finds images that OpenCV has read (`cv2.imread`, `VideoCapture.read`: blue, green, red) and that
reach a writer of red, green and blue, and images in red, green and blue that reach `cv2.imwrite`.
Only orders that the code proves are reported.

## Why is this bad
Faces turn blue and skies orange. Grey images and most metrics do not show it, so it is often found
by the readers of a paper. Nothing raises or warns.

## Example
```python
import cv2
import torch
from torchvision.io import write_png

def copy(source, target):
    image = torch.from_numpy(cv2.imread(source))
    write_png(image.permute(2, 0, 1), target)
```

## Use instead
```python
import cv2
import torch
from torchvision.io import write_png

def copy(source, target):
    image = torch.from_numpy(cv2.cvtColor(cv2.imread(source), cv2.COLOR_BGR2RGB))
    write_png(image.permute(2, 0, 1), target)
```

## Fix safety
There is no fix: where the order should change depends on what else uses the image.

## How to configure
Pillow, OpenCV, imageio, scikit-image and matplotlib are checked with `writers = ["torch",
"images"]`. Silence one line with `# noqa: SVI210`. Turn the rule off with
`extend-ignore = SVI210`, or for some files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Rule
from flake8_saveimage.rules.values import order_of

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report an image whose channels are known to be in the other order."""
    order, taken = save.values.values.channels, save.site.writer.accepts
    if order is None or taken is None or order.origin.proof == "assumed":
        return None
    name = order.name[:3]
    if name == taken.channels:
        return None
    parts = order_of(save, order, name, "channels", taken.channels)
    return Problem((*parts, "; red and blue change places: convert with cv2.cvtColor"))


RULE = Rule(
    code="SVI210",
    name="channels-swapped",
    looks_at="value",
    writers=lambda row: bool(row.accepts and row.accepts.channels),
    through_helpers=True,
    check=check,
)
