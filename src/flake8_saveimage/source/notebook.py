"""Jupyter notebooks (nbformat 4): their code cells as one program, and back into the file.

The file is never written anew from its data: the ``source`` of a changed cell is replaced in the
file's text, and every other byte stays. Lines of IPython (magics, shell commands, help) become
calls of names that the notebook does not use, so that the program is Python.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flake8_saveimage.source.ipython import Masked, mask
from flake8_saveimage.source.reading import NothingToCheck, SourceError, parse, universal_newlines

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Cells:
    """Where the code cells of a notebook stand in its program.

    ``numbers`` are their positions among all cells of the notebook, from 1; ``firsts`` the lines
    of the program with which they begin.
    """

    numbers: tuple[int, ...]
    firsts: tuple[int, ...]

    def locate(self, line: int) -> tuple[int, int]:
        """Return the cell and the line in it, both from 1, of a line of the program."""
        index = max(bisect_right(self.firsts, line) - 1, 0)
        return self.numbers[index], line - self.firsts[index] + 1


@dataclass(frozen=True, slots=True)
class _Cell:
    """A code cell; ``start`` and ``end`` delimit the value of its ``source`` in the file's text."""

    number: int
    source: str
    start: int
    end: int
    masked: Masked


class Notebook:
    """The program of a notebook. Raises ``SourceError`` if there is none to be read."""

    def __init__(self, text: str) -> None:
        self._text = text.removeprefix(_BOM)
        self._bom = text[: len(text) - len(self._text)]
        self._cells = list(_code_cells(self._text))
        self._marker = _unused("_cell_", self._text)
        firsts, parts, line = [], [], 1
        for cell in self._cells:
            # A statement, not a comment: no edit of a neighbour takes it along.
            parts.append(f'"{self._marker}{cell.number}"\n{_ended(cell.masked.text)}')
            firsts.append(line + 1)
            line += universal_newlines(parts[-1]).count("\n")
        self.program = "".join(parts)
        self.cells = Cells(tuple(cell.number for cell in self._cells), tuple(firsts))

    def with_program(self, program: str) -> str:
        """Return the text of the file with the cells of an edited program.

        Raises ``SourceError`` if the edit left no cells to be told apart.
        """
        pieces = re.split(rf'^"{self._marker}(\d+)"\r?\n', program, flags=re.MULTILINE)
        numbers, bodies = pieces[1::2], pieces[2::2]
        if pieces[0] or numbers != [str(cell.number) for cell in self._cells]:
            raise SourceError("cannot be written back into the notebook: its cells have moved")
        done, at = [self._bom], 0
        for cell, body in zip(self._cells, bodies, strict=True):
            if body != _ended(cell.masked.text):
                source = cell.masked.restored(body)
                if not cell.source.endswith("\n"):
                    source = source.removesuffix("\n")
                done += (self._text[at : cell.start], self._value(cell, source))
                at = cell.end
        return "".join([*done, self._text[at:]])

    def _value(self, cell: _Cell, source: str) -> str:
        """Return JSON for a cell's new source, in the form of the old one."""
        old = self._text[cell.start : cell.end]
        ascii_only = self._text.isascii()
        if not old.startswith("["):
            return json.dumps(source, ensure_ascii=ascii_only)
        elements = list(_elements(old, 0))
        if not elements:
            return json.dumps(source.splitlines(keepends=True), ensure_ascii=ascii_only)
        # lines that stay keep their spelling, and the white space between them is the old one
        spelt = {_DECODER.raw_decode(old, start)[0]: old[start:end] for start, end in elements}
        before, after = old[1 : elements[0][0]], old[elements[-1][1] : -1]
        between = old[elements[0][1] : elements[1][0]] if len(elements) > 1 else f",{before}"
        lines = source.splitlines(keepends=True)
        new = [spelt.get(line) or json.dumps(line, ensure_ascii=ascii_only) for line in lines]
        return f"[{before}{between.join(new)}{after}]"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _unused(prefix: str, text: str) -> str:
    """Return a name that begins like ``prefix`` and that a text does not hold."""
    while prefix in text:
        prefix += "_"
    return prefix


# -- the document ------------------------------------------------------------------------------


def _code_cells(text: str) -> Iterator[_Cell]:
    """Yield the cells of Python of a notebook's text. Raises ``SourceError``."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SourceError(f"is not valid JSON: {error.msg} ({where})") from error
    except RecursionError:
        raise SourceError("is not valid JSON: nested too deeply") from None
    cells = _cells_of(document)
    starts = {key: start for key, start, _ in _members(text, _skip(text, 0))}
    placeholder = _unused("_ipython_", text)
    for number, (cell, (start, _)) in enumerate(
        zip(cells, _elements(text, starts["cells"]), strict=True), 1
    ):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code" or _is_foreign(cell):
            continue
        source = cell.get("source", "")
        lines = source if isinstance(source, list) else [source]
        if not all(isinstance(line, str) for line in lines):
            raise SourceError(f"cell {number} has no text as its source")
        masked = mask("".join(lines), f"{placeholder}{number}_")
        if masked is None or not masked.text.strip():
            continue
        if not masked.is_python:
            _check(masked.text, number)
        spans = {key: (first, last) for key, first, last in _members(text, start)}
        yield _Cell(number, "".join(lines), *spans["source"], masked)


def _check(text: str, number: int) -> None:
    """Raise ``SourceError`` with the place in the cell, if that is no Python."""
    try:
        parse(universal_newlines(text))
    except SourceError as error:
        raise SourceError(f"cell {number} {error}") from error


def _cells_of(document: Any) -> list[Any]:
    """Return the cells of a notebook of Python."""
    version = document.get("nbformat") if isinstance(document, dict) else None
    if not isinstance(version, int):
        raise SourceError("is not a Jupyter notebook: it has no nbformat")
    if version < 4:
        raise SourceError(
            f"is a notebook of nbformat {version}: convert it with "
            "'jupyter nbconvert --to notebook --inplace'"
        )
    cells = document.get("cells")
    if version > 4 or not isinstance(cells, list):
        raise SourceError(f"is a notebook of an unknown form (nbformat {version})")
    language = _language(document.get("metadata"))
    if "python" not in language.lower():
        raise NothingToCheck(f"is a notebook of {language}, not of Python")
    return cells


def _language(metadata: Any) -> str:
    """Return the language that a notebook names, Python without one."""
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        value = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(value, dict) and isinstance(value.get(name), str):
            return str(value[name])
    return "python"


def _is_foreign(cell: dict[str, Any]) -> bool:
    """Say whether an editor has noted another language for a single cell."""
    metadata = cell.get("metadata")
    editor = metadata.get("vscode") if isinstance(metadata, dict) else None
    return isinstance(editor, dict) and editor.get("languageId", "python") != "python"


# -- where values stand in JSON ----------------------------------------------------------------


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield key, start and end of the value of each member of the valid object at ``at``."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield key, start, end
        at = _next(text, end)


def _elements(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each element of the valid array at ``at``."""
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
        at = _next(text, end)


def _next(text: str, end: int) -> int:
    """Return where the next element begins, or the bracket that closes."""
    at = _skip(text, end)
    return _skip(text, at + 1) if text[at] == "," else at
