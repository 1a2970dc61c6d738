"""Values are provably outside [0, 1]: clipped.

## What it does
Follows the tensor back to what made it (a `tanh`, `randn`, `Normalize`, `* 255`, a model of this
file that ends in `nn.Tanh`) and reports values that leave [0, 1] and that nothing brings back.

## Why is this bad
`save_image` multiplies by 255 and clamps, without a word: of an image in [-1, 1] the whole lower
half becomes black, of one in [0, 255] everything becomes white.

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
`value_range=` set to them, and the colours of the file change to the right ones. Safe for [-1, 1]
and [0, 255], which can only be the range of an image; unsafe for other bounds, where clipping may
be what was meant.

## How to configure
`# noqa: SVI201` on the line; `ignore = SVI201` or `per-file-ignores` in flake8's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.values import out_of_range

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report values that visibly leave [0, 1]."""
    if save.site.kind != "image" or save.values.verdict != "out":
        return None
    bounds = save.values.value_range
    remedy = Remedy("helper", value_range=bounds) if bounds is not None else None
    return Problem(out_of_range(save.values), remedy)


RULE = Rule("SVI201", "values are provably outside [0, 1]: clipped", check)
