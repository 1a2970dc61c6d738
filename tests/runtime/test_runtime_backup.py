"""``if_exists="backup"``: the plain name is the newest file, and nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from flake8_saveimage.runtime import SaveQueue, backups, names, publishing, safe_save

Run = Callable[..., subprocess.CompletedProcess[str]]

# What each kind of file system and system offers, switched off one after the other.
WAYS = {
    "exchange": "",
    "hard links": "publishing._kernel_exchange = lambda: None",
    "exclusive rename": "publishing._kernel_exchange = lambda: None; os.link = refuse",
    "exchange without links": "os.link = refuse",
    "nothing": (
        "publishing._kernel_exchange = publishing._kernel_rename = lambda: None; os.link = refuse"
    ),
}
NAME_STAYS = ("exchange", "hard links", "exchange without links")

PROLOGUE = """
import errno, os, random, signal, sys, time
import torch
from flake8_saveimage.runtime import backups, publishing, remove_leftovers, safe_save

torch.set_num_threads(1)

def refuse(*args, **options):
    raise OSError(errno.EPERM, "no links here")

{switch}

def write(value, path, **options):
    safe_save((value, torch.full((300,), value)), path, **options)

def read(path):
    value, data = torch.load(path, weights_only=True)
    assert data.tolist() == [value] * 300, path
    return value
