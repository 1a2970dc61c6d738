"""A whole module is pickled instead of its `state_dict()`.

## What it does
Finds `torch.save` calls that are given an object of a class of the project that is derived from
`nn.Module`.

## Why is this bad
The file holds the name of the class and of its file, not its code. Once the class is renamed, moved
or changed, the file cannot be loaded, or loads into something else. `torch.load` refuses it since
2.6 unless `weights_only=False` is passed, which runs whatever code the file asks for.

## Example
```python
import torch
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        return x

def save(path):
    net = Net()
    torch.save(net, path)
```

## Use instead
```python
import torch
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        return x

def save(path):
    net = Net()
    torch.save(net.state_dict(), path)
```

## Fix safety
There is no fix: the code that loads the file has to change as well.

## How to configure
Off by default: turn it on with `extend-select = SVI304`. Silence one line with `# noqa: SVI304`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Rule

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report an object of a network's class."""
    from flake8_saveimage.paths.modules import saved_module  # libcst

    owner = saved_module(save.site)
    if owner is None:
        return None
    return Problem(
        f"the whole module is pickled, and cannot be loaded once '{owner.name}' is renamed, moved"
        " or changed; save its state_dict()"
    )


RULE = Rule(
    code="SVI304",
    name="whole-module-pickled",
    default=False,
    looks_at="object",
    writers=lambda row: row.pickles,
    check=check,
)
