"""A free name beside a taken one, reserved so that no other process takes it."""

from __future__ import annotations

import os
from pathlib import Path


def reserve(path: str) -> str:
    """Create ``{stem}_{n}{suffix}`` as an empty file and return its path.

    The names are those of ``safe_save(if_exists="unique")``, found in the same number of looks.
    """
    # Imported here: it imports torch, which the script under guard must be the first to do.
    from flake8_saveimage.runtime.names import Names

    names = Names(Path(path), "{stem}_{n}{suffix}", rank=None)
    index = names.take(at_least=1)
    while True:
        candidate = str(names.at(index))
        try:
            os.close(os.open(candidate, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            index = names.take(names.first_free(index))
        else:
            return candidate
