"""Half-precision arithmetic: bfloat16 is off by one in 63 of 256 levels.

## What it does
Finds tensors that are sure to be bfloat16 when they reach `save_image`.

## Why is this bad
`save_image` multiplies by 255 and adds 0.5 in the dtype of the tensor. bfloat16 has 8 significant
bits, not enough for that: of the 256 grey levels 63 are saved one off. float16 has enough bits and
is not reported.

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
Off by default: `extend-select = SVI207` in flake8's configuration turns it on, `# noqa: SVI207`
silences a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a tensor that is sure to be bfloat16."""
    if save.site.kind != "image" or save.values.half != "bfloat16":
        return None
    return Problem(
        "bfloat16 tensor: save_image computes in its dtype and 63 of 256 grey levels come out one"
        " off; save .float() of it",
        Remedy("helper"),
    )


RULE = Rule(
    "SVI207",
    "half-precision arithmetic: bfloat16 is off by one in 63 of 256 levels",
    check,
)
