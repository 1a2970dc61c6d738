"""``latest`` finds what to resume from; ``if_full`` looks at the free space first."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import threading
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch

from flake8_saveimage.runtime import latest, safe_save, safe_save_image, space

SIZES = namedtuple("SIZES", "total used free")


@pytest.mark.parametrize("if_exists", ["backup", "unique"])
@pytest.mark.parametrize("pattern", ["{stem}_{n}{suffix}", "{stem}-{n:04d}{suffix}"])
def test_the_newest_of_a_series(if_exists: Any, pattern: str, tmp_path: Path) -> None:
    path = tmp_path / "run" / "last.pt"
    assert latest(path) is None
    for value in range(12):
        written = safe_save(value, path, if_exists=if_exists, unique_name=pattern)
        os.utime(written, ns=(10**9 * value, 10**9 * value))
    for other in ("last_x.pt", "last_1.txt", ".last.pt"):
        (path.parent / other).touch()
    assert latest(path, unique_name=pattern) == written
    assert torch.load(written) == 11


def test_files_that_were_cut_off_are_passed_over(tmp_path: Path) -> None:
    for name, save in (
        ("x.pt", lambda path: safe_save(torch.rand(1000), path)),
        ("x.png", lambda path: safe_save_image(torch.rand(3, 40, 40), path)),
        ("x.jpg", lambda path: safe_save_image(torch.rand(3, 40, 40), path)),
    ):
        path = tmp_path / name
        for _ in range(3):
            save(path)
        assert latest(path) == path
        path.write_bytes(path.read_bytes()[:-30])
        second = path.with_stem("x_2")
        assert latest(path) == second
        second.write_bytes(b"")
        assert latest(path) == path.with_stem("x_1")
        path.with_stem("x_1").unlink()
        assert latest(path) is None


def test_bytes_are_counted_once() -> None:
    weights = torch.zeros(1000)
    layer = torch.nn.Linear(10, 10)
    shared = {"a": weights, "b": [weights, weights[:3]], "m": layer, "s": layer.state_dict()}
    shared["self"] = shared
    assert space.bytes_of(shared) == 4 * (1000 + 110)
    assert space.bytes_of({"n": 3, "sparse": torch.eye(3).to_sparse()}) == 0
    assert space.bytes_of(torch.zeros(9, device="meta")) in (0, 36)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A disk whose free space the test sets; that real full disks are told is tested elsewhere."""
    state = {"free": 100}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SIZES(10**6, 0, state["free"]))
    monkeypatch.setattr(space, "_pause", 0.01)
    return state


def test_too_little_space_raises_before_anything_is_written(
    disk: dict[str, int], tmp_path: Path
) -> None:
    path = tmp_path / "new" / "x.pt"
    with pytest.raises(OSError, match="4,000 bytes are needed, 100 are free") as caught:
        safe_save(torch.zeros(1000), path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert not list(tmp_path.iterdir())
    assert safe_save(torch.zeros(1000), path, if_full=None) == path


def test_wait_waits_for_space(
    disk: dict[str, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.pt"

    def save() -> None:
        safe_save(torch.zeros(1000), path, if_full="wait")

    with caplog.at_level(logging.WARNING):
        saving = threading.Thread(target=save)
        saving.start()
        time.sleep(0.1)
        assert saving.is_alive()
        assert not path.exists()
        disk["free"] = 10**6
        saving.join(20)
    assert len(torch.load(path)) == 1000
    assert len(caplog.records) == 1
    assert "not saved yet" in caplog.text


def test_wait_tries_again_when_another_took_the_space(
    disk: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk["free"] = 10**6
    real = torch.save
    calls = []

    def full_twice(obj: object, file: Any, **options: Any) -> None:
        calls.append(obj)
        if len(calls) < 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(obj, file, **options)

    monkeypatch.setattr(torch, "save", full_twice)
    safe_save([1], tmp_path / "x.pt", if_full="wait")
    assert len(calls) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["x.pt"]
