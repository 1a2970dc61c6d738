"""Half-precision arithmetic: bfloat16 is off by one in 63 of 256 levels.

## What it does
Finds tensors that are certainly bfloat16 when they reach `save_image`.

## Why is this bad
`save_image` multiplies by 255 and adds 0.5 in the dtype of the tensor. bfloat16 has 8 significant
bits, which is not enough: 63 of the 256 grey levels are saved off by one. float16 has enough bits
and is not reported.

## Example
```python
import torch
from torchvision.utils import save_image

def sample(decoder, latents, path):
    image = torch.sigmoid(decoder(latents)).to(torch.bfloat16)
    save_image(image, path)
```

## Use instead
```python
import torch
from torchvision.utils import save_image

def sample(decoder, latents, path):
    image = torch.sigmoid(decoder(latents)).to(torch.bfloat16)
    save_image(image.float(), path)
```

## Fix safety
The fix calls the runtime helper, which computes in float32.

## How to configure
Off by default: turn it on with `extend-select = SVI207`. Silence one line with `# noqa: SVI207`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a tensor that is certainly bfloat16."""
    if save.values.half != "bfloat16":
        return None
    return Problem(
        f"the tensor is bfloat16: {save.site.writer.leaf} computes in its dtype, and 63 of 256 grey"
        " levels are off by one; convert it with .float()",
        Remedy("helper"),
    )


RULE = Rule(
    code="SVI207",
    name="half-precision",
    default=False,
    looks_at="value",
    writers=lambda row: row.normalizer is not None and not row.is_helper,
    check=check,
)
