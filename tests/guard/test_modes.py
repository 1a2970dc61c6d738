"""``with guard():`` in this process, and what ``raise`` and ``backup`` do at once."""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import os
import pickle
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import pytest

torch = pytest.importorskip("torch")
torchvision_utils = pytest.importorskip("torchvision.utils")

from torch import save as held_before  # noqa: E402

from flake8_saveimage.guard import OverwriteError, guard  # noqa: E402
from flake8_saveimage.guard.claims import Claim, Claims  # noqa: E402
from flake8_saveimage.guard.watch import Watch  # noqa: E402

pytestmark = pytest.mark.torch

save_image = torchvision_utils.save_image


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _codes() -> list[object]:
    inner = inspect.unwrap(save_image)
    return [torch.save, torch.save.__code__, save_image, inner, inner.__code__, len(sys.meta_path)]


def test_everything_is_restored_exactly() -> None:
    before, spawn = _codes(), __import__("multiprocessing.spawn").spawn.get_preparation_data
    with guard(output=None):
        assert torch.save.__code__ is not before[1]
    assert _codes() == before
    with pytest.raises(ZeroDivisionError), guard(output=None):
        raise ZeroDivisionError
    assert _codes() == before
    assert __import__("multiprocessing.spawn").spawn.get_preparation_data is spawn


def test_the_functions_stay_what_they_are() -> None:
    functions = (torch.save, save_image)
    signatures = [inspect.signature(function) for function in functions]
    attributes = [dict(vars(function)) for function in functions]
    with guard(output=None):
        assert [inspect.signature(function) for function in functions] == signatures
        assert pickle.loads(pickle.dumps(torch.save)) is torch.save is held_before
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'f'"):
            torch.save(1)
    assert [vars(function) for function in functions] == attributes


def test_references_from_before_are_watched() -> None:
    partial = functools.partial(held_before, 1)
    with guard(output=None) as watched:
        partial("x.pt")
        held_before(1, "x.pt")  # noqa: SVI104
        save_image(torch.rand(3, 4, 4), "x.png")
    assert watched.report is not None
    assert watched.report.saves == 3
    (file,) = watched.report.overwritten
    assert file.path == os.path.realpath("x.pt")
    assert {writes.site.rpartition(":")[0] for writes in file.writes} == {__file__}
    partial("x.pt")
    assert watched.report.saves == 3


def test_quiet_unless_there_is_something_to_say() -> None:
    output = io.StringIO()
    with guard(output=output):
        torch.save(1, "a.pt")
    assert output.getvalue() == ""
    with guard(output=output):
        torch.save(1, "a.pt")
    assert "1 file from before this run overwritten" in output.getvalue()


def test_guards_nest() -> None:
    with guard(output=None) as outer:
        torch.save(1, "x.pt")
        with guard(output=None) as inner:
            torch.save(1, "x.pt")
        torch.save(1, "x.pt")
    assert inner.report is not None
    assert outer.report is not None
    assert (inner.report.saves, outer.report.saves) == (1, 3)
    assert outer.report.overwritten[0].lost == 2


def test_results_and_files_are_those_of_the_function(tmp_path: Path) -> None:
    image = torch.rand(4, 3, 16, 16)
    kept = image.clone()
    save_image(image, "plain.png", nrow=2, padding=1, pad_value=0.5)
    with guard(output=None):
        assert save_image(image, "guarded.png", nrow=2, padding=1, pad_value=0.5) is None
    assert Path("plain.png").read_bytes() == Path("guarded.png").read_bytes()
    assert torch.equal(image, kept)


def test_raise_comes_before_the_loss() -> None:
    with guard(on_overwrite="raise", output=None) as watched:
        torch.save("first", "x.pt")
        with pytest.raises(OverwriteError, match=r"already saved .*test_modes.py") as caught:
            torch.save("second", "x.pt")
        assert caught.value.filename == os.path.realpath("x.pt")
        assert torch.load("x.pt") == "first"
        Path("x.pt").unlink()
        torch.save("third", "x.pt")
        for _ in range(2):
            torch.save(1, "best.pt")
            torch.save(1, io.BytesIO())
    assert watched.report is not None
    assert watched.report.problems == 0


