"""From a path and its options to where the file goes."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .arguments import Placing, StrPath
from .existing import is_special
from .files import Destination
from .names import NAME_LIMIT, Names
from .ranks import rank_and_world
from .remote import Remote
from .warning import Site, warn_once

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
_LOCAL_URL = re.compile(r"(file|local)://", re.IGNORECASE)
_BROKEN_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/(?!/)")
_HOME = re.compile(r"~\w*[/\\]|~$")
_VARIABLE = re.compile(r"\$(\w+|\{\w+\})")


def destination_for(path: StrPath, placing: Placing, site: Site) -> Destination:
    """Check a path and its options; on several ranks, warn if they may write the same file."""
    text = os.fspath(path)
    placing.check()
    if isinstance(text, str) and _URL.match(text) and not _LOCAL_URL.match(text):
        return Remote.at(text, placing, site)
    return _for_rank(check_path(path), placing, site)


def check_path(path: StrPath) -> Path:
    """Return the path if it can name a local file."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"path must be text or a pathlib.Path, not {type(text).__name__}")
    if _LOCAL_URL.match(text):
        text = url2pathname(urlsplit(text).path)
    elif _URL.match(text):
        raise ValueError(f"{text!r} is a URL, not a local path")
    _check_unexpanded(text)
    if not text or text.endswith(("/", os.sep)) or Path(text).name in ("", ".."):
        raise ValueError(f"path {text!r} names no file")
    target = Path(text)
    size = len(os.fsencode(target.name))
    if size > NAME_LIMIT:
        raise OSError(
            errno.ENAMETOOLONG, f"the file name has {size} bytes, {NAME_LIMIT} are possible", text
        )
    return target


def _check_unexpanded(text: str) -> None:
    """Refuse what would become a folder of a surprising name in the current folder."""
    if _HOME.match(text):
        raise ValueError(
            f"path {text!r} begins with ~, which only a shell expands; pass "
            f'Path({text!r}).expanduser(), or "./~..." for a folder of that name'
        )
    if _VARIABLE.match(text):
        raise ValueError(
            f"path {text!r} begins with a variable, which only a shell expands; pass "
            f"Path(os.path.expandvars({text!r})).expanduser()"
        )
    if (match := _BROKEN_URL.match(text)) and not Path(f"{match['scheme']}:").is_dir():
        raise ValueError(
            f"path {text!r} looks like a URL that pathlib changed; pass the URL as text"
        )


def _for_rank(target: Path, placing: Placing, site: Site) -> Destination:
    """Put the rank into the name where the options ask for it."""
    rank, world = rank_and_world()
    several = world > 1 and not is_special(target)
    numbered = None
    if several and placing.ranks == "each":
        target = Names(target, placing.unique_name, rank).at(1)
    elif several and placing.ranks is None and rank > 0:
        if placing.if_exists == "unique":
            # A script that saves on rank 0 only, as most do, keeps plain numbers.
            numbered = rank
        elif placing.if_exists in ("backup", "replace") and not _holds(str(target), rank):
            warn_once(
                site,
                "ranks",
                f"rank {rank} of {world} writes {target}, a name that other ranks may write as "
                'well; pass ranks="zero" (rank 0 writes) or ranks="each" (one file a rank)',
            )
    return Destination(target, placing, site, numbered)


def _holds(text: str, number: int) -> bool:
    return re.search(rf"(?<!\d)0*{number}(?!\d)", text) is not None
