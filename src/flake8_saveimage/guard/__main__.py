"""``python -m flake8_saveimage.guard``."""

import os
import sys

# python -m puts the working directory first: a zipfile.py there must not become the guard's own.
_here = [] if getattr(sys.flags, "safe_path", False) else sys.path[:1]
if _here == [os.getcwd()]:  # noqa: PTH109
    del sys.path[0]
else:
    _here = []

from flake8_saveimage.guard.cli import main  # noqa: E402

sys.path[:0] = _here
main()
