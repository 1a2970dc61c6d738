"""Configuration of the command, read by flake8's own code.

The first of these that exists is the configuration, as a whole:

1. ``--isolated``: none; ``--config FILE``: that file;
2. the table ``[tool.flake8-saveimage]`` of a ``pyproject.toml`` here or in a folder above;
3. flake8's file: ``setup.cfg``, ``tox.ini`` or ``.flake8``, found as flake8 finds it.

Files given with ``--append-config`` are read on top, options of the command line come last. The
table has flake8's keys, and a key that it does not know is an error. No other plugin of flake8 is
looked for, loaded or run, and their options are ignored.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from flake8_saveimage.config import TABLE
from flake8_saveimage.config.own import from_tables
from flake8_saveimage.config.selection import OPTIONS, choice_of, register
from flake8_saveimage.rules.index import entries
from flake8_saveimage.source.reading import printable

if TYPE_CHECKING:
    import configparser

    from flake8.options.manager import OptionManager


PREFIX = "SVI"
_WRITER = "saveimage-writer"
_FLAKE8_FILES = ("setup.cfg", "tox.ini", ".flake8")

# What flake8's own files call saveimage-..., the table may call by the short name.
_PREFIX = "saveimage-"
_FIX_OPTIONS = tuple(
    _PREFIX + name for name in ("fixable", "unfixable", "extend-safe-fixes", "extend-unsafe-fixes")
)
_CODES = {"select", "ignore", "extend-select", "extend-ignore", *_FIX_OPTIONS}
_SWITCHES = {"disable-noqa", "statistics", "show-source", "saveimage-follow-imports"}
_KEYS = _CODES | _SWITCHES | OPTIONS.keys()
_KEYS |= {"exclude", "extend-exclude", "filename", "per-file-ignores", "jobs"}


class ConfigError(Exception):
    """A configuration that cannot be used; the message names the file or option and the way out."""


class Table(NamedTuple):
    """The ``[tool.flake8-saveimage]`` table of a ``pyproject.toml``, with flake8's value types."""

    path: str
    values: dict[str, Any]


class Config(NamedTuple):
    """flake8's options for this run, and the file that they come from (``None`` without one).

    ``warnings`` are about what has no effect in the configuration.
    """

    options: argparse.Namespace
    path: str | None
    warnings: tuple[str, ...] = ()


class Request(NamedTuple):
    """What the command line says about configuration; ``forwarded`` are options for flake8."""

    isolated: bool = False
    config: str | None = None
    append_config: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()


def table_for(request: Request) -> Table | None:
    """Return the table that configures this run, if one does. Cheap where there is none."""
    if request.isolated:
        return None
    if request.config is not None:
        if not request.config.endswith(".toml"):
            return None
        table = _read_table(request.config)
        if table is None:
            raise ConfigError(f"{request.config}: there is no [tool.{TABLE}] table in it")
        return table
    return next((table for path in _projects() if (table := _read_table(path))), None)


def may_choose_writers(request: Request) -> bool:
    """Say whether the configuration may name other writers than the usual ones."""
    table = table_for(request)
    if any(word.startswith(f"--{_WRITER}") for word in request.forwarded):
        return True
    if table is not None:
        return any(key.startswith(_WRITER) for key in table.values)
    if request.isolated:
        return False
    return any(
        _mentions(os.path.join(folder, name), _WRITER)
        for folder in _folders()
        for name in _FLAKE8_FILES
    )


def _mentions(path: str, word: str) -> bool:
    try:
        with open(path, "rb") as file:
            return word.encode() in file.read().replace(b"_", b"-")
    except OSError:
        return False


def _folders() -> Iterator[str]:
    """Yield this folder and those above, inside out."""
    folder, below = os.getcwd(), ""
    while folder != below:
        yield folder
        folder, below = os.path.dirname(folder), folder


def _projects() -> Iterator[str]:
    """Yield the ``pyproject.toml`` of this folder and of those above, inside out."""
    return filter(os.path.isfile, (os.path.join(f, "pyproject.toml") for f in _folders()))


def load(request: Request) -> Config:
    """Return flake8's options for this run; raises ``ConfigError``."""
    import configparser

    from flake8.exceptions import ExecutionError
    from flake8.options import aggregator

    from flake8_saveimage.config.advice import advise  # needless where the gate refuses all

    manager = _option_manager()
    warnings: list[str] = []
    try:
        cfg, folder, path = _read(request)
        if path is None or not path.endswith(".toml"):
            searched = [] if request.isolated or request.config else list(_projects())
            warnings = advise(cfg, path, manager.config_options_dict, searched)
        options = aggregator.aggregate_options(manager, cfg, folder, list(request.forwarded))
        choice_of(options)
    except (ExecutionError, configparser.Error, ValueError, OSError) as error:
        raise ConfigError(" ".join(str(error).split())) from error
    return Config(options, path, tuple(warnings))


def _read(request: Request) -> tuple[configparser.RawConfigParser, str, str | None]:
    """Return the parsed configuration, the folder its paths are relative to, and its file."""
    from flake8.options import config as flake8_config

    _show_warnings_of(flake8_config.__name__)
    table = table_for(request)
    if table is None:
        extra = list(request.append_config)
        cfg, folder = flake8_config.load_config(request.config, extra, isolated=request.isolated)
        return cfg, folder, None if request.isolated else _origin(cfg, folder, request)
    cfg, _ = flake8_config.load_config(None, [], isolated=True)
    cfg["flake8"] = {}
    section = cfg["flake8"]
    for key, value in table.values.items():
        # a raw parser keeps lists as they are, and flake8's options take them
        cfg.set(section.name, key, value)
    for name in request.append_config:
        if not cfg.read(name, encoding="UTF-8"):
            raise ConfigError(f"the config file {name!r} does not exist")
    return cfg, os.path.dirname(os.path.abspath(table.path)), table.path


