"""What each wrong call is told, word for word: ``messages.txt`` holds the calls and the answers.

After a deliberate change ``python tests/runtime/test_runtime_messages.py`` writes the answers anew;
the difference is to be read, line by line.
"""

from __future__ import annotations

import io
import os
import tempfile
import warnings
from pathlib import Path

import pytest
import torch

from flake8_saveimage import runtime

FILE = Path(__file__).with_name("messages.txt")
CASES = dict(
    block.split("\n    ") for block in FILE.read_text(encoding="utf-8").strip().split("\n\n")
)


def message(call: str) -> str:
    """Return what a call raises, warnings included, in a folder with a file and a folder."""
    Path("file").touch()
    Path("folder").mkdir()
    closed = runtime.SaveQueue()
    closed.close()
    names = {
        "closed": closed,
        "io": io,
        "Path": Path,
        "torch": torch,
        "rand": torch.rand,
        "zeros": torch.zeros,
    }
    # the file name is the call site, and each site warns once
    code = compile(call, f"<{call}>", "eval")
    with warnings.catch_warnings():
        warnings.simplefilter("error", runtime.SaveImageWarning)
        try:
            eval(code, {**{name: getattr(runtime, name) for name in runtime.__all__}, **names})
        except (OSError, TypeError, ValueError, RuntimeError, runtime.SaveImageWarning) as error:
            return str(error.strerror if isinstance(error, OSError) else error)
    return "nothing"


@pytest.mark.parametrize("call", CASES)
def test_message(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert message(call) == CASES[call]
    written = {path.name for path in tmp_path.iterdir()} - {"file", "folder"}
    # a warning comes after the file, an error in its place
    assert bool(written) == CASES[call].startswith(("safe_save: ", "safe_save_image: "))


if __name__ == "__main__":
    written = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            written.append(f"{case}\n    {message(case)}\n")
    FILE.write_text("\n".join(written), encoding="utf-8")
