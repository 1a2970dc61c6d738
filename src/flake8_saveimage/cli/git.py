"""Is the git tree clean? Asked before hundreds of files are rewritten."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from flake8_saveimage.cli import CommandError


def require_clean(paths: Sequence[str]) -> None:
    """Raise ``CommandError`` unless every path is in a git repository without changes.

    Files that git does not track only count if they would be changed: :func:`require_tracked`.
    """
    folders = {path if os.path.isdir(path) else os.path.dirname(path) or "." for path in paths}
    for folder in sorted(folders):
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no").splitlines()
        if changed:
            raise CommandError(
                f"--check-clean: git has uncommitted changes ({changed[0].strip()!r}"
                f"{' and more' if len(changed) > 1 else ''}); commit or stash them first"
            )


def require_tracked(files: Sequence[str]) -> None:
    """Raise ``CommandError`` unless git could bring every file back."""
    names: dict[str, list[str]] = {}
    for file in files:
        names.setdefault(os.path.dirname(file) or ".", []).append(os.path.basename(file))
    for folder, wanted in sorted(names.items()):
        tracked = _git(folder, "ls-files", "-z").split("\0")
        unknown = sorted(set(wanted) - set(tracked))
        if unknown:
            raise CommandError(
                f"--check-clean: git does not track {os.path.join(folder, unknown[0])!r}"
                f"{' and more' if len(unknown) > 1 else ''}, which would be changed"
            )


def _git(folder: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise CommandError(f"--check-clean: git cannot be run: {error.strerror}") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["git failed"])[0]
        raise CommandError(f"--check-clean: {folder!r}: {reason}")
    return done.stdout
