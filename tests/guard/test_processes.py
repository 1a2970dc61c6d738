"""Children and ranks: who wrote whose file. Only torch is imported, for the sake of time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch

Write = Callable[..., Path]
Reported = Callable[..., dict[str, Any]]
Run = Callable[..., Any]

CHILDREN = """\
import multiprocessing, sys, torch

def work(number):
    torch.save(number, "shared.pt")
    torch.save(number, f"own_{number}.pt")

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    for number in range(2):
        child = context.Process(target=work, args=(number,))
        child.start()
        child.join()
        assert child.exitcode == 0
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_that_write_one_file(script: Write, reported: Reported, method: str) -> None:
    report = reported(script(CHILDREN), method)
    (file,) = report["shared"]
    assert (Path(file["path"]).name, file["saves"], file["lost"]) == ("shared.pt", 2, 1)
    assert [writes["line"] for writes in file["writes"]] == [4, 4]
    assert len({writes["pid"] for writes in file["writes"]}) == 2
    assert all(writes["process"] for writes in file["writes"])
    assert report["overwritten"] == []
    assert (report["saves"], report["files"]) == (4, 3)


def test_spawned_children_of_a_module(script: Write, reported: Reported) -> None:
    script(CHILDREN, "package/work.py")
    script("", "package/__init__.py")
    report = reported("-m", "package.work", "spawn")
    assert [Path(file["path"]).name for file in report["shared"]] == ["shared.pt"]


def test_killed_children_have_left_their_record(script: Write, reported: Reported) -> None:
    train = script("""\
        import os, signal, torch
        for _ in range(2):
            if not (pid := os.fork()):
                torch.save(1, "x.pt")
                os.kill(os.getpid(), signal.SIGKILL)
            os.waitpid(pid, 0)
    """)
    (file,) = reported(train)["shared"]
    assert file["lost"] == 1


def test_a_child_that_runs_the_exit_handlers_does_not_report(script: Write, guarded: Run) -> None:
    train = script("""\
        import os, sys, torch
        torch.save(1, "x.pt")
        if not (pid := os.fork()):
            sys.exit()
        os.waitpid(pid, 0)
        torch.save(1, "x.pt")
    """)
    assert guarded(train).err.count("flake8-saveimage guard") == 1


def test_closing_all_descriptors_does_no_harm(
    script: Write, reported: Reported, tmp_path: Path
) -> None:
    train = script("""\
        import os, torch
        torch.save(1, "x.pt")
        os.closerange(3, 256)
        kept = [open(f"note{i}.txt", "w") for i in range(8)]
        for _ in range(3):
            torch.save(1, "x.pt")
    """)
    (file,) = reported(train)["overwritten"]
    assert file["lost"] == 3
    assert [(tmp_path / f"note{i}.txt").read_text() for i in range(8)] == [""] * 8


def test_many_saves_fill_many_log_segments(script: Write, reported: Reported) -> None:
    train = script("""\
        import torch
        name = "x" * 100
        for i in range(4000):
            torch.save(None, f"{name}{i % 1000}.pt")
    """)
    report = reported(train)
    assert (report["saves"], report["files"]) == (4000, 1000)
    assert {(file["saves"], file["lost"]) for file in report["overwritten"]} == {(4, 3)}


RANKS = """\
import os, sys, torch
import torch.distributed as dist

dist.init_process_group("gloo")
rank = dist.get_rank()
torch.save(rank, f"rank{rank}.pt")
torch.save(rank, "last.pt")
for epoch in range(2):
    if rank == 0:
        torch.save(rank, "zero.pt")
    torch.save(rank, f"epoch{epoch}.pt")
    dist.barrier()
dist.destroy_process_group()
if rank == int(sys.argv[1]):
    raise RuntimeError("this rank fails")
"""


