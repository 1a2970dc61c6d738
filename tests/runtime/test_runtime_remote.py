"""Names that are no local paths: URLs, ``~`` and variables."""

from __future__ import annotations

import io
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from flake8_saveimage.runtime import SaveQueue, safe_save, safe_save_image

fsspec = pytest.importorskip("fsspec")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def store() -> str:
    return f"memory://{uuid.uuid4().hex}"


def contents(url: str) -> dict[str, Any]:
    files, _, _ = fsspec.get_fs_token_paths(url)
    return {
        name.rpartition("/")[2]: torch.load(io.BytesIO(files.cat_file(name)))
        for name in files.ls(url.removeprefix("memory:/"), detail=False)
    }


def test_backup(store: str) -> None:
    for value in range(4):
        assert safe_save(value, f"{store}/run/x.pt") == f"{store}/run/x.pt"
    assert contents(f"{store}/run") == {"x.pt": 3, "x_1.pt": 0, "x_2.pt": 1, "x_3.pt": 2}
    for value in (4, 5):
        safe_save(value, f"{store}/run/x.pt", keep=2)
    assert contents(f"{store}/run") == {"x.pt": 5, "x_4.pt": 3, "x_5.pt": 4}


def test_the_other_answers_to_a_taken_name(store: str) -> None:
    url = f"{store}/x.pt"
    assert safe_save(1, url, if_exists="error") == url
    with pytest.raises(FileExistsError, match="is there already") as caught:
        safe_save(2, url, if_exists="error")
    assert caught.value.filename == url
    assert safe_save(3, url, if_exists="skip") == url
    assert contents(store) == {"x.pt": 1}
    assert safe_save(4, url, if_exists="unique") == f"{store}/x_1.pt"
    assert safe_save(5, url, if_exists="replace") == url
    assert contents(store) == {"x.pt": 5, "x_1.pt": 4}


def test_an_image_and_the_queue(store: str) -> None:
    assert safe_save_image(torch.rand(3, 4, 4), f"{store}/x.png") == f"{store}/x.png"
    with SaveQueue() as queue:
        futures = [queue.save(value, f"{store}/q/x.pt") for value in range(5)]
    assert {future.result() for future in futures} == {f"{store}/q/x.pt"}
    assert contents(f"{store}/q") == {"x.pt": 4, **{f"x_{n + 1}.pt": n for n in range(4)}}


def test_an_error_leaves_the_object_alone(store: str) -> None:
    class Unpicklable:
        def __reduce__(self) -> Any:
            raise RuntimeError("cannot be pickled")

    safe_save("old", f"{store}/x.pt")
    with pytest.raises(RuntimeError, match="cannot be pickled"):
        safe_save([torch.rand(1000), Unpicklable()], f"{store}/x.pt")
    assert contents(store) == {"x.pt": "old"}


def test_a_local_url_is_a_local_path(tmp_path: Path) -> None:
    for value in range(2):
        assert safe_save(value, f"file://{tmp_path}/x.pt") == tmp_path / "x.pt"
    assert torch.load(tmp_path / "x_1.pt") == 0


def test_without_fsspec_the_error_names_it(run_script: Run, tmp_path: Path) -> None:
    run_script(
        """
        import os, sys
        sys.modules["fsspec"] = None
        from flake8_saveimage.runtime import safe_save
        try:
            safe_save({}, "s3://bucket/x.pt")
        except ImportError as problem:
            assert "install fsspec" in str(problem) and "s3://bucket/x.pt" in str(problem)
        else:
            raise AssertionError("no error")
        assert os.listdir() == ["script.py"]
        """
    )


def test_an_unknown_kind_of_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="nosuch"):
        safe_save({}, "nosuch://bucket/x.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["~/x.pt", "~user/x.pt", "~", "$HOME/x.pt", "${RUN}/x.pt", "$X"])
def test_what_only_a_shell_expands(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given in (path, Path(path)):
        with pytest.raises(ValueError, match=r"expanduser\(\)"):
            safe_save({}, given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["~x.pt", "a~/x.pt", "a$b/x.pt", "./~/x.pt", "a:b.pt", "./$x.pt"])
def test_names_that_only_look_like_it(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert safe_save({}, path).is_file()
