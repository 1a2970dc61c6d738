"""SaveQueue under attack: order, cancelling, bounded memory, Ctrl-C, SIGTERM, no silent failure."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from flake8_saveimage.runtime import SaveQueue, SaveQueueError, safe_save_image

Run = Callable[..., subprocess.CompletedProcess[str]]


class Held:
    """Cannot be pickled before it is let go, so that its file is slow."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.reached = threading.Event()

    def __deepcopy__(self, memo: object) -> Held:
        return self

    def __reduce__(self) -> tuple[type[dict[str, int]], tuple[()]]:
        self.reached.set()
        assert self.go.wait(60)
        return dict, ()


@pytest.fixture
def held() -> Iterator[Held]:
    item = Held()
    yield item
    item.go.set()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_path_is_that_of_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "link").symlink_to("one")
    monkeypatch.chdir(tmp_path / "one")
    held = Held()
    with SaveQueue(workers=1) as queue:
        slow = queue.save(held, tmp_path / "slow.pt")
        relative = queue.save({}, "x.pt")
        linked = queue.save({}, tmp_path / "link" / "y.pt")
        os.chdir(tmp_path / "two")
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("two")
        held.go.set()
    assert relative.result() == tmp_path / "one" / "x.pt"
    assert linked.result() == tmp_path / "link" / "y.pt"
    assert slow.result() == tmp_path / "slow.pt"
    assert names(tmp_path / "one") == ["x.pt", "y.pt"]
    assert names(tmp_path / "two") == []


@pytest.mark.parametrize("spelling", ["link/x.pt", "d/../d/x.pt", "d/link.pt", "./d/x.pt"])
def test_two_spellings_of_one_file_are_written_in_order(
    spelling: str, held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "link").symlink_to("d")
    (tmp_path / "d" / "link.pt").symlink_to("x.pt")
    monkeypatch.chdir(tmp_path)
    with SaveQueue(workers=4) as queue:
        queue.save({"n": 1, "held": held}, "d/x.pt", if_exists="replace")
        second = queue.save({"n": 2}, spelling, if_exists="replace")
        assert held.reached.wait(60)
        time.sleep(0.2)
        assert not second.done()
        held.go.set()
    assert torch.load("d/x.pt")["n"] == 2


def test_saves_to_one_file_object_are_written_in_order() -> None:
    file = io.BytesIO()
    with SaveQueue(workers=4) as queue:
        for n in range(20):
            size = 400 if n % 2 == 0 else 4
            queue.save_image(torch.full((1, size, size), n / 255), file, format="png")
    file.seek(0)
    levels = []
    for part in file.getvalue().split(b"\x89PNG")[1:]:
        with Image.open(io.BytesIO(b"\x89PNG" + part)) as image:
            levels.append(image.getpixel((0, 0))[0])  # type: ignore[index]
    assert levels == list(range(20))


def test_what_is_cancelled_is_not_written_and_what_is_written_is_not_cancelled(
    held: Held, tmp_path: Path
) -> None:
    with SaveQueue(workers=1, max_pending=2) as queue:
        running = queue.save(held, tmp_path / "running.pt")
        waiting = queue.save({}, tmp_path / "waiting.pt")
        assert held.reached.wait(60)
        assert waiting.cancel()
        assert waiting.cancel()
        assert waiting.cancelled()
        assert not running.cancel()
        after = queue.save({}, tmp_path / "after.pt")  # its room is free
        held.go.set()
        with pytest.raises(CancelledError):
            waiting.result(60)
        assert not running.cancel()
    assert after.result() == tmp_path / "after.pt"
    assert names(tmp_path) == ["after.pt", "running.pt"]


def test_one_slow_path_does_not_occupy_all_workers(held: Held, tmp_path: Path) -> None:
    with SaveQueue(workers=2, max_pending=8) as queue:
        for n in range(4):
            queue.save({"n": n, "held": held}, tmp_path / "slow.pt", if_exists="replace")
        quick = queue.save({}, tmp_path / "quick.pt")
        assert quick.result(30) == tmp_path / "quick.pt"
        assert not held.go.is_set()
        held.go.set()


def test_images_of_one_name_are_encoded_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flake8_saveimage.runtime.encoding import Writer

    both, encode = threading.Barrier(2), Writer.encode

    def together(*arguments: Any) -> bytes:
        both.wait(30)  # times out if one waits for the other's file
        return encode(*arguments)

    monkeypatch.setattr(Writer, "encode", together)
    with SaveQueue(workers=2) as queue:
        for n in range(6):
            queue.save_image(torch.full((3, 8, 8), n / 255), tmp_path / "x.png")
    files = [tmp_path / name for name in ("x_1.png", "x_2.png", "x_3.png", "x_4.png", "x_5.png")]
    for n, path in enumerate([*files, tmp_path / "x.png"]):
        with Image.open(path) as image:
            assert image.getpixel((0, 0)) == (n, n, n)


