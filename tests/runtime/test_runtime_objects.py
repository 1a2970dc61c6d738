"""safe_save beside torch.save: what is in the file, and views of large storages."""

from __future__ import annotations

import inspect
import io
import pickle
import subprocess
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from flake8_saveimage.runtime import SaveImageWarning, safe_save

Point = namedtuple("Point", "x y")


def test_a_training_state_comes_back(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(3, 4)).sum().backward()
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    loaded = torch.load(safe_save(state, tmp_path / "c.pt"))
    assert loaded["epoch"] == 3
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded["model"][name], tensor)
    torch.optim.Adam(model.parameters()).load_state_dict(loaded["optimizer"])


def test_the_bytes_are_those_of_torch_save(tmp_path: Path) -> None:
    obj = {"a": torch.arange(10), "b": [1, "two"]}
    expected = io.BytesIO()
    torch.save(obj, expected)
    assert safe_save(obj, tmp_path / "a.pt").read_bytes() == expected.getvalue()


def test_checkpoints_need_no_numpy(
    tmp_path: Path, run_script: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Torch alone brings none."""
    run_script(
        """
        import sys

        sys.modules["numpy"] = None  # an import raises ModuleNotFoundError
        import torch
        from flake8_saveimage.runtime import SaveQueue, safe_save

        safe_save({"w": torch.ones(3)}, "a.pt")
        with SaveQueue() as queue:
            queue.save({"w": torch.ones(3)}, "b.pt")
        """
    )
    assert torch.equal(torch.load(tmp_path / "a.pt")["w"], torch.ones(3))
    assert torch.equal(torch.load(tmp_path / "b.pt")["w"], torch.ones(3))


def test_torch_saves_arguments_by_position_and_keyword(tmp_path: Path) -> None:
    old = safe_save({"a": torch.ones(2)}, tmp_path / "a.pt", pickle, 2, False)
    assert not old.read_bytes().startswith(b"PK")
    assert torch.equal(torch.load(old)["a"], torch.ones(2))
    obj = {"a": torch.ones(2)}
    new = safe_save(obj=obj, f=tmp_path / "b.pt", pickle_module=pickle, pickle_protocol=4)
    expected = io.BytesIO()
    torch.save(obj, expected, pickle_protocol=4)
    assert new.read_bytes() == expected.getvalue()


@pytest.mark.skipif(
    "_disable_byteorder_record" not in inspect.signature(torch.save).parameters,
    reason="torch 2.1 brought the byte order record",
)
def test_the_byte_order_record_is_handed_on(tmp_path: Path) -> None:
    expected = io.BytesIO()
    torch.save({}, expected, _disable_byteorder_record=True)
    path = safe_save({}, tmp_path / "c.pt", _disable_byteorder_record=True)
    assert path.read_bytes() == expected.getvalue()
    assert path.read_bytes() != safe_save({}, tmp_path / "d.pt").read_bytes()


def test_file_objects_are_written_to_and_returned(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    assert safe_save({"a": 1}, buffer) is buffer
    assert torch.load(io.BytesIO(buffer.getvalue())) == {"a": 1}
    with (tmp_path / "x.pt").open("wb") as file:
        assert safe_save({"a": 1}, f=file) is file
    assert torch.load(tmp_path / "x.pt") == {"a": 1}


def test_a_small_view_of_a_large_storage_is_warned_about_once(tmp_path: Path) -> None:
    large = torch.rand(1000, 1000)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(2):
            path = safe_save({"rows": [large[0], large[1]]}, tmp_path / "x.pt")
    assert len(seen) == 1
    assert issubclass(seen[0].category, SaveImageWarning)
    assert "use 8,000 bytes of storages of 4,000,000 bytes" in str(seen[0].message)
    assert "compact=True" in str(seen[0].message)
    assert path.stat().st_size > 4_000_000


def test_compact_clones_such_views_and_nothing_else(tmp_path: Path) -> None:
    large = torch.rand(1000, 1000)
    shared = torch.rand(10)
    state = OrderedDict(a=large[:2], b=(shared, shared[:5]), c=Point(large[5], 1), d="text")
    state._metadata = {"version": 2}  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = safe_save(state, tmp_path / "x.pt", compact=True)
    assert path.stat().st_size < 30_000
    loaded = torch.load(path, weights_only=False)
    assert isinstance(loaded, OrderedDict)
    assert loaded._metadata == {"version": 2}  # type: ignore[attr-defined]
    assert torch.equal(loaded["a"], large[:2])
    assert isinstance(loaded["c"], Point)
    assert torch.equal(loaded["c"].x, large[5])
    assert loaded["b"][0].data_ptr() == loaded["b"][1].data_ptr()
    assert state["a"].untyped_storage().nbytes() == 4_000_000, "the object itself is untouched"


def test_compact_keeps_parameters_types_and_sharing(tmp_path: Path) -> None:
    large = torch.rand(1000, 1000)
    weight = torch.nn.Parameter(large[0])
    shared = torch.rand(10)
    frozen = torch.nn.Parameter(torch.rand(1000, 1000)[0], requires_grad=False)
    state = {"w": weight, "f": frozen, "s": shared, "t": shared[:5]}
    path = safe_save(state, tmp_path / "x.pt", compact=True)
    loaded = torch.load(path, weights_only=False)
    assert isinstance(loaded["w"], torch.nn.Parameter)
    assert loaded["w"].requires_grad
    assert not loaded["f"].requires_grad
    assert loaded["f"].untyped_storage().nbytes() == 4000
    assert loaded["w"].untyped_storage().nbytes() == 4000
    assert loaded["s"].data_ptr() == loaded["t"].data_ptr()


@pytest.mark.parametrize(
    "obj",
    [
        torch.rand(1000, 1000),
        torch.rand(1000, 1000).t(),
        torch.rand(1000, 1000)[:600],
        torch.rand(1000, 1000)[:500],
        torch.empty(1000, 1000, device="meta")[0],
        torch.rand(100)[:1],
        list(torch.rand(200, 1000)),
        torch.rand(1, 1000).expand(1000, 1000),
        torch.rand(100, 100).to_sparse(),
        torch.nn.Linear(10, 10),
        {"a": None, 1: {2: (3, [4])}},
    ],
    ids="whole transposed most half meta tiny rows expanded sparse module none".split(),
)
def test_what_is_not_wasteful_is_silent(obj: object, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SaveImageWarning)
        safe_save(obj, tmp_path / "x.pt")


class Pair(tuple[torch.Tensor, ...]):
    """A tuple with a type of its own, but without the `_make` of named ones."""


def test_compact_keeps_other_kinds_of_tuple(tmp_path: Path) -> None:
    pair = Pair((torch.rand(1000, 1000)[0], torch.zeros(3)))
    path = safe_save(pair, tmp_path / "x.pt", compact=True)
    loaded = torch.load(path, weights_only=False)
    assert type(loaded) is Pair
    assert [tuple(tensor.shape) for tensor in loaded] == [(1000,), (3,)]
    assert path.stat().st_size < 30_000


class PathWithWrite(type(Path())):  # type: ignore[misc]
    """Some path libraries have methods of files."""

    def write(self, data: bytes) -> int:
        raise AssertionError("it is a path")


def test_a_path_with_a_write_method_is_a_path(tmp_path: Path) -> None:
    assert safe_save({}, PathWithWrite(str(tmp_path), "x.pt")) == tmp_path / "x.pt"


def test_objects_that_contain_themselves(tmp_path: Path) -> None:
    loop: dict[str, object] = {"view": torch.rand(1000, 1000)[0]}
    loop["self"] = loop
    path = safe_save(loop, tmp_path / "x.pt", compact=True)
    loaded = torch.load(path, weights_only=False)
    assert loaded["self"] is loaded
    assert path.stat().st_size < 30_000
