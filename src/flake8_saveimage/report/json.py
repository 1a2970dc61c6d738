"""One JSON document: version, findings, errors. ASCII only, so that every reader decodes it."""

from __future__ import annotations

import json

from flake8_saveimage import __version__
from flake8_saveimage.report import Run, Style
from flake8_saveimage.rules.finding import Finding, SavePlace


def render(run: Run, style: Style) -> str:
    """Return the document; lines and columns count from 1 and are those of the call's start."""
    document = {
        "version": __version__,
        "findings": [
            {
                "file": file.path,
                "line": finding.line,
                "column": finding.column,
                "code": finding.code,
                "message": finding.message,
                "fix": finding.fix,
                "save": _save(file.path, finding),
                "related": [
                    {"file": r.file or file.path, "line": r.line, "message": r.message}
                    for r in finding.related
                ],
            }
            for file, finding in run.findings
        ],
        "errors": [{"file": path, "message": message} for path, message in run.errors],
    }
    return json.dumps(document, indent=2) + "\n"


def _save(path: str, finding: Finding) -> dict[str, str | int]:
    """Return where the save call is: the finding's own call, or one in another file."""
    save = finding.save or SavePlace("", finding.line, finding.column)
    return {"file": save.file or path, "line": save.line, "column": save.column}
