"""Path does not change in this loop: each pass overwrites the file.

## What it does
Finds `torchvision.utils.save_image` and `torch.save` calls in a loop whose path is the same in
every pass of that (innermost) loop.

## Why is this bad
Each pass silently replaces the file of the pass before. After hours of training there is one
image where there should be thousands, and nothing said so.

Known intentions are respected: a best-so-far guard, names that say best, last, latest or
checkpoint (see SVI105), a test that the file does not exist, a pass that is the only one
(`if i == 0`, `break` right after), a file that is moved away or deleted again.

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
or `safe_save_image(fake, f"{out}/fake.png")` of `flake8_saveimage.runtime`, which numbers the
files.

## Fix safety
The fix calls the runtime helper, which never overwrites. It is safe if nothing else in the file
relies on the file's name. Where the path's variable is used right after, in the same suite, it is
bound to the path that the helper returns, and the fix is safe too. Otherwise - the path is read
back, passed on, given by a caller, its folder is listed, the value of the call is used - it is
unsafe, because the file may get another name. A save to an open handle has no fix.

## How to configure
`# noqa: SVI101` on the line; `ignore = SVI101` or `per-file-ignores` in flake8's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.describe import advice, the_loop

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a path that the innermost loop does not change."""
    fact = save.path
    if fact.repetition != "loop" or fact.rolling or fact.template or fact.loop is None:
        return None
    message = (
        "path does not depend on ",
        *the_loop(fact.loop),
        f": each pass overwrites {fact.name}; {advice(fact)}",
    )
    return Problem(message, Remedy("helper"))


RULE = Rule("SVI101", "path does not change in this loop: each pass overwrites the file", check)
