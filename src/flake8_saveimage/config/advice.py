"""What has no effect in a configuration though it looks as if it had: one warning each."""

from __future__ import annotations

import configparser
import difflib
import os
import re
from collections.abc import Collection, Iterable, Iterator

from flake8_saveimage.config import TABLE
from flake8_saveimage.rules.index import entries

_SECTION = "flake8"
_SIMILAR = 0.85  # as extend-slect is to extend-select; options of other plugins are less similar
_HEADER = re.compile(rb"^\s*\[\s*tool\s*\.\s*[\"']?([\w-]+)", re.MULTILINE)


def advise(
    cfg: configparser.RawConfigParser,
    path: str | None,
    known: Collection[str],
    projects: Iterable[str],
) -> list[str]:
    """Return warnings about flake8's configuration and about tables that are not read.

    ``path`` is the file of ``cfg``, ``known`` are the names of its options, ``projects`` the files
    in which the table was looked for. A ``select`` that silences this command is removed.
    """
    origin = "flake8's configuration" if path is None else os.path.relpath(path)
    tables = (warning for project in projects for warning in _misspelt_tables(project))
    return [*_deaf_selection(cfg, origin), *_misspelt_keys(cfg, origin, known), *tables]


def _deaf_selection(cfg: configparser.RawConfigParser, origin: str) -> Iterator[str]:
    """Remove a ``select`` that was written without these rules in mind, and say so.

    ``select = E,F,W`` silences every plugin of flake8; whoever starts this command wants findings.
    """
    if not cfg.has_option(_SECTION, "select"):
        return
    chosen = [
        word
        for key in ("select", "extend-select", "extend_select")
        if cfg.has_option(_SECTION, key)
        for word in re.split(r"[\s,]+", cfg.get(_SECTION, key))
        if word
    ]
    if not any(code.startswith(tuple(chosen)) for code in entries()):
        cfg.remove_option(_SECTION, "select")
        yield (
            f"'select' in {origin} has none of the SVI rules, so this command uses its defaults; "
            "for flake8 itself, add 'extend-select = SVI'"
        )


def _misspelt_keys(
    cfg: configparser.RawConfigParser, origin: str, known: Collection[str]
) -> Iterator[str]:
    if not cfg.has_section(_SECTION):
        return
    spelt = {key.replace("_", "-") for key in known}
    for key in cfg.options(_SECTION):
        name = key.replace("_", "-")
        close = difflib.get_close_matches(name, spelt, n=1, cutoff=_SIMILAR)
        if name not in spelt and close:
            yield f"{origin}: there is no option {key!r}; did you mean {close[0]!r}?"


def _misspelt_tables(path: str) -> Iterator[str]:
    try:
        with open(path, "rb") as file:
            names = {match[1].decode() for match in _HEADER.finditer(file.read())}
    except (OSError, UnicodeDecodeError):
        return
    alike = {"flake8", "saveimage", TABLE.replace("-", "")}
    for name in sorted(names - {TABLE}):
        if re.sub(r"[-_]", "", name.lower()) in alike:
            yield f"{os.path.relpath(path)}: [tool.{name}] is not read; the table is [tool.{TABLE}]"
