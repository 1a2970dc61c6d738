"""Tensor of a dtype that torchvision refuses: the call raises.

## What it does
Finds integer and bool tensors that reach `save_image`: masks, labels, `.byte()`, `read_image`; and
floats that reach `torchvision.io.write_png` or `write_jpeg`, which take uint8.

## Why is this bad
`save_image` computes in place, `mul(255).add_(0.5)`, which torch refuses for integers:
`RuntimeError: result type Float can't be cast to the desired output type Byte`. It is raised when
the first image is saved, which can be hours into a run.

## Example
```python
from torchvision.utils import save_image

def save_mask(logits, path):
    mask = (logits > 0.5).byte()
    save_image(mask, path)
```

## Use instead
```python
from torchvision.utils import save_image

def save_mask(logits, path):
    mask = (logits > 0.5).float()
    save_image(mask, path)
```

## Fix safety
For `save_image`, the fix calls the runtime helper, which takes integer tensors: uint8 as 0 to 255,
bool as black and white. The call could only raise before, so the fix is safe; if a `try` handles
that error, there is none.

## How to configure
Silence one line with `# noqa: SVI202`. Turn the rule off with `extend-ignore = SVI202`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.values import not_bytes, not_floating

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a tensor of a dtype that the writer certainly refuses."""
    if save.values.verdict == "floating":
        return Problem(not_bytes(save))
    if save.values.verdict != "integer":
        return None
    remedy = Remedy("helper") if save.site.writer.helper else None
    return Problem(not_floating(save), remedy)


RULE = Rule(
    code="SVI202",
    name="integer-tensor",
    looks_at="value",
    writers=lambda row: row.accepts is not None and bool(row.accepts.error),
    through_helpers=True,
    check=check,
)
