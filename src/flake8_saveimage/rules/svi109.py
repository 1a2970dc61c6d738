"""Every process of a distributed job writes this file.

## What it does
Finds save calls that several processes reach with one path: after `init_process_group`,
`DistributedDataParallel`, `Accelerator()`, `deepspeed.initialize`, `hvd.init()`, in a function that
`mp.spawn` or `xmp.spawn` starts, or in a program that requires `LOCAL_RANK`. Nothing on any way to
the save tests the rank, and the path does not hold it. Helper functions, also those of other files
of the project, are followed.

## Why is this bad
The processes write into one file at the same time. The file may be a mixture of what two of them
wrote, which cannot be loaded, or lack what one of them has written; in any case all but one of them
work in vain. Which file survives differs from run to run.

A test of `local_rank == 0` lets one process of each machine through: on several machines with a
shared folder, test the global rank. That is not reported.

## Example
```python
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

def train(model, epochs, folder):
    dist.init_process_group("nccl")
    model = DistributedDataParallel(model)
    for epoch in range(epochs):
        torch.save(model.state_dict(), f"{folder}/epoch_{epoch}.pt")
```

## Use instead
```python
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

def train(model, epochs, folder):
    dist.init_process_group("nccl")
    model = DistributedDataParallel(model)
    for epoch in range(epochs):
        if dist.get_rank() == 0:
            torch.save(model.state_dict(), f"{folder}/epoch_{epoch}.pt")
```

## Fix safety
After `init_process_group` or `DistributedDataParallel`, the fix calls the runtime helper with
`ranks="zero"`: rank 0 writes, the others wait for it. It is unsafe, because all processes must
reach the call, and because the others may have something of their own to save.

## How to configure
Silence one line with `# noqa: SVI109`. Turn the rule off with `extend-ignore = SVI109`, or for some
files with `per-file-ignores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flake8_saveimage.rules.base import Problem, Remedy, Rule, Where
from flake8_saveimage.rules.describe import written_by

if TYPE_CHECKING:
    from flake8_saveimage.rules.save import Save


def check(save: Save) -> Problem | None:
    """Report a path that every process of a job writes."""
    joined = save.every_rank
    if joined is None:
        return None
    cause = joined.name.rpartition(".")[2]
    message = (
        f"{save.path.name} is written by every rank (",
        Where(joined.call, cause),
        f": {cause})",
        *written_by(save),
        "; save on rank 0 only, or add the rank to the name",
    )
    return Problem(message, Remedy("helper", ranks="zero") if joined.is_torch else None)


RULE = Rule(
    code="SVI109",
    name="every-rank-writes",
    looks_at="path",
    writers=lambda row: row.truncates and not row.coordinated,
    through_helpers=True,
    check=check,
)
