"""`value_range=` has no effect without `normalize=True`.

## What it does
Finds `save_image(..., value_range=...)` that does not ask for normalisation.

## Why is this bad
`make_grid` reads `value_range` only where `normalize is True`. Without it the values are clipped
to [0, 1] as they are, although the call looks as if it handled them.

## Example
```python
from torchvision.utils import save_image

def sample(fake, path):
    save_image(fake, path, value_range=(-1, 1))
```

## Use instead
```python
from torchvision.utils import save_image

def sample(fake, path):
    save_image(fake, path, normalize=True, value_range=(-1, 1))
```

## Fix safety
`normalize=True` is added. Unsafe: the colours of the file change to what `value_range` asks for,
also where they were right because it was ignored.

## How to configure
`# noqa: SVI206` on the line; `ignore = SVI206` or `per-file-ignores` in flake8's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a range that nothing reads."""
    if save.site.kind != "image":
        return None
    fact = save.values
    renamed = {before for before, _after in fact.removed}
    if not fact.ranged or fact.normalize is not False or "range" in renamed:
        return None
    return Problem(
        "value_range= has no effect without normalize=True: values outside [0, 1] are clipped;"
        " add normalize=True",
        Remedy("normalize"),
    )


RULE = Rule("SVI206", "value_range= has no effect without normalize=True", check)
