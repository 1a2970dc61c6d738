"""The value range is unknown.

## What it does
Reports images whose range the code neither shows nor handles: there is no clamp, no
`normalize=True`, no helper with a name such as `denorm`, no source such as `ToTensor()` or a
sigmoid. Where the last operation has no bounds, the message names it: `values are unbounded: SRCNN
ends in Conv2d (models.py, line 40)`. Imports are followed; a function that saves what it is given
is judged where other files call it.

## Why is this bad
`save_image` expects [0, 1] and silently clips the rest. If the values are in [-1, 1] or [0, 255],
or still normalized, the file looks wrong and no warning says why.

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
or `(x + 1) / 2` before saving, or `normalize=True, value_range=(-1, 1)`: whichever is correct.

## Fix safety
The fix calls the runtime helper, which clamps as torchvision does and warns when it clips
something. `if_exists="replace"` and `non_finite="zero"` keep names, files and NaN as they were.
Safe, unless the value of the call is used or the save function is patched.

## How to configure
Silence one line with `# noqa: SVI203`. Turn the rule off with `extend-ignore = SVI203`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.values import unknown_range

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report values that nothing bounds, or of which nothing is known."""
    verdict = save.values.verdict
    if verdict == "unbounded" or (verdict == "unknown" and not save.route):
        return Problem(unknown_range(save), Remedy("helper"))
    return None


RULE = Rule(
    code="SVI203",
    name="unknown-value-range",
    looks_at="value",
    writers=lambda row: row.normalizer is not None and not row.is_helper,
    through_helpers=True,
    check=check,
)
