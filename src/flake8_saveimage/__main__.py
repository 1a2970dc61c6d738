"""``python -m flake8_saveimage`` is the command ``flake8-saveimage``."""

import os
import sys

if sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 (pathlib would be looked for there)
    # ``-m`` put the folder here: a ``logging.py`` of the repository to check must not be run.
    del sys.path[0]

from flake8_saveimage.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
