"""Programs that run as several processes: what starts them, and what tells them apart.

Qualified names where an import gives them; words where only the name of a variable can say it.
"""

from __future__ import annotations

import re

from flake8_saveimage.knowledge.words import words


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# After one of these calls, the code around it runs in each process of a job.
JOINS = _names(
    "torch.distributed.init_process_group"
    " torch.distributed.distributed_c10d.init_process_group"
    " torch.distributed.init_device_mesh torch.distributed.device_mesh.init_device_mesh"
    " torch.nn.parallel.DistributedDataParallel"
    " torch.nn.parallel.distributed.DistributedDataParallel"
    " torch.distributed.fsdp.FullyShardedDataParallel"
    " apex.parallel.DistributedDataParallel"
    " accelerate.Accelerator accelerate.accelerator.Accelerator"
    " deepspeed.init_distributed deepspeed.initialize deepspeed.comm.init_distributed"
    " horovod.torch.init horovod.init ignite.distributed.initialize"
    " mmcv.runner.init_dist mmengine.dist.init_dist"
)
# Call their first argument (or `fn`) in several processes, with the number of the process first.
SPAWNS = _names(
    "torch.multiprocessing.spawn torch.multiprocessing.spawn.spawn"
    " torch.multiprocessing.start_processes"
    " torch_xla.distributed.xla_multiprocessing.spawn torch_xla.launch"
)
# Start one process: its function's first parameter may be the number of the process.
PROCESSES = _names(
    "torch.multiprocessing.Process multiprocessing.Process multiprocessing.context.Process"
)
# torchrun sets these variables: a program that requires one runs under it.
LAUNCHER_VARIABLES = _names("RANK LOCAL_RANK GROUP_RANK SLURM_PROCID OMPI_COMM_WORLD_RANK")
# Each text that starts or joins processes has one of these words.
_STARTERS = (
    *("distributed", "Distributed", "FullySharded", "Accelerator", "deepspeed", "horovod"),
    *("init_dist", "multiprocessing", "torch_xla", "init_device_mesh", "RANK", "PROCID"),
)
# What each process must call: a function with one of these in it is run by all of them.
COLLECTIVES = _names(
    "backward all_reduce all_gather all_gather_object broadcast broadcast_object_list barrier"
    " reduce_scatter set_epoch wait_for_everyone gather_for_metrics optimizer_step"
)
# The result is another one in each process.
DISTINCT = _names(
    "getpid uuid1 uuid4 gethostname node mkdtemp mkstemp mktemp NamedTemporaryFile"
    " TemporaryDirectory rand randn randint random choice choices sample token_hex urandom"
    " perf_counter perf_counter_ns time_ns current_process get_ident next"
)

_RANK = re.compile(
    r"(?<![a-z])(local|global|node|dist|my|world)?_?ranks?(?![a-z])"
    r"|(?<![a-z])proc(ess)?_?(id|idx|index|num|no)(?![a-z])"
    r"|(?<![a-z])(gpu|device|worker|host|node|replica)(_?(id|idx|index|num|no))?$"
    r"|ordinal(?![a-z])"
)
_WRITER = re.compile(
    r"(main|master|primary|root|first|zero|chief|lead)_?(proc(ess)?|node|rank|gpu)(?![a-z])"
    r"|(is|on|only)_?(global_|local_|world_)?(main|master|chief|leader|primary|root|zero)(?![a-z])"
    r"|(?<![a-z])(master|chief|leader|coordinator)(?![a-z])|(global|rank)_?(zero|0)"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEVERAL = frozenset({"distributed", "ddp", "multiprocessing", "multigpu", "distribute", "fsdp"})
_SEVERAL_NAMES = re.compile(
    r"(is_)?(use_)?dist(_(avail|init|enabled|train|on)\w*)?"
    r"|is_initialized|is_available_and_initialized|multi_gpus?|use_(ddp|fsdp|distributed)"
)
_SIZES = re.compile(
    r"(get_)?(world|dist)_?size|(n|num)_?(gpus?|procs?|processes|nodes|ranks)|nprocs"
)


def text_may_join(text: str) -> bool:
    """Say whether a text could start or join the processes of a job."""
    return any(word in text for word in _STARTERS)


def says_rank(name: str) -> bool:
    """Say whether a name is that of the number of a process or of its device."""
    return _RANK.search(_snake(name)) is not None


def says_writer(name: str) -> bool:
    """Say whether a name is that of the one process that writes."""
    return _WRITER.search(_snake(name)) is not None


def says_several(name: str) -> bool:
    """Say whether a name says that the program runs as several processes."""
    named = _SEVERAL_NAMES.fullmatch(_snake(name)) is not None
    return named or not _SEVERAL.isdisjoint(words(name))


def says_size(name: str) -> bool:
    """Say whether a name is that of the number of processes."""
    return _SIZES.fullmatch(_snake(name)) is not None


def _snake(name: str) -> str:
    return _CAMEL.sub("_", name).lower()