def _origin(cfg: configparser.RawConfigParser, folder: str, request: Request) -> str | None:
    """Say which file flake8 read: only for messages."""
    if request.config is not None:
        return request.config
    if not cfg.has_section("flake8"):
        return None
    return next((p for n in _FLAKE8_FILES if os.path.isfile(p := os.path.join(folder, n))), folder)


def _option_manager() -> OptionManager:
    from flake8.main.options import register_default_options, stage1_arg_parser
    from flake8.options.manager import OptionManager

    manager = OptionManager(
        version="",  # shown by flake8's own --version only
        plugin_versions="",
        parents=[stage1_arg_parser()],
        formatter_names=[],
    )
    register_default_options(manager)
    manager.parser.set_defaults(filename="*.py,*.ipynb")
    register(manager)
    for name in _FIX_OPTIONS:
        manager.add_option(
            f"--{name}", default="", comma_separated_list=True, parse_from_config=True
        )
    manager.extend_default_select([PREFIX])
    manager.parser.error = _refuse
    return manager


def _refuse(message: str) -> NoReturn:
    raise ConfigError(message)


def _show_warnings_of(logger: str) -> None:
    """flake8 skips a config file that it cannot parse, and says so only with ``--verbose``."""
    import logging

    class OneLine(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            text = printable(" ".join(record.getMessage().split()))
            return f"flake8-saveimage: warning: {text}"

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    handler.setLevel(logging.WARNING)
    target = logging.getLogger(logger)
    if not target.handlers:
        target.addHandler(handler)


def _read_table(path: str) -> Table | None:
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    if TABLE.encode() not in raw:
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table = tomllib.loads(raw.decode("utf-8")).get("tool", {}).get(TABLE)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from error
    except AttributeError as error:
        raise ConfigError(f"{path}: 'tool' must be a table") from error
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: [tool.{TABLE}] must be a table")
    values: dict[str, Any] = {}
    for name, value in table.items():
        key = name.replace("_", "-")
        key = _PREFIX + key if _PREFIX + key in _KEYS else key
        if key in values:
            raise ConfigError(f"{path}: [tool.{TABLE}] has {key!r} twice")
        values[key] = _typed(path, name, key, value)
    return Table(path, values)


def _typed(path: str, name: str, key: str, value: Any) -> Any:
    """Check one entry of the table and return it in the form that flake8's parser takes."""
    where = f"{path}: [tool.{TABLE}] {name}"
    if key not in _KEYS:
        raise ConfigError(
            f"{path}: unknown key {name!r} in [tool.{TABLE}]{hint(key, sorted(_KEYS))}; "
            f"the keys are {', '.join(sorted(_KEYS))}"
        )
    if key in _SWITCHES:
        if not isinstance(value, bool):
            raise ConfigError(f"{where} must be true or false")
        return "true" if value else "false"
    if key == "jobs":
        if value != "auto" and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ConfigError(f"{where} must be a number or 'auto'")
        return str(value)
    if key == _WRITER and not isinstance(value, str):
        try:
            return from_tables(value)
        except ValueError as error:
            raise ConfigError(f"{path}: [[tool.{TABLE}.writer]]: {error}") from error
    if key == "per-file-ignores" and isinstance(value, dict):
        return _per_file_ignores(where, value)
    if key == _WRITER:
        return value
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ConfigError(f"{where} must be a string or an array of strings")
    if key == "per-file-ignores":
        return "\n".join(items)
    parts = [part for item in items for part in _split(item, whole=isinstance(value, list))]
    if key in _CODES:
        return rule_codes(parts, where)
    return parts


def _per_file_ignores(where: str, table: dict[str, Any]) -> str:
    lines = []
    for pattern, codes in table.items():
        given = [codes] if isinstance(codes, str) else codes
        if not isinstance(given, list) or not all(isinstance(code, str) for code in given):
            raise ConfigError(f"{where}: the codes for {pattern!r} must be an array of strings")
        if not pattern or any(c.isspace() or c in ",:" for c in pattern):
            raise ConfigError(
                f"{where}: flake8 takes no pattern with a space, comma or colon: {pattern!r}; "
                "write ? in its place"
            )
        parts = [part for code in given for part in _split(code, whole=False)]
        lines.append(f"{pattern}:{','.join(rule_codes(parts, where))}")
    return "\n".join(lines)


def _split(item: str, *, whole: bool) -> list[str]:
    """Split a string at commas and spaces as flake8 does; an element of an array is one item."""
    return [item] if whole else item.replace(",", " ").split()


def rule_codes(words: Sequence[str], where: str) -> list[str]:
    """Return codes and beginnings of codes for words that may be rules' names, in any case.

    Raises ``ConfigError`` for a word that means no rule.
    """
    names = {entry.name: code for code, entry in entries().items()}
    codes = []
    for word in words:
        code = names.get(word.lower(), word.upper())
        if not code or not any(known.startswith(code) for known in entries()):
            close = hint(word.upper(), list(entries())) or hint(word.lower(), list(names))
            raise ConfigError(
                f"{where}: no rule is called {word!r}{close}; "
                "'flake8-saveimage explain' lists the rules"
            )
        codes.append(code)
    return codes


def hint(word: str, words: Sequence[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the word that is spelt most alike, else nothing."""
    import difflib  # only for mistakes

    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
