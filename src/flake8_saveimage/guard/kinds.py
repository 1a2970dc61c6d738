"""Files that a run rewrites without losing anything worth keeping: logs, caches, locks, text."""

from __future__ import annotations

import functools
import os

APPENDED = "appended"
CACHE = "cache"
LOCK = "lock"
LOG = "log"
TEXT = "text"

_SUFFIXES = {
    LOCK: ".lock .lck .pid",
    LOG: ".log .out .err .jsonl .ndjson .tensorboard .wandb .prof .trace",
    CACHE: ".pyc .pyo .so .o .cubin .ptx .ttir .ttgir .llir .nbi .nbc",
    TEXT: (
        ".txt .json .yaml .yml .toml .ini .cfg .conf .csv .tsv .md .rst .html .xml .tex .py .cpp "
        ".cu .h .sh .js .css"
    ),
}
_BY_SUFFIX = {suffix: kind for kind, names in _SUFFIXES.items() for suffix in names.split()}
_CACHE_FOLDERS = frozenset(
    ("__pycache__", ".cache", ".triton", ".nv", ".git", "torch_extensions", "torch_compile_debug")
)
_CACHE_PREFIXES = ("torchinductor_", "torchelastic_", "triton_")
_CACHE_VARIABLES = (
    "CUDA_CACHE_PATH",
    "HF_HOME",
    "MPLCONFIGDIR",
    "NUMBA_CACHE_DIR",
    "PYTHONPYCACHEPREFIX",
    "TORCHINDUCTOR_CACHE_DIR",
    "TORCH_EXTENSIONS_DIR",
    "TORCH_HOME",
    "TRITON_CACHE_DIR",
    "XDG_CACHE_HOME",
)


def kind_of(path: str) -> str | None:
    """The kind of a real path by its name; None for data, which a run must not lose."""
    folder, name = os.path.split(path)
    if name.startswith("events.out.tfevents"):
        return LOG
    kind = _BY_SUFFIX.get(os.path.splitext(name)[1].lower())  # noqa: PTH122
    return kind or (CACHE if _is_cache(folder) else None)


@functools.lru_cache(maxsize=1024)
def _is_cache(folder: str) -> bool:
    parts = folder.split(os.sep)  # noqa: PTH206
    if not _CACHE_FOLDERS.isdisjoint(parts):
        return True
    if any(part.startswith(_CACHE_PREFIXES) for part in parts):
        return True
    named = (os.environ.get(variable) for variable in _CACHE_VARIABLES)
    real = (os.path.realpath(name) + os.sep for name in named if name)
    return (folder + os.sep).startswith(tuple(real))
