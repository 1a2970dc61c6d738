"""`value_range=` has no effect without `normalize=True`.

## What it does
Finds `save_image(..., value_range=...)` calls that do not ask for normalization.

## Why is this bad
`make_grid` reads `value_range` only if `normalize is True`. Without it the values are clipped to
[0, 1] as they are, although the call looks as if it handled them.

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
even if they were correct because it was ignored.

## How to configure
Silence one line with `# noqa: SVI206`. Turn the rule off with `extend-ignore = SVI206`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.values import range_text

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a range that is never read."""
    fact = save.values
    keywords = save.site.writer.normalizer
    if keywords is None or not fact.ranged or fact.normalize is not False:
        return None
    if any(after == keywords.bounds for _before, after in fact.removed):
        return None
    switch = f"{keywords.switch}=True"
    return Problem(
        f"{keywords.bounds}= has no effect without {switch}: values outside"
        f" {range_text(save.site.writer)} are clipped; add {switch}",
        Remedy("normalize"),
    )


RULE = Rule(
    code="SVI206",
    name="ignored-value-range",
    looks_at="call",
    writers=lambda row: row.normalizer is not None and not row.is_helper,
    check=check,
)
