"""``flake8-saveimage explain``: a rule's documentation on the terminal."""

from __future__ import annotations

import argparse
import sys

from flake8_saveimage.cli import OK, CommandError, colour_wanted
from flake8_saveimage.config import options as config
from flake8_saveimage.rules import all_rules
from flake8_saveimage.rules import rule as rule_of
from flake8_saveimage.rules.index import known_codes


def run(arguments: argparse.Namespace) -> int:
    """Print the documentation of the codes, or the list of all rules."""
    if not arguments.codes:
        sys.stdout.write(_table())
        return OK
    sys.stdout.write("\n\n".join(_page(code) for code in _expanded(arguments.codes)) + "\n")
    return OK


def _expanded(words: list[str]) -> list[str]:
    try:
        prefixes = config.rule_codes(words, "explain")
    except config.ConfigError as error:
        raise CommandError(str(error)) from error
    return [code for code in known_codes() if code.startswith(tuple(prefixes))]


def _table() -> str:
    lines = [
        f"{rule.code}  {'on ' if rule.default else 'off'}  {rule.title}\n" for rule in all_rules()
    ]
    note = "\n'off' rules report only when they are selected: --extend-select CODE\n"
    return "".join(lines) + note


def _page(code: str) -> str:
    rule = rule_of(code)
    state = "on by default" if rule.default else f"off by default: --extend-select {code}"
    title = f"{code}: {rule.title}"
    text = rule.documentation
    _title, _, text = text.partition("\n\n")
    return f"{_bold(title)}\n{'=' * len(title)}\n({rule.name}, {state})\n\n{_rendered(text)}"


def _rendered(markdown: str) -> str:
    """Return Markdown as plain text: headings underlined, code indented."""
    lines: list[str] = []
    in_code = False
    for line in markdown.splitlines():
        if line.startswith("```"):
            in_code = not in_code
        elif in_code:
            lines.append(f"    {line}".rstrip())
        elif line.startswith("#"):
            heading = line.lstrip("# ")
            lines += [_bold(heading), "-" * len(heading)]
        else:
            lines.append(line)
    return "\n".join(lines)


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if colour_wanted(sys.stdout) else text
