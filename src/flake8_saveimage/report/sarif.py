"""SARIF 2.1.0, for code scanning services and viewers: rules with their help, findings, edits.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html (section numbers below).
"""

from __future__ import annotations

import hashlib
import json
import os
import urllib.parse
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from flake8_saveimage import __version__
from flake8_saveimage.check.runner import CheckedFile
from flake8_saveimage.report import Run, Style, level, plain_path
from flake8_saveimage.rules import all_rules, documentation
from flake8_saveimage.rules.base import Rule
from flake8_saveimage.rules.finding import Finding, TextEdit
from flake8_saveimage.source.reading import printable

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_Object = dict[str, Any]


def render(run: Run, style: Style) -> str:
    """Return the log; columns count characters, the end of a region is exclusive."""
    rules = all_rules()
    index = {rule.code: number for number, rule in enumerate(rules)}
    errors = [_notification(path, message) for path, message in run.errors]
    notes = [_notification(path, note, "warning") for path, note in run.notes]
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(rules)},
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": not errors,
                        "toolExecutionNotifications": errors + notes,
                    }
                ],
                "results": [result for file in run.files for result in _results(file, index)],
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _driver(rules: Sequence[Rule]) -> _Object:
    return {
        "name": "flake8-saveimage",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_descriptor(rule) for rule in rules],
    }


def _descriptor(rule: Rule) -> _Object:
    text = documentation(rule.code)
    return {
        "id": rule.code,
        "shortDescription": {"text": _sentence(rule.title)},
        "fullDescription": {"text": " ".join(text.partition("\n\n")[0].split())},
        "help": {"text": text, "markdown": f"# {rule.code}\n\n{text}\n"},
        "defaultConfiguration": {"level": level(rule.code), "enabled": rule.default},
    }


def _sentence(title: str) -> str:
    return f"{title[0].upper()}{title[1:].rstrip('.')}."


def _notification(path: str, message: str, how: str = "error") -> _Object:
    return {
        "level": how,
        "message": {"text": _no_link(message)},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(path)}}],
    }


def _no_link(message: str) -> str:
    """Return a message in which no text of a scanned file becomes a link (3.11.6)."""
    return printable(message).replace("](", "] (")


# -- results -----------------------------------------------------------------------------------


def _results(file: CheckedFile, index: dict[str, int]) -> list[_Object]:
    lines = (file.text or "").split("\n")
    twins: Counter[str] = Counter()
    results = []
    for finding in file.findings:
        same = f"{finding.code}\n{lines[finding.line - 1].strip()}"
        twins[same] += 1
        result: _Object = {
            "ruleId": finding.code,
            "ruleIndex": index[finding.code],
            "level": level(finding.code),
            "message": {"text": _no_link(finding.message)},
            "locations": [_call(file, finding)],
            "partialFingerprints": {"callLine/v1": _fingerprint(file.path, same, twins[same])},
        }
        if finding.related or finding.loop:
            result["relatedLocations"] = _related(file, finding)
        if finding.edits and file.cells is None:
            result["fixes"] = [_fix(file, finding)]
        results.append(result)
    return results


def _fingerprint(path: str, same: str, number: int) -> str:
    """Identify a finding by file, code and source line, so that it survives shifts of lines."""
    text = f"{_uri(path)}\n{same}\n{number}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _region(place: Finding | TextEdit) -> _Object:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _location(path: str, region: _Object) -> _Object:
    return {"physicalLocation": {"artifactLocation": _artifact(path), "region": region}}


def _call(file: CheckedFile, finding: Finding) -> _Object:
    """Return the place of a call; in a notebook its line of the file, and the cell in words."""
    if file.cells is None:
        return _location(file.path, _region(finding))
    cell, line = file.cells.locate(finding.line)
    return {
        **_location(file.path, _lines(file, finding.line, finding.end_line)),
        "logicalLocations": [{"name": f"cell {cell}", "fullyQualifiedName": f"cell {cell}:{line}"}],
        "properties": {"cell": cell, "line": line, "column": finding.column},
    }


def _lines(file: CheckedFile, start: int, end: int | None = None) -> _Object:
    """Return the region of whole lines."""
    found = [start] if end is None else [start, end]
    if file.cells is not None:
        found = [file.cells.line_in_file(line) for line in found]
    return dict(zip(("startLine", "endLine"), found, strict=False))


def _related(file: CheckedFile, finding: Finding) -> list[_Object]:
    path, locations = file.path, []
    if finding.loop is not None:
        start, end = finding.loop
        locations.append(
            {
                **_location(path, _lines(file, start, end)),
                "message": {"text": "the loop that does not change the path"},
            }
        )
    locations += [
        {
            **_location(
                place.file or path,
                {"startLine": place.line} if place.file else _lines(file, place.line),
            ),
            "message": {"text": _no_link(place.message)},
        }
        for place in finding.related
        if finding.loop is None or place.file or place.line != finding.loop[0]
    ]
    return [{"id": number, **location} for number, location in enumerate(locations, 1)]


# -- fixes -------------------------------------------------------------------------------------


def _fix(file: CheckedFile, finding: Finding) -> _Object:
    safety = "" if finding.fix == "safe" else " (may change what the program does)"
    return {
        "description": {"text": f"flake8-saveimage fix{safety}"},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(file.path),
                "replacements": [_replacement(edit, file.newline) for edit in finding.edits],
            }
        ],
    }


def _replacement(edit: TextEdit, newline: str) -> _Object:
    """Return an edit as a replacement (3.57)."""
    text = edit.text.replace("\n", newline)
    return {"deletedRegion": _region(edit), "insertedContent": {"text": text}}


# -- artifacts ---------------------------------------------------------------------------------


def _artifact(path: str) -> _Object:
    """Return the location of a file; a relative one starts at the root of the sources."""
    uri = _uri(path)
    if ":" in uri or uri.startswith(".."):  # absolute, or outside
        return {"uri": uri}
    return {"uri": uri, "uriBaseId": "%SRCROOT%"}


def _uri(path: str) -> str:
    """Return the URI reference of a path as the user gave it (RFC 3986): never made absolute."""
    if PurePath(path).is_absolute():
        return PurePath(path).as_uri()
    return urllib.parse.quote(os.fsencode(plain_path(path)), safe="/~")
