"""Path contains `{name}`, but the f prefix is missing.

## What it does
Finds save calls whose path is a plain string literal with the name of a variable in braces that no
later `.format` or `format_map` fills in.

## Why is this bad
Every iteration writes one file that is literally called `ckpt_{epoch}.pth`. All but the last are
lost.

## Example
```python
import torch

def train(model, epochs):
    for epoch in range(epochs):
        torch.save(model.state_dict(), "ckpt_{epoch}.pth")
```

## Use instead
```python
import torch

def train(model, epochs):
    for epoch in range(epochs):
        torch.save(model.state_dict(), f"ckpt_{epoch}.pth")
```

## Fix safety
Safe if the literal stands in the call itself: the `f` is added. Unsafe if it is assigned to a name
first, because something else may use that name, or if another file uses the name with the braces.
Not offered if a name in the braces is not bound where the literal stands.

## How to configure
Silence one line with `# noqa: SVI108`. Turn the rule off with `extend-ignore = SVI108`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a path literal that lacks its ``f``."""
    fact = save.path
    if not fact.template:
        return None
    braces = ", ".join(f"{{{name}}}" for name in fact.template)
    return Problem(
        f"{fact.name} contains {braces}, but the f prefix is missing: every save writes one file"
        " with exactly this name; put an f before the quote",
        Remedy("fstring"),
    )


RULE = Rule(
    code="SVI108",
    name="missing-f-prefix",
    looks_at="path",
    check=check,
)
