"""Path repeats on every iteration of an outer loop.

## What it does
Finds save calls whose path changes in the innermost loop but starts over on each iteration of an
outer loop: the index of `enumerate(loader)` or `range(n)` begins at zero in every epoch.

## Why is this bad
The second epoch writes the same names as the first and silently replaces its files. Only the images
of the last epoch survive.

A counter that is never reset does not start over, and an inner iterable that depends on the outer
variable does not repeat: neither is reported.

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
As for SVI101: the runtime helper keeps earlier files under the next free number.

## How to configure
Silence one line with `# noqa: SVI102`. Turn the rule off with `extend-ignore = SVI102`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.describe import advice, advised, the_loop, written_by

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report names that start over on each iteration of an outer loop."""
    fact = save.path
    if fact.repetition != "outer" or fact.rolling or fact.template or fact.loop is None:
        return None
    message = (
        f"{fact.name} repeats on every iteration of ",
        *the_loop(fact.loop),
        ", which overwrites its files",
        *written_by(save),
        *advised(save, advice(save)),
    )
    return Problem(message, Remedy("helper"), fact.loop)


RULE = Rule(
    code="SVI102",
    name="path-repeats-in-outer-loop",
    looks_at="path",
    writers=lambda row: row.truncates,
    renames=True,
    through_helpers=True,
    check=check,
)
