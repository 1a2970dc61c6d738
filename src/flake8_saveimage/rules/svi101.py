"""Path does not change in this loop: each iteration overwrites the file.

## What it does
Finds save calls in a loop whose path is the same on every iteration of that (innermost) loop.

## Why is this bad
Each iteration silently replaces the file of the previous one. After hours of training one image is
left where there should be thousands.

Intentional overwriting is not reported: a best-so-far guard, names such as best, last, latest or
checkpoint (see SVI105), a check that the file does not exist, code that runs on one iteration only
(`if i == 0`, a `break` right after it), a file that is then moved or deleted.

## Example
```python
from torchvision.utils import save_image

def train(epochs, loader, generate, out):
    for epoch in range(epochs):
        for i, batch in enumerate(loader):
            fake = generate(batch).clamp(0, 1)
            save_image(fake, f"{out}/fake.png")
```

## Use instead
```python
from torchvision.utils import save_image

def train(epochs, loader, generate, out):
    for epoch in range(epochs):
        for i, batch in enumerate(loader):
            fake = generate(batch).clamp(0, 1)
            save_image(fake, f"{out}/fake_{epoch:03}_{i:05}.png")
```
or `safe_save_image(fake, f"{out}/fake.png")` from `flake8_saveimage.runtime`, which numbers the
files.

## Fix safety
The fix calls the runtime helper. The path still shows the newest file; an earlier one moves to the
next free number (`x_1.png`), so nothing that reads the path changes. Checkpoints get `keep=3`,
which bounds their disk use, or `if_exists="replace"` if the project reads the file back by its
name or numbers such files itself; images get `non_finite="zero"`, as torchvision saves NaN.
Unsafe if something would notice the further files or the other function: the folder is listed,
archived or loaded as a data set, the file is deleted or named in a shell command or `exec`, the
program numbers such images itself, the value of the call is used, or the save function is patched.
A save to an open file has no fix.

## How to configure
Silence one line with `# noqa: SVI101`. Turn the rule off with `extend-ignore = SVI101`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.describe import advice, advised, the_loop, written_by

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a path that the innermost loop does not change."""
    fact = save.path
    if fact.repetition != "loop" or fact.rolling or fact.template or fact.loop is None:
        return None
    message = (
        f"{fact.name} is overwritten on every iteration of ",
        *the_loop(fact.loop),
        *written_by(save),
        *advised(save, advice(save)),
    )
    return Problem(message, Remedy("helper"), fact.loop)


RULE = Rule(
    code="SVI101",
    name="loop-invariant-path",
    looks_at="path",
    writers=lambda row: row.truncates,
    renames=True,
    through_helpers=True,
    check=check,
)
