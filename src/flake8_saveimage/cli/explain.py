"""``flake8-saveimage explain``: a rule's documentation on the terminal."""

from __future__ import annotations

import argparse
import sys

from flake8_saveimage import config
from flake8_saveimage.cli import OK, CommandError


def run(arguments: argparse.Namespace) -> int:
    """Print the documentation of the codes, or the list of all rules."""
    if not arguments.codes:
        sys.stdout.write(_table())
        return OK
    sys.stdout.write("\n\n".join(_page(code) for code in _expanded(arguments.codes)) + "\n")
    return OK


def _expanded(words: list[str]) -> list[str]:
    from flake8_saveimage.selection import known_codes

    prefixes = [word.upper() for word in words]
    try:
        config.check_codes(prefixes, "explain")
    except config.ConfigError as error:
        raise CommandError(str(error)) from error
    return [code for code in known_codes() if code.startswith(tuple(prefixes))]


def _table() -> str:
    from flake8_saveimage.rules import all_rules

    lines = [
        f"{rule.code}  {'on ' if rule.default else 'off'}  {rule.title}\n" for rule in all_rules()
    ]
    note = "\n'off' rules report only when they are selected: --extend-select CODE\n"
    return "".join(lines) + note


def _page(code: str) -> str:
    from flake8_saveimage.rules import all_rules, documentation

    rule = next(rule for rule in all_rules() if rule.code == code)
    state = "on by default" if rule.default else f"off by default: --extend-select {code}"
    title = f"{code}: {rule.title}"
    return f"{title}\n{'=' * len(title)}\n({state})\n\n{documentation(code)}"
