"""Whole files, the right mode, links and folders in the way, one process."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import io
import os
import resource
import stat
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from flake8_saveimage import runtime
from flake8_saveimage.runtime import remove_leftovers, safe_save, safe_save_image

IMAGE = torch.rand(3, 2, 2)
ENDED = 4_194_304  # above the largest process number


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_error_replace_and_skip(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.pt"
    assert safe_save(1, path, if_exists="error") == path
    with pytest.raises(FileExistsError, match="is there already") as caught:
        safe_save(2, path, if_exists="error")
    assert caught.value.filename == str(path)
    assert safe_save(3, path, if_exists="skip") == path
    assert torch.load(path) == 1
    assert safe_save(4, path, if_exists="replace") == path
    assert torch.load(path) == 4
    assert names(path.parent) == {"x.pt"}


def test_error_and_skip_do_not_even_look_at_the_image(tmp_path: Path) -> None:
    path = safe_save_image(IMAGE, tmp_path / "x.png")
    nan = IMAGE * float("nan")
    assert safe_save_image(nan, path, if_exists="skip") == path
    with pytest.raises(FileExistsError):
        safe_save_image(nan, path, if_exists="error")


def test_rank_zero_cannot_pass_on_a_file_object() -> None:
    for save in (lambda f: safe_save(1, f, ranks="zero"),
                 lambda f: safe_save_image(IMAGE, f, format="png", ranks="zero")):  # fmt: skip
        buffer = io.BytesIO()
        with pytest.raises(
            TypeError, match="needs a path; a file object is not known to the other"
        ):
            save(buffer)
        assert buffer.getvalue() == b""


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
@pytest.mark.parametrize("if_exists", ["backup", "unique", "replace"])
def test_the_mode_is_what_umask_says(mask: int, if_exists: Any, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        path = safe_save({}, tmp_path / "x.pt", if_exists=if_exists)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_durable_syncs_the_file_before_and_the_folder_after_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        synced.append((kind, (tmp_path / "x.pt").exists()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    safe_save({}, tmp_path / "x.pt", if_exists="replace")
    assert synced == [("file", False), ("folder", True)]
    synced.clear()
    safe_save({}, tmp_path / "x.pt", if_exists="replace", durable=False)
    safe_save({}, tmp_path / "y.pt")
    assert synced == []
    safe_save({}, tmp_path / "a" / "b" / "y.pt", durable=True)
    assert [kind for kind, _ in synced] == ["folder", "folder", "file", "folder"]


def test_replace_writes_through_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    real, link = tmp_path / "disk" / "real.pt", tmp_path / "last.pt"
    link.symlink_to(real)
    for value in (1, 2):  # first dangling, then not
        assert safe_save(value, link, if_exists="replace") == link
        assert link.is_symlink()
        assert torch.load(real) == value
    assert names(tmp_path / "disk") == {"real.pt"}


@pytest.mark.parametrize("dangling", [True, False])
def test_a_symbolic_link_is_a_taken_name(dangling: bool, tmp_path: Path) -> None:
    real, link = tmp_path / "real.pt", tmp_path / "x.pt"
    if not dangling:
        real.write_bytes(b"precious")
    link.symlink_to(real)
    assert safe_save({}, link, if_exists="unique").name == "x_1.pt"
    with pytest.raises(FileExistsError):
        safe_save({}, link, if_exists="error")
    assert safe_save({}, link, if_exists="skip") == link
    assert real.exists() is not dangling
    assert dangling or real.read_bytes() == b"precious"


def test_a_link_to_a_folder_on_the_way_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real", target_is_directory=True)
    assert safe_save({}, tmp_path / "out" / "x.pt") == tmp_path / "out" / "x.pt"
    assert names(tmp_path / "real") == {"x.pt"}


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "x.pt").mkdir()
    for if_exists in ("backup", "replace", "skip", "error"):
        with pytest.raises(IsADirectoryError, match=r"is a folder.*x\.pt"):
            safe_save({}, tmp_path / "x.pt", if_exists=if_exists)  # type: ignore[arg-type]
    assert safe_save({}, tmp_path / "x.pt", if_exists="unique").name == "x_1.pt"
    assert names(tmp_path) == {"x.pt", "x_1.pt"}


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"precious")
    with pytest.raises(NotADirectoryError, match="a folder of this name is needed") as caught:
        safe_save({}, tmp_path / "out" / "deep" / "x.pt")
    assert caught.value.filename == str(tmp_path / "out")
    assert caught.value.errno == errno.ENOTDIR
    assert (tmp_path / "out").read_bytes() == b"precious"


class Unpicklable:
    def __reduce__(self) -> Any:
        raise RuntimeError("cannot be pickled")


@pytest.mark.parametrize("if_exists", ["backup", "unique", "error", "replace", "skip"])
def test_an_error_in_the_middle_leaves_nothing(if_exists: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with pytest.raises(RuntimeError, match="cannot be pickled"):
        safe_save({"a": torch.rand(1000), "b": Unpicklable()}, path, if_exists=if_exists)
    assert names(tmp_path) == set()
    safe_save("old", path)
    with pytest.raises(RuntimeError, match="cannot be pickled"):
        safe_save([torch.rand(1000), Unpicklable()], path, if_exists="replace")
    assert names(tmp_path) == {"x.pt"}
    assert torch.load(path) == "old"


@pytest.mark.parametrize("step", ["open", "link", "fsync", "unlink"])
def test_an_interrupt_at_any_step_leaves_nothing(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KeyboardInterrupt right after the system call: the worst moment that Python allows."""
    owner: Any = Path if step in ("open", "unlink") else os
    real = getattr(owner, step)

    def interrupted(*args: Any, **options: Any) -> Any:
        monkeypatch.undo()
        real(*args, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        safe_save({"a": 1}, tmp_path / "x.pt", durable=True)
    assert names(tmp_path) <= {"x.pt"}
    for path in tmp_path.iterdir():
        assert torch.load(path) == {"a": 1}


def no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def refused(code: int) -> Callable[[bytes, bytes], int]:
    """A kernel's rename that a file system does not offer."""

    def rename(_old: bytes, _new: bytes) -> int:
        ctypes.set_errno(code)
        return -1

    return rename


@pytest.mark.parametrize("kernel", ["exclusive rename", "no such call", "refused"])
def test_file_systems_without_hard_links(
    kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", no_links)
    if kernel == "no such call":
        monkeypatch.setattr(runtime.publishing, "_kernel_rename", lambda: None)
    elif kernel == "refused":
        monkeypatch.setattr(runtime.publishing, "_kernel_rename", lambda: refused(errno.EINVAL))
    unique = partial(safe_save, if_exists="unique")
    written = [unique(n, tmp_path / "x.pt") for n in range(5)]
    assert [torch.load(path) for path in written] == [0, 1, 2, 3, 4]
    assert [path.name for path in written][:3] == ["x.pt", "x_1.pt", "x_2.pt"]
    assert names(tmp_path) == {path.name for path in written}
    with pytest.raises(FileExistsError):
        safe_save(9, tmp_path / "x.pt", if_exists="error")
    (tmp_path / "y_1.pt").symlink_to("nowhere")
    assert [unique(n, tmp_path / "y.pt").name for n in range(2)] == ["y.pt", "y_2.pt"]
    assert torch.load(safe_save("new", tmp_path / "x.pt", if_exists="replace")) == "new"


@pytest.mark.parametrize("if_exists", ["backup", "unique", "error", "skip"])
def test_a_link_whose_reply_was_lost_counts_as_made(
    if_exists: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS repeats the request and then finds the name taken, by the link that it made itself."""
    real = os.link

    def lost_reply(source: Any, target: Any) -> None:
        real(source, target)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    monkeypatch.setattr(os, "link", lost_reply)
    path = tmp_path / "x.pt"
    assert safe_save(1, path, if_exists=if_exists) == path
    assert names(tmp_path) == {"x.pt"}
    assert torch.load(path) == 1
    if if_exists == "backup":
        safe_save(2, path)
        assert {p.name: torch.load(p) for p in tmp_path.iterdir()} == {"x.pt": 2, "x_1.pt": 1}


def test_an_error_while_renaming_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(runtime.publishing, "_kernel_rename", lambda: refused(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as caught:
        safe_save({}, tmp_path / "x.pt")
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(tmp_path / "x.pt"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("if_exists", ["backup", "unique", "replace"])
def test_an_error_while_writing_is_the_first_one_and_names_the_file(
    if_exists: Any, tmp_path: Path
) -> None:
    """torch.save goes on after a failed write, and fails again about something else."""
    path = tmp_path / "x.pt"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="what was there before is intact") as caught:
            safe_save(torch.zeros(100_000), path, if_exists=if_exists)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("if_exists", ["backup", "unique", "error", "skip"])
def test_the_lock_of_a_killed_process_costs_nothing(
    if_exists: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(runtime.publishing, "_kernel_rename", lambda: None)
    digest = hashlib.sha256(b"x.pt").hexdigest()[:16]
    lock = tmp_path / f".saveimage-{digest}.lock"
    lock.symlink_to(f"{runtime.leftovers.HOST}-{ENDED}-7")
    assert safe_save(1, tmp_path / "x.pt", if_exists=if_exists).name == "x.pt"
    assert names(tmp_path) == {"x.pt"}


def test_the_lock_of_a_running_process_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(runtime.publishing, "_kernel_rename", lambda: None)
    digest = hashlib.sha256(b"x.pt").hexdigest()[:16]
    lock = tmp_path / f".saveimage-{digest}.lock"
    lock.symlink_to(runtime.leftovers.owner_text(os.getpid()))
    assert safe_save(1, tmp_path / "x.pt", if_exists="unique").name == "x_1.pt"
    assert lock.is_symlink()


def test_a_lock_without_links_of_any_kind_is_stale_after_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("link", "symlink"):
        monkeypatch.setattr(os, kind, no_links)
    monkeypatch.setattr(runtime.publishing, "_kernel_rename", lambda: None)
    digest = hashlib.sha256(b"x.pt").hexdigest()[:16]
    lock = tmp_path / f".saveimage-{digest}.lock"
    lock.touch()
    unique = partial(safe_save, if_exists="unique")
    assert unique(1, tmp_path / "x.pt").name == "x_1.pt"
    os.utime(lock, (1, 1))
    assert unique(2, tmp_path / "x.pt").name == "x_2.pt"  # the next number of this process
    assert safe_save(3, tmp_path / "x.pt").name == "x.pt"
    assert names(tmp_path) == {"x.pt", "x_1.pt", "x_2.pt"}


def test_an_error_that_torch_swallows_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python only prints what is raised inside a destructor; a part of a file must not appear."""

    class Interrupted(io.BufferedWriter):
        def write(self, data: Any) -> int:
            raise KeyboardInterrupt

    def save(_: object, handle: Any, **options: Any) -> None:
        handle._handle = Interrupted(handle._handle.raw)
        with contextlib.suppress(KeyboardInterrupt):
            handle.write(b"part")

    safe_save("old", tmp_path / "x.pt")
    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(KeyboardInterrupt):
        safe_save("new", tmp_path / "x.pt")
    assert names(tmp_path) == {"x.pt"}
    assert torch.load(tmp_path / "x.pt") == "old"


def test_a_lock_with_unreadable_content_is_nobodys(tmp_path: Path) -> None:
    lock = tmp_path / f".saveimage-{'0' * 16}.lock"
    lock.write_bytes(b"\xff\xfe 12")
    assert remove_leftovers(tmp_path) == []
    assert remove_leftovers(tmp_path, older_than=-1) == [lock]


def test_leftovers_of_another_users_process_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    start = runtime.leftovers.state_and_start(os.getpid())[1]
    owner = f"{runtime.leftovers.HOST}-{os.getpid()}-{start}"
    (tmp_path / f".saveimage-{owner}-0123abcd.tmp").touch()
    assert remove_leftovers(tmp_path) == []


def test_leftovers_of_ended_processes_are_removed_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    start = runtime.leftovers.state_and_start(os.getpid())[1]
    ended = tmp_path / f".saveimage-{runtime.leftovers.HOST}-{ENDED}-7-0123abcd.tmp"
    deep = tmp_path / "sub" / ended.name
    running = tmp_path / f".saveimage-{runtime.leftovers.HOST}-{os.getpid()}-{start}-0123abcd.tmp"
    later = tmp_path / f".saveimage-{runtime.leftovers.HOST}-{os.getpid()}-7-0123abcd.tmp"
    elsewhere = tmp_path / ".saveimage-00000000-4194304-7-0123abcd.tmp"
    stale = tmp_path / ".saveimage-00000000-4194305-7-0123abcd.tmp"
    users = [tmp_path / ".saveimage-notes.tmp", tmp_path / "x.png"]
    for path in (ended, deep, running, later, elsewhere, stale, *users):
        path.touch()
    os.utime(stale, (time.time() - 100_000,) * 2)
    # the number of `later` was given to a new process, this one
    assert remove_leftovers(tmp_path) == sorted([ended, later, stale])
    assert remove_leftovers(tmp_path, recursive=True) == [deep]
    assert remove_leftovers(tmp_path, older_than=-1) == [elsewhere]
    assert names(tmp_path) == {"sub", running.name, *(path.name for path in users)}
    with pytest.raises(NotADirectoryError, match="needs a folder"):
        remove_leftovers(tmp_path / "x.png")
