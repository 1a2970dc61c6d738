"""What names say by their whole words: one answer for the linter and the guard."""

from __future__ import annotations

import pytest

from flake8_saveimage.knowledge import hooks, words
from flake8_saveimage.knowledge.readers import READERS

ROLLING = (
    "best.pt last.pth latest.ckpt final.pt checkpoint.pth.tar ckpt.pt current.pt resume.pt"
    " autosave.pth auto_save.pt backup.pt"
    " check_point.pt modelBest.pt bestmodel.pth model-best.pt netG_latest.pth LAST.PT net.ckpt"
    " out/run_3/best.pt best_10.pt best.png samples_last.jpg current.png checkpoints.h5"
).split()
OTHERS = (
    "bestiary.pt blast.pt lastname.pt finalists.pt concurrent.pt resumes.pt breakpoint.pt"
    " checkpoint_10.pt ckpt10.pt epoch_3.pt best/epoch_3.pt final.png checkpoint.png ckpt.jpg"
).split()


@pytest.mark.parametrize("path", ROLLING)
def test_rolling_files(path: str) -> None:
    assert words.is_rolling_file(path)


@pytest.mark.parametrize("path", OTHERS)
def test_other_files(path: str) -> None:
    assert not words.is_rolling_file(path)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("netG_latest", ["net", "g", "latest"]),
        ("HTTPError404", ["http", "error", "404"]),
        ("val-loss.min", ["val", "loss", "min"]),
        ("bestmodel", ["best", "model"]),
        ("isBest", ["is", "best"]),
        ("", []),
    ],
)
def test_words(name: str, found: list[str]) -> None:
    assert list(words.words(name)) == found


@pytest.mark.parametrize("name", ["out_dir", "savedir", "outf", "self.root", "sampleFolder"])
def test_folders(name: str) -> None:
    assert words.says_folder(name)


@pytest.mark.parametrize("name", ["direction", "rooted", "path", "dirty", "data_path"])
def test_no_folders(name: str) -> None:
    assert not words.says_folder(name)


def test_functions_that_return_folders() -> None:
    named = "make_run_dir makedirs data_path get_output_path checkpointDir".split()
    assert all(map(words.returns_folder, named))
    assert not any(map(words.returns_folder, "listdir next_path get_name".split()))


@pytest.mark.parametrize(
    "name",
    "training_step validation_epoch_end on_train_epoch_end on_epoch_end forward __getitem__"
    " on_evaluate after_batch before_train_iter compute_metrics on_train_batch_start".split(),
)
def test_hooks_run_repeatedly(name: str) -> None:
    assert hooks.is_repeated_method(name)


@pytest.mark.parametrize("name", "on_test_epoch_end on_fit_end setup step predict_epoch".split())
def test_other_methods(name: str) -> None:
    assert not hooks.is_repeated_method(name)


def test_events() -> None:
    assert hooks.is_repeated_event("ignite.engine.Events.EPOCH_COMPLETED")
    assert not hooks.is_repeated_event("Events.COMPLETED")
    assert not hooks.is_repeated_event("EPOCH_COMPLETED")


def test_readers_have_one_row_each() -> None:
    names = [row.name for row in READERS]
    assert len(names) == len(set(names))
