"""`normalize=True` without `value_range=`: colours depend on the batch.

## What it does
Finds `save_image(..., normalize=True)` calls that do not say which range to map to [0, 1].

## Why is this bad
Each call takes the minimum and maximum of its own batch. One bright pixel changes the colours of
all other images in the file, and the files of two epochs cannot be compared. A batch without black
is stretched to black all the same.

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
Only offered if the bounds of the values are proven: the call becomes a call of the runtime helper,
with `value_range=` set to them. Unsafe, because the colours change: they become comparable.

## How to configure
Off by default: turn it on with `extend-select = SVI204`. Silence one line with `# noqa: SVI204`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.values import bounds_text

if TYPE_CHECKING:
    from flake8_saveimage.knowledge.writer import Normalizer
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a normalization by the minimum and maximum of the batch."""
    fact, stretch = save.values, save.site.writer.stretch
    if stretch is not None:
        return _stretched(save, stretch)
    keywords = save.site.writer.normalizer
    if keywords is None or fact.normalize is not True or fact.ranged or fact.open_keywords:
        return None
    bounds = fact.value_range
    proven = f"{keywords.bounds}={bounds_text(bounds) if bounds else '(low, high)'}"
    return Problem(
        f"{keywords.switch}=True without {keywords.bounds}= stretches each batch to its own minimum"
        f" and maximum, so colours differ between files; add {proven}",
        Remedy("helper", value_range=bounds) if bounds is not None else None,
    )


def _stretched(save: Save, stretch: Normalizer) -> Problem | None:
    """Report a writer that always scales, or does so where its switch is given."""
    from flake8_saveimage.values.dtypes import DTypes  # libcst

    given, bounds = save.site.argument, stretch.bounds.split()
    if save.site.has_star_arguments or (bounds and all(given(bound) for bound in bounds)):
        return None
    is_on = (
        given(stretch.switch) if stretch.switch else not save.values.values.dtypes & DTypes.UINT8
    )
    if not is_on:
        return None
    leaf, advice = save.site.writer.leaf, f"pass {' and '.join(bounds)}"
    return Problem(
        f"{leaf} stretches each image to its own minimum and maximum, so colours differ between"
        f" files; {advice if bounds else 'save uint8'}"
    )


RULE = Rule(
    code="SVI204",
    name="batch-dependent-colours",
    default=False,
    looks_at="value",
    writers=lambda row: (row.normalizer or row.stretch) is not None,
    check=check,
)
