"""What a queued object looks like in the file: as torch.save would have written it at the call."""

from __future__ import annotations

import copy
import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from flake8_saveimage.runtime import SaveQueue, safe_save
from flake8_saveimage.runtime.buffers import BufferPool


def queued(obj: object, folder: Path, **options: Any) -> Any:
    with SaveQueue() as queue:
        path = queue.save(obj, folder / "x.pt", **options)
    return torch.load(path.result(), weights_only=False)


@pytest.mark.parametrize(
    "view",
    [
        lambda x: torch.fft.fft(x).conj(),
        lambda x: torch.complex(x, 2 * x).conj().imag,
        lambda x: torch.complex(x, x).conj()[2:],
    ],
    ids=["conjugated", "negated", "view"],
)
def test_lazily_conjugated_and_negated_tensors(
    view: Callable[[torch.Tensor], torch.Tensor], tmp_path: Path
) -> None:
    tensor = view(torch.arange(1.0, 9.0))
    assert tensor.is_conj() or tensor.is_neg()
    assert torch.equal(queued({"x": tensor}, tmp_path)["x"].resolve_conj(), tensor.resolve_conj())


def test_an_optimizer_still_has_the_models_parameters(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 8))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(3, 4)).sum().backward()
    optimizer.step()
    loaded = queued({"m": model, "o": optimizer}, tmp_path)
    group = loaded["o"].param_groups[0]["params"]
    assert [id(p) for p in group] == [id(p) for p in loaded["m"].parameters()]
    assert len(loaded["o"].state) == len(group)
    assert all(p in loaded["o"].state for p in group)


def test_tied_modules_and_state_dicts_share_their_memory(tmp_path: Path) -> None:
    model = torch.nn.Linear(1000, 1000)
    both = {"model": model, "state": model.state_dict(), "tied": [torch.nn.Linear(2, 2), model]}
    loaded = queued(both, tmp_path)
    assert loaded["tied"][1] is loaded["model"]
    assert loaded["state"]["weight"].data_ptr() == loaded["model"].weight.data_ptr()
    assert (tmp_path / "x.pt").stat().st_size < 4_100_000
    first, second = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)
    second.weight = first.weight
    loaded = queued({"a": first, "b": second}, tmp_path)
    assert loaded["a"].weight is loaded["b"].weight


@pytest.mark.parametrize("compact", [False, True])
def test_attributes_of_parameters_stay(compact: bool, tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.rand(1000, 1000)[0])
    weight.tensor_model_parallel = True  # type: ignore[attr-defined]
    model = torch.nn.Linear(2, 2)
    model.bias.of = model.weight  # type: ignore[attr-defined]
    obj = {"w": weight, "model": model}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn_explicit", lambda *_: None)
        loaded = queued(obj, tmp_path, compact=compact)
    assert loaded["w"].tensor_model_parallel is True
    assert torch.equal(loaded["w"], weight)
    assert loaded["model"].bias.of is loaded["model"].weight
    if compact:
        loaded = torch.load(safe_save(obj, tmp_path / "y.pt", compact=True), weights_only=False)
        assert loaded["w"].tensor_model_parallel is True


class Span(tuple):  # type: ignore[type-arg]
    """A tuple with a constructor of its own, as geometry libraries have them."""

    note: str

    def __new__(cls, low: torch.Tensor, high: torch.Tensor) -> Span:
        return super().__new__(cls, (low, high))

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


@pytest.mark.parametrize("compact", [False, True])
def test_tuples_with_their_own_constructor(compact: bool, tmp_path: Path) -> None:
    span = Span(torch.rand(1000, 1000)[0], torch.zeros(2))
    span.note = "kept"
    loaded = queued([span, torch.zeros(2, 3).max(dim=1)], tmp_path, compact=compact)
    assert type(loaded[0]) is Span
    assert loaded[0].note == "kept"
    assert torch.equal(loaded[0][0], span[0])
    assert type(loaded[1]) is torch.return_types.max


class Marked(torch.Tensor):
    """A subclass, with an attribute."""


