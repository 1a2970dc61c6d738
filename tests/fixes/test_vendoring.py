"""The copy of the helper in the user's repository: where it is, who can import it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flake8_saveimage import FixOptions, fix_source
from flake8_saveimage.fixes.vendoring import VendorError, helper_source, import_path, install


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("pkg/__init__.py", "pkg/models/__init__.py", "pkg/tools/__init__.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "main.py").write_text('if __name__ == "__main__": pass\n')
    (tmp_path / "lib" / "util.py").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("vendor", "filename", "module"),
    [
        ("pkg/saving.py", "pkg/train.py", ".saving"),
        ("pkg/saving.py", "pkg/__init__.py", ".saving"),
        ("pkg/saving.py", "pkg/models/gan.py", "..saving"),
        ("pkg/tools/saving.py", "pkg/models/gan.py", "..tools.saving"),
        ("pkg/tools/saving.py", "pkg/train.py", ".tools.saving"),
        ("pkg/tools/saving.py", "train.py", "pkg.tools.saving"),
        ("pkg/tools/saving.py", "lib/main.py", "pkg.tools.saving"),
        ("saving.py", "train.py", "saving"),
        ("saving.py", "pkg/models/gan.py", "saving"),
        ("lib/saving.py", "train.py", "lib.saving"),
        ("lib/saving.py", "lib/main.py", "saving"),
        ("saving.py", "lib/util.py", "saving"),
    ],
)
def test_import_path(vendor: str, filename: str, module: str) -> None:
    assert import_path(vendor, filename) == module


@pytest.mark.parametrize(
    ("vendor", "filename"),
    [
        ("saving.py", "lib/main.py"),
        ("lib/saving.py", "../train.py/../elsewhere/train.py"),
        ("saving.txt", "train.py"),
        ("my-saving.py", "train.py"),
        ("pkg/__init__.py", "train.py"),
    ],
)
def test_what_cannot_be_imported_is_refused(vendor: str, filename: str) -> None:
    with pytest.raises(VendorError, match=re.escape(vendor)):
        import_path(vendor, filename)


def test_install_creates_updates_and_keeps(repository: Path) -> None:
    target = repository / "pkg" / "saving.py"
    assert install("pkg/saving.py") == "created"
    assert target.read_bytes() == helper_source()
    assert install("pkg/saving.py") == "unchanged"
    first, _, rest = helper_source().partition(b"\n")
    target.write_bytes(first.replace(b"0.", b"0.0.") + b"\n" + rest)
    assert install("pkg/saving.py") == "updated"
    assert target.read_bytes() == helper_source()


def test_install_does_not_overwrite_something_else(repository: Path) -> None:
    target = repository / "pkg" / "saving.py"
    target.write_text("mine = 1\n")
    with pytest.raises(VendorError, match="is no copy of the helper"):
        install("pkg/saving.py")
    assert target.read_text() == "mine = 1\n"


def test_the_copy_carries_version_and_licence() -> None:
    head = helper_source()[:600].decode()
    assert re.match(r"# flake8-saveimage runtime \d+\.\d+", head)
    assert "MIT" in head


def test_fixed_file_imports_the_copy() -> None:
    source = 'import torch\ntorch.save([], "x.pth")\n'
    options = FixOptions(vendor="pkg/saving.py")
    result = fix_source(source, filename="pkg/models/gan.py", options=options)
    assert result.code == 'from ..saving import safe_save\nsafe_save([], "x.pth")\n'
    again = fix_source(result.code, filename="pkg/models/gan.py", options=options)
    assert again.code == result.code
