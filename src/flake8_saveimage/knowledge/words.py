"""What names say, by their whole words: ``best_model`` says "best", ``bestiary`` does not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePath

# `netG`, `HTTPError`, `epoch10`: words and numbers, upper case or not.
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# `bestmodel`, `minloss`, `isbest`: words that are often written together.
_GLUED = re.compile(
    r"(is|best|last|latest|current|cur|final|min|max|lowest|highest|val|valid|train|test|avg|mean)"
    r"(best|acc|accuracy|auc|bleu|dice|epochs?|err|error|fid|iou|iter|loss|map|mae|metric|model"
    r"|mse|net|ppl|psnr|result|reward|score|ssim|state|steps?|val|weights?|ckpt|checkpoint)"
    r"|(model|net|weights?|ckpt|acc|loss)(best|last|latest|final)"
)


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Split a name into its words, in lower case: at ``_``, ``-``, ``.``, digits and camelCase."""
    found: list[str] = []
    for part in _PARTS.findall(name):
        part = part.lower()
        glued = _GLUED.fullmatch(part)
        found += filter(None, glued.groups()) if glued else (part,)
    return tuple(found)


def _table(text: str) -> frozenset[str]:
    return frozenset(text.split())


def says(name: str, table: Iterable[str]) -> bool:
    """Say whether one of a name's words is in a table."""
    return not frozenset(words(name)).isdisjoint(table)


# -- files that are overwritten on purpose -----------------------------------------------------

_NEWEST = _table("best latest lastest newest last current recent")
_LAST = _table("final cur resume resumed autosave backup bak")
_CHECKPOINT = _table("checkpoint checkpoints chkpt chkpnt ckpt ckpts")
_IMAGES = _table(".png .jpg .jpeg .bmp .gif .tif .tiff .webp .ppm .pgm")


def says_rolling(name: str, *, image: bool) -> bool:
    """Say whether a file's name says best, latest ...: it is one file that is rewritten.

    ``final``, ``resume`` and ``checkpoint`` say so of an object, and say nothing of an image. A
    number beside ``checkpoint`` promises one file a step: ``checkpoint_10.pt`` is not rewritten.
    """
    found = words(name)
    if not _NEWEST.isdisjoint(found):
        return True
    if image:
        return False
    if not _LAST.isdisjoint(found) or ("auto", "save") in pairwise(found):
        return True
    spelt = not _CHECKPOINT.isdisjoint(found) or ("check", "point") in pairwise(found)
    return spelt and not any(word.isdigit() for word in words(name.partition(".")[0]))


def is_rolling_file(path: str) -> bool:
    """Say whether the name of a file says that it is rewritten."""
    file = PurePath(path)
    return says_rolling(file.name, image=file.suffix.lower() in _IMAGES)


def function_says_rolling(name: str) -> bool:
    """Say whether a function's name says that it keeps the best or the latest."""
    return says(name, ("best", "latest", "last"))


def says_scratch(name: str) -> bool:
    """Say whether a file's name says that it is temporary."""
    return says(name, ("tmp", "temp", "scratch", "temporary"))


_HISTORY = _table(
    "history histories hist log logs logger logging meter meters monitor record recorder records"
    " tracker memory buffer replay statistics stats curve curves"
)
_HANDLE = _table("f fd fh fid fp fout file fileobj handle buf buffer stream out io sink stdout")


def says_history(name: str) -> bool:
    """Say whether a variable's name is that of what is collected over time."""
    return says(name, _HISTORY)


def says_handle(name: str) -> bool:
    """Say whether a variable's name is that of an open file."""
    *_, last = ("", *words(name))
    return last in _HANDLE


# -- the best value so far ---------------------------------------------------------------------

_BEST = _table(
    "best better improve improved improves improvement improvements improving lowest highest record"
    " records"
)
_EXTREME = _table("min max minimum maximum least smallest largest top")
_COUNTER = _table(
    "epoch epochs step steps iter iters iteration iterations it its len length size sizes num count"
    " counts counter batch batches sample samples image images time times index indices idx i n"
    " next advance niter niters nepoch nepochs maxiter timestep timesteps batchsize"
)
_METRIC = _table(
    "loss losses acc accs accuracy score scores err errs error errors metric metrics psnr ssim fid"
    " iou miou dice auc reward rewards ppl bleu"
)


def says_best(name: str) -> bool:
    """Say whether a variable's name says that it holds the best so far."""
    return says(name, _BEST)


def says_extreme(name: str) -> bool:
    """Say whether a name is that of a minimum or maximum."""
    return says(name, _EXTREME)


def says_counter(name: str) -> bool:
    """Say whether a name is that of something that is counted."""
    return says(name, _COUNTER)


def says_metric(name: str) -> bool:
    """Say whether a name is that of a measure of quality."""
    return says(name, _METRIC)


_FIRST = _table("epoch epochs step steps iter iters iteration iterations first")


def says_progress(name: str) -> bool:
    """Say whether a name is that of how far training is: its first value comes once."""
    found = words(name)
    return bool(found) and (found[-1] in _FIRST or "sanity" in found)


_INDICES = _table(
    "epoch ep e step iteration iter it i j k n t idx index batch_idx batch_index number num count"
    " seed fold rank name key tag label split mode path file filename fname stem scale level"
    " timestep"
)


def is_index_name(name: str) -> bool:
    """Say whether a loop variable is called like an index or a name, not like data."""
    return name.lower() in _INDICES


# -- folders and settings ----------------------------------------------------------------------

_FOLDER = _table("dir dirs folder root directory")
_FOLDER_VARIABLE = _table("dirname outf")
_MAKES_FOLDER = _table("mkdir mkdirs makedir makedirs ensuredir checkdir createdir")
_FOLDER_PATH = _table("data output root project result results home cache base work")


def says_folder(name: str) -> bool:
    """Say whether a variable's name is that of a folder: the same one for every file."""
    *_, last = ("", *words(name))
    return last in _FOLDER or last in _FOLDER_VARIABLE or last.endswith("dir")


def returns_folder(function: str) -> bool:
    """Say whether a function's name says that it returns a folder, or makes one."""
    *_, before, last = ("", "", *words(function))
    return last in _FOLDER | _MAKES_FOLDER or (last == "path" and before in _FOLDER_PATH)


_SETTINGS = _table(
    "opt opts option options arg args argv cfg cfgs config configs configuration conf hparams hp"
    " hparam hps params param settings setting flags flag parsed namespace constants c"
)
_SETTINGS_ENDINGS = tuple(
    "_params _args _config _cfg _opt _opts _options _hparams _settings".split()
)
_SETTINGS_CALLS = re.compile(
    r"(parse_(known_|intermixed_)?args|parse_args_into_dataclasses|get_(args|parser|config|options"
    r"|cfg|opts|params|arguments)|(load|read|parse|make|build)_(args|config|cfg|options|yaml)"
    r"|[Nn]amespace|EasyDict|edict|OmegaConf\.\w+|ConfigDict|yaml\.\w*load|json\.load|safe_load)$"
)


def says_settings(name: str) -> bool:
    """Say whether a variable's name is that of an object that holds options."""
    lowered = name.lower().lstrip("_")
    return lowered in _SETTINGS or lowered.endswith(_SETTINGS_ENDINGS)


def returns_settings(function: str) -> bool:
    """Say whether a function's dotted name says that it returns an object that holds options."""
    return _SETTINGS_CALLS.search(function) is not None


def is_constant_name(name: str) -> bool:
    """Say whether the last part of a dotted name is in capitals."""
    last = name.rpartition(".")[2]
    return len(last) > 1 and last.isupper()