def test_quantized_sparse_meta_and_subclasses(tmp_path: Path) -> None:
    marked = torch.rand(3).as_subclass(Marked)
    marked.note = "kept"  # type: ignore[attr-defined]
    obj = {
        "quantized": torch.quantize_per_tensor(torch.rand(4), 0.1, 3, torch.quint8),
        "sparse": torch.eye(3).to_sparse(),
        "meta": torch.empty(3, device="meta"),
        "marked": marked,
        "view": marked.as_subclass(torch.Tensor)[1:],
        "lazy": torch.nn.LazyLinear(3),
        "none": torch.empty(0),
    }
    loaded = queued(obj, tmp_path)
    assert torch.equal(loaded["quantized"].dequantize(), obj["quantized"].dequantize())  # type: ignore[attr-defined]
    assert torch.equal(loaded["sparse"].to_dense(), torch.eye(3))
    assert loaded["meta"].is_meta
    assert type(loaded["marked"]) is Marked
    assert loaded["marked"].note == "kept"
    assert torch.equal(loaded["view"], marked[1:])


class Weighted:
    """An object that torch can copy only because its tensor is copied before."""

    def __init__(self) -> None:
        self.leaf = torch.rand(3, requires_grad=True)
        self.weight = self.leaf * 2


def test_results_with_a_gradient_inside_an_object(tmp_path: Path) -> None:
    obj = Weighted()
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(obj)
    loaded = queued(obj, tmp_path)
    assert torch.equal(loaded.weight, obj.weight)
    assert loaded.weight.requires_grad


def large_tensors() -> int:
    gc.collect()
    found = (item for item in gc.get_objects() if type(item) is torch.Tensor)
    dense = (item for item in found if item.layout is torch.strided and not item.is_meta)
    return sum(1 for item in dense if item.untyped_storage().nbytes() > 1_000_000)


@pytest.mark.parametrize("pending", [1, 3])
def test_failed_saves_keep_no_snapshot(pending: int, tmp_path: Path) -> None:
    before = large_tensors()
    queue = SaveQueue(max_pending=pending)
    nan = torch.full((3, 512, 512), float("nan"))
    futures = [queue.save_image(nan, tmp_path / f"{n}.png") for n in range(8)]
    (tmp_path / "taken").touch()
    state = {"x": torch.zeros(1_000_000), "y": torch.zeros(10)}
    futures += [queue.save(state, tmp_path / "taken" / "x.pt") for _ in range(8)]
    for future in futures:
        assert isinstance(future.exception(60), (ValueError, OSError))
    del nan, state
    # what is kept for the next save, at most as much as was pending at one time
    assert large_tensors() - before <= pending
    queue.close()
    assert large_tensors() == before


def test_snapshots_use_the_same_memory_again(tmp_path: Path) -> None:
    image = torch.rand(3, 256, 256)
    state = {"w": torch.rand(300, 300), "small": torch.rand(10)}
    with SaveQueue(max_pending=1) as queue:
        kept = set()
        for _ in range(3):
            queue.save(state, tmp_path / "x.pt", if_exists="replace", durable=False).result()
            queue.flush()
            kept.add(tuple(b.data_ptr() for buffers in queue._pool._free.values() for b in buffers))
            state["w"].add_(1)
        assert len(kept) == 1
        assert len(kept.pop()) == 1, "the small one is left to the allocator"
        queue.save_image(image, tmp_path / "x.png")
        queue.flush()
        sizes = [size for (size, _), buffers in queue._pool._free.items() for _ in buffers]
        assert sum(sizes) <= image.numel() * 4, "never more than was pending at one time"
    assert torch.equal(torch.load(tmp_path / "x.pt")["w"], state["w"] - 1)
    assert not queue._pool._free


def test_a_pool_gives_each_buffer_to_one() -> None:
    pool = BufferPool()
    first = pool.take(100_000)
    pool.give(first, False)
    assert pool.take(100_000) is first
    assert pool.take(100_000) is not first
    assert pool.take(100_001) is not first
    pool.give(first, False)
    pool.trim(99_999)
    assert pool.take(100_000) is not first


def test_kept_buffers_never_mix_two_saves(tmp_path: Path) -> None:
    """Many saves of one size from several threads: each file has its own content."""
    with SaveQueue(workers=3, max_pending=4) as queue:

        def save(thread: int) -> None:
            tensor = torch.empty(30_000)
            for n in range(15):
                value = 100 * thread + n
                queue.save({"x": tensor.fill_(value)}, tmp_path / f"{value}.pt")

        threads = [threading.Thread(target=save, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    paths = list(tmp_path.iterdir())
    assert len(paths) == 60
    for path in paths:
        assert (torch.load(path)["x"] == float(path.stem)).all()
