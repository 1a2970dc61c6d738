"""The names of ``if_exists="unique"``: the first, the next, and what they cost."""

from __future__ import annotations

import os
import random
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from flake8_saveimage import runtime

safe_save = partial(runtime.safe_save, if_exists="unique")
safe_save_image = partial(runtime.safe_save_image, if_exists="unique")
IMAGE = torch.rand(3, 2, 2)


def forget() -> None:
    """As a new process would start."""
    runtime.names._next_index.clear()


class Looks:
    """Counts the questions put to the file system."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        for owner, name in ((os.path, "lexists"), (os, "link"), (os, "scandir"), (os, "listdir")):
            self._count(monkeypatch, owner, name)

    def _count(self, monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
        real = getattr(owner, name)

        def counting(*args: object, **options: object) -> object:
            self.counts[name] += 1
            return real(*args, **options)

        monkeypatch.setattr(owner, name, counting)


def test_unique_names_count_up(tmp_path: Path) -> None:
    names = [safe_save_image(IMAGE, tmp_path / "x.png").name for _ in range(4)]
    assert names == ["x.png", "x_1.png", "x_2.png", "x_3.png"]
    assert safe_save({}, f=tmp_path / "m.pt") == tmp_path / "m.pt"
    assert safe_save({}, f=tmp_path / "m.pt") == tmp_path / "m_1.pt"


def test_relative_paths_stay_relative_and_follow_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        assert safe_save_image(IMAGE, "x.png") == Path("x.png")
        assert safe_save_image(IMAGE, "new/x.png") == Path("new/x.png")
        assert (tmp_path / folder / "new" / "x.png").is_file()


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("a.png", "a_1.png"),
        ("a.b.png", "a.b_1.png"),
        ("checkpoint.pth.tar", "checkpoint_1.pth.tar"),
        *((f"a.pt{end}", f"a_1.pt{end}") for end in (".gz", ".bz2", ".xz", ".zst", ".zip")),
        ("A.TAR.GZ", "A_1.TAR.GZ"),
        ("model_v1.5", "model_v1.5_1"),
        ("loss_0.123.pt", "loss_0.123_1.pt"),
        ("x_3.png", "x_3_1.png"),
        ("noext", "noext_1"),
        (".hidden", ".hidden_1"),
        ("ünï çødé 画像.png", "ünï çødé 画像_1.png"),
        ("{n}.pt", "{n}_1.pt"),
        ("100%.pt", "100%_1.pt"),
    ],
)
def test_where_the_number_goes(name: str, second: str, tmp_path: Path) -> None:
    assert safe_save({}, tmp_path / name).name == name
    assert safe_save({}, tmp_path / name).name == second
    assert {p.name for p in tmp_path.iterdir()} == {name, second}


def test_the_pattern_is_configurable(tmp_path: Path) -> None:
    names = [
        safe_save({}, tmp_path / "x.pt", unique_name="{stem}-{n:04d}{suffix}").name
        for _ in range(3)
    ]
    assert names == ["x.pt", "x-0001.pt", "x-0002.pt"]


@pytest.mark.parametrize(
    "pattern", ["{stem}{suffix}", "x", "{n}/{stem}", "{foo}{n}", "{n", "{}{n}"]
)
def test_patterns_that_cannot_work(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unique_name"):
        safe_save({}, tmp_path / "x.pt", unique_name=pattern)


def test_deleted_files_do_not_free_their_number(tmp_path: Path) -> None:
    seen = set()
    for _ in range(10):
        path = safe_save_image(IMAGE, tmp_path / "x.png")
        assert path not in seen
        seen.add(path)
        path.unlink()


def test_a_failed_save_uses_no_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NaN"):
        safe_save_image(IMAGE * float("nan"), tmp_path / "x.png")
    assert safe_save_image(IMAGE, tmp_path / "x.png").name == "x.png"


def test_a_name_taken_by_another_process_is_the_next(tmp_path: Path) -> None:
    safe_save_image(IMAGE, tmp_path / "x.png")
    for n in (1, 2, 3):
        (tmp_path / f"x_{n}.png").write_bytes(b"another's")
    assert safe_save_image(IMAGE, tmp_path / "x.png").name == "x_4.png"
    assert (tmp_path / "x_2.png").read_bytes() == b"another's"


def test_deleted_files_stay_deleted_when_others_take_names(tmp_path: Path) -> None:
    written = [safe_save({}, tmp_path / "x.pt") for _ in range(50)]
    for path in written:
        path.unlink()
    for n in range(50, 61):
        (tmp_path / f"x_{n}.pt").write_bytes(b"another's")
    assert safe_save({}, tmp_path / "x.pt").name == "x_61.pt"


RANKS: list[tuple[int, dict[str, Any], list[str]]] = [
    (0, {}, ["x.pt", "x_1.pt"]),
    (0, {"ranks": "each"}, ["x_rank0.pt", "x_rank0_1.pt"]),
    (2, {}, ["x.pt", "x_rank2.pt", "x_rank2_1.pt"]),
    (2, {"ranks": "each"}, ["x_rank2.pt", "x_rank2_1.pt"]),
    (2, {"ranks": "each", "if_exists": "backup"}, ["x_rank2.pt", "x_rank2.pt"]),
    (2, {"if_exists": "backup"}, ["x.pt", "x.pt"]),
    (2, {"ranks": "each", "if_exists": "replace"}, ["x_rank2.pt", "x_rank2.pt"]),
    (0, {"ranks": "each", "if_exists": "replace"}, ["x_rank0.pt", "x_rank0.pt"]),
]


@pytest.mark.parametrize(("rank", "options", "expected"), RANKS, ids=str)
def test_the_names_of_a_rank(
    rank: int,
    options: dict[str, Any],
    expected: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What ranks really write, and that they do not meet, is tested with real ones elsewhere."""
    monkeypatch.setattr(runtime.destinations, "rank_and_world", lambda: (rank, 4))
    assert [safe_save({}, tmp_path / "x.pt", **options).name for _ in expected] == expected


