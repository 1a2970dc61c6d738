"""The varying part of the name repeats.

## What it does
Finds save calls whose path changes between iterations, but only through something that takes the
same value again: a remainder (`i % 10`), a floor division (`i // n`), a rounded number
(`f"{loss:.2f}"`), a clock read in seconds.

## Why is this bad
Two iterations that produce the same name overwrite each other, silently and only sometimes.

## Example
```python
from torchvision.utils import save_image

def sample(images, out):
    for i, image in enumerate(images):
        save_image(image.clamp(0, 1), f"{out}/{i % 10}.png")
```

## Use instead
```python
from torchvision.utils import save_image

def sample(images, out):
    for i, image in enumerate(images):
        save_image(image.clamp(0, 1), f"{out}/{i}.png")
```

## Fix safety
Unsafe: the runtime helper keeps earlier files, but a ring of files (`i % 10`) may be intentional.
In that case silence the line.

## How to configure
Off by default: turn it on with `extend-select = SVI106`. Silence one line with `# noqa: SVI106`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.describe import or_helper

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report names that can occur again."""
    fact = save.path
    if fact.weak is None or fact.template:
        return None
    return Problem(
        f"{fact.name} varies only by {fact.weak}: files with the same name overwrite each other;"
        f" add a counter{or_helper(save)}",
        Remedy("helper"),
    )


RULE = Rule(
    code="SVI106",
    name="weak-name",
    default=False,
    looks_at="path",
    writers=lambda row: row.truncates,
    renames=True,
    is_fix_unsafe=True,
    check=check,
)
