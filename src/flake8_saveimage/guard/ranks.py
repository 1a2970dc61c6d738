"""The ranks of one launch are siblings, not children: how they find each other and who reports."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from flake8_saveimage.runtime.leftovers import state_and_start

_LOCAL_SIZE = ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")


def launch_name() -> str | None:
    """The same text in all ranks that one launcher started on this machine; None if alone.

    The launcher is the ranks' parent process. torchrun restarts a failed group from the same
    process, and the files of the attempt before are then files from before the run.
    """
    if local_size() < 2:
        return None
    parent = os.getppid()
    names = ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT")
    return " ".join(
        [str(parent), str(state_and_start(parent)[1]), *(os.environ.get(n, "") for n in names)]
    )


def local_size() -> int:
    """How many ranks this launch has on this machine."""
    return _number(*_LOCAL_SIZE, otherwise=1)


def world_size() -> int:
    """How many ranks this launch has on all machines."""
    return _number("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", *_LOCAL_SIZE, otherwise=1)


def attempt() -> int:
    """How often torchrun has restarted the ranks."""
    return _number("TORCHELASTIC_RESTART_COUNT", otherwise=0)


def is_restarted_on_failure() -> bool:
    """Whether the launcher would start the ranks again if one failed."""
    return _number("TORCHELASTIC_MAX_RESTARTS", otherwise=0) > 0


def launched_rank() -> int | None:
    """The global rank that the launcher put in the environment."""
    names = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")
    rank = _number(*names, otherwise=-1)
    return None if rank < 0 else rank


def initialized_rank() -> int | None:
    """The global rank of a process group that the script made without a launcher."""
    distributed: Any = sys.modules.get("torch.distributed")
    # half imported: the log is written to while torch is being imported
    is_initialized = getattr(distributed, "is_initialized", None)  # not on every platform
    return int(distributed.get_rank()) if is_initialized is not None and is_initialized() else None


def _number(*variables: str, otherwise: int) -> int:
    values = (os.environ.get(variable, "") for variable in variables)
    return next((int(value) for value in values if value.isdigit()), otherwise)


def is_reporter(folder: Path, size: int, *, failed: bool) -> bool:
    """Whether this rank, which has finished, reports for all.

    The last one does. A rank that failed does not wait, because its launcher ends the others.
    """
    node = os.uname().nodename if hasattr(os, "uname") else ""
    try:
        (folder / f"done-{node}-{os.getpid()}").touch()
        if not failed and len(list(folder.glob("done-*"))) < size:
            return False
        (folder / "reported").open("x").close()
    except OSError:  # another rank has reported, and removed the folder
        return False
    return True
