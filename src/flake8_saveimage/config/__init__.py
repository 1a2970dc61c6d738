"""flake8's configuration, selection and noqa."""

TABLE = "flake8-saveimage"
"""The table of ``pyproject.toml`` that configures the command."""
