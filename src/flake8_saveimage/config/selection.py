"""The options that the linter adds to flake8's, and which rules they turn on.

An opt-in rule stays off until its code, or the beginning of it, is selected. flake8 alone would
turn all of them on for a configuration with an ``ignore =`` line, because that line replaces the
default ignore list, in which plugins put their opt-in rules.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from flake8_saveimage.config.own import own_writers
from flake8_saveimage.knowledge.writers import GROUPS, Choice
from flake8_saveimage.rules.index import known_codes, opt_in_codes

if TYPE_CHECKING:
    from flake8.options.manager import OptionManager
    from flake8.style_guide import DecisionEngine


def _flag(text: str) -> bool:
    """Read a Boolean as configuration files spell it."""
    known = {"true": True, "1": True, "yes": True, "on": True}
    known |= {"false": False, "0": False, "no": False, "off": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return known[text.lower()]


_LIST: dict[str, Any] = {"default": "", "comma_separated_list": True}
OPTIONS: dict[str, dict[str, Any]] = {
    "saveimage-hooks": {
        **_LIST,
        "metavar": "names",
        "help": "Comma-separated names of functions that a framework calls repeatedly (added to the"
        " known hooks of Lightning, ignite, fastai and Keras).",
    },
    "saveimage-follow-imports": {
        "metavar": "true|false",
        "type": _flag,
        "default": True,
        "help": "Follow imports to other files of the project (default: true).",
    },
    "saveimage-src": {
        **_LIST,
        "metavar": "folders",
        "normalize_paths": True,
        "help": "Comma-separated folders in which absolute imports start, in addition to the"
        " script's own folder, the one that holds the package, and the project's root.",
    },
    "saveimage-writers": {
        **_LIST,
        "metavar": "groups",
        "default": ",".join(Choice().groups),
        "help": "Comma-separated groups of functions that write files and are checked:"
        f" {', '.join(GROUPS)} (default: {', '.join(Choice().groups)}).",
    },
    "saveimage-writer": {
        "metavar": "functions",
        "default": "",
        "help": "Functions of your own that write files, one a line or separated by semicolons:"
        " mylib.io.save_picture path=filename value=image range=0,1",
    },
}
"""What :mod:`argparse` and flake8 are told of each option."""


def register(option_manager: OptionManager) -> None:
    """Add the options of the linter to flake8's, and keep opt-in rules off by default."""
    for name, keywords in OPTIONS.items():
        option_manager.add_option(f"--{name}", parse_from_config=True, **keywords)
    option_manager.extend_default_ignore(sorted(opt_in_codes()))


def active_codes(
    options: argparse.Namespace, engine: DecisionEngine | None = None
) -> frozenset[str]:
    """Return the codes of the rules that flake8's options switch on.

    ``engine`` is the one of a style guide whose per-file ignores count; by default that of the
    options themselves.
    """
    from flake8.style_guide import Decision, DecisionEngine, Selected

    engine = engine or DecisionEngine(options)
    return frozenset(
        code
        for code in known_codes()
        if engine.decision_for(code) is Decision.Selected
        and (code not in opt_in_codes() or engine.was_selected(code) is Selected.Explicitly)
    )


def choice_of(options: argparse.Namespace) -> Choice:
    """Return which writers the options choose. Raises flake8's ``ExecutionError``."""
    given = options.saveimage_writers
    groups = tuple(given.split(",") if isinstance(given, str) else given)
    unknown = next((group for group in groups if group not in GROUPS), None)
    if unknown is not None:
        mistake = f"saveimage-writers: no group is called {unknown!r}; the groups are "
        mistake += ", ".join(GROUPS)
    else:
        try:
            return Choice(groups, own_writers(options.saveimage_writer))
        except ValueError as error:
            mistake = f"saveimage-writer: {error}"
    from flake8.exceptions import ExecutionError  # only for mistakes

    raise ExecutionError(mistake)
