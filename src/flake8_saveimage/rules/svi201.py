"""Values are provably outside [0, 1]: clipped.

## What it does
Follows the tensor back to where it comes from (a `tanh`, `randn`, `Normalize`, `* 255`, a model of
this file that ends in `nn.Tanh`) and reports values that leave [0, 1] and are never brought back.

## Why is this bad
`save_image` multiplies by 255 and clamps, without a warning: of an image in [-1, 1] the lower half
becomes black, and an image in [0, 255] becomes white.

With `writers = ["torch", "images"]`, floats in [0, 1] that reach `cv2.imwrite` are reported as
well: it saves 255 as white, so that the image is nearly black.

## Example
```python
import torch
from torchvision.utils import save_image

def sample(generator, z, path):
    fake = torch.tanh(generator(z))
    save_image(fake, path)
```

## Use instead
```python
import torch
from torchvision.utils import save_image

def sample(generator, z, path):
    fake = torch.tanh(generator(z))
    save_image(fake, path, normalize=True, value_range=(-1, 1))
```

## Fix safety
Only offered where the bounds are proven: the call becomes the runtime helper's, with
`value_range=` set to them. `if_exists="replace"` and `non_finite="zero"` keep names, files and NaN
as they were. Safe for [-1, 1] and [0, 255], which can only be the range of an image; unsafe for
other bounds, because clipping may be intended. Not offered if values that may be right are saved
with them, as in a grid of real and generated images.

## How to configure
Silence one line with `# noqa: SVI201`. Turn the rule off with `extend-ignore = SVI201`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.values import nearly_black, out_of_range

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report values that visibly leave the writer's range, or fill a small part of it."""
    if save.values.verdict == "dark":
        return Problem(nearly_black(save))
    if save.values.verdict != "out":
        return None
    bounds = save.values.value_range
    remedy = Remedy("helper", value_range=bounds) if bounds is not None else None
    return Problem(out_of_range(save), remedy)


RULE = Rule(
    code="SVI201",
    name="values-out-of-range",
    looks_at="value",
    writers=lambda row: row.accepts is not None,
    through_helpers=True,
    check=check,
)
