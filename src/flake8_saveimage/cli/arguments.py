"""The command line's grammar. Options that flake8 knows are handed to flake8's own parser.

The help texts are written by hand so that each fits a screen; a test compares them with the parser.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from typing import Any, NoReturn

from flake8_saveimage import __version__
from flake8_saveimage.config.options import hint
from flake8_saveimage.report import FORMATS
from flake8_saveimage.source.reading import printable

COMMANDS = ("check", "fix", "explain")

MAIN_HELP = """\
usage: flake8-saveimage COMMAND [OPTIONS] ...

Finds and fixes torch.save and save_image calls that overwrite their files or
change colours.

commands:
  check [PATH ...]   report findings
  fix [PATH ...]     fix what can be fixed, in place or as --diff
  explain [RULE]     what a rule means and how to fix it; without RULE: list
Without PATH: the Python files and notebooks below this folder.

examples:
  flake8-saveimage check .
  flake8-saveimage fix --diff src/train.py
  flake8-saveimage explain SVI101

Exit status: 0 nothing found, 1 findings, 2 something could not be done.
'flake8-saveimage COMMAND --help' shows a command's options, --version the versions.
"""

_SHARED_HELP = """\
what to look for (rules: codes, beginnings of codes or names, separated by commas):
  --select RULES             only these           --ignore RULES         not these
  --extend-select RULES      these too (opt-in)   --extend-ignore RULES  nor these
  --per-file-ignores PAIRS   pattern:CODES        --disable-noqa         ignore '# noqa'
  --saveimage-hooks NAMES    repeated calls       --saveimage-writers GROUPS  what saves (torch)
  --saveimage-follow-imports true|false  look into other files of the project (true)
  --saveimage-src FOLDERS    more folders in which imports of the project start
  --saveimage-writer FUNCTIONS  functions of your own that save
where to look:
  --exclude PATTERNS         instead of flake8's  --extend-exclude PATTERNS  as well
  --filename PATTERNS        names in folders (*.py, *.ipynb)
  -, --stdin-display-name N  read standard input, call it N
configuration: [tool.flake8-saveimage] in pyproject.toml, else setup.cfg, tox.ini, .flake8
  --isolated                 read none            --config FILE          only this one
  --append-config FILE       this one on top      --show-settings        print them and stop
  --jobs N, -j N             processes
what is printed:
  -q, --quiet                findings and errors  -v, --verbose          what was looked at
  --color auto|always|never  (NO_COLOR counts)    --exit-zero            0 despite findings
"""

CHECK_HELP = f"""\
usage: flake8-saveimage check [OPTIONS] [PATH ...]

{_SHARED_HELP}\
  --format, --output-format  {"|".join(FORMATS)}
  --output-file FILE         where to             --[no-]show-source     code and caret
  --statistics               count each code      --count                count all
starting clean, and fixing:
  --baseline FILE            report only what FILE does not list; it is written if missing
  --add-noqa                 write '# noqa: CODES' at all that is found
  --fix, --diff, --unsafe-fixes                   as 'flake8-saveimage fix' does

examples:
  flake8-saveimage check --select SVI1 src tests
  flake8-saveimage check --format html --output-file report.html .

Exit status: 0 nothing found, 1 findings, 2 a file could not be checked or an option is wrong.
"""

FIX_HELP = f"""\
usage: flake8-saveimage fix [OPTIONS] [PATH ...]

how to fix:
  --diff                     print a patch for 'git apply', change nothing
  --unsafe-fixes             also those that may change what the program does
  --prefer names             put loop indices into names where possible: f"x_{{epoch}}.png"
  --vendor PATH              copy the runtime helper to the folder PATH and import it from there
  --force                    replace the copy even if it was edited
  --show-fixes               count the fixes of each rule, by file
  --check-clean              refuse what git could not bring back: uncommitted changes,
                             files that it does not track
{_SHARED_HELP}
examples:
  flake8-saveimage fix --diff . > saves.patch
  flake8-saveimage fix --check-clean --unsafe-fixes src

Exit status: 0 nothing is left to fix, 1 findings are left (--diff: or would change),
2 something could not be done. '# noqa' lines and deselected rules are not touched.
"""

EXPLAIN_HELP = """\
usage: flake8-saveimage explain [RULE ...]

Prints the documentation of rules: what is wrong, why, and what to write instead.
Without RULE: the list of all rules.

examples:
  flake8-saveimage explain
  flake8-saveimage explain SVI101
  flake8-saveimage explain SVI2        every rule that begins so

Exit status: 0, or 2 if there is no such rule.
"""

_HELP = {"": MAIN_HELP, "check": CHECK_HELP, "fix": FIX_HELP, "explain": EXPLAIN_HELP}


class _Parser(argparse.ArgumentParser):
    """Prints the hand-written help; answers a mistake with one line and a suggestion."""

    def __init__(self, prog: str) -> None:
        # argparse asks for a formatter with each option; without a width that imports shutil
        formatter = functools.partial(argparse.HelpFormatter, width=80)
        super().__init__(prog, add_help=False, allow_abbrev=False, formatter_class=formatter)
        self.add_argument("-h", "--help", action="help")

    def format_help(self) -> str:
        return _HELP[self.prog.partition(" ")[2]]

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {printable(message)}\nTry '{self.prog} --help'.\n")


class _Forward(argparse.Action):
    """Keeps an option and its value for flake8's own parser."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        name = self.option_strings[-1]
        if self.dest in _RULE_OPTIONS:
            namespace.rules.append((name, values))
        else:
            namespace.forwarded.append(name if self.nargs == 0 else f"{name}={values}")


