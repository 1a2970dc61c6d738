"""Programs that write behind each ``show(expression)`` what the analysis claims of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import libcst

from flake8_saveimage.syntax.flow import Flow
from flake8_saveimage.syntax.positions import spans
from flake8_saveimage.syntax.reader import read_facts
from flake8_saveimage.syntax.scopes import CallSite

T = TypeVar("T")
_SHOWN = re.compile(r"^( *)show\((.*?)\)(?:  # .*)?$")


def programs(folder: str) -> list[Path]:
    """Return the programs in a folder of ``fixtures``."""
    return sorted((Path(__file__).parents[1] / "fixtures" / folder).glob("*.py"))


def shown(source: str) -> tuple[Flow, dict[int, CallSite]]:
    """Return what is known of a program, and its calls of ``show`` by line."""
    module = libcst.parse_module(source)
    flow = Flow(read_facts(module))
    calls = flow.facts.calls_by_name["show"]
    places = spans(module, [call.node for call in calls])
    return flow, {places[id(call.node)].line: call for call in calls}


def annotated(source: str, claims: Mapping[int, T], describe: Callable[[T], str]) -> str:
    """Write the claims behind the lines that show something."""
    lines = []
    for number, line in enumerate(source.splitlines(), 1):
        match = _SHOWN.match(line)
        claim = f"{match[1]}show({match[2]})  # {describe(claims[number])}" if match else line
        lines.append(claim)
    return "\n".join(lines) + "\n"


def write_anew(files: Sequence[Path], annotate: Callable[[str], str]) -> None:
    """Write the claims into the programs themselves."""
    for path in files:
        path.write_text(annotate(path.read_text(encoding="utf-8")), encoding="utf-8")
