"""What the rules say of arrays, plots and tables does happen: fixtures, run with the libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flake8_saveimage.knowledge.writers import WRITERS

pytestmark = pytest.mark.torch
np: Any = pytest.importorskip("numpy")
matplotlib: Any = pytest.importorskip("matplotlib")
for library in ("fastparquet", "joblib", "pandas", "scipy", "yaml"):
    pytest.importorskip(library)
import joblib  # type: ignore[import-untyped]  # noqa: E402
import pandas as pd  # noqa: E402
import scipy.io  # type: ignore[import-untyped]  # noqa: E402
from PIL import Image  # noqa: E402

matplotlib.use("Agg")
plt: Any = pytest.importorskip("matplotlib.pyplot")
FIXTURES = Path(__file__).parents[2] / "fixtures"
ITEMS = [np.full((2, 3), float(number)) for number in range(3)]
READ: dict[str, Callable[[Path], Any]] = {
    ".npy": np.load,
    ".npz": lambda path: dict(np.load(path)),
    ".txt": np.loadtxt,
    ".mat": lambda path: {k: v for k, v in scipy.io.loadmat(path).items() if k[0] != "_"},
    ".joblib": joblib.load,
    ".pkl": pd.read_pickle,
    ".parquet": pd.read_parquet,
    ".png": lambda path: np.array(Image.open(path)).tobytes(),
}


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without figures, and draw small ones without a number in the title."""
    plt.close("all")
    plt.rcParams["savefig.dpi"] = 20
    monkeypatch.setattr("matplotlib.axes.Axes.set_title", lambda *_given, **_keywords: None)


def load(path: str) -> dict[str, Any]:
    """Execute a fixture and return its names."""
    file = FIXTURES / f"{path}.py"
    names: dict[str, Any] = {"__name__": file.stem}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    return names


def contents(folder: Path) -> dict[str, str]:
    """Return what each file of a folder holds, by its name."""
    return {
        path.name: repr(READ.get(path.suffix, Path.read_text)(path)) for path in folder.iterdir()
    }


def csv_files(folder: Path) -> list[Path]:
    """Write a table for each item."""
    paths = [folder / f"{number}.csv" for number in range(len(ITEMS))]
    for path, item in zip(paths, ITEMS, strict=True):
        pd.DataFrame(item, columns=["a", "b", "c"]).to_csv(path)
    return paths


def means(path: Path) -> list[float]:
    return [float(pd.read_csv(path)["a"].mean())]


def twice(item: Any) -> Any:
    return item * 2


def images(count: int) -> list[Any]:
    return [np.arange(12.0).reshape(3, 4) * (number % 2) for number in range(count)]


CASES: list[tuple[str, str, list[Any], tuple[Any, ...], int]] = [
    ("arrays", "predictions", ITEMS, (twice,), 6),
    ("arrays", "opened", ITEMS, (twice,), 1),
    ("arrays", "methods", ITEMS, (twice,), 1),
    ("plots", "shown", images(2), (), 1),
    ("plots", "closed", [(image, image + 1) for image in images(2)], (), 1),
    ("plots", "methods", images(2), (), 2),
    ("tables", "documents", [1, 2, 3], (lambda sample: {"n": sample},), 2),
    ("tables", "rows_of_each_item", [[1], [2, 3]], (), 1),
]


@pytest.mark.parametrize(
    ("fixture", "function", "items", "given", "files"), CASES, ids=[case[1] for case in CASES]
)
def test_the_files_hold_the_last_item_alone(
    tmp_path: Path,
    fixture: str,
    function: str,
    items: list[Any],
    given: tuple[Any, ...],
    files: int,
) -> None:
    run = load(f"SVI101/fires/{fixture}")[function]
    every, last = tmp_path / "every", tmp_path / "last"
    every.mkdir()
    last.mkdir()
    run(items, *given, every)
    plt.close("all")
    run(items[-1:], *given, last)
    assert contents(every) == contents(last)
    assert len(contents(every)) == files