def test_raise_leaves_files_from_before_the_run_to_the_script() -> None:
    torch.save("old", "x.pt")
    with guard(on_overwrite="raise", output=None) as watched:
        torch.save("new", "x.pt")
    assert watched.report is not None
    assert len(watched.report.before) == 1


def test_backup_keeps_each_file_and_the_name_holds_the_newest() -> None:
    Path("fake_1.png").write_bytes(b"somebody else's")
    with guard(on_overwrite="backup", output=None) as watched:
        for level in range(3):
            save_image(torch.full((3, 4, 4), level / 2), fp=Path("fake.png"))
            torch.save(level, "model.pth.tar")
    names = {path.name for path in Path().iterdir()}
    assert names == {
        *("fake.png", "fake_1.png", "fake_2.png", "fake_3.png"),
        *("model.pth.tar", "model_1.pth.tar", "model_2.pth.tar"),
    }
    assert Path("fake_1.png").read_bytes() == b"somebody else's"
    assert [torch.load(f"model{end}.pth.tar") for end in ("_1", "_2", "")] == [0, 1, 2]
    assert watched.report is not None
    assert (watched.report.problems, len(watched.report.moved)) == (0, 4)


def test_unique_is_the_old_name_of_backup() -> None:
    with pytest.warns(DeprecationWarning, match="now called 'backup'"):
        old = guard(on_overwrite="unique", output=None)  # type: ignore[arg-type]
    with old:
        for number in range(2):
            torch.save(number, "x.pt")
    assert (torch.load("x_1.pt"), torch.load("x.pt")) == (0, 1)


def test_backup_follows_a_link_that_is_pointed_elsewhere() -> None:
    Path("run1").mkdir()
    Path("run2").mkdir()
    Path("newest").symlink_to("run1")
    with guard(on_overwrite="backup", output=None):
        for name in ("run1", "run2"):
            Path("newest").unlink()
            Path("newest").symlink_to(name)
            for number in range(2):
                torch.save((name, number), "newest/x.pt")
    files = {str(path): torch.load(path) for path in sorted(Path().glob("run*/*"))}
    assert files == {
        "run1/x.pt": ("run1", 1),
        "run1/x_1.pt": ("run1", 0),
        "run2/x.pt": ("run2", 1),
        "run2/x_1.pt": ("run2", 0),
    }


def test_backup_moves_nothing_when_the_save_fails_before_it_opens_the_file() -> None:
    with guard(on_overwrite="backup", output=None):
        torch.save(1, "x.png")
        with pytest.raises(RuntimeError):
            save_image(torch.zeros(3, 4, 4, dtype=torch.uint8), "x.png")
    assert [path.name for path in Path().iterdir()] == ["x.png"]


def test_backup_of_a_numbered_name_and_of_many() -> None:
    with guard(on_overwrite="backup", output=None):
        for number in range(40):
            Path("v1.5").write_bytes(bytes([number]))
    assert [Path(f"v1.5_{n}").read_bytes()[0] for n in range(1, 40)] == list(range(39))
    assert Path("v1.5").read_bytes() == bytes([39])


@pytest.mark.parametrize("mode", ["raise", "backup"])
def test_other_writers_are_protected_too(mode: Literal["raise", "backup"]) -> None:
    import numpy as np

    def atomic(number: int) -> None:
        Path("new.tmp").write_bytes(bytes([number]))
        Path("new.tmp").replace("model.bin")

    writes = [
        lambda number: np.save("x.npy", np.array(number)),
        lambda number: Path("x.bin").write_bytes(bytes([number])),
        atomic,
    ]
    with guard(on_overwrite=mode, output=None) as watched:
        for write in writes:
            write(0)
            with pytest.raises(OverwriteError) if mode == "raise" else contextlib.nullcontext():
                write(1)
    kept = [np.load("x.npy"), Path("x.bin").read_bytes()[0], Path("model.bin").read_bytes()[0]]
    assert kept == ([0] * 3 if mode == "raise" else [1] * 3)
    if mode == "backup":
        kept = [np.load("x_1.npy"), Path("x_1.bin").read_bytes()[0]]
        assert [*kept, Path("model_1.bin").read_bytes()[0]] == [0] * 3
    assert watched.report is not None
    assert watched.report.problems == 0