"""


def prologue(way: str) -> str:
    return PROLOGUE.format(switch=WAYS[way])


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Switch off in this process what the way does without."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    name = str(request.param)
    monkeypatch.setattr(backups, "_devices_without_exchange", set())
    if "link = refuse" in WAYS[name]:
        monkeypatch.setattr(os, "link", refuse)
    if "_kernel_exchange" in WAYS[name]:
        monkeypatch.setattr(publishing, "_kernel_exchange", lambda: None)
    if "_kernel_rename" in WAYS[name]:
        monkeypatch.setattr(publishing, "_kernel_rename", lambda: None)
    return name


def contents(folder: Path) -> dict[str, object]:
    return {path.name: torch.load(path) for path in folder.iterdir()}


def test_the_plain_name_is_the_newest_and_number_one_the_oldest(way: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    for value in range(4):
        assert safe_save(value, path) == path
        assert torch.load(path) == value
    assert contents(tmp_path) == {"x.pt": 3, "x_1.pt": 0, "x_2.pt": 1, "x_3.pt": 2}


def test_a_save_among_many_backups_looks_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.pt"
    for number in range(2000):
        (tmp_path / f"x_{number}.pt" if number else path).touch()
    safe_save(0, path)  # finds the number
    counts: Counter[str] = Counter()

    def count(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def counting(*args: Any) -> Any:
            counts[name] += 1
            return real(*args)

        monkeypatch.setattr(owner, name, counting)

    for owner, name in ((os.path, "lexists"), (os, "link"), (os, "scandir"), (os, "listdir")):
        count(owner, name)
    safe_save(1, path)
    assert counts["link"] == 2  # the plain name is taken, the number is free
    assert counts["lexists"] <= 1
    assert not counts["scandir"] + counts["listdir"]
    monkeypatch.undo()
    assert torch.load(tmp_path / "x_2001.pt") == 0


def test_keep_leaves_the_newest_backups(way: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    for value in range(10):
        safe_save(value, path, keep=2)
    assert contents(tmp_path) == {"x.pt": 9, "x_8.pt": 7, "x_9.pt": 8}
    names._next_index.clear()  # as a new process starts, after numbers 1 to 7 were removed
    safe_save(10, path, keep=2)
    assert contents(tmp_path) == {"x.pt": 10, "x_9.pt": 8, "x_10.pt": 9}
    safe_save(11, path)  # keeps all
    assert contents(tmp_path) == {"x.pt": 11, "x_9.pt": 8, "x_10.pt": 9, "x_11.pt": 10}


def test_keep_removes_what_earlier_runs_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    for value in range(10):
        safe_save(value, path)
    (tmp_path / "x_4.pt").unlink()
    for other in ("x_a.pt", "x_1.png", "xx_1.pt", "x_1_1.pt"):
        (tmp_path / other).touch()
    names._next_index.clear()
    safe_save(10, path, keep=3)
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {
        *("x.pt", "x_10.pt", "x_9.pt", "x_8.pt"),
        *("x_a.pt", "x_1.png", "xx_1.pt", "x_1_1.pt"),
    }


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="files without attributes")
def test_keep_removes_no_file_that_was_made_by_hand(way: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    safe_save(0, path, keep=2)
    shutil.copy(path, tmp_path / "x_1.pt")
    for value in range(1, 4):
        safe_save(value, path, keep=2)
    shutil.copy2(tmp_path / "x_4.pt", tmp_path / "x_5.pt")  # with its attributes
    (tmp_path / "x_3.pt").rename(tmp_path / "x_7.pt")
    for start_again in (True, False):
        if start_again:
            names._next_index.clear()
        for value in range(4, 8):
            safe_save(value, path, keep=1)
    found = contents(tmp_path)
    assert [found[name] for name in ("x.pt", "x_1.pt", "x_5.pt", "x_7.pt")] == [7, 0, 2, 1]
    assert len(found) == 5, "and one backup"


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="files without attributes")
def test_keep_where_files_have_no_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "setxattr", refuse)
    monkeypatch.setattr(os, "getxattr", refuse)
    for value in range(5):
        safe_save(value, tmp_path / "x.pt", keep=2)
    assert contents(tmp_path) == {"x.pt": 4, "x_3.pt": 2, "x_4.pt": 3}


def test_a_plain_file_that_was_removed_is_written_and_the_backups_stay(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    for value in range(3):
        safe_save(value, path)
    path.unlink()
    safe_save(3, path)
    safe_save(4, path)
    assert contents(tmp_path) == {"x.pt": 4, "x_1.pt": 0, "x_2.pt": 1, "x_3.pt": 3}


def test_a_backup_that_another_process_made_is_never_replaced(way: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    safe_save(0, path)
    for n in (1, 2, 3):
        (tmp_path / f"x_{n}.pt").write_bytes(b"another's")
    safe_save(1, path)
    assert torch.load(path) == 1
    moved = {entry for entry in tmp_path.iterdir() if entry.read_bytes() != b"another's"} - {path}
    assert [torch.load(entry) for entry in moved] == [0]
    assert len(list(tmp_path.iterdir())) == 5


def test_the_queue_keeps_the_order(way: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with SaveQueue(workers=4) as queue:
        futures = [queue.save(value, path) for value in range(20)]
    assert {future.result() for future in futures} == {path}
    numbered = {f"x_{value + 1}.pt": value for value in range(19)}
    assert contents(tmp_path) == {"x.pt": 19, **numbered}


def test_a_symbolic_link_stays_and_the_backup_is_beside_its_target(
    way: str, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "last.pt"
    link.symlink_to(tmp_path / "disk" / "real.pt")
    for value in range(3):
        assert safe_save(value, link) == link
    assert link.is_symlink()
    assert contents(tmp_path / "disk") == {"real.pt": 2, "real_1.pt": 0, "real_2.pt": 1}


def test_an_error_while_the_names_change_keeps_both_files(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt right after each step: whatever has a name is whole, the old file is there."""
    steps = {
        "exchange": (backups, "exchange"),
        "hard links": (Path, "replace"),
        "exclusive rename": (backups, "publish_by_rename"),
        "exchange without links": (backups, "exchange"),
        "nothing": (backups, "publish_by_rename"),
    }
    path = tmp_path / "x.pt"
    safe_save("old", path)
    owner, step = steps[way]
    real = getattr(owner, step)

    for before in (True, False):

        def interrupted(*args: object, before: bool = before) -> None:
            monkeypatch.setattr(owner, step, real)
            if not before:
                real(*args)
            raise KeyboardInterrupt

        monkeypatch.setattr(owner, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            safe_save("new", path)
        found = list(contents(tmp_path).values())
        assert found.count("old") == 1
        assert not list(tmp_path.glob(".saveimage-*"))


@pytest.mark.parametrize(
    ("processes", "saves"), [(6, 40), pytest.param(32, 200, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("way", WAYS)
def test_many_processes_lose_nothing_and_a_reader_sees_whole_files(
    way: str, processes: int, saves: int, run_script: Run, tmp_path: Path
) -> None:
    done = run_script(
        prologue(way)
        + f"""
os.mkdir("out")
write(-1, "out/x.pt")
def fork(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child

def reader():
    looks = missing = 0
    while not os.path.exists("stop"):
        looks += 1
        try:
            read("out/x.pt")
        except FileNotFoundError:
            missing += 1
    print("looks", looks, "missing", missing, flush=True)

def writer(process):
    for save in range({saves}):
        write(process * {saves} + save, "out/x.pt")

looking = fork(reader)
writing = [fork(lambda: writer(process)) for process in range({processes})]
assert all(os.waitpid(child, 0)[1] == 0 for child in writing)
open("stop", "w").close()
assert os.waitpid(looking, 0)[1] == 0
found = sorted(read(f"out/{{name}}") for name in os.listdir("out"))
assert found == list(range(-1, {processes * saves})), len(found)
"""
    )
    _, looks, _, missing = done.stdout.split()
    assert int(looks) > 10
    assert way not in NAME_STAYS or int(missing) == 0
    assert len(list((tmp_path / "out").iterdir())) == processes * saves + 1
    assert not list(tmp_path.glob("**/.saveimage-*"))


@pytest.mark.parametrize("ranks", [1, 8], ids=["32 threads", "8 processes"])
def test_threads_and_processes_with_the_default_lose_nothing(
    ranks: int, run_script: Run, tmp_path: Path
) -> None:
    """32 threads with 50 saves each; 8 processes with 4 threads and 25 saves a thread."""
    threads, saves = (32, 50) if ranks == 1 else (4, 25)
    run_script(
        prologue("exchange")
        + f"""
from concurrent.futures import ThreadPoolExecutor

def save(number):
    write(number, "out/x.pt")
    read("out/x.pt")

children = []
for process in range({ranks}):
    children.append(os.fork())
    if children[-1] == 0:
        numbers = range(process * {threads * saves}, (process + 1) * {threads * saves})
        with ThreadPoolExecutor({threads}) as pool:
            list(pool.map(save, numbers))
        os._exit(0)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
found = sorted(read(f"out/{{name}}") for name in os.listdir("out"))
assert found == list(range({ranks * threads * saves})), len(found)
"""
    )


@pytest.mark.parametrize("rounds", [10, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("way", WAYS)
def test_kill_9_loses_nothing(way: str, rounds: int, run_script: Run) -> None:
    """What a save had returned from is found once, and at most one temporary file is left."""
    done = run_script(
        prologue(way)
        + f"""
chance = random.Random(1)
saved = set()
begun = 0
hits = 0
for round in range({5 * rounds}):
    if round >= {rounds} and hits:
        break
    os.makedirs("out", exist_ok=True)
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        value = begun
        while True:
            write(value, "out/x.pt")
            os.write(tell, b"x")
            value += 1
    os.close(tell)
    os.read(told, 1)
    time.sleep(chance.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    count = 1 + len(os.read(told, 100_000))
    os.close(told)
    saved |= set(range(begun, begun + count))
    begun += count + 1  # one more may have been under way
    left = [name for name in os.listdir("out") if name.startswith(".")]
    files = [name for name in left if name.endswith(".tmp")]
    locks = [name for name in left if name.endswith(".lock")]
    assert len(files) <= 1, left
    assert len(locks) <= ({way!r} == "nothing"), left
    hits += len(files)
    assert len(remove_leftovers("out")) == len(left)
    values = [read(f"out/{{name}}") for name in os.listdir("out")]
    lost = saved - set(values)
    assert not lost, lost
    twice = {{value for value in values if values.count(value) > 1}}
    # a link that was made and not yet used is found by the next save
    assert len(twice) <= ({way!r} == "hard links"), twice
    if "x.pt" in os.listdir("out"):
        assert read("out/x.pt") in (max(saved), max(saved) + 1) or {way!r} not in {NAME_STAYS!r}
    else:
        assert {way!r} not in {NAME_STAYS!r}
print(len(values), hits)
"""
    )
    assert int(done.stdout.split()[1]) > 0, "no kill came in the middle of a save"
