"""Two consecutive saves write to the same path.

## What it does
Finds a save call whose path is the same as that of an earlier save call in the same suite, with
nothing in between that reads, moves or copies the file.

## Why is this bad
The second call destroys what the first has just written. It is nearly always a copy-and-paste
error: generator and discriminator are saved under one name.

## Example
```python
import torch

def save(generator, discriminator, path):
    torch.save(generator.state_dict(), path)
    torch.save(discriminator.state_dict(), path)
```

## Use instead
```python
import torch

def save(generator, discriminator, path):
    torch.save(generator.state_dict(), f"{path}_generator.pth")
    torch.save(discriminator.state_dict(), f"{path}_discriminator.pth")
```

## Fix safety
Unsafe: the runtime helper keeps both files, but only the author knows what to call them.

## How to configure
Silence one line with `# noqa: SVI107`. Turn the rule off with `extend-ignore = SVI107`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule, Where

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report the second of two saves to one path."""
    fact = save.path
    if fact.twin is None or fact.template:
        return None
    message = (
        f"{fact.name} was just written ",
        Where(fact.twin.call, f"{fact.twin.writer.leaf} of the same path", preposition=True),
        " and is overwritten here; give the two files different names",
    )
    return Problem(message, Remedy("helper"))


RULE = Rule(
    code="SVI107",
    name="consecutive-saves",
    looks_at="path",
    writers=lambda row: row.truncates,
    renames=True,
    is_fix_unsafe=True,
    check=check,
)
