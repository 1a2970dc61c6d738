"""The project's own functions that write files, as a configuration names them.

flake8's files have a line for each: ``mylib.io.save_picture path=filename value=image range=0,1``.
A table in ``pyproject.toml`` has the same keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flake8_saveimage.knowledge.writers import WRITERS, Own

_KEYS = ("path", "value", "range", "parameters")
_RANGES = {"0,1": (0.0, 1.0), "0,255": (0.0, 255.0)}
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def own_writers(text: str) -> tuple[Own, ...]:
    """Return the functions of a configuration, one a line. Raises ``ValueError``."""
    found = tuple(map(_own, filter(None, map(str.strip, re.split(r"[\n;]", text)))))
    names = [own.name for own in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is there twice")
    return found


def _own(line: str) -> Own:
    name, *words = line.split()
    if not _DOTTED.fullmatch(name):
        raise ValueError(f"{name!r} must be a function with its module, such as 'mylib.io.save'")
    if any(name in row.names for row in WRITERS):
        raise ValueError(f"{name} is known already; choose its group with 'writers'")
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in _KEYS or not equals:
            raise ValueError(_unknown(name, key))
        given[key] = value
    parameters = tuple(filter(None, given.get("parameters", "").split(",")))
    for key in ("path", "value"):
        parameter = given.get(key, "")
        if not (parameter.isidentifier() or (key == "value" and not parameter)):
            raise ValueError(f"{name}: {key!r} must be the name of a parameter")
        if parameters and parameter and parameter not in parameters:
            raise ValueError(f"{name}: {parameter!r} is not among its 'parameters'")
    if not all(map(str.isidentifier, parameters)):
        raise ValueError(f"{name}: 'parameters' must be names")
    if "range" in given and (given["range"] not in _RANGES or not given.get("value")):
        raise ValueError(f"{name}: 'range' must be [0, 1] or [0, 255], and needs a 'value'")
    bounds = _RANGES.get(given.get("range", ""))
    return Own(name, given["path"], given.get("value", ""), parameters, bounds)


def from_tables(tables: Any) -> str:
    """Return the lines for an array of tables. Raises ``ValueError``."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError("must be an array of tables, with two brackets: [[...writer]]")
    text = "\n".join(" ".join(_words(table)) for table in tables)
    own_writers(text)
    return text


def _words(table: dict[str, Any]) -> Iterator[str]:
    name = table.get("name")
    if not isinstance(name, str) or not name or re.search(r"[\s;]", name):
        raise ValueError("each needs a 'name', such as \"mylib.io.save\"")
    yield name
    for key, value in table.items():
        items = value if isinstance(value, list) else [value]
        kinds = (int, float) if key == "range" else str
        typed = all(isinstance(item, kinds) and not isinstance(item, bool) for item in items)
        if isinstance(value, list) != (key in ("range", "parameters")) or not typed:
            known = key in ("name", *_KEYS)
            kind = "a string" if key in ("path", "value") else "an array"
            raise ValueError(f"{name}: {key!r} must be {kind}" if known else _unknown(name, key))
        if key != "name":
            yield f"{key}={','.join(f'{i:g}' if key == 'range' else _plain(i) for i in items)}"


def _plain(item: str) -> str:
    return re.sub(r"[\s;,]", "?", item)  # which no name of a parameter has


def _unknown(name: str, key: str) -> str:
    return f"{name}: {key!r} is none of name, {', '.join(_KEYS)}"
