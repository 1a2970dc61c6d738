"""Constant path: every run overwrites the file.

## What it does
Finds save calls outside of any loop whose path is completely known from the source: a literal, or
literals and module constants joined together.

## Why is this bad
The next run of the program silently replaces the result of this one. Two concurrent runs write to
the same file.

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
or `safe_save(model.state_dict(), "model.pth")` from `flake8_saveimage.runtime`, which keeps the
existing file and writes `model_1.pth`.

## Fix safety
As for SVI101: the runtime helper keeps earlier files under the next free number.

## How to configure
Silence one line with `# noqa: SVI104`. Turn the rule off with `extend-ignore = SVI104`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.describe import or_helper, written_by

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a path that is the same in every run of the program."""
    fact = save.path
    if fact.repetition != "constant" or fact.template or fact.twin is not None:
        return None
    message = (
        f"{fact.name} is overwritten by every run",
        *written_by(save),
        f"; take the folder from an argument{or_helper(save)}",
    )
    return Problem(message, Remedy("helper"))


RULE = Rule(
    code="SVI104",
    name="constant-path",
    looks_at="path",
    writers=lambda row: row.truncates and not row.rewritten,
    renames=True,
    through_helpers=True,
    check=check,
)
