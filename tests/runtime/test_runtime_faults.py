"""Many processes, killed processes, full disks, closed folders, ranks: all of them real."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def no_leftovers(folder: Path) -> bool:
    return not list(folder.glob("**/.saveimage-*"))


@pytest.mark.parametrize("links", ["hard links", "exclusive rename", "lock files"])
def test_many_processes_save_under_one_name(links: str, run_script: Run, tmp_path: Path) -> None:
    processes, saves = (32, 200) if links == "hard links" else (8, 40)
    run_script(
        f"""
        import errno, os, sys
        import torch
        from flake8_saveimage import runtime
        from flake8_saveimage.runtime import safe_save_image
        from PIL import Image

        torch.set_num_threads(1)
        Image.preinit()

        def no_links(*args, **options):
            raise OSError(errno.EPERM, "no links here")

        if {links!r} != "hard links":
            os.link = no_links
        if {links!r} == "lock files":
            runtime.publishing._kernel_rename = lambda: None

        children = []
        for process in range({processes}):
            child = os.fork()
            if child == 0:
                for save in range({saves}):
                    image = torch.tensor([process, save, 7], dtype=torch.uint8)
                    image = image.view(3, 1, 1).repeat(1, 3, 4)
                    safe_save_image(image, "out/x.png", if_exists="unique")
                os._exit(0)
            children.append(child)
        assert all(os.waitpid(child, 0)[1] == 0 for child in children)

        seen = set()
        for entry in os.scandir("out"):
            with Image.open(entry.path) as image:
                image.load()
                assert image.size == (4, 3), entry.name
                assert len(image.getcolors()) == 1, entry.name
                seen.add(image.getpixel((0, 0)))
        assert seen == {{(p, s, 7) for p in range({processes}) for s in range({saves})}}
        """
    )
    assert len(list((tmp_path / "out").iterdir())) == processes * saves
    assert no_leftovers(tmp_path)


def test_kill_9_in_the_middle_of_saves_and_replaces(run_script: Run, tmp_path: Path) -> None:
    """Whatever has a final name is whole; a replaced checkpoint is the old or the new one."""
    done = run_script(
        """
        import os, random, signal, time
        import torch
        from flake8_saveimage.runtime import remove_leftovers, safe_save, safe_save_image
        from PIL import Image

        torch.set_num_threads(1)
        Image.preinit()
        chance = random.Random(0)
        killed = temporaries = 0
        for round in range(40):
            os.makedirs("out", exist_ok=True)
            told, tell = os.pipe()
            child = os.fork()
            if child == 0:
                for i in range(200):
                    image = torch.full((3, 64, 64), i, dtype=torch.uint8)
                    safe_save_image(image, "out/x.png", if_exists="unique")
                    state = {"step": i, "weights": torch.full((50_000,), float(i))}
                    safe_save(state, "out/last.pt", if_exists="replace", durable=False)
                    os.write(tell, bytes([i]))
                os._exit(0)
            os.close(tell)
            os.read(told, 1)
            time.sleep(chance.uniform(0, 0.08))
            os.kill(child, signal.SIGKILL)
            killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            steps = os.read(told, 1000)
            os.close(told)
            finished = steps[-1] if steps else 0

            state = torch.load("out/last.pt")
            assert state["step"] in (finished, finished + 1), (state["step"], finished)
            assert (state["weights"] == state["step"]).all()
            for name in os.listdir("out"):
                if name.endswith(".png"):
                    with Image.open(f"out/{name}") as image:
                        assert len(image.getcolors()) == 1
            left = remove_leftovers("out")
            temporaries += len(left)
            assert not [n for n in os.listdir("out") if n.startswith(".")]
            for name in os.listdir("out"):
                os.remove(f"out/{name}")
        print("killed", killed, "temporaries", temporaries)
        """
    )
    words = done.stdout.split()
    assert int(words[1]) > 30, done.stdout
    assert int(words[3]) > 0, "no kill hit a save in the middle; the test shows nothing"


def test_ctrl_c_leaves_no_temporary_file(run_script: Run, tmp_path: Path) -> None:
    done = run_script(
        """
        import os, random, signal, sys, time
        import torch
        from flake8_saveimage import runtime
        from flake8_saveimage.runtime import safe_save

        torch.set_num_threads(1)
        chance = random.Random(1)
        interrupted = 0

        def interrupt(child):
            # one that lands in a destructor is only printed by Python, so there are more
            for attempt in range(10):
                os.kill(child, signal.SIGINT if attempt < 8 else signal.SIGKILL)
                for _ in range(200):
                    done, status = os.waitpid(child, os.WNOHANG)
                    if done:
                        return os.waitstatus_to_exitcode(status)
                    time.sleep(0.01)

        os.mkdir("out")  # the first interrupt may come before the first save
        for round in range(40):
            told, tell = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    os.write(tell, b"x")
                    while True:
                        safe_save({"a": torch.ones(100_000)}, "out/x.pt", if_exists="replace")
                        safe_save({"a": torch.ones(1000)}, f"out/{round}.pt", durable=True)
                except KeyboardInterrupt:
                    runtime.leftovers._remove_own_temporaries()  # as at exit
                    os._exit(7)
                os._exit(1)
            os.read(told, 1)
            time.sleep(chance.uniform(0.005, 0.05))
            code = interrupt(child)
            interrupted += code == 7
            os.close(told), os.close(tell)
            assert not [n for n in os.listdir("out") if n.startswith(".")], os.listdir("out")
        for name in os.listdir("out"):
            torch.load(f"out/{name}")
        print(interrupted)
        """
    )
    assert int(done.stdout) >= 38  # an interrupt inside a destructor is only printed by Python


def test_a_file_size_limit_keeps_the_old_file(run_script: Run, tmp_path: Path) -> None:
    run_script(
        """
        import os, resource
        import torch
        from flake8_saveimage.runtime import SaveQueue, safe_save, safe_save_image

        image = torch.rand(3, 200, 200)
        safe_save_image(image[:, :8, :8], "x.png")
        safe_save("old", "last.pt")
        before = sorted(os.listdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        big = {"a": torch.rand(100_000), "b": [torch.rand(100_000)] * 3}
        attempts = [
            lambda: safe_save(big, "last.pt", if_exists="replace"),
            lambda: safe_save(big, "last.pt"),
            lambda: safe_save(big, "new.pt", _use_new_zipfile_serialization=False),
            lambda: safe_save_image(image, "x.png"),
            lambda: safe_save_image(image, "x.png", if_exists="replace"),
            lambda: SaveQueue().save_image(image, "x.png").result(),
        ]
        for attempt in attempts:
            try:
                attempt()
            except OSError as problem:
                assert problem.errno == 27, repr(problem)
                assert "File too large" in str(problem), problem
                assert "intact" in str(problem), problem
                assert os.path.basename(problem.filename) in ("last.pt", "new.pt", "x.png")
            else:
                raise AssertionError("no error")
            assert sorted(os.listdir()) == before, os.listdir()
        assert torch.load("last.pt") == "old"
        safe_save("new", "last.pt", if_exists="replace")
        assert torch.load("last.pt") == "new"
        """
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small tmpfs is not allowed here (the file-size limit was tested)")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_keeps_the_old_file(run_script: Run, small_disk: Path) -> None:
    run_script(
        f"""
        import os
        import torch
        from flake8_saveimage.runtime import safe_save, safe_save_image

        os.chdir({str(small_disk)!r})
        safe_save("old", "last.pt")
        for attempt in (
            lambda: safe_save(torch.rand(500_000), "last.pt", if_exists="replace"),
            lambda: safe_save_image(torch.rand(3, 600, 600), "x.png"),
        ):
            try:
                attempt()
            except OSError as problem:
                assert problem.errno == 28, repr(problem)
                assert "No space left" in str(problem), problem
            else:
                raise AssertionError("no error")
            assert os.listdir() == ["last.pt"]
        assert torch.load("last.pt") == "old"
        """
    )


def test_a_read_only_folder(run_unprivileged: Run, tmp_path: Path) -> None:
    run_unprivileged(
        """
        import os
        import torch
        from flake8_saveimage.runtime import safe_save, safe_save_image

        os.mkdir("out")
        os.chdir("out")
        safe_save("old", "last.pt")
        os.chmod("last.pt", 0o444)  # else it is written in place
        os.chmod(".", 0o555)
        for attempt, name in (
            (lambda: safe_save("new", "last.pt", if_exists="replace"), "last.pt"),
            (lambda: safe_save("new", "last.pt"), "last.pt"),
            (lambda: safe_save_image(torch.rand(3, 4, 4), "x.png"), "x.png"),
            (lambda: safe_save_image(torch.rand(3, 4, 4), "new/x.png"), "new"),
        ):
            try:
                attempt()
            except PermissionError as problem:
                assert problem.filename == name, repr(problem)
                assert "Permission denied" in str(problem)
            else:
                raise AssertionError("no error")
        assert os.listdir() == ["last.pt"]
        assert torch.load("last.pt") == "old"
        """
    )
    (tmp_path / "out").chmod(0o755)


def test_four_ranks_over_gloo(run_script: Run, tmp_path: Path) -> None:
    run_script(
        """
        import io, os, warnings
        import torch
        import torch.distributed as dist
        from datetime import timedelta
        from flake8_saveimage.runtime import SaveImageWarning, SaveQueue, safe_save, safe_save_image

        dist.init_process_group("gloo", timeout=timedelta(seconds=60))
        rank = dist.get_rank()
        image = torch.full((3, 2, 2), rank / 10)

        # every rank its own file, by default and when asked; a name that is taken gets the rank
        unique = {"if_exists": "unique"}
        names = [
            safe_save_image(image, "each/x.png", ranks="each", **unique).name for _ in range(3)
        ]
        taken = [f"x_rank{rank}.png", f"x_rank{rank}_1.png", f"x_rank{rank}_2.png"]
        assert names == taken, names
        names = [safe_save_image(image, "default/x.png", **unique).name for _ in range(3)]
        if rank == 0:  # plain numbers, as for scripts that save on rank 0 only
            taken = ["x_1.png", "x_2.png", "x_3.png"]
        assert names in (["x.png", *taken[:2]], taken), names
        dist.barrier()
        assert len(os.listdir("each")) == len(os.listdir("default")) == 12

        # from a queue, too; one whose name another rank took first gets the next, out of order
        with SaveQueue(workers=2) as queue:
            futures = [queue.save(rank, "queue/x.pt", ranks="each", **unique) for _ in range(3)]
        names = {future.result().name for future in futures}
        assert names == {f"x_rank{rank}.pt", f"x_rank{rank}_1.pt", f"x_rank{rank}_2.pt"}, names
        assert all(torch.load(f"queue/{name}") == rank for name in names)
        dist.barrier()
        assert len(os.listdir("queue")) == 12

        # replace with "each": the same name every time, one per rank
        for step in range(3):
            path = safe_save(rank, "own/last.pt", if_exists="replace", ranks="each")
            assert path.name == f"last_rank{rank}.pt"
        assert torch.load(path) == rank
        dist.barrier()
        assert len(os.listdir("own")) == 4

        # one name of several ranks is warned about, names of their own are not
        for if_exists in ("backup", "replace"):
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                safe_save(rank, f"{if_exists}/last.pt", if_exists=if_exists)
                safe_save(rank, f"{if_exists}/last_r{rank}.pt", if_exists=if_exists)
            assert len(seen) == (0 if rank == 0 else 1), [str(w.message) for w in seen]
            assert torch.load(f"{if_exists}/last.pt") in range(4)
        dist.barrier()
        kept = [torch.load(f"backup/last{end}.pt") for end in ("", "_1", "_2", "_3")]
        assert sorted(kept) == [0, 1, 2, 3]

        # rank 0 writes, every rank gets the path
        for n in range(3):
            path = safe_save(rank, "zero/x.pt", ranks="zero", **unique)
            assert path.name == ("x.pt" if n == 0 else f"x_{n}.pt")
            assert torch.load(path) == 0
        safe_save_image(image, "zero/x.png", ranks="zero")
        dist.barrier()
        assert sorted(os.listdir("zero")) == ["x.png", "x.pt", "x_1.pt", "x_2.pt"]

        # no rank waits for ever: an error on rank 0 reaches all, an error on another stays there
        try:
            safe_save_image(image * float("nan"), "zero/nan.png", ranks="zero")
        except ValueError as problem:
            assert rank == 0 and "NaN" in str(problem)
        except RuntimeError as problem:
            assert rank != 0 and "rank 0 could not save: ValueError" in str(problem)
        else:
            raise AssertionError("no error")
        bad = {"nrow": 0} if rank == 2 else {}
        try:
            path = safe_save_image(image, "zero/two.png", ranks="zero", **bad)
        except ValueError as problem:
            assert rank == 2 and "nrow=0" in str(problem)
        else:
            assert rank != 2 and path.name == "two.png"
        nan = image * float("nan") if rank == 3 else image  # not looked at, not written
        assert safe_save_image(nan, "zero/three.png", ranks="zero").name == "three.png"

        # whatever one rank passes: rank 0's errors reach all, the others' stay with them
        wrong = [
            lambda: safe_save({}, None, ranks="zero"),
            lambda: safe_save({}, io.BytesIO(), ranks="zero"),
            lambda: safe_save({}, 3, ranks="zero"),
            lambda: safe_save({}, "zero/y.pt", if_exist="error", ranks="zero"),
            lambda: safe_save_image(image, "zero/y.png", nrwo=4, ranks="zero"),
            lambda: safe_save_image(image, "zero/y.png", if_exists="never", ranks="zero"),
        ]
        for culprit in (0, 2):
            for attempt in wrong:
                try:
                    if rank == culprit:
                        attempt()
                    else:
                        safe_save_image(image, "zero/fine.png", ranks="zero")
                except (TypeError, ValueError) as problem:
                    assert rank == culprit, repr(problem)
                except RuntimeError as problem:
                    assert culprit == 0 and "rank 0 could not save" in str(problem)
                else:
                    assert culprit == 2 and rank != 2

        # a queue must not wait for other ranks
        with SaveQueue() as queue:
            try:
                queue.save_image(image, "zero/q.png", ranks="zero")
            except ValueError as problem:
                assert "rank 0" in str(problem)
            else:
                raise AssertionError("no error")
        dist.barrier()
        dist.destroy_process_group()
        assert safe_save(rank, f"after_{rank}.pt", ranks="zero").name == f"after_{rank}.pt"
        """,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=4",
    )
    assert no_leftovers(tmp_path)


def test_one_rank_that_dies_does_not_leave_the_others_waiting(run_script: Run) -> None:
    done = run_script(
        """
        import torch.distributed as dist
        from datetime import timedelta
        from flake8_saveimage.runtime import safe_save

        dist.init_process_group("gloo", timeout=timedelta(seconds=5))
        if dist.get_rank() == 0:
            raise SystemExit("rank 0 fails before it saves")
        safe_save({}, "x.pt", ranks="zero")
        """,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
        check=False,
    )
    assert done.returncode != 0
    assert "rank 0 fails before it saves" in done.stderr
