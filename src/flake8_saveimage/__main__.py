"""``python -m flake8_saveimage`` is the command ``flake8-saveimage``."""

from flake8_saveimage.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