def test_the_bytes_that_wait_are_bounded(held: Held, tmp_path: Path) -> None:
    large, entered = {"x": torch.zeros(250_000)}, threading.Event()
    with SaveQueue(workers=1, max_pending=8, max_pending_bytes=2_500_000) as queue:
        queue.save({"held": held, **large}, tmp_path / "a.pt")
        queue.save(large, tmp_path / "b.pt")
        queue.save({}, tmp_path / "small.pt")

        def third() -> None:
            queue.save(large, tmp_path / "c.pt")
            entered.set()

        thread = threading.Thread(target=third)
        thread.start()
        assert not entered.wait(0.3)
        held.go.set()
        assert entered.wait(60)
        thread.join()
        queue.save({"x": torch.zeros(2_000_000)}, tmp_path / "too large.pt")  # is taken alone
    assert len(names(tmp_path)) == 5
    with pytest.raises(ValueError, match="max_pending_bytes=0 must be at least 1"):
        SaveQueue(max_pending_bytes=0)


def test_flush_has_a_timeout(held: Held, tmp_path: Path) -> None:
    with SaveQueue() as queue:
        queue.save(held, tmp_path / "x.pt")
        with pytest.raises(TimeoutError, match=r"1 queued saves are not written after 0\.1 sec"):
            queue.flush(timeout=0.1)
        held.go.set()
        queue.flush(timeout=60)
        assert (tmp_path / "x.pt").exists()


def test_mean_and_std_are_read_at_the_call(held: Held, tmp_path: Path) -> None:
    image, mean, std = torch.rand(3, 8, 8), torch.tensor([0.5, 0.4, 0.3]), [0.5, 0.4, 0.3]
    expected = safe_save_image(image, tmp_path / "expected.png", mean=mean, std=std)
    with SaveQueue(workers=1) as queue:
        queue.save(held, tmp_path / "slow.pt")
        path = queue.save_image(image, tmp_path / "x.png", mean=mean, std=std)
        mean.zero_()
        std[:] = [0, 0, 0]
        held.go.set()
    assert path.result().read_bytes() == expected.read_bytes()


def test_a_closed_file_is_refused_at_the_call(tmp_path: Path) -> None:
    file = io.BytesIO()
    file.close()
    with SaveQueue() as queue:
        with pytest.raises(ValueError, match=r"SaveQueue\.save_image needs an open file"):
            queue.save_image(torch.rand(3, 4, 4), file, format="png")
        with pytest.raises(ValueError, match=r"SaveQueue\.save needs an open file"):
            queue.save({}, file)


def test_a_callback_may_save_and_flush(tmp_path: Path) -> None:
    with SaveQueue(workers=1, max_pending=1) as queue:
        done = threading.Event()

        def again(_: object) -> None:
            queue.save({}, tmp_path / "second.pt")
            done.set()

        queue.save({}, tmp_path / "first.pt").add_done_callback(again)
        assert done.wait(60)
    assert len(names(tmp_path)) == 2


def test_errors_of_all_saves_are_kept_until_they_are_raised(tmp_path: Path) -> None:
    nan = torch.full((3, 4, 4), float("nan"))
    queue = SaveQueue()
    for n in range(5):
        queue.save_image(nan, tmp_path / f"{n}.png")
    with pytest.raises(SaveQueueError) as caught:
        queue.flush()
    assert len(caught.value.errors) == 5
    queue.close()


def test_a_queue_that_was_garbage_collected_is_reported(run_script: Run) -> None:
    done = run_script(
        """
        import gc
        import torch
        from flake8_saveimage.runtime import SaveQueue

        def save():
            queue = SaveQueue()
            for n in range(3):
                queue.save_image(torch.full((3, 4, 4), float("nan")), f"nan{n}.png")
                queue.save_image(torch.rand(3, 4, 4), f"good{n}.png")

        save()
        gc.collect()
        unfinished = open("log.txt", "w")
        unfinished.write("flushed by the interpreter")
        """,
        check=False,
    )
    assert done.returncode == 120
    assert done.stderr.count("NaN") == 3
    assert "nan2.png" in done.stderr
    folder = Path(done.args[-1]).parent
    assert len(list(folder.glob("good*.png"))) == 3
    assert (folder / "log.txt").read_text() == "flushed by the interpreter"


