"""Path holds `{name}` of a variable in scope but is no f-string.

## What it does
Finds save calls whose path is a plain string literal with the name of a variable in braces, which
no later `.format` or `format_map` fills: the `f` in front is missing.

## Why is this bad
Every pass writes one file that is literally called `ckpt_{epoch}.pth`. All but the last are lost.

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
Safe where the literal stands in the call itself: the `f` is added. Unsafe where it is bound to a
name first, because something else may use that name.

## How to configure
`# noqa: SVI108` on the line; `ignore = SVI108` or `per-file-ignores` in flake8's configuration.
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
        f"{fact.name} holds {braces} but is no f-string: every save writes one file, literally"
        " named so; put an f before the quote",
        Remedy("fstring"),
    )


RULE = Rule("SVI108", "path holds {name} of a variable in scope but is no f-string", check)
