"""Axes in the wrong order: height, width and channels are taken for each other.

## What it does
Finds images of shape (height, width, channels) that reach a writer of (channels, height, width),
such as `save_image`, and the other way round. Only orders that the code proves are reported: by
`ToTensor`, `cv2.imread`, `np.asarray(image)`, and by what `permute` and `transpose` make of
them.

## Why is this bad
Most of these calls raise an error that speaks of shapes or data types only. Where a size fits by
chance, rows of pixels are saved as colours.

## Example
```python
import cv2
import torch
from torchvision.utils import save_image

def copy(source, target):
    image = torch.from_numpy(cv2.imread(source, cv2.IMREAD_COLOR_RGB)) / 255
    save_image(image, target)
```

## Use instead
```python
import cv2
import torch
from torchvision.utils import save_image

def copy(source, target):
    image = torch.from_numpy(cv2.imread(source, cv2.IMREAD_COLOR_RGB)) / 255
    save_image(image.permute(2, 0, 1), target)
```

## Fix safety
There is no fix: the axes may have to move earlier.

## How to configure
Pillow, OpenCV, imageio, scikit-image and matplotlib are checked with `writers = ["torch",
"images"]`. Silence one line with `# noqa: SVI211`. Turn the rule off with
`extend-ignore = SVI211`, or for some files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Rule
from flake8_saveimage.rules.values import order_of

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save

_MOVES = {"CHW": "(2, 0, 1)", "HWC": "(1, 2, 0)"}


def check(save: Save) -> Problem | None:
    """Report an image whose axes are known to be in the other order."""
    order, taken = save.values.values.layout, save.site.writer.accepts
    if order is None or taken is None or order.origin.proof == "assumed":
        return None
    if order.name[-3:] == taken.layout:
        return None
    move = "permute" if save.values.values.kind == "tensor" else "transpose"
    advice = f"; move them with {move}{_MOVES[taken.layout]}" if len(order.name) == 3 else ""
    return Problem((*order_of(save, order, order.name, "axes", taken.layout), advice))


RULE = Rule(
    code="SVI211",
    name="axes-swapped",
    looks_at="value",
    writers=lambda row: bool(row.accepts and row.accepts.layout),
    through_helpers=True,
    check=check,
)
