"""IPython's additions to Python in a notebook's cell: magics, shell commands, help.

They are replaced by calls of unknown functions: a line stays a line, and code around it stays where
it is. What stood there can be put back after the cell was edited.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

# ``%%`` magics whose body is Python of this program; the cells of all others are left out
_PYTHON_CELLS = frozenset({"capture", "debug", "prun", "time", "timeit"})

_CELL_MAGIC = re.compile(r"(?:[ \t]*(?:\#.*)?\n)*[ \t]*%%(\w*)")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_INDENT = re.compile(r"[ \t]*")
# never the start of a statement of Python
_LINE = re.compile(r"(?P<lead>[ \t]*)(?P<code>[%!?,;/].*)")
_HELP = re.compile(r"""(?P<lead>[ \t]*)(?P<code>[^\s#'"?][^#'"?]*\?\??[ \t]*)$""")
_ASSIGNED = re.compile(r"""(?P<lead>[ \t]*[^#'"=!%]+=[ \t]*)(?P<code>[%!].*)""")
_FORMS = (_LINE, _HELP, _ASSIGNED)

_LEXEME = re.compile(
    r"""\#.*|\"{3}|'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[()\[\]{}]|\\$""", re.DOTALL
)
_UNTIL = {quotes: re.compile(rf"(?:\\.|[^\\])*?{quotes}", re.DOTALL) for quotes in ('"""', "'''")}


@dataclass(frozen=True, slots=True)
class Masked:
    """The Python of a cell, and what each of its placeholders stands for.

    ``is_python`` is set if the cell was found to be Python as it stands.
    """

    text: str
    is_python: bool = False
    hidden: tuple[tuple[str, str], ...] = ()

    def restored(self, text: str) -> str:
        """Return an edited text with IPython's lines in their places again."""
        for placeholder, code in self.hidden:
            text = text.replace(placeholder, code)
        return text


def mask(source: str, name: str) -> Masked | None:
    """Return the Python of a cell; ``None`` if it is a cell of something else (``%%bash``).

    ``name`` is the beginning of names that the notebook does not use.
    """
    magic = _CELL_MAGIC.match(source)
    if magic is not None and magic[1] not in _PYTHON_CELLS:
        return None
    if magic is None and _is_python(source):
        return Masked(source, is_python=True)
    lines = _LINES.findall(source)
    hidden: list[tuple[str, str]] = []
    state = _Lexical()
    indent: str | None = None  # of the command that goes on in the next line
    for number, line in enumerate(lines):
        body = line.rstrip("\r\n")
        lead = indent
        if lead is None and not state.is_inside and (match := _matched(body)):
            lead, indent = match["lead"], _INDENT.match(body)[0]  # type: ignore[index]
        if lead is None:
            state.read(body)
            continue
        placeholder = f"{lead}{name}{number}_()"
        hidden.append((placeholder, body))
        lines[number] = placeholder + line[len(body) :]
        if not body.endswith("\\"):
            indent = None
    return Masked("".join(lines), hidden=tuple(hidden))


def _matched(line: str) -> re.Match[str] | None:
    return next((match for form in _FORMS if (match := form.match(line))), None)


def _is_python(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


class _Lexical:
    """Whether a line begins inside a string, inside brackets or after a backslash."""

    def __init__(self) -> None:
        self._quotes = ""
        self._depth = 0
        self._continued = False

    @property
    def is_inside(self) -> bool:
        return bool(self._quotes) or self._depth > 0 or self._continued

    def read(self, line: str) -> None:
        """Go on to the end of a line."""
        at, self._continued = 0, False
        while at < len(line) or self._quotes:
            if self._quotes:
                end = _UNTIL[self._quotes].match(line, at)
                if end is None:
                    return
                at, self._quotes = end.end(), ""
                continue
            found = _LEXEME.search(line, at)
            if found is None:
                return
            at = found.end()
            self._note(found[0])

    def _note(self, lexeme: str) -> None:
        if lexeme in _UNTIL:
            self._quotes = lexeme
        elif lexeme in ("(", "[", "{"):
            self._depth += 1
        elif lexeme in (")", "]", "}"):
            self._depth = max(self._depth - 1, 0)
        elif lexeme == "\\":
            self._continued = True
