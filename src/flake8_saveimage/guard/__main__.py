"""``python -m flake8_saveimage.guard``."""

from flake8_saveimage.guard.cli import main

main()