def _torchrun(python: Run, *arguments: object) -> Any:
    return python(
        *("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
        *("-m", "flake8_saveimage.guard", *arguments),
    )


def test_two_ranks_of_torchrun_give_one_report(script: Write, python: Run, tmp_path: Path) -> None:
    outcome = _torchrun(python, "--format=json", "--output=r.json", script(RANKS), "-1")
    assert outcome.status == 0, outcome.err
    report = json.loads((tmp_path / "r.json").read_text())
    shared = {Path(file["path"]).name: file for file in report["shared"]}
    assert shared.keys() == {"last.pt", "epoch0.pt", "epoch1.pt"}
    assert {(w["rank"], w["count"]) for w in shared["epoch0.pt"]["writes"]} == {(0, 1), (1, 1)}
    assert [Path(file["path"]).name for file in report["overwritten"]] == ["zero.pt"]
    assert report["before_run"] == []
    assert report["saves"] == 10


def test_ranks_strict_and_text(script: Write, python: Run) -> None:
    outcome = _torchrun(python, "--strict", script(RANKS), "-1")
    assert outcome.status != 0
    assert outcome.err.count("flake8-saveimage guard: ") == 1
    assert "written by several processes" in outcome.err
    assert "rank 0 (process" in outcome.err
    assert "rank 1 (process" in outcome.err


def test_a_rank_that_fails_reports_for_all(script: Write, python: Run) -> None:
    outcome = _torchrun(python, script(RANKS), "1")
    assert outcome.status != 0
    assert "this rank fails" in outcome.err
    assert outcome.err.count("flake8-saveimage guard: ") == 1
    assert "epoch0.pt: saved 2 times, 1 lost" in outcome.err


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun's gloo needs another store there")
def test_backup_keeps_the_files_of_all_ranks(script: Write, python: Run, tmp_path: Path) -> None:
    train = script("""\
        import os, torch
        import torch.distributed as dist
        dist.init_process_group("gloo")
        for _ in range(20):
            torch.save(dist.get_rank(), "x.pt")
        dist.destroy_process_group()
    """)
    arguments = ("--on-overwrite=backup", "--format=json", "--output=r.json", train)
    outcome = _torchrun(python, *arguments)
    assert outcome.status == 0, outcome.err
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["problems"] == 0
    assert len(report["moved"]) == 39
    names = {"x.pt", *(f"x_{n}.pt" for n in range(1, 40))}
    assert {path.name for path in tmp_path.glob("x*.pt")} == names
    import torch

    ranks = [torch.load(tmp_path / name) for name in names]
    assert (ranks.count(0), ranks.count(1)) == (20, 20)


LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")

RESTARTED = """\
import os, sys, torch
attempt = os.environ["TORCHELASTIC_RESTART_COUNT"]
rank = os.environ["RANK"]
open(f"started_{rank}_{attempt}", "xb").close()
torch.save(rank, f"rank{rank}.pt")
if rank == "0":
    for _ in range(int(sys.argv[1])):
        torch.save(attempt, "x.pt")
    if attempt == "0" and sys.argv[2:]:
        sys.exit(1)
"""


def _attempts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("started_*"))


def test_strict_starts_no_training_again(script: Write, python: Run, tmp_path: Path) -> None:
    train = script(RESTARTED)
    guard = ("-m", "flake8_saveimage.guard", "--strict")
    outcome = python(*LAUNCHER, "--max-restarts=2", *guard, train, 2)
    assert outcome.status == 0, outcome.err
    assert "1 save lost" in outcome.err
    assert "put the guard outside" in outcome.err
    assert _attempts(tmp_path) == ["started_0_0", "started_1_0"]


def test_the_guard_around_the_launcher_has_the_exit_status(
    script: Write, python: Run, tmp_path: Path
) -> None:
    train = script(RESTARTED)
    guard = ("-m", "flake8_saveimage.guard", "--strict", "--format=json", "--output=r.json")
    outcome = python(*guard, *LAUNCHER, "--max-restarts=2", train, 2)
    assert outcome.status == 1, outcome.err
    assert _attempts(tmp_path) == ["started_0_0", "started_1_0"]
    report = json.loads((tmp_path / "r.json").read_text())
    (file,) = report["overwritten"]
    assert [(w["rank"], w["count"], w["line"]) for w in file["writes"]] == [(0, 2, 8)]
    assert (Path(file["path"]).name, report["shared"]) == ("x.pt", [])


def test_files_of_the_attempt_before_are_files_from_before(
    script: Write, python: Run, tmp_path: Path
) -> None:
    guard = ("-m", "flake8_saveimage.guard", "--strict", "--format=json", "--output=r.json")
    outcome = python(*guard, *LAUNCHER, "--max-restarts=2", script(RESTARTED), 1, "fail")
    assert outcome.status == 0, outcome.err
    assert _attempts(tmp_path) == [f"started_{r}_{attempt}" for r in "01" for attempt in "01"]
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["problems"] == 0
    before = {Path(file["path"]).name for file in report["before_run"]}
    assert "x.pt" in before


@pytest.mark.parametrize("options", [["-u"], ["-X", "dev", "-W", "ignore"], []])
def test_commands_of_a_launcher_are_joined_before_their_script(options: list[str]) -> None:
    from flake8_saveimage.guard.children import joining

    for target in (["train.py", "-m", "-c"], ["-m", "package", "x"]):
        joined = joining([sys.executable, *options, *target], "log")
        assert joined is not None
        before, after = joined[: len(options) + 1], joined[len(options) + 3 :]
        assert (before, after) == ([sys.executable, *options], target)
    for command in ([sys.executable, "-c", "1"], [sys.executable], ["ls", "x.py"], []):
        assert joining(command, "log") is None


def test_loky_workers_are_watched(script: Write, reported: Reported) -> None:
    pytest.importorskip("joblib")
    train = script("""\
        import joblib, torch
        def work(number):
            torch.save(number, "shared.pt")
        if __name__ == "__main__":
            work(1)
            joblib.Parallel(n_jobs=2)(joblib.delayed(work)(n) for n in range(4))
    """)
    assert [Path(file["path"]).name for file in reported(train)["shared"]] == ["shared.pt"]


def test_programs_that_are_not_watched_are_named(script: Write, guarded: Run) -> None:
    train = script("""\
        import os, subprocess, sys, torch
        torch.save(1, "x.pt")
        subprocess.run(["cp", "x.pt", "y.pt"], check=True)
        torch.save(2, "y.pt")
        os.system("mv x.pt z.pt")
    """)
    err = guarded(train).err
    assert "2 saves, 2 files: no overwritten file was seen" in err
    assert "1 file overwritten that something unseen made in this run:\n    y.pt" in err
    assert "1 saved file gone at the end" in err
    assert "these programs wrote were not seen: cp, mv" in err
