"""`normalize=True` without `value_range=`: colours depend on the batch.

## What it does
Finds `save_image(..., normalize=True)` that does not say which range to map to [0, 1].

## Why is this bad
Each call takes the minimum and maximum of its own batch. One bright pixel changes the colours of
all other images in the file, and the files of two epochs cannot be compared. A batch without black
gets black all the same.

## Example
```python
from torchvision.utils import save_image

def sample(fake, path):
    save_image(fake, path, normalize=True)
```

## Use instead
```python
from torchvision.utils import save_image

def sample(fake, path):
    save_image(fake, path, normalize=True, value_range=(-1, 1))
```

## Fix safety
Only offered where the bounds of the values are proven: the call becomes the runtime helper's, with
`value_range=` set to them. Unsafe, because the colours change: they become comparable.

## How to configure
Off by default: `extend-select = SVI204` in flake8's configuration turns it on, `# noqa: SVI204`
silences a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.values import bounds_text

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a normalisation by the minimum and maximum of the batch."""
    if save.site.kind != "image":
        return None
    fact = save.values
    if fact.normalize is not True or fact.ranged or fact.open_keywords:
        return None
    bounds = fact.value_range
    proven = f"value_range={bounds_text(bounds)}" if bounds else "value_range=(low, high)"
    return Problem(
        "normalize=True without value_range= stretches each batch to its own minimum and maximum:"
        f" colours differ from file to file; add {proven}",
        Remedy("helper", value_range=bounds) if bounds is not None else None,
    )


RULE = Rule(
    "SVI204",
    "normalize=True without value_range=: colours depend on the batch",
    check,
)
