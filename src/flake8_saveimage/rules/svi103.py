"""Path repeats each time this function is called.

## What it does
Finds save calls in a function that runs repeatedly and writes the same path each time. The function
is a hook that a framework calls (`training_step`, `on_validation_epoch_end`, `forward`,
`__getitem__`, an ignite handler ...) or is called in a loop of the same file, directly or through
other functions. A function with its own loop counts too if its names start over in each call.

## Why is this bad
Each call silently overwrites what the previous call saved: a `validate()` that writes `0.png`,
`1.png`, ... keeps only the images of the last epoch.

## Example
```python
from torchvision.utils import save_image

def validate(loader, model, out):
    for i, batch in enumerate(loader):
        save_image(model(batch).clamp(0, 1), f"{out}/{i}.png")

def main(loader, model, out):
    for epoch in range(10):
        validate(loader, model, out)
```

## Use instead
```python
from torchvision.utils import save_image

def validate(loader, model, out, epoch):
    for i, batch in enumerate(loader):
        save_image(model(batch).clamp(0, 1), f"{out}/{epoch}_{i}.png")

def main(loader, model, out):
    for epoch in range(10):
        validate(loader, model, out, epoch)
```

## Fix safety
As for SVI101: the runtime helper keeps earlier files under the next free number.

## How to configure
`--saveimage-hooks NAME,NAME` (in the configuration file `saveimage-hooks`) adds names of functions
that a framework calls repeatedly. Silence one line with `# noqa: SVI103`. Turn the rule off with
`extend-ignore = SVI103`, or for some files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Parts, Problem, Remedy, Rule, Where
from flake8_saveimage.rules.describe import advised, or_helper, pass_in, the_loop, written_by

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a path that is the same in each call of a function that runs repeatedly."""
    fact = save.path
    repeat = fact.repeat
    if fact.repetition != "call" or fact.rolling or fact.template or repeat is None:
        return None
    name = repeat.function.name
    if repeat.call is None or repeat.loop is None:
        message: Parts = (
            f"{fact.name} is overwritten by every call of the hook '{name}'",
            *written_by(save),
            *advised(save, f"add the epoch or step to the name{or_helper(save)}"),
        )
        return Problem(message, Remedy("helper"))
    message = (
        f"{fact.name} is overwritten by every call of '{name}' (",
        Where(repeat.call.node, f"call of '{name}'"),
        ") in ",
        *the_loop(repeat.loop),
        *written_by(save),
        *advised(save, f"{pass_in(repeat.loop, name)}{or_helper(save)}"),
    )
    return Problem(message, Remedy("helper"), fact.loop)


RULE = Rule(
    code="SVI103",
    name="path-repeats-in-each-call",
    looks_at="path",
    writers=lambda row: row.truncates,
    renames=True,
    through_helpers=True,
    check=check,
)
