"""Rolling checkpoint is rewritten in place: a crash while saving loses both files.

## What it does
Finds save calls that intentionally overwrite one file again and again: guarded by a best-so-far
comparison, or called best, last, latest or checkpoint. These are never SVI101, SVI102 or SVI103.

## Why is this bad
`torch.save` truncates the file before it writes. A crash, a full disk or a killed job in between
leaves neither the old checkpoint nor the new one. Writing to a temporary file and renaming it is
atomic: there is always one complete file.

## Example
```python
import torch

def train(model, epochs):
    for epoch in range(epochs):
        torch.save(model.state_dict(), "latest.pth")
```

## Use instead
```python
import os
import torch

def train(model, epochs):
    for epoch in range(epochs):
        torch.save(model.state_dict(), "latest.pth.tmp")
        os.replace("latest.pth.tmp", "latest.pth")
```
or `safe_save(model.state_dict(), "latest.pth", if_exists="replace")` from
`flake8_saveimage.runtime`.

## Fix safety
Safe: the file has the same name and content as before; it only appears once it is complete.

## How to configure
Off by default: turn it on with `extend-select = SVI105`. Silence one line with `# noqa: SVI105`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.describe import or_helper

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report intentional overwriting that is not atomic."""
    fact = save.path
    if fact.repetition not in ("loop", "outer", "call") or not fact.rolling or fact.template:
        return None
    helper = or_helper(save, '(..., if_exists="replace")')
    return Problem(
        f"{fact.name} is rewritten in place: a crash while saving loses the old file and the new"
        f" one; write to a temporary file and os.replace it{helper}",
        Remedy("replace"),
        fact.loop,
    )


RULE = Rule(
    code="SVI105",
    name="checkpoint-not-atomic",
    default=False,
    looks_at="path",
    writers=lambda row: row.truncates,
    check=check,
)
