"""What may be at the path: devices, pipes, protected and mounted files, all of the test's own."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from flake8_saveimage.runtime import SaveImageWarning, existing, safe_save, safe_save_image

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes and nodes of POSIX")
Run = Callable[..., subprocess.CompletedProcess[str]]
every_mode = pytest.mark.parametrize("if_exists", ["backup", "unique", "error", "replace", "skip"])


@every_mode
def test_a_device_is_written_into(if_exists: Any, tmp_path: Path) -> None:
    node = tmp_path / "null"
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        node.open("wb").close()
    except PermissionError:
        pytest.skip("making device nodes is not allowed here")
    for link in (node, tmp_path / "link"):
        if link != node:
            link.symlink_to(node)
        assert safe_save({"a": torch.rand(3)}, link, if_exists=if_exists) == link
        assert safe_save_image(torch.rand(3, 4, 4), link, "png", if_exists=if_exists) == link
    assert stat.S_ISCHR(node.stat().st_mode)
    assert {path.name for path in tmp_path.iterdir()} == {"null", "link"}


@every_mode
def test_a_pipe_is_written_into(if_exists: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pt"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    assert safe_save([1, 2], pipe, if_exists=if_exists) == pipe
    reader.join(20)
    (tmp_path / "copy").write_bytes(got[0])
    assert torch.load(tmp_path / "copy") == [1, 2]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_standard_output_is_written_into(tmp_path: Path) -> None:
    """Also where it is a file: nothing beside it, and the file itself."""
    with (tmp_path / "out").open("wb") as out:
        code = "from flake8_saveimage.runtime import safe_save; safe_save([1], '/dev/stdout')"
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, timeout=200)
    assert torch.load(tmp_path / "out") == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("if_exists", ["backup", "replace"])
def test_mode_and_owner_survive(if_exists: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    safe_save("old", path)
    path.chmod(0o640)
    owner = (12345, 23456) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *owner)
    safe_save("new", path, if_exists=if_exists)
    status = path.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o640, *owner)
    assert torch.load(path) == "new"


def test_the_new_file_is_never_more_readable_than_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    safe_save("secret", path)
    path.chmod(0o600)
    seen = []

    class Looking:
        def __reduce__(self) -> tuple[Any, ...]:
            (temporary,) = tmp_path.glob(".saveimage-*")
            seen.append(stat.S_IMODE(temporary.stat().st_mode))
            return int, ()

    safe_save(Looking(), path)
    assert set(seen) == {0o600}


def test_a_write_protected_file_is_refused(run_unprivileged: Run, tmp_path: Path) -> None:
    run_unprivileged(
        """
        import os
        import torch
        from flake8_saveimage.runtime import safe_save

        os.mkdir("out")
        os.chdir("out")
        safe_save("old", "x.pt")
        os.chmod("x.pt", 0o444)
        for save in (torch.save, safe_save, lambda *a: safe_save(*a, if_exists="replace")):
            try:
                save("new", "x.pt")
            except PermissionError as problem:
                assert "Permission denied" in str(problem)
            except RuntimeError as problem:  # torch's writer in C++
                assert save is torch.save
            else:
                raise AssertionError("no error")
        assert os.listdir() == ["x.pt"] and torch.load("x.pt") == "old"
        """
    )


@pytest.mark.parametrize("if_exists", ["backup", "replace"])
def test_a_writable_file_in_a_read_only_folder_is_written_in_place(
    if_exists: str, run_unprivileged: Run, tmp_path: Path
) -> None:
    run_unprivileged(
        f"""
        import os, warnings
        import torch
        from flake8_saveimage.runtime import SaveImageWarning, safe_save

        os.mkdir("out")
        os.chdir("out")
        safe_save(torch.zeros(1000), "x.pt")
        os.chmod(".", 0o555)
        inode = os.stat("x.pt").st_ino
        class Bad:
            def __reduce__(self):
                raise RuntimeError("cannot be pickled")
        try:
            safe_save(Bad(), "x.pt", if_exists={if_exists!r})
        except RuntimeError:
            assert len(torch.load("x.pt")) == 1000, "an error must not touch the file"
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            assert str(safe_save("new", "x.pt", if_exists={if_exists!r})) == "x.pt"
        (warning,) = [w for w in seen if w.category is SaveImageWarning]
        assert "written in place" in str(warning.message), warning
        assert ("not kept" in str(warning.message)) == ({if_exists!r} == "backup")
        assert torch.load("x.pt") == "new"
        assert os.stat("x.pt").st_ino == inode
        assert os.listdir() == ["x.pt"]
        """
    )
    (tmp_path / "out").chmod(0o755)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file that another one is bind-mounted on, as containers get single files."""
    source, path = tmp_path / "source.pt", tmp_path / "in" / "x.pt"
    path.parent.mkdir()
    safe_save("old", source)
    path.touch()
    command = ["mount", "--bind", str(source), str(path)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("bind mounts are not allowed here")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize("if_exists", ["backup", "replace"])
def test_a_bind_mounted_file_is_written_in_place(if_exists: Any, mounted: Path) -> None:
    source = mounted.parent.parent / "source.pt"
    for step in range(2):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", SaveImageWarning)
            assert safe_save(step, mounted, if_exists=if_exists) == mounted
        assert "Device or resource busy" in str(seen[0].message)
        assert "not atomic" in str(seen[0].message)
        assert torch.load(source) == step
    kept = {"x_1.pt": "old", "x_2.pt": 0} if if_exists == "backup" else {}
    others = {path.name: torch.load(path) for path in mounted.parent.iterdir() if path != mounted}
    assert others == kept


def test_a_hard_link_keeps_the_old_content(tmp_path: Path) -> None:
    path, link = tmp_path / "x.pt", tmp_path / "link.pt"
    safe_save("old", path)
    os.link(path, link)
    safe_save("new", path, if_exists="replace")
    assert (torch.load(link), torch.load(path)) == ("old", "new")


def test_special_paths_are_known_without_a_look() -> None:
    for path in ("/dev/stdout", "/dev/fd/3", "/proc/self/fd/1", "/proc/12/fd/4"):
        assert existing.is_special(Path(path))
    assert not existing.is_special(Path("/dev/shm/none/x.pt"))