def test_allowed_files_and_text_are_not_protected() -> None:
    with guard(on_overwrite="raise", allow=["preview*.png", "out/*/x.bin"], output=None) as watched:
        Path("out/a").mkdir(parents=True)
        for _ in range(2):
            Path("preview_3.png").write_bytes(b"x")
            Path("out/a/x.bin").write_bytes(b"x")
            Path("metrics.json").write_text("{}")
        Path("x.bin").write_bytes(b"x")
        with pytest.raises(OverwriteError):
            Path("x.bin").write_bytes(b"x")
    assert watched.report is not None
    assert watched.report.problems == 0
    assert {Path(file.path).name for file in watched.report.rolling} == {"preview_3.png", "x.bin"}
    assert watched.report.other == {"text": 1}


@contextlib.contextmanager
def overtaken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a thread save ``x.pt`` while the next save has looked at the path and not yet begun."""
    save = Watch._save
    threads: list[threading.Thread] = []

    def slow(*args: Any) -> None:
        if not threads:
            threads.append(threading.Thread(target=torch.save, args=("other", "x.pt")))
            threads[0].start()
            threads[0].join()
        save(*args)

    monkeypatch.setattr(Watch, "_save", slow)
    yield
    assert threads


def test_a_save_overtaken_by_another_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with guard(output=None) as watched, overtaken(monkeypatch):
        torch.save("one", "x.pt")
    assert watched.report is not None
    assert [file.lost for file in watched.report.overwritten] == [1]


def test_a_save_overtaken_by_another_gets_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with guard(on_overwrite="backup", output=None), overtaken(monkeypatch):
        torch.save("one", "x.pt")
    assert sorted(torch.load(path) for path in Path().iterdir()) == ["one", "other"]


def test_a_save_overtaken_by_another_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = pytest.raises(OverwriteError)
    with guard(on_overwrite="raise", output=None), overtaken(monkeypatch), refused:
        torch.save("one", "x.pt")
    assert torch.load("x.pt") == "other"


@pytest.mark.parametrize("mode", ["raise", "backup"])
def test_files_that_are_moved_away_leave_their_name(mode: Literal["raise", "backup"]) -> None:
    with guard(on_overwrite=mode, output=None) as watched:
        for number in range(5):
            torch.save(number, "new.pt")
            Path("new.pt").rename(f"{number}.pt")
    assert sorted(torch.load(path) for path in Path().iterdir()) == list(range(5))
    assert watched.report is not None
    assert watched.report.problems == 0


def test_only_one_takes_a_path_over(tmp_path: Path) -> None:
    newest = None
    for number in range(20):
        claims = [Claims(tmp_path) for _ in range(4)]
        barrier = threading.Barrier(len(claims))
        with ThreadPoolExecutor(len(claims)) as pool:

            def take(own: Claims, barrier: threading.Barrier, after: Claim | None) -> bool:
                barrier.wait()
                return own.take("x.pt", "train.py:1", after)

            taken = list(pool.map(take, claims, [barrier] * 4, [newest] * 4))
        assert taken.count(True) == 1
        newest = claims[0].newest("x.pt")
        assert newest is not None
        assert (newest.pid, newest.number, newest.site) == (os.getpid(), number, "train.py:1")
    assert len(list((tmp_path / "claims").iterdir())) == 1


def test_backup_among_threads() -> None:
    with guard(on_overwrite="backup", output=None) as watched:
        threads = [threading.Thread(target=torch.save, args=(n, "x.pt")) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(torch.load(path) for path in Path().glob("x*.pt")) == list(range(16))
    assert watched.report is not None
    assert watched.report.problems == 0


def test_a_guard_that_cannot_write_its_log_lets_the_script_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    with guard(output=None) as watched:
        shutil.rmtree(watched._folder)
        torch.save(1, "x.pt")
        torch.save(2, "x.pt")
    assert torch.load("x.pt") == 2
    assert capsys.readouterr().err.count("cannot keep its log") == 1


def test_wrong_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="'report', 'raise' or 'backup', not 'never'"):
        guard(on_overwrite="never")  # type: ignore[arg-type]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_values_on_the_gpu_are_judged_there() -> None:
    image = torch.rand(4, 3, 64, 64, device="cuda")
    with guard(output=None) as watched:
        save_image(image, "good.png")
        save_image(image * 2 - 1, "bad.png")
    assert watched.report is not None
    (bad,) = watched.report.images
    assert 0.4 < bad.pixels.clipped < 0.6
