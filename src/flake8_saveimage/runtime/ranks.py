"""Ranks of torch.distributed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .arguments import is_file


def rank_and_world() -> tuple[int, int]:
    """Global rank and number of ranks; (0, 1) unless torch.distributed is in use."""
    dist = torch.distributed
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def on_rank_zero(work: Callable[[], Any], check: Callable[[], object] | None = None) -> Any:
    """Do the work on rank 0; every rank gets the path, or the error, by one broadcast.

    The other ranks only check their arguments. Nothing raises before the broadcast, or the other
    ranks would wait in it for ever.
    """
    rank, world = rank_and_world()
    if world == 1:
        return work()
    answer: list[Any] = [None]
    problem: BaseException | None = None
    try:
        if rank == 0:
            answer = [("path", str(work()))]
        else:
            (check or work)()
    except BaseException as caught:
        problem = caught
        answer = [("error", f"{type(caught).__name__}: {caught}")]
    torch.distributed.broadcast_object_list(answer, src=0)
    if problem is not None:
        raise problem
    kind, text = answer[0]
    if kind == "error":
        raise RuntimeError(f"rank 0 could not save: {text}")
    return Path(text)


def check_sharable(target: object) -> None:
    """Raise TypeError for a file object, which is not known to the other ranks."""
    if is_file(target):
        raise TypeError('ranks="zero" needs a path; a file object is not known to the other ranks')