def test_a_save_at_the_end_of_the_interpreter(run_script: Run, tmp_path: Path) -> None:
    run_script(
        """
        import atexit
        import torch
        from flake8_saveimage.runtime import SaveQueue

        queue = SaveQueue()
        atexit.register(lambda: queue.save({"n": 1}, "at exit.pt"))
        """
    )
    assert torch.load(tmp_path / "at exit.pt") == {"n": 1}


def test_forked_processes_report_their_failed_saves(run_script: Run) -> None:
    done = run_script(
        """
        import multiprocessing
        import torch
        from torch.utils.data import DataLoader, Dataset
        from flake8_saveimage.runtime import SaveQueue

        class Saving(Dataset):
            queue = SaveQueue()

            def __len__(self):
                return 4

            def __getitem__(self, i):
                self.queue.save({"i": i}, "script.py/x.pt" if i == 2 else f"{i}.pt")
                return i

        def work():
            Saving.queue.save({}, "script.py/y.pt")

        loader = DataLoader(Saving(), num_workers=1, multiprocessing_context="fork")
        try:
            for _ in loader:
                pass
            del loader, _
        except RuntimeError as problem:  # it watches the status of its workers
            print(problem)
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 1, process.exitcode
        """
    )
    assert "script.py" in done.stderr
    assert done.stderr.count("1 queued save failed") == 2
    folder = Path(done.args[-1]).parent
    assert sorted(path.name for path in folder.glob("*.pt")) == ["0.pt", "1.pt", "3.pt"]


def test_sigterm_waits_for_queued_saves(tmp_path: Path) -> None:
    done = terminated(tmp_path, "")
    assert done.returncode == -signal.SIGTERM, done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 8


def test_sigterm_reaches_the_handler_that_was_there(tmp_path: Path) -> None:
    done = terminated(
        tmp_path,
        """
        def stop(*_):
            print(len(os.listdir("out")))
            sys.exit(3)
        signal.signal(signal.SIGTERM, stop)
        """,
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout.split() == ["ready", "8"]


def terminated(folder: Path, before: str) -> subprocess.CompletedProcess[str]:
    """Run a program that queues 8 slow saves, and send SIGTERM to it."""
    code = f"""
import os, signal, sys, time
import torch
from flake8_saveimage.runtime import SaveQueue
os.mkdir("out")
{textwrap.dedent(before)}
torch.set_num_threads(1)
with SaveQueue(workers=1, drain_on_sigterm=True) as queue:
    for n in range(8):
        queue.save_image(torch.rand(3, 600, 600), f"out/{{n}}.png", compress_level=9)
    print("ready", flush=True)
    while True:
        queue.save({{}}, "out/one more.pt") if queue._running.is_draining else time.sleep(0.001)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    first = child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    try:
        out, err = child.communicate(timeout=120)
    finally:
        child.kill()
    return subprocess.CompletedProcess([], child.returncode, first + out, err)


def test_the_handler_goes_with_the_queue() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with SaveQueue(drain_on_sigterm=True):
        assert signal.getsignal(signal.SIGTERM) is not before
        with SaveQueue(drain_on_sigterm=True):
            pass
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    raised: list[BaseException] = []

    def elsewhere() -> None:
        try:
            SaveQueue(drain_on_sigterm=True)
        except ValueError as problem:
            raised.append(problem)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "main thread" in str(raised[0])


def test_ctrl_c_anywhere_in_a_call_leaves_a_working_queue(run_script: Run, tmp_path: Path) -> None:
    """Thousands of interrupts at random times; then the queue must have all its room."""
    done = run_script(
        """
        import os, random, signal, time
        import torch
        from flake8_saveimage.runtime import SaveQueue

        def interrupt(*_):
            raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)
        torch.set_num_threads(1)
        queue = SaveQueue(workers=2, max_pending=3)
        futures, interrupted = [], 0
        stop = time.monotonic() + 6
        while time.monotonic() < stop:
            try:
                signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 3e-3))
                for n in range(4):
                    futures.append(queue.save({"n": n}, f"out/{len(futures)}.pt"))
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        queue.flush(timeout=60)
        assert all(future.done() for future in futures)
        assert not queue._running._tasks, queue._running._tasks
        assert {future.result().name for future in futures} <= set(os.listdir("out"))
        print(len(futures), interrupted)
        """
    )
    saved, interrupted = map(int, done.stdout.split())
    assert min(saved, interrupted) > 50
