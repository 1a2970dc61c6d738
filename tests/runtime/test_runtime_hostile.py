"""Links, pipes and files that somebody planted: nothing of ours follows or waits for them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from flake8_saveimage import runtime
from flake8_saveimage.guard.events import read
from flake8_saveimage.guard.journal import Journal, make_folder
from flake8_saveimage.runtime import SaveQueue, remove_leftovers, safe_save, safe_save_image

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")

IMAGE = torch.rand(3, 2, 2)
ENDED = 4_194_304  # above the largest process number
NAME = f".saveimage-{runtime.leftovers.HOST}-{ENDED}-7-0123abcd.tmp"

SAVES = """
    import json, os, sys, torch
    from flake8_saveimage.runtime import SaveQueue, safe_save, safe_save_image

    opened = []
    watching = True

    def watch(event, arguments):
        if event == "open" and watching and isinstance(arguments[0], (str, bytes)):
            path, mode, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                opened.append([os.path.basename(os.fsdecode(path)), flags])

    safe_save_image(torch.rand(3, 2, 2), "warm/up.png")  # what torch and Pillow write on their own
    sys.addaudithook(watch)
    for if_exists in ("backup", "unique", "error", "replace", "skip"):
        for _ in range(2 if if_exists in ("backup", "unique", "replace") else 1):
            safe_save_image(torch.rand(3, 2, 2), f"new/{if_exists}.png", if_exists=if_exists)
            safe_save({"a": torch.rand(3)}, f"new/{if_exists}.pt", if_exists=if_exists)
    with SaveQueue() as queue:
        queue.save({"a": 1}, "new/queue.pt")
        queue.save_image(torch.rand(3, 2, 2), "new/queue.png")
    watching = False
    print(json.dumps(opened))
