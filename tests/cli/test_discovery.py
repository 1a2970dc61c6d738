"""The files that a command line means, against flake8's own expansion of paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flake8.defaults import EXCLUDE
from flake8.discover_files import expand_paths
from flake8.utils import normalize_paths
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flake8_saveimage.source import discovery

pytestmark = pytest.mark.slow

NAMES = ["a.py", "b.py", "build", "src", ".tox", "x.egg", "test_a.py", "n.txt", "[a].py"]
PIECES = [*NAMES, "*", "?", "*.py", "b*", "[ab]*", "*/src/*", "./src", "src/build", "te*_a.py", "."]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("tree")
    for folder in ("", "src", "src/build", "build", "build/src", ".tox", "y.egg", "src/src"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            if "." in name.lstrip(".") and not (root / folder / name).is_dir():
                (root / folder / name).write_text("")
    return root


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    paths=st.lists(
        st.sampled_from(
            [".", "src", "src/", "./build", "a.py", ".tox", "src/../src", "y.egg/a.py"]
        ),
        min_size=1,
        max_size=3,
    ),
    exclude=st.lists(st.sampled_from([*PIECES, *EXCLUDE]), max_size=4),
    patterns=st.sampled_from([["*.py"], ["*.py", "*.txt"], ["./src/*"], [], ["a*", "?.py"]]),
)
def test_same_files_as_flake8(
    tree: Path,
    monkeypatch: pytest.MonkeyPatch,
    paths: list[str],
    exclude: list[str],
    patterns: list[str],
) -> None:
    monkeypatch.chdir(tree)
    normalised = normalize_paths(exclude, os.curdir)
    theirs = expand_paths(
        paths=paths, stdin_display_name="stdin", filename_patterns=patterns, exclude=normalised
    )
    ours = discovery.find(paths, exclude=normalised, patterns=patterns)
    assert ours.files == sorted(set(theirs))
    assert ours.errors == []
