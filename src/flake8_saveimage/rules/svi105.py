"""Rolling checkpoint is rewritten in place: a crash in the middle loses both.

## What it does
Finds save calls that overwrite one file again and again and mean to: guarded by a best-so-far
comparison, or called best, last, latest, checkpoint. These are never SVI101, SVI102 or SVI103.

## Why is this bad
`torch.save` truncates the file first and writes then. A crash, a full disk or a killed job in
between leaves neither the old checkpoint nor the new one. Writing to a temporary file and renaming
it is atomic: there is always one whole file.

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
or `safe_save(model.state_dict(), "latest.pth", if_exists="replace")` of
`flake8_saveimage.runtime`.

## Fix safety
Safe: the file has the same name and content as before; only the moment of its appearance changes.

## How to configure
Off by default; `extend-select = SVI105` turns it on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report overwriting that is meant but is not atomic."""
    fact = save.path
    if fact.repetition not in ("loop", "outer", "call") or not fact.rolling or fact.template:
        return None
    return Problem(
        f"{fact.name} is rewritten in place: a crash in the middle of a save loses the old file"
        " and the new one; write beside it and os.replace, or use safe_save(...,"
        ' if_exists="replace")',
        Remedy("replace"),
    )


RULE = Rule(
    "SVI105",
    "rolling checkpoint is rewritten in place: a crash in the middle loses both",
    check,
)
