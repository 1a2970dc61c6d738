"""Two `torch.save` calls write to one open file.

## What it does
Finds a second `torch.save` into a file that is still open from the first, and one in a loop into a
file that is opened outside of it.

## Why is this bad
Each call writes a zip archive of its own, and one file can hold one archive: `torch.load` finds one
of them (which one depends on the version) and fails on the others.

## Example
```python
import torch

def keep(model, optimizer, path):
    with open(path, "wb") as handle:
        torch.save(model.state_dict(), handle)
        torch.save(optimizer.state_dict(), handle)
```

## Use instead
```python
import torch

def keep(model, optimizer, path):
    with open(path, "wb") as handle:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, handle)
```

## Fix safety
There is no fix: the code that loads the file has to change as well.

## How to configure
Off by default: turn it on with `extend-select = SVI303`. Silence one line with `# noqa: SVI303`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Rule, Where

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a second archive in one file."""
    from flake8_saveimage.values.storage import earlier_write  # libcst

    node = earlier_write(save.site)
    if node is None:
        return None
    return Problem(
        (
            f"this file is still open from the {save.site.writer.name} ",
            Where(node, save.site.writer.name, preposition=True),
            ": only one of several archives in a file can be loaded; save one dict, or one file"
            " for each object",
        )
    )


RULE = Rule(
    code="SVI303",
    name="two-saves-in-one-file",
    default=False,
    looks_at="object",
    writers=lambda row: row.pickles and not row.is_helper,
    check=check,
)
