"""``--baseline FILE``: report only findings that the file does not list.

A finding is known again by its file, its rule and the text of the call, not by its line. Files are
named relative to the baseline's own folder.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from flake8_saveimage.check.runner import CheckedFile
from flake8_saveimage.cli import CommandError, counted, say, write_report
from flake8_saveimage.report import Run
from flake8_saveimage.rules.finding import Finding

_Key = tuple[str, str, str]
_FIELDS = ("file", "code", "call")


def filtered(result: Run, path: str, looked_at: Sequence[str], codes: Collection[str]) -> Run:
    """Return the run without what the baseline at ``path`` lists; write it if there is none.

    ``looked_at`` are the files of the run and ``codes`` its rules: what the baseline lists of
    others is not taken for gone.

    On a machine of continuous integration (``CI`` is set) a missing baseline is an error: a wrong
    name must not end in "nothing found".
    """
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.exists(path):
        known = _read(path)
        files = [_without(file, known, folder) for file in result.files]
        names = {_name(file, folder) for file in looked_at}
        gone = sum(n for (name, code, _), n in known.items() if name in names and code in codes)
        if gone:
            occurs = "occurs" if gone == 1 else "occur"
            what = f"{counted(gone, 'listed finding')} no longer {occurs}"
            say(f"{path}: {what}; delete the file to write a new one")
    else:
        if os.environ.get("CI"):
            raise CommandError(f"there is no baseline {path!r}; create it locally and commit it")
        keys = sorted(_key(file, finding, folder) for file, finding in result.findings)
        _write(path, keys)
        say(f"wrote the baseline {path}: {counted(len(keys), 'finding')}, not reported again")
        files = [file._replace(findings=()) for file in result.files]
    return result._replace(files=tuple(files))


def _without(file: CheckedFile, known: Counter[_Key], folder: str) -> CheckedFile:
    """Return a file with its new findings; those that are known are taken out of ``known``."""
    new = []
    for finding in file.findings:
        key = _key(file, finding, folder)
        if known[key] > 0:
            known[key] -= 1
        else:
            new.append(finding)
    return file._replace(findings=tuple(new))


def _key(file: CheckedFile, finding: Finding, folder: str) -> _Key:
    lines = (file.text or "").split("\n")[finding.line - 1 : finding.end_line]
    lines[-1] = lines[-1][: finding.end_column - 1]
    lines[0] = lines[0][finding.column - 1 :]
    return _name(file.path, folder), finding.code, " ".join(" ".join(lines).split())


def _name(path: str, folder: str) -> str:
    return os.path.relpath(os.path.abspath(path), folder).replace(os.sep, "/")


def _read(path: str) -> Counter[_Key]:
    try:
        with open(path, encoding="utf-8") as stream:
            document: Any = json.load(stream)
        entries = [[str(entry[name]) for name in _FIELDS] for entry in document["findings"]]
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise CommandError(f"{path}: is not a baseline of flake8-saveimage") from error
    return Counter((file, code, call) for file, code, call in entries)


def _write(path: str, keys: list[_Key]) -> None:
    entries = [dict(zip(_FIELDS, key, strict=True)) for key in keys]
    document = {"version": 1, "findings": entries}
    write_report(json.dumps(document, indent=1, ensure_ascii=False) + "\n", path)
