"""Name is formed by something that repeats.

## What it does
Finds save calls whose path does change from pass to pass, but only through something that takes
the same value again: a remainder (`i % 10`), a whole-number division (`i // n`), a rounded number
(`f"{loss:.2f}"`), a clock read in seconds.

## Why is this bad
Two passes that happen to get the same name overwrite each other, silently and only sometimes.

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
Unsafe: the runtime helper never overwrites, but a ring of files (`i % 10`) may be what is meant.
Then keep it, and silence the line.

## How to configure
Off by default; `extend-select = SVI106` turns it on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report names that can come again."""
    fact = save.path
    if fact.weak is None or fact.template:
        return None
    return Problem(
        f"names of {fact.name} are told apart only by {fact.weak}: those that come again"
        " overwrite each other; add a counter, or use flake8_saveimage.runtime",
        Remedy("helper"),
    )


RULE = Rule("SVI106", "name is formed by something that repeats", check)
