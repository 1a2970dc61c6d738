"""What all processes of a run agree on, and the file in the run's folder that holds it."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from fnmatch import translate
from pathlib import Path
from typing import Any, Literal

OnOverwrite = Literal["report", "raise", "backup"]

_FILE = "settings.json"


@dataclass(frozen=True)
class Settings:
    """The settings of a run.

    ``began`` is in nanoseconds since the epoch; ``allow`` are patterns of files that may be
    rewritten; ``base`` is the working directory at the start; ``follow``: programs that a launcher
    starts are watched too.
    """

    folder: str
    began: int
    on_overwrite: OnOverwrite = "report"
    allow: tuple[str, ...] = ()
    base: str = ""
    follow: bool = False

    def write(self) -> None:
        """Store the settings in the run's folder, unless another rank has done so."""
        with suppress(FileExistsError), (Path(self.folder) / _FILE).open("x") as file:
            json.dump(asdict(self), file)

    @classmethod
    def read(cls, folder: Path) -> Settings:
        """The settings of the run whose log is in ``folder``.

        Raises:
            FileNotFoundError: the folder is no log of a run.
        """
        values: dict[str, Any] = json.loads((folder / _FILE).read_text())
        # the folder may have been moved or mounted elsewhere
        return cls(**{**values, "allow": tuple(values["allow"]), "folder": str(folder)})

    def is_allowed(self, path: str) -> bool:
        """Whether ``--allow`` names this file."""
        return bool(self.allow) and _matches(self.allow, self.base, path)


def _matches(patterns: tuple[str, ...], base: str, path: str) -> bool:
    """A pattern with a slash is matched from ``base``; one without is matched with the name."""
    relative = path.removeprefix(os.path.realpath(base) + os.sep)
    name = os.path.basename(path)  # noqa: PTH119
    return any(
        _compiled(pattern).match(text)
        for pattern in patterns
        for text in ((relative, path) if "/" in pattern else (name,))
    )


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def allowed_in_project(folder: Path) -> tuple[str, ...]:
    """``allow`` of ``[tool.flake8-saveimage.guard]`` in the nearest ``pyproject.toml``.

    Raises:
        ValueError: it cannot be read, or is not a list of strings.
    """
    file = next(
        (f for d in (folder, *folder.parents) if (f := d / "pyproject.toml").is_file()), None
    )
    if file is None:
        return ()
    text = file.read_text(encoding="utf-8")
    if "flake8-saveimage" not in text:
        return ()
    table: Any = _parse(text).get("tool", {}).get("flake8-saveimage", {})
    patterns: Any = table.get("guard", {}).get("allow", [])
    if not isinstance(patterns, list) or not all(isinstance(p, str) for p in patterns):
        raise ValueError(f"{file}: tool.flake8-saveimage.guard.allow must be a list of strings")
    return tuple(patterns)


def _parse(text: str) -> dict[str, Any]:
    # Imported here: most runs have no such table.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    parsed: dict[str, Any] = tomllib.loads(text)
    return parsed
