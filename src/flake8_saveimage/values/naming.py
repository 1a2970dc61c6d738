"""What names say: helpers that bring images to [0, 1], and the halves of ``x * std + mean``."""

from __future__ import annotations

import re

# A helper from elsewhere whose name says that it handles the range.
_HANDLES = re.compile(
    r"""
    de_?norm | un_?norm | (inv|inverse|reverse|undo)_?(norm|trans|scal|preproc|data)
    | de_?(process|standard|scale|center) | post_?process | un_?(process|scale|transform|preproc)
    | re_?scale | (to|2|as)_?(im(g|age)?s?|pil|rgb|uint8)($|_)
    | tensor_?(2|to)_?(im|np|pil|rgb|array)
    | (latents?|tensors?|preds?|samples?|outputs?)_?(2|to)_?im | visuali[sz]e_?tensor
    | (min|max)_?(max|min)_?(norm|scal) | norm(alize|alise)?_?(ip|range|01|0_1|img|image|tensor)
    | (to|into)_?(zero_?one|01|0_1|unit) | clamp | clip | quanti[sz]e | tone_?map | colou?ri[sz]e
    | ^normali[sz]e$ | ^(de|inv|un)_?(norm|std)?$ | heat_?map | display_?trans
    | recover_?(im|norm) | restore_?range
    """,
    re.VERBOSE,
)
# A helper that only moves values to other places.
_MOVES = re.compile(
    r"(^|_)(pad(ded|ding)?|crop|resize|flip|tile|grid|patch(es|ify)?|unpatchify|collate|stack|concat"
    r"|gather|rearrange|reshape|permute|mosaic|merge|montage)(_|$)"
)
_STD = re.compile(r"(^|_)(std|stds|stdev|sigma|stddev)s?(_|$)|^(imagenet|norm)_?std", re.IGNORECASE)
_MEAN = re.compile(r"(^|_)(mean|means|mu)s?(_|$)|^(imagenet|norm)_?mean", re.IGNORECASE)
_KERNEL = re.compile(r"kernel|gauss|blur|smooth|window", re.IGNORECASE)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def says_handled(name: str) -> bool:
    """Whether a function's name says that it brings values into the range of images."""
    snake = _WORD.sub("_", name).lower()
    return _HANDLES.search(snake) is not None


def says_moved(name: str) -> bool:
    """Whether a function's name says that it only moves or repeats values."""
    return _MOVES.search(_WORD.sub("_", name).lower()) is not None


def role(name: str) -> frozenset[str]:
    """Return the mark that a name suggests: "mean", "std", "dtype", or "kernel" (it smooths)."""
    last = name.rpartition(".")[2]
    if "dtype" in last.lower():
        return frozenset({"dtype"})
    if _STD.search(last):
        return frozenset({"std"})
    if _KERNEL.search(last):
        return frozenset({"kernel"})
    return frozenset({"mean"}) if _MEAN.search(last) else frozenset()
