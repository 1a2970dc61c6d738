"""Path repeats on every pass of an outer loop.

## What it does
Finds save calls whose path changes in the innermost loop but starts over with each pass of a loop
further out: the index of `enumerate(loader)` or `range(n)` begins at zero in every epoch.

## Why is this bad
The second epoch writes the same names as the first and replaces its files, silently. Only the
images of the last epoch survive.

A counter that nobody resets does not start over, and an inner iterable that depends on the outer
variable does not repeat: both stay silent.

## Example
```python
from torchvision.utils import save_image

def train(epochs, loader, generate, out):
    for epoch in range(epochs):
        for i, batch in enumerate(loader):
            save_image(generate(batch).clamp(0, 1), f"{out}/{i}.png")
```

## Use instead
```python
from torchvision.utils import save_image

def train(epochs, loader, generate, out):
    for epoch in range(epochs):
        for i, batch in enumerate(loader):
            save_image(generate(batch).clamp(0, 1), f"{out}/{epoch}_{i}.png")
```

## Fix safety
As for SVI101: the runtime helper never overwrites; unsafe where the path is used again.

## How to configure
`# noqa: SVI102` on the line; `ignore = SVI102` or `per-file-ignores` in flake8's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.describe import advice, the_loop

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report names that start over with each pass of an outer loop."""
    fact = save.path
    if fact.repetition != "outer" or fact.rolling or fact.template or fact.loop is None:
        return None
    message = (
        f"path {fact.name} starts over in each pass of ",
        *the_loop(fact.loop),
        f": the files of the pass before are overwritten; {advice(fact)}",
    )
    return Problem(message, Remedy("helper"))


RULE = Rule("SVI102", "path repeats on every pass of an outer loop", check)
