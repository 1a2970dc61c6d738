"""The package as it is published: built, checked, installed where nothing else is, and used."""

from __future__ import annotations

import email
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from neighbours import BUG, ROOT, run

TOP = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "CITATION.cff")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``python -m build`` makes of this tree."""
    checkout = tmp_path_factory.mktemp("package") / "checkout"
    checkout.mkdir()
    for name in TOP:
        shutil.copy(ROOT / name, checkout / name)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("src", "examples"):
        shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
    run(sys.executable, "-m", "build", cwd=checkout, status=0)
    return checkout / "dist"


def test_twine_accepts_both_archives(dist: Path) -> None:
    archives = sorted(dist.iterdir())
    assert [path.suffix for path in archives] == [".whl", ".gz"] or len(archives) == 2
    run(sys.executable, "-m", "twine", "check", "--strict", *archives, cwd=dist, status=0)


def test_the_wheel_holds_the_package_and_nothing_else(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("/METADATA"))
        fields = email.message_from_bytes(archive.read(metadata))
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"flake8_saveimage", metadata.partition("/")[0]}
    assert "flake8_saveimage/py.typed" in names
    assert "flake8_saveimage/report/page/page.html" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert fields["Description-Content-Type"] == "text/markdown"
    version = next(
        line.split()[1]
        for line in (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
        if line.startswith("version:")
    )
    assert fields["Version"] == version


def test_the_source_archive_builds_the_same_wheel(dist: Path) -> None:
    (source,) = dist.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "src/flake8_saveimage/cli/check.py"} <= names
    assert not any(name.startswith(".ci") for name in names)


def test_installed_in_an_empty_environment_it_checks_and_fixes(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path, status=0)
    programs = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path, status=0)
    (tmp_path / "train.py").write_text(BUG)
    command = programs / "flake8-saveimage"

    found = run(command, "check", "train.py", cwd=tmp_path, status=1)
    assert "train.py:5:5: SVI101" in found.stdout
    plugin = run(programs / "flake8", "--isolated", "--select=SVI", "train.py", cwd=tmp_path)
    assert "train.py:5:5: SVI101" in plugin.stdout
    run(
        command,
        "check",
        "--format=html",
        "--output-file=report.html",
        "train.py",
        cwd=tmp_path,
        status=1,
    )
    assert "SVI101" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "SVI101" in run(command, "explain", "SVI101", cwd=tmp_path, status=0).stdout
    run(command, "fix", "--unsafe-fixes", "--vendor", "saving", "train.py", cwd=tmp_path, status=0)
    assert "from saving import safe_save_image" in (tmp_path / "train.py").read_text()
    run(command, "check", "train.py", cwd=tmp_path, status=0)
