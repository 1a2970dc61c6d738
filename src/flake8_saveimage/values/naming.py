"""What names say: helpers that bring images to [0, 1], and the halves of ``x * std + mean``."""

from __future__ import annotations

import functools
import re

# a helper from elsewhere whose name says that it handles the range
_HANDLES = r"""
    de_?norm | un_?norm | (inv|inverse|reverse|undo)_?(norm|trans|scal|preproc|data)
    | de_?(process|standard|scale|center) | post_?process | un_?(process|scale|transform|preproc)
    | re_?scale | (to|2|as)_?(im(g|age)?s?|pil|rgb|uint8)($|_)
    | tensor_?(2|to)_?(im|np|pil|rgb|array)
    | (latents?|tensors?|preds?|samples?|outputs?)_?(2|to)_?im | visuali[sz]e_?tensor
    | (min|max)_?(max|min)_?(norm|scal) | norm(alize|alise)?_?(ip|range|01|0_1|img|image|tensor)
    | (to|into)_?(zero_?one|01|0_1|unit) | clamp | clip | quanti[sz]e | tone_?map | colou?ri[sz]e
    | ^normali[sz]e$ | ^(de|inv|un)_?(norm|std)?$ | ^inverse$ | heat_?map | display_?trans
    | recover_?(im|norm) | restore_?range
"""
# A helper that only moves values to other places.
_MOVES = frozenset(
    "pad padded padding crop resize flip tile grid patch patches patchify unpatchify collate stack"
    " concat gather rearrange reshape permute mosaic merge montage".split()
)
_SMOOTHS = ("kernel", "gauss", "blur", "smooth", "window")
_ROLES = {
    "std": frozenset("std stds stdev stdevs sigma sigmas stddev stddevs".split()),
    "mean": frozenset("mean means mu mus".split()),
}
_PREFIXES = ("imagenet_", "imagenet", "norm_", "norm")


@functools.cache
def _handles() -> re.Pattern[str]:
    """Compile on first use: it takes longer than the check of a small file."""
    return re.compile(_HANDLES, re.VERBOSE)


def says_handled(name: str) -> bool:
    """Whether a function's name says that it brings values into the range of images."""
    return _handles().search(_snake(name)) is not None


def says_moved(name: str) -> bool:
    """Whether a function's name says that it only moves or repeats values."""
    return not _MOVES.isdisjoint(_snake(name).split("_"))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def role(name: str) -> frozenset[str]:
    """Return the mark that a name suggests: "mean", "std", "dtype", or "kernel" (it smooths)."""
    last = name.rpartition(".")[2].lower()
    if "dtype" in last:
        return frozenset({"dtype"})
    words = last.split("_")
    for mark, known in _ROLES.items():
        if not known.isdisjoint(words) or last.startswith(tuple(p + mark for p in _PREFIXES)):
            return frozenset({mark})
    return frozenset({"kernel"}) if any(word in last for word in _SMOOTHS) else frozenset()