class _Version(argparse.Action):
    """Prints the versions that a report of a defect should name."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        import platform  # only for this answer
        from importlib.metadata import version  # only for this answer

        parts = f"Python {platform.python_version()}, " + ", ".join(
            f"{name} {version(name)}" for name in ("libcst", "flake8")
        )
        print(f"flake8-saveimage {__version__} ({parts})")
        parser.exit()


_RULE_OPTIONS = ("select", "ignore", "extend_select", "extend_ignore")

_Keywords = dict[str, Any]
_SWITCH: _Keywords = {"action": "store_true"}
_FORWARD: _Keywords = {"action": _Forward}
# the commands that have some options, what argparse is told of them, their names
_OPTIONS: tuple[tuple[str, _Keywords, str], ...] = (
    (
        "check fix",
        _FORWARD,
        "select ignore extend-select extend-ignore per-file-ignores exclude extend-exclude filename"
        " saveimage-hooks saveimage-follow-imports saveimage-src saveimage-writer saveimage-writers"
        " jobs",
    ),
    ("check fix", {**_FORWARD, "nargs": 0}, "disable-noqa"),
    ("check", {**_FORWARD, "nargs": 0}, "statistics"),
    ("check fix", _SWITCH, "isolated show-settings quiet verbose exit-zero diff unsafe-fixes"),
    ("check", _SWITCH, "count add-noqa fix"),
    ("fix", _SWITCH, "force show-fixes check-clean"),
    ("check fix", {}, "config stdin-display-name"),
    ("check fix", {"action": "append", "default": []}, "append-config"),
    ("check fix", {"choices": ("auto", "always", "never"), "default": "auto"}, "color"),
    ("check", {}, "output-file baseline"),
    ("check", {"choices": FORMATS, "default": "text", "dest": "format"}, "output-format"),
    ("check", {"action": argparse.BooleanOptionalAction}, "show-source"),
    ("fix", {}, "vendor"),
    ("fix", {"choices": ("helper", "names"), "default": "helper"}, "prefer"),
)
_ALSO = {"jobs": "-j", "quiet": "-q", "verbose": "-v", "output-format": "--format"}


def parse(argv: list[str]) -> argparse.Namespace:
    """Parse a command line; exits with status 2 and one clear message if it is wrong."""
    parser = _Parser("flake8-saveimage")
    parser.add_argument("--version", action=_Version, nargs=0)
    parser.add_argument("command", nargs="?")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    top = parser.parse_args(argv[:1])
    command = top.command
    if command is None:
        parser.print_help()
        parser.exit(2)
    if command not in COMMANDS:
        parser.error(_unknown_command(command))
    sub = _parser(command)
    arguments, unknown = sub.parse_known_intermixed_args(argv[1:])
    if unknown:
        sub.error(_unknown_options(unknown, sub))
    arguments.command = command
    if command != "explain":
        arguments.paths = arguments.paths or ["."]
        if arguments.stdin_display_name is None:
            arguments.stdin_display_name = "stdin"
        elif "-" not in arguments.paths:
            sub.error("--stdin-display-name names standard input, which is the path '-'")
        if arguments.fix and "-" in arguments.paths:
            sub.error("--fix writes files; for standard input there is 'flake8-saveimage fix -'")
    return arguments


def _parser(command: str) -> _Parser:
    """Return the parser of a command; the options of others have their defaults."""
    parser = _Parser(f"flake8-saveimage {command}")
    if command == "explain":
        parser.add_argument("codes", nargs="*", metavar="CODE")
        return parser
    parser.add_argument("paths", nargs="*", metavar="PATH")
    parser.set_defaults(forwarded=[], rules=[])
    for commands, keywords, names in _OPTIONS:
        for name in names.split():
            if command in commands:
                also = (_ALSO[name],) if name in _ALSO else ()
                parser.add_argument(f"--{name}", *also, **keywords)
            elif keywords.get("action") is not _Forward:
                default = False if keywords is _SWITCH else keywords.get("default")
                parser.set_defaults(**{name.replace("-", "_"): default})
    return parser


def _unknown_command(word: str) -> str:
    import os

    if os.path.exists(word):
        return f"{word!r} is a path, not a command: flake8-saveimage check {word}"
    return f"unknown command {word!r}{hint(word, COMMANDS)}"


def _unknown_options(words: Sequence[str], parser: _Parser) -> str:
    known = [name for action in parser._actions for name in action.option_strings]
    word = words[0].partition("=")[0]
    return f"unknown option {word!r}{hint(word, known)}"
