"""The Python that a file holds: a script's text, or the cells of a notebook as one program."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flake8_saveimage.knowledge.writers import DEFAULT, Table
from flake8_saveimage.source import gate, reading

if TYPE_CHECKING:
    from flake8_saveimage.source.notebook import Cells, Notebook

NOTEBOOK = ".ipynb"


def is_notebook(name: str) -> bool:
    """Say whether a file is a Jupyter notebook, by its name."""
    return name.endswith(NOTEBOOK)


class Program(NamedTuple):
    """The text of a program, line endings as they are, and how it gets back into its file."""

    text: str
    raw: bytes
    encoding: str
    notebook: Notebook | None = None

    @property
    def lines(self) -> str:
        """The text with ``\\n`` as line ending."""
        return reading.universal_newlines(self.text)

    @property
    def cells(self) -> Cells | None:
        """Where the cells of a notebook stand in the text."""
        return None if self.notebook is None else self.notebook.cells

    def name_line(self, line: int) -> str:
        """Return what a message calls a line."""
        return str(line) if self.notebook is None else self.notebook.cells.name(line)

    def encoded(self, text: str) -> bytes:
        """Return the file's bytes with an edited text; raises ``SourceError``."""
        if self.notebook is None:
            return reading.encode(text, self.encoding, self.text, self.raw)
        return self.notebook.with_program(text).encode("utf-8")


def admit(name: str, raw: bytes, table: Table = DEFAULT) -> Program | None:
    """Return the program of a file's bytes if it may save something, ``None`` if it saves nothing.

    Raises ``SourceError`` for what is no Python, whether or not it would save something.
    """
    if not is_notebook(name):
        source = gate.admit(raw, table)
        if source is not None:
            return Program(source.text, raw, source.encoding)
        reading.validate(raw)
        return None
    program = load(name, raw)
    return program if gate.is_worth_parsing(program.lines, table=table) else None


def load(name: str, raw: bytes) -> Program:
    """Return the program of a file's bytes; raises ``SourceError``."""
    if not is_notebook(name):
        source = reading.decode(raw)
        return Program(source.text, raw, source.encoding)
    from flake8_saveimage.source.notebook import Notebook  # json, re: for notebooks only

    try:
        notebook = Notebook(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise reading.SourceError(f"is not valid UTF-8 (byte {error.start})") from error
    reading.check_size(len(notebook.program))
    return Program(notebook.program, raw, "utf-8", notebook)
