"""One JSON document: version, findings, errors. ASCII only, so that every reader decodes it."""

from __future__ import annotations

import json

from flake8_saveimage import __version__
from flake8_saveimage.report import Run, Style


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
            }
            for file, finding in run.findings
        ],
        "errors": [{"file": path, "message": message} for path, message in run.errors],
    }
    return json.dumps(document, indent=2) + "\n"
