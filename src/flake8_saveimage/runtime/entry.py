"""How the public functions are entered: outside compiled graphs, and with all ranks told."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from .ranks import on_rank_zero

_Function = TypeVar("_Function", bound=Callable[..., Any])


def entry_point(function: _Function) -> _Function:
    """Leave a function out of the graph of torch.compile, and share wrong keywords.

    With ``ranks="zero"`` the other ranks wait for this one, so that even a keyword that is unknown
    has to reach them.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        run = _outside_graphs(function) if "torch._dynamo" in sys.modules else function
        if keywords.get("ranks") == "zero":
            try:
                signature.bind(*arguments, **keywords)
            except TypeError:
                return on_rank_zero(lambda: run(*arguments, **keywords))
        return run(*arguments, **keywords)

    # what torch.compiler.disable sets, without the seconds that its import takes
    call._torchdynamo_disable = True  # type: ignore[attr-defined]
    call._torchdynamo_disable_msg = "it writes a file"  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


_disabled: dict[Callable[..., Any], Callable[..., Any]] = {}


def _outside_graphs(function: Callable[..., Any]) -> Callable[..., Any]:
    if function not in _disabled:  # functools.cache would be warned about
        disable: Any = sys.modules["torch._dynamo"].disable
        _disabled[function] = disable(function)
    return _disabled[function]
