"""The copy of the helper in the user's repository: where it is, who can import it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flake8_saveimage import FixOptions, fix_source
from flake8_saveimage.fixes.vendoring import (
    VendorError,
    changes,
    helper_files,
    import_path,
    install,
)


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
        ("pkg/saving", "pkg/train.py", ".saving"),
        ("pkg/saving", "pkg/__init__.py", ".saving"),
        ("pkg/saving", "pkg/models/gan.py", "..saving"),
        ("pkg/tools/saving", "pkg/models/gan.py", "..tools.saving"),
        ("pkg/tools/saving", "pkg/train.py", ".tools.saving"),
        ("pkg/tools/saving", "train.py", "pkg.tools.saving"),
        ("pkg/tools/saving", "lib/main.py", "pkg.tools.saving"),
        ("saving", "train.py", "saving"),
        ("saving", "pkg/models/gan.py", "saving"),
        ("lib/saving", "train.py", "lib.saving"),
        ("lib/saving", "lib/main.py", "saving"),
        ("saving", "lib/util.py", "saving"),
    ],
)
def test_import_path(vendor: str, filename: str, module: str) -> None:
    assert import_path(vendor, filename) == module
    assert import_path(f"{vendor}.py", filename) == module  # as earlier versions had it


@pytest.mark.parametrize(
    ("vendor", "filename"),
    [
        ("saving", "lib/main.py"),
        ("lib/saving", "../train.py/../elsewhere/train.py"),
        ("saving.txt", "train.py"),
        ("my-saving.py", "train.py"),
        ("pkg/__init__.py", "train.py"),
    ],
)
def test_what_cannot_be_imported_is_refused(vendor: str, filename: str) -> None:
    with pytest.raises(VendorError, match=re.escape(vendor)):
        import_path(vendor, filename)


def modules(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("vendor", ["pkg/saving", "pkg/saving.py", "pkg/saving/"])
def test_install_creates_updates_and_keeps(vendor: str, repository: Path) -> None:
    target = repository / "pkg" / "saving"
    assert install(vendor) == "created"
    assert modules(target) == helper_files()
    assert install(vendor) == "unchanged"
    (target / "mine.txt").write_text("stays")
    (target / "queue.py").unlink()
    first, _, rest = helper_files()["__init__.py"].partition(b"\n")
    (target / "__init__.py").write_bytes(first.replace(b"0.", b"0.0.") + b"\n" + rest)
    assert [Path(change.path).name for change in changes(vendor)] == ["__init__.py", "queue.py"]
    assert install(vendor) == "updated"
    assert modules(target) == {**helper_files(), "mine.txt": b"stays"}


def test_install_finishes_what_an_interrupt_left(repository: Path) -> None:
    """The first file that is written is the one that shows what the folder is."""
    target = repository / "pkg" / "saving"
    target.mkdir()
    assert next(iter(helper_files())) == "__init__.py"
    (target / "__init__.py").write_bytes(helper_files()["__init__.py"])
    assert install("pkg/saving") == "updated"
    assert modules(target) == helper_files()


@pytest.mark.parametrize("mine", ["saving.py", "saving/__init__.py", "saving/notes.txt", "saving"])
@pytest.mark.parametrize("vendor", ["pkg/saving", "pkg/saving.py"])
def test_install_does_not_overwrite_or_hide_something_else(
    vendor: str, mine: str, repository: Path
) -> None:
    path = repository / "pkg" / mine
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine = 1\n")
    before = sorted(repository.rglob("*"))
    with pytest.raises(VendorError, match=r"choose another name|cannot be read"):
        install(vendor)
    assert path.read_text() == "mine = 1\n"
    assert sorted(repository.rglob("*")) == before


def test_a_copy_as_one_file_is_not_hidden(repository: Path) -> None:
    old = repository / "pkg" / "saving.py"
    old.write_text("# flake8-saveimage runtime 0.1.0 (one file, may be vendored)\n")
    for vendor in ("pkg/saving", "pkg/saving.py"):
        with pytest.raises(VendorError, match=r"saving\.py is a copy .* delete it and run"):
            install(vendor)
    assert not (repository / "pkg" / "saving").exists()
    old.unlink()
    assert install("pkg/saving.py") == "created"


def test_the_copy_carries_version_and_licence() -> None:
    head = helper_files()["__init__.py"][:600].decode()
    assert re.match(r"# flake8-saveimage runtime \d+\.\d+", head)
    assert "MIT" in head


def test_fixed_file_imports_the_copy() -> None:
    source = 'import torch\ntorch.save([], "x.pth")\n'
    options = FixOptions(vendor="pkg/saving")
    result = fix_source(source, filename="pkg/models/gan.py", options=options)
    assert result.code == 'from ..saving import safe_save\nsafe_save([], "x.pth", keep=3)\n'
    again = fix_source(result.code, filename="pkg/models/gan.py", options=options)
    assert again.code == result.code