def test_the_tables_hold_the_last_item_alone(tmp_path: Path) -> None:
    paths = csv_files(tmp_path)
    run = load("SVI101/fires/tables")["frames"]
    every, last = tmp_path / "every", tmp_path / "last"
    every.mkdir()
    last.mkdir()
    run(paths, means, every)
    run(paths[-1:], means, last)
    assert contents(every) == contents(last)
    assert len(contents(every)) == 3


def test_histories_hold_all_that_the_file_held(tmp_path: Path) -> None:
    names = load("SVI101/silent/arrays")
    names["histories"](3, lambda epoch: (float(epoch), float(epoch)), tmp_path)
    assert np.load(tmp_path / "losses.npy").tolist() == [0.0, 1.0, 2.0]
    assert np.load(tmp_path / "all.npz")["norms"].tolist() == [0.0, 1.0, 2.0]
    assert np.load(tmp_path / "packed.npz")["arr_0"].tolist() == [0.0, 1.0, 2.0]
    assert np.loadtxt(tmp_path / "losses.txt").tolist() == [0.0, 1.0, 2.0]
    assert scipy.io.loadmat(tmp_path / "losses.mat")["losses"].tolist() == [[0.0, 1.0, 2.0]]
    assert joblib.load(tmp_path / "seen.joblib") == {0: 0.0, 1: 1.0, 2: 2.0}
    assert pd.read_pickle(tmp_path / "seen.pkl")["seen"] == {0: 0.0, 1: 1.0, 2: 2.0}


def test_tables_hold_all_that_the_file_held(tmp_path: Path) -> None:
    names = load("SVI101/silent/tables")
    names["histories"](3, float, tmp_path)
    assert pd.read_csv(tmp_path / "table.csv")["loss"].tolist() == [0.0, 1.0, 2.0]
    assert pd.read_csv(tmp_path / "rows.csv")["loss"].tolist() == [0.0, 1.0, 2.0]
    assert pd.read_json(tmp_path / "rows.json")["loss"].tolist() == [0, 1, 2]
    assert pd.read_parquet(tmp_path / "history.parquet")["loss"].tolist() == [0.0, 1.0, 2.0]
    assert "[0.0, 1.0, 2.0]" in (tmp_path / "history.json").read_text()
    assert (tmp_path / "history.yaml").read_text().count("- ") == 3


def test_append_modes_lose_nothing(tmp_path: Path) -> None:
    names = load("SVI101/silent/tables")
    names["appended"](["a", "b"], lambda sample: {0: sample}, tmp_path, "w")
    assert pd.read_csv(tmp_path / "table.csv")["value"].tolist() == ["a", "b"]
    assert pd.read_csv(tmp_path / "other.csv")["value"].tolist() == ["b"]
    assert (tmp_path / "lines.json").read_text().count("\n") == 2
    assert (tmp_path / "documents.yaml").read_text() == "0: a\n0: b\n"


def test_curves_are_drawn_with_all_their_points(tmp_path: Path) -> None:
    names = load("SVI101/silent/plots")
    one, three = tmp_path / "one", tmp_path / "three"
    one.mkdir()
    three.mkdir()
    names["curves"](1, float, one)
    names["curves"](3, float, three)
    assert contents(one) != contents(three)
    assert contents(one).keys() == contents(three).keys()


def test_numpy_appends_its_suffix(tmp_path: Path) -> None:
    np.save(tmp_path / "a", 1)
    np.savez(tmp_path / "b", a=1)
    np.savez_compressed(tmp_path / "c", a=1)
    scipy.io.savemat(tmp_path / "d", {"a": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "b.npz", "c.npz", "d"]
    appended = {name: row.suffix for row in WRITERS if row.suffix for name in row.names}
    assert appended == {
        "numpy.save": ".npy",
        "numpy.savez": ".npz",
        "numpy.savez_compressed": ".npz",
    }