@pytest.mark.parametrize(("name", "warns"), [("x.pt", True), ("x12.pt", True), ("x02.pt", False)])
@pytest.mark.parametrize("if_exists", ["backup", "replace"])
def test_a_rank_that_writes_a_name_without_its_number(
    if_exists: Any, name: str, warns: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.destinations, "rank_and_world", lambda: (2, 4))
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        safe_save({}, name, if_exists=if_exists)
    assert len(seen) == warns
    assert all("rank 2 of 4 writes" in str(warning.message) for warning in seen)


def test_a_save_among_many_files_looks_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(300):
        safe_save_image(IMAGE, tmp_path / "x.png")
    looks = Looks(monkeypatch)
    assert safe_save_image(IMAGE, tmp_path / "x.png").name == "x_300.png"
    assert looks.counts == {"link": 1}


def test_a_new_process_finds_its_place_in_logarithmic_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.png").touch()
    for n in range(1, 20_000):
        os.link(tmp_path / "x.png", tmp_path / f"x_{n}.png")
    forget()
    looks = Looks(monkeypatch)
    assert safe_save_image(IMAGE, tmp_path / "x.png").name == "x_20000.png"
    assert looks.counts["link"] == 2
    assert looks.counts["lexists"] <= 2 * 15 + 2
    assert not looks.counts["scandir"] + looks.counts["listdir"]
    looks.counts.clear()
    safe_save_image(IMAGE, tmp_path / "x.png")
    assert looks.counts == {"link": 1}


@pytest.mark.parametrize("seed", range(10))
def test_gaps_never_lead_to_a_taken_name(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    taken = {n for n in range(200) if chance.random() < 0.7}
    for n in taken:
        (tmp_path / (f"x_{n}.pt" if n else "x.pt")).write_bytes(b"old")
    forget()
    written = {safe_save({}, tmp_path / "x.pt") for _ in range(100)}
    assert len(written) == 100
    olds = [p for p in tmp_path.iterdir() if p.read_bytes() == b"old"]
    assert len(olds) == len(taken)


def test_the_memory_for_names_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.names, "_REMEMBERED_NAMES", 10)
    forget()
    for i in range(30):
        safe_save({}, tmp_path / f"{i}.pt")
    assert len(runtime.names._next_index) == 10
    assert safe_save({}, tmp_path / "0.pt").name == "0_1.pt"


def test_names_at_the_limit_are_shortened_between_characters(tmp_path: Path) -> None:
    for stem in ("a" * 251, "画" * 83 + "ab"):  # 251 bytes each
        names = [safe_save_image(IMAGE, tmp_path / f"{stem}.png").name for _ in range(12)]
        assert names[0] == f"{stem}.png"
        assert len(set(names)) == 12
        for n, name in enumerate(names[1:], start=1):
            assert name.endswith(f"_{n}.png")
            assert len(os.fsencode(name)) <= 255
            assert stem.startswith(name.removesuffix(f"_{n}.png"))


def test_a_name_over_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="256 bytes, 255 are possible"):
        safe_save_image(IMAGE, tmp_path / ("a" * 252 + ".png"))


@pytest.mark.parametrize("path", ["", ".", "..", "out/", "a/.."])
def test_paths_that_name_no_file(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="names no file"):
        safe_save({}, path)
    with pytest.raises(ValueError, match=r"names no file|suffix"):
        safe_save_image(IMAGE, path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "problem"),
    [("noext", 'has no suffix .*add ".png" or pass format="png"'), ("a.foo", "suffix '.foo'")],
)
def test_no_and_unknown_suffixes(name: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=problem):
        safe_save_image(IMAGE, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_path_is_needed_and_only_one() -> None:
    with pytest.raises(TypeError, match="needs a path"):
        safe_save_image(IMAGE)
    with pytest.raises(TypeError, match="pass one"):
        safe_save({}, "a.pt", f="b.pt")
    with pytest.raises(TypeError, match="not bytes"):
        safe_save({}, b"a.pt")  # type: ignore[arg-type]


def test_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from flake8_saveimage.runtime import *", names)
    assert set(names) - {"__builtins__"} == {
        "RUNTIME_VERSION",
        "SaveImageWarning",
        "SaveQueue",
        "SaveQueueError",
        "latest",
        "remove_leftovers",
        "safe_save",
        "safe_save_image",
        "safe_save_images",
    }
