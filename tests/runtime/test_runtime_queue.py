"""SaveQueue: snapshots, order, bounded, nothing lost, errors never silent, also after a fork."""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
import pickle
import subprocess
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from flake8_saveimage import runtime
from flake8_saveimage.runtime import SaveImageWarning, SaveQueue, SaveQueueError, safe_save_image
from flake8_saveimage.runtime.arguments import Look
from flake8_saveimage.runtime.batches import batch_of
from flake8_saveimage.runtime.pixels import picture_of

Run = Callable[..., subprocess.CompletedProcess[str]]


def level(path: Path) -> int:
    with Image.open(path) as image:
        return int(image.getpixel((0, 0))[0])  # type: ignore[index]


class SlowFile(io.BytesIO):
    """A file whose first write waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.reached = threading.Event()

    def write(self, data: Any) -> int:
        self.reached.set()
        assert self.go.wait(60)
        return super().write(data)


def test_numbers_follow_the_order_of_the_calls(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    runtime.names._next_index.clear()
    with SaveQueue(workers=4, max_pending=16) as queue:
        futures = [
            queue.save_image(
                torch.full((3, 8, 8), n, dtype=torch.uint8), tmp_path / "x.png", if_exists="unique"
            )
            for n in range(60)
        ]
    for n, future in enumerate(futures):
        assert future.result() == tmp_path / f"x_{n + 1}.png"
        assert level(future.result()) == n
    assert not list(tmp_path.glob(".*"))


def test_the_last_replace_wins(tmp_path: Path) -> None:
    with SaveQueue(workers=4) as queue:
        for n in range(40):
            payload = {"n": n, "ballast": torch.zeros(100_000 if n % 2 else 1)}
            queue.save(payload, tmp_path / "last.pt", if_exists="replace", durable=False)
    assert torch.load(tmp_path / "last.pt")["n"] == 39


class Held:
    """Cannot be pickled before it is let go."""

    go = threading.Event()

    def __deepcopy__(self, memo: object) -> Held:
        return self

    def __reduce__(self) -> tuple[type[dict[str, int]], tuple[()]]:
        assert self.go.wait(60)
        return dict, ()


def test_a_slow_save_does_not_overtake_a_later_one(tmp_path: Path) -> None:
    with SaveQueue(workers=4) as queue:
        first = queue.save({"n": 1, "held": Held()}, tmp_path / "last.pt", if_exists="replace")
        second = queue.save({"n": 2}, tmp_path / "last.pt", if_exists="replace")
        with contextlib.suppress(concurrent.futures.TimeoutError):
            second.result(timeout=0.5)
        Held.go.set()
        first.result()
    assert torch.load(tmp_path / "last.pt")["n"] == 2


def test_torch_saves_arguments_go_through_the_queue(tmp_path: Path) -> None:
    with SaveQueue() as queue:
        future = queue.save({"a": 1}, f=tmp_path / "x.pt", pickle_module=pickle)
        file = io.BytesIO()
        queue.save_image(torch.zeros(3, 4, 4), fp=file, format="png")
    assert torch.load(future.result()) == {"a": 1}
    assert file.getvalue().startswith(b"\x89PNG")
    with pytest.raises(TypeError, match=r"SaveQueue\.save_image needs a path \(or fp=\)"):
        queue.save_image(torch.zeros(3, 4, 4))
    with pytest.raises(TypeError, match=r"SaveQueue\.save needs a path \(or f=\)"):
        queue.save({})
    refused = pytest.raises(ValueError, match="queue on rank 0 only, or call safe_save")
    with SaveQueue() as queue, refused:
        queue.save({}, tmp_path / "y.pt", ranks="zero")


def test_a_picture_survives_the_transfer_as_bytes() -> None:
    """The queue sends a picture of a CUDA device in one piece; here it goes nowhere."""
    for images in (torch.rand(3, 3, 5, 7) * 3 - 1, torch.zeros(3, 4, 4, dtype=torch.uint8)):
        picture = picture_of(batch_of(images), Look())
        counted = picture.counted()
        assert counted.values is None
        arrived = counted.unpack(counted.pack())
        assert torch.equal(arrived.pixels, picture.pixels)
        if picture.extremes is None:
            assert arrived.extremes is arrived.outside is None
        else:
            assert arrived.extremes is not None
            assert arrived.outside is not None
            assert arrived.extremes.tolist() == [images.min(), images.max()]
            assert int(arrived.outside) == int(picture.count_outside()) > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.int64, torch.bool], ids=str)
@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 4, 4), (2, 3, 4, 4)], ids=str)
def test_an_image_may_change_as_soon_as_it_is_queued(
    shape: tuple[int, ...], dtype: torch.dtype, tmp_path: Path
) -> None:
    slow = SlowFile()
    with SaveQueue(workers=1) as queue:
        queue.save_image(torch.rand(3, 4, 4), slow, format="png")
        slow.reached.wait(60)
        tensor = torch.ones(shape, dtype=dtype)
        expected = level(safe_save_image(tensor, tmp_path / "expected.png", padding=0))
        future = queue.save_image(tensor, tmp_path / "x.png", padding=0)
        tensor.zero_()
        slow.go.set()
    assert level(future.result()) == expected > 0


def test_a_checkpoint_may_change_as_soon_as_it_is_queued(tmp_path: Path) -> None:
    model = torch.nn.Linear(10, 10)
    tied = {"a": model.weight, "b": model.weight, "first": model.weight[0]}
    state = {"model": model.state_dict(), "tied": tied, "list": [1, 2], "whole": model}
    before = model.weight.detach().clone()
    slow = SlowFile()
    with SaveQueue(workers=1) as queue:
        queue.save({}, slow)
        slow.reached.wait(60)
        future = queue.save(state, tmp_path / "c.pt")
        with torch.no_grad():
            model.weight.zero_()
        state["list"].append(3)  # type: ignore[attr-defined]
        slow.go.set()
    loaded = torch.load(future.result(), weights_only=False)
    assert torch.equal(loaded["model"]["weight"], before)
    assert torch.equal(loaded["whole"].weight, before)
    assert loaded["list"] == [1, 2]
    assert loaded["tied"]["a"] is loaded["tied"]["b"]
    assert isinstance(loaded["tied"]["a"], torch.nn.Parameter)
    assert loaded["tied"]["first"].data_ptr() == loaded["tied"]["a"].data_ptr()
    assert loaded["model"]._metadata == state["model"]._metadata  # type: ignore[attr-defined]


def test_no_more_than_max_pending_wait(tmp_path: Path) -> None:
    slow = SlowFile()
    with SaveQueue(workers=1, max_pending=3) as queue:
        queue.save_image(torch.rand(3, 4, 4), slow, format="png")
        for _ in range(2):
            queue.save_image(torch.rand(3, 4, 4), tmp_path / "x.png")
        entered = threading.Event()

        def fourth() -> None:
            queue.save_image(torch.rand(3, 4, 4), tmp_path / "x.png")
            entered.set()

        thread = threading.Thread(target=fourth)
        thread.start()
        assert not entered.wait(0.3), "the fourth save must wait for room"
        slow.go.set()
        assert entered.wait(60)
        thread.join()
    assert len(list(tmp_path.iterdir())) == 3


def save_ten(tmp_path: Path, *, bad: set[int], error: type[Exception] | None = None) -> None:
    with SaveQueue() as queue:
        for n in range(10):
            image = torch.full((3, 64, 64), float("nan") if n in bad else 0.5)
            queue.save_image(image, tmp_path / f"{n}.png")
        if error is not None:
            raise error


def test_errors_surface_on_exit_and_lose_nothing(tmp_path: Path) -> None:
    with pytest.raises(SaveQueueError, match="2 queued saves failed; the first: ValueError") as e:
        save_ten(tmp_path, bad={2, 5})
    assert [type(problem) for problem in e.value.errors] == [ValueError, ValueError]
    good = {f"{n}.png" for n in range(10) if n not in (2, 5)}
    assert {path.name for path in tmp_path.iterdir()} == good


def test_an_error_that_somebody_has_seen_is_not_raised_again(tmp_path: Path) -> None:
    with SaveQueue() as queue:
        nan = torch.full((3, 4, 4), float("nan"))
        future: Future[Path] = queue.save_image(nan, tmp_path / "x.png")
        with pytest.raises(ValueError, match="NaN"):
            future.result()
        other = queue.save({}, tmp_path / "no" / "x.pt", if_exists="error")
        assert other.exception() is None


def test_an_exception_in_the_block_loses_nothing_and_hides_nothing(tmp_path: Path) -> None:
    with (
        pytest.warns(SaveImageWarning, match="1 queued save failed"),
        pytest.raises(KeyError),
    ):
        save_ten(tmp_path, bad={3}, error=KeyError)
    assert len(list(tmp_path.iterdir())) == 9


def test_wrong_arguments_raise_at_once(tmp_path: Path) -> None:
    with SaveQueue() as queue:
        with pytest.raises(TypeError, match="unexpected keyword argument 'normalise'"):
            queue.save_image(torch.rand(3, 4, 4), tmp_path / "x.png", normalise=True)
        with pytest.raises(ValueError, match="nrow=0"):
            queue.save_image(torch.rand(3, 4, 4), tmp_path / "x.png", nrow=0)
        with pytest.raises(ValueError, match="channels last"):
            queue.save_image(torch.rand(8, 8, 3), tmp_path / "x.png")
        for _ in range(20):  # none of these may use up room
            with pytest.raises(ValueError, match="empty"):
                queue.save_image(torch.rand(0, 8, 3), tmp_path / "x.png")
        queue.save_image(torch.rand(3, 4, 4), tmp_path / "x.png")
    with pytest.raises(RuntimeError, match="closed"):
        queue.save_image(torch.rand(3, 4, 4), tmp_path / "x.png")
    with pytest.raises(ValueError, match="workers=0"):
        SaveQueue(workers=0)


def test_clipping_is_warned_about_at_the_call_with_its_numbers(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with SaveQueue() as queue:
            for _ in range(5):
                tensor = torch.full((3, 4, 4), 2.0)
                queue.save_image(tensor, tmp_path / "x.png")
                tensor.zero_()
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert "48 of 48 values (100 %)" in str(seen[0].message)


def test_skip_and_error_look_when_their_turn_comes(tmp_path: Path) -> None:
    with SaveQueue(workers=4) as queue:
        futures = [queue.save(n, tmp_path / "x.pt", if_exists="skip") for n in range(10)]
        late = queue.save(9, tmp_path / "x.pt", if_exists="error")
        assert isinstance(late.exception(60), FileExistsError)
    assert {future.result() for future in futures} == {tmp_path / "x.pt"}
    assert torch.load(tmp_path / "x.pt") == 0


def test_flush_waits(tmp_path: Path) -> None:
    with SaveQueue() as queue:
        for n in range(8):
            queue.save_image(torch.rand(3, 200, 200), tmp_path / f"{n}.png")
        queue.flush()
        assert len(list(tmp_path.glob("*.png"))) == 8
        queue.save({}, tmp_path / "x.pt")


def test_a_pickled_queue_is_a_new_one(tmp_path: Path) -> None:
    with SaveQueue(workers=3, max_pending=5) as queue:
        queue.save({}, tmp_path / "x.pt")
        twin = pickle.loads(pickle.dumps(queue))
        assert (twin.workers, twin.max_pending) == (3, 5)
        with twin:
            twin.save({}, tmp_path / "x.pt").result(60)
    assert len(list(tmp_path.iterdir())) == 2


def test_the_end_of_the_program_finishes_an_open_queue_and_reports(
    run_script: Run, tmp_path: Path
) -> None:
    done = run_script(
        """
        import torch
        from flake8_saveimage.runtime import SaveQueue

        queue = SaveQueue()
        for n in range(20):
            queue.save_image(torch.rand(3, 200, 200), "out/x.png")
        queue.save_image(torch.full((3, 4, 4), float("nan")), "out/nan.png")
        """,
        check=False,
    )
    assert done.returncode == 120, "what Python's own clean-up gives when it fails"
    assert len(list((tmp_path / "out").iterdir())) == 20
    assert "1 queued save failed" in done.stderr


def test_dataloader_workers_forked_and_spawned(run_script: Run, tmp_path: Path) -> None:
    run_script(
        """
        import torch
        from torch.utils.data import DataLoader, Dataset
        from flake8_saveimage.runtime import SaveQueue

        class Saving(Dataset):
            def __init__(self, queue):
                self.queue = queue

            def __len__(self):
                return 12

            def __getitem__(self, i):
                image = torch.full((3, 8, 8), i, dtype=torch.uint8)
                self.queue.save_image(image, f"{FOLDER}/x.png")
                return i

        FOLDER = "unknown"

        def start(_, folder="spawn"):
            global FOLDER
            FOLDER = folder

        if __name__ == "__main__":
            with SaveQueue() as queue:
                queue.save_image(torch.zeros(3, 8, 8), "parent/x.png").result()  # threads run
                for method in ("fork", "spawn"):
                    FOLDER = method
                    loader = DataLoader(
                        Saving(queue), num_workers=2, batch_size=3, multiprocessing_context=method,
                        worker_init_fn=start if method == "spawn" else None,
                    )
                    assert sum(len(batch) for batch in loader) == 12
        """
    )
    for method in ("fork", "spawn"):
        files = list((tmp_path / method).iterdir())
        assert sorted(level(path) for path in files) == list(range(12)), method


def test_a_forked_child_does_not_wait_for_its_parents_saves(
    tmp_path: Path, run_script: Run
) -> None:
    run_script(
        """
        import os
        import torch
        from flake8_saveimage.runtime import SaveQueue

        torch.set_num_threads(1)
        with SaveQueue(workers=1) as queue:
            for _ in range(8):
                queue.save_image(torch.rand(3, 500, 500), "parent.png")
            child = os.fork()
            if child == 0:
                with queue:
                    queue.save_image(torch.rand(3, 8, 8), "child.png")
                os._exit(0 if os.path.exists("child.png") else 1)
            assert os.waitpid(child, 0)[1] == 0
        assert len([n for n in os.listdir() if n.startswith("parent")]) == 8
        """
    )


def test_the_caller_is_free_while_the_worker_writes(tmp_path: Path) -> None:
    slow = SlowFile()
    with SaveQueue(workers=1) as queue:
        start = time.monotonic()
        future = queue.save_image(torch.rand(3, 4, 4), slow, format="png")
        assert not future.done()
        assert time.monotonic() - start < 30, "the call must not wait for the write"
        slow.go.set()
        assert future.result(60) is slow
    assert list(tmp_path.iterdir()) == []
