"""flake8's configuration, selection and noqa."""
