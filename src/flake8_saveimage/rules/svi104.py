"""Constant path: every run overwrites the file.

## What it does
Finds save calls outside of any loop whose path is known completely from the source: a literal, or
a join of literals and constants of the module.

## Why is this bad
The next run of the program silently replaces the result of this one. Two runs at the same time
write into one file.

## Example
```python
import torch

def main(model):
    torch.save(model.state_dict(), "model.pth")
```

## Use instead
```python
import torch

def main(model, args):
    torch.save(model.state_dict(), f"{args.run_dir}/model.pth")
```
or `safe_save(model.state_dict(), "model.pth")` of `flake8_saveimage.runtime`, which keeps the file
that is there and writes `model_1.pth`.

## Fix safety
The fix calls the runtime helper. It is safe if nothing else in the file uses the path; a file that
is loaded again under its name makes it unsafe.

## How to configure
`# noqa: SVI104` on the line; `ignore = SVI104` or `per-file-ignores` in flake8's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a path that is the same in every run of the program."""
    fact = save.path
    if fact.repetition != "constant" or fact.template or fact.twin is not None:
        return None
    return Problem(
        f"constant path: every run overwrites {fact.name}; take the folder from an argument,"
        " or use flake8_saveimage.runtime, which never overwrites",
        Remedy("helper"),
    )


RULE = Rule("SVI104", "constant path: every run overwrites the file", check)