"""


def test_every_file_is_made_anew_under_a_name_nobody_can_guess(run_script: Any) -> None:
    """What Python itself reports of each open: exclusive, and 32 random bits in the name."""
    opened = json.loads(run_script(SAVES).stdout)
    assert len(opened) == 18
    for name, flags in opened:
        assert re.fullmatch(
            rf"\.saveimage-{runtime.leftovers.HOST}-\d+-\d+-[0-9a-f]{{8}}\.tmp", name
        )
        assert flags & os.O_EXCL
        assert flags & os.O_CREAT
    assert len({name for name, _ in opened}) == len(opened)


@pytest.mark.parametrize("if_exists", ["backup", "unique", "error", "replace", "skip"])
def test_a_link_at_the_temporary_name_is_not_followed(
    if_exists: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr(os, "urandom", lambda count: bytes(count))
    planted = runtime.leftovers.temporary_path(tmp_path)
    for target in (victim, tmp_path / "gone"):
        for save, value, name in ((safe_save, 1, "x.pt"), (safe_save_image, IMAGE, "x.png")):
            planted.symlink_to(target)
            with pytest.raises(FileExistsError):
                save(value, tmp_path / name, if_exists=if_exists)  # type: ignore[arg-type]
            planted.unlink(missing_ok=True)
    assert victim.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["victim"]


@pytest.mark.parametrize("if_exists", ["unique", "error", "skip"])
def test_a_dangling_link_at_the_target_creates_nothing_behind_it(
    if_exists: Any, tmp_path: Path
) -> None:
    (tmp_path / "x.pt").symlink_to(tmp_path / "behind")
    if if_exists == "error":
        with pytest.raises(FileExistsError, match="is there already"):
            safe_save(1, tmp_path / "x.pt", if_exists=if_exists)
    else:
        written = safe_save(1, tmp_path / "x.pt", if_exists=if_exists)
        assert written.name == ("x_1.pt" if if_exists == "unique" else "x.pt")
    with SaveQueue() as queue:
        queue.save(1, tmp_path / "x.pt", if_exists="unique")
    assert (tmp_path / "x.pt").is_symlink()
    assert not (tmp_path / "behind").exists()


@pytest.mark.parametrize("if_exists", ["backup", "replace"])
def test_a_link_that_changes_during_the_save_decides_nothing(
    if_exists: Any, tmp_path: Path
) -> None:
    """A link that is exchanged during the save decides nothing: it was resolved before."""
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    second.write_text("precious")
    link = tmp_path / "x.pt"
    link.symlink_to(first)

    class Exchanging:
        def __reduce__(self) -> tuple[Any, ...]:
            link.unlink()
            link.symlink_to(second)
            return int, ()

    safe_save(Exchanging(), link, if_exists=if_exists)
    assert second.read_text() == "precious"
    assert torch.load(first, weights_only=False) == 0


def test_a_link_at_the_lock_counts_as_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **keywords: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(runtime.publishing, "_kernel_rename", lambda: None)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    digest = hashlib.sha256(b"x.pt").hexdigest()[:16]
    (tmp_path / f".saveimage-{digest}.lock").symlink_to(victim)
    assert safe_save(1, tmp_path / "x.pt", if_exists="unique").name == "x_1.pt"
    assert victim.read_text() == "precious"


def test_leftovers_are_files_not_links_folders_or_pipes(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / NAME).touch()
    (folder / "linked").symlink_to(outside, target_is_directory=True)
    (folder / NAME).symlink_to(outside / NAME)
    (folder / NAME.replace("0123", "0124")).mkdir()
    os.mkfifo(folder / NAME.replace("0123", "0125"))
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(folder / ".saveimage-0123456789abcdef.lock")
    (folder / ".saveimage-0123456789abcde0.lock").symlink_to(tmp_path / "pipe")
    (folder / ".saveimage-0123456789abcde1.lock").symlink_to("/dev/zero")
    mine = folder / NAME.replace("0123", "0126")
    mine.touch()
    before = set(folder.iterdir())
    assert remove_leftovers(folder, recursive=True, older_than=-1) == [mine]
    assert set(folder.iterdir()) == before - {mine}
    assert (outside / NAME).exists()
    # the folder itself may be given by a link: that is the caller's word
    assert remove_leftovers(folder / "linked") == [folder / "linked" / NAME]


def test_a_lock_that_is_a_pipe_or_a_link_is_not_waited_for_and_stays(tmp_path: Path) -> None:
    lock = tmp_path / ".saveimage-0123456789abcdef.lock"
    os.mkfifo(lock)
    assert not runtime.leftovers.remove_left_over(lock, -1)
    lock.unlink()
    lock.symlink_to("/dev/zero")
    assert not runtime.leftovers.remove_left_over(lock, -1)
    assert lock.is_symlink()


# -- the guard -----------------------------------------------------------------------------------


def test_the_guard_takes_no_link_and_no_folder_of_others_for_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = make_folder("launch")
    assert folder.stat().st_mode & 0o077 == 0
    assert make_folder("launch") == folder  # the other ranks
    folder.rmdir()
    (tmp_path / "own").mkdir()
    folder.symlink_to(tmp_path / "own", target_is_directory=True)
    with pytest.raises(PermissionError, match="belongs to somebody else; pass --run-dir"):
        make_folder("launch")
    folder.unlink()
    if os.geteuid() == 0:
        folder.mkdir()
        os.chown(folder, 12345, 12345)
        with pytest.raises(PermissionError, match="belongs to somebody else"):
            make_folder("launch")
    assert list((tmp_path / "own").iterdir()) == []


def test_the_journal_writes_into_no_file_that_is_there(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    first = Journal(tmp_path)
    first.append({"pid": first.pid})
    (logged,) = tmp_path.glob("*.log")
    content = logged.read_bytes()
    planted = Path(str(logged).replace("000000", "000001"))
    planted.symlink_to(victim)
    again = Journal(tmp_path)  # as a container with the same host name and process number
    again.append(["save", 0, "x.pt", "torch.save", "a.py:1", 1, 0])
    assert victim.read_text() == "precious"
    assert logged.read_bytes() == content
    planted.unlink()
    log = read(tmp_path)
    assert [save.path for save in log.events] == ["x.pt"]
    assert log.failure is None


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes")
def test_the_report_of_the_guard_prints_no_name_raw(run_script: Any, tmp_path: Path) -> None:
    code = """
        import torch, torchvision
        for _ in range(2):
            torch.save(1, "new\\nline\\x1b[31m.pt")
            name = b"\\xff.png".decode("utf-8", "surrogateescape")  # torch 2.0 cannot save to it
            torchvision.utils.save_image(torch.zeros(3, 4, 4), name)
    """
    error = run_script(code, "-m", "flake8_saveimage.guard").stderr
    assert "2 files overwritten within this run" in error
    assert "new\\nline\\x1b[31m.pt: saved 2 times" in error
    assert all(c.isprintable() or c == "\n" for c in error)
