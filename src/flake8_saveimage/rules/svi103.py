"""Path repeats each time this function is called.

## What it does
Finds save calls in a function that runs again and again - a hook that a framework calls
(`training_step`, `on_validation_epoch_end`, `forward`, `__getitem__`, an ignite handler ...), or a
function that is called in a loop of the same file, through any number of calls - whose path is the
same in each of these runs. A function with its own loop counts too if its names start over in each
call.

## Why is this bad
Each call silently overwrites what the call before has saved: a `validate()` that writes
`0.png`, `1.png`, ... keeps only the images of the last epoch.

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
As for SVI101: the runtime helper never overwrites; unsafe where the path is used again.

## How to configure
`--saveimage-hooks NAME,NAME` (in the configuration file `saveimage-hooks`) adds names of functions
that a framework calls again and again. `# noqa: SVI103` on the line silences one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule
from flake8_saveimage.rules.describe import the_loop

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a path that is the same in each run of a function that runs repeatedly."""
    fact = save.path
    repeat = fact.repeat
    if fact.repetition != "call" or fact.rolling or fact.template or repeat is None:
        return None
    name = repeat.function.name
    advice = "pass in what tells the calls apart, or use flake8_saveimage.runtime"
    if repeat.call is None or repeat.loop is None:
        return Problem(
            f"path is the same in every call of the hook '{name}': each call overwrites"
            f" {fact.name}; add the epoch or step to the name, or use flake8_saveimage.runtime",
            Remedy("helper"),
        )
    message = (
        f"path is the same in every call of '{name}', which ",
        *the_loop(repeat.loop),
        " calls again and again (line ",
        repeat.call.node,
        f"): each call overwrites {fact.name}; {advice}",
    )
    return Problem(message, Remedy("helper"))


RULE = Rule("SVI103", "path repeats each time this function is called", check)
