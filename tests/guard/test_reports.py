"""What a guarded run reports, and above all what it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch

Reported = Callable[..., dict[str, Any]]
Write = Callable[..., Path]


def test_file_written_in_a_loop_is_reported_with_line_and_count(
    script: Write, reported: Reported, tmp_path: Path
) -> None:
    train = script("""\
        import torch
        from torchvision.utils import save_image

        for epoch in range(3):
            save_image(torch.rand(2, 3, 8, 8), "fake.png")
            torch.save({"epoch": epoch}, f"model_{epoch}.pt")
    """)
    report = reported(train)
    (file,) = report["overwritten"]
    assert file["path"] == str(tmp_path / "fake.png")
    assert (file["saves"], file["lost"]) == (3, 2)
    (writes,) = file["writes"]
    assert (writes["file"], writes["line"]) == (str(train), 5)
    assert (writes["function"], writes["count"]) == ("save_image", 3)
    assert (report["saves"], report["files"], report["problems"]) == (6, 4, 1)


WAYS = {
    "attribute": ("import torch", "torch.save(1, 'x.pt')"),
    "alias": ("import torch as t", "t.serialization.save(1, 'x.pt')"),
    "partial": ("from torch import save; import functools", "functools.partial(save, 1)('x.pt')"),
    "keywords": ("import torch, pathlib", "torch.save(obj=1, f=pathlib.Path('x.pt'))"),
    "default": ("import torch\ndef f(s=torch.save): s(1, 'x.pt')", "f()"),
    "module": (
        "import torch, torchvision",
        "torchvision.utils.save_image(torch.rand(3, 4, 4), 'x.png')",
    ),
    "name": (
        "import torch; from torchvision.utils import save_image as si",
        "si(tensor=torch.rand(3, 4, 4), fp='x.png')",
    ),
    "list": (
        "import torch; from torchvision import utils as vutils",
        "vutils.save_image([torch.rand(3, 4, 4)] * 2, 'x.png', nrow=2)",
    ),
}


def test_every_way_to_import_and_call_is_watched(
    script: Write, reported: Reported, tmp_path: Path
) -> None:
    for name, (setup, call) in WAYS.items():
        lines = "".join(f"\n    {call}" for call in ("os.chdir(folder)", *[call] * 2))
        script(f"import os\n{setup}\ndef run(folder):{lines}\n", f"{name}_way.py")
        (tmp_path / name).mkdir()
    calls = [f"import {name}_way; {name}_way.run({str(tmp_path / name)!r})" for name in WAYS]
    report = reported(script("\n".join(calls)))
    found = {Path(file["path"]).parent.name: file for file in report["overwritten"]}
    assert found.keys() == WAYS.keys()
    for name, file in found.items():
        sites = [Path(w["file"]).name for w in file["writes"] for _ in range(w["count"])]
        assert (file["lost"], sites) == (1, [f"{name}_way.py"] * 2), name


def test_one_file_under_two_names_of_its_folder(script: Write, reported: Reported) -> None:
    train = script("""\
        import os, torch
        os.mkdir("run1")
        os.symlink("run1", "newest")
        torch.save(1, "run1/x.pt")
        torch.save(2, "newest/x.pt")
        os.chdir("run1")
        torch.save(3, "../run1/./x.pt")
    """)
    (file,) = reported(train)["overwritten"]
    assert file["saves"] == 3
    assert [writes["line"] for writes in file["writes"]] == [4, 5, 7]


def test_the_line_is_the_users_where_a_library_saves(script: Write, reported: Reported) -> None:
    script(
        "import torch\ndef dump(path):\n    torch.save(1, path)\n",
        "site-packages/library.py",
    )
    train = script("""\
        import sys
        sys.path.append("site-packages")
        import library
        for _ in range(2):
            library.dump("x.pt")
    """)
    (file,) = reported(train)["overwritten"]
    assert (file["writes"][0]["file"], file["writes"][0]["line"]) == (str(train), 5)


SILENT = {
    "atomic replace": "torch.save(i, 'tmp.pt'); os.replace('tmp.pt', 'best.pt')",
    "append": "open('x.bin', 'ab').write(b'x')",
    "update": "open('y.bin', 'ab').close(); open('y.bin', 'r+b').write(b'x')",
    "lock": "open('x.lock', 'w').close(); open('run.pid', 'w').write('1')",
    "log": "open('train.log', 'w').write('x'); open('log.jsonl', 'w').write('x')",
    "text": "open('metrics.json', 'w').write('x'); Path('args.yaml').write_text('x')",
    "text by way of a temporary file": (
        "Path('s.tmp').write_text('x'); os.replace('s.tmp', 'state.json')"
    ),
    "cache": "os.makedirs('.cache/a', exist_ok=True); Path('.cache/a/x').write_bytes(b'x')",
    "compiled": (
        "os.makedirs('__pycache__', exist_ok=True); Path('__pycache__/x.1').write_bytes(b'')"
    ),
    "read": "Path('r.bin').exists() or Path('r.bin').write_bytes(b'x'); Path('r.bin').read_bytes()",
    "exclusive": "with contextlib.suppress(FileExistsError): open('e.bin', 'xb').write(b'x')",
    "not allowed": "with contextlib.suppress(OSError): open('/proc/self/no', 'wb')",
    "link": "torch.save(i, f'{i}.pt'); os.link(f'{i}.pt', 'new'); os.replace('new', 'latest.pt')",
    "symbolic link": (
        "torch.save(i, f'{i}.pt'); os.symlink(f'{i}.pt', 'new'); os.replace('new', 'current')"
    ),
    "folder moved": "os.mkdir('d'); torch.save(i, 'd/a.pt'); os.rename('d', f'd{i}')",
    "pipe": "read, write = os.pipe(); open(write, 'wb').close(); os.close(read)",
    "rename": "torch.save(i, 'tmp.pt'); os.rename('tmp.pt', f'{i}.pt')",
    "move": "torch.save(i, 'tmp.pt'); shutil.move('tmp.pt', f'{i}.pt')",
    "moved by mv": "torch.save(i, 'tmp.pt'); os.system('mv tmp.pt other')",
    "remove": "torch.save(i, 'tmp.pt'); os.remove('tmp.pt')",
    "unlink": "torch.save(i, 'tmp.pt'); Path('tmp.pt').unlink()",
    "folder removed": "os.mkdir('d'); torch.save(i, 'd/a.pt'); shutil.rmtree('d')",
    "BytesIO": "torch.save(i, io.BytesIO())",
    "image to BytesIO": "save_image(image, io.BytesIO(), format='png')",
    "null device": "torch.save(i, os.devnull)",
    "mkstemp": "torch.save(i, tempfile.mkstemp(suffix='.pt')[1])",
    "named temporary file": "with tempfile.NamedTemporaryFile() as f: torch.save(i, f.name)",
    "temporary folder": "with tempfile.TemporaryDirectory() as d: torch.save(i, d + '/a.pt')",
    "rolling": "torch.save(i, 'best.pt'); torch.save(i, 'checkpoint.pth')",
    "runtime": "safe_save(i, 'x.pt'); safe_save_image(image, 'x.png')",
    "runtime replaces": "safe_save(i, 'x.pt', if_exists='replace')",
    "one file each": "save_image(image, f'{i}.png')",
    "normalised": "save_image(image * 2 - 1, f'{i}.png', normalize=True)",
    "declared range": "save_image(image * 3 - 1, f'{i}.png', normalize=True, value_range=(-1, 1))",
    "less than half a level over": "save_image(image * 1.0019, f'{i}.png')",
}


def test_innocent_idioms_are_silent(script: Write, reported: Reported, tmp_path: Path) -> None:
    bodies = []
    for name, body in SILENT.items():
        (tmp_path / name).mkdir()
        bodies.append(f"os.chdir({str(tmp_path / name)!r})\nfor i in range(3):\n    {body}\n")
    train = script(
        "import contextlib, io, os, shutil, tempfile\n"
        "from pathlib import Path\n"
        "import torch\n"
        "from torchvision.utils import save_image\n"
        "from flake8_saveimage.runtime import safe_save, safe_save_image\n"
        "image = torch.rand(3, 8, 8)\n"
        "image.view(-1)[:2] = torch.tensor([0.0, 1.0])\n" + "".join(bodies)
    )
    report = reported(train)
    assert report["saves"] >= 3 * len(SILENT) - 48
    assert [file["path"] for file in (*report["overwritten"], *report["shared"])] == []
    assert [image["path"] for image in report["images"]] == []
    assert report["before_run"] == []


def test_rolling_files_are_listed_apart(script: Write, reported: Reported) -> None:
    train = script("""\
        import torch
        for epoch in range(3):
            torch.save(epoch, "last.pt")
            torch.save(epoch, "checkpoint_5.pt")
    """)
    report = reported(train)
    assert [Path(file["path"]).name for file in report["rolling"]] == ["last.pt"]
    assert [Path(file["path"]).name for file in report["overwritten"]] == ["checkpoint_5.pt"]


def test_files_from_before_the_run_count_apart(script: Write, reported: Reported) -> None:
    train = script("""\
        import torch
        torch.save(1, "a.pt")
        torch.save(1, "b.pt")
        torch.save(1, "b.pt")
    """)
    assert reported(train)["before_run"] == []
    report = reported(train)
    assert [(Path(f["path"]).name, f["line"]) for f in report["before_run"]] == [
        ("a.pt", 2),
        ("b.pt", 3),
    ]
    (file,) = report["overwritten"]
    assert (Path(file["path"]).name, file["lost"]) == ("b.pt", 1)


def test_failed_saves_do_not_count(script: Write, reported: Reported) -> None:
    train = script("""\
        import torch
        from torchvision.utils import save_image
        for _ in range(3):
            for image in (torch.zeros(3, 4, 4, dtype=torch.uint8), None, "text"):
                try:
                    save_image(image, "x.png")
                except (RuntimeError, TypeError):
                    pass
            try:
                torch.save(1, "missing/x.pt")
            except (RuntimeError, OSError):
                pass
    """)
    report = reported(train)
    assert (report["saves"], report["problems"]) == (0, 0)


def test_clipped_and_non_finite_values(script: Write, reported: Reported) -> None:
    train = script("""\
        import io
        import torch
        from torchvision.utils import save_image

        image = torch.full((1, 3, 10, 10), 0.5)
        image.view(-1)[:30] = -0.2
        image.view(-1)[30:75] = 1.2
        save_image(image, "clipped.png")
        image.view(-1)[:30] = float("nan")
        image.view(-1)[30:75] = float("inf")
        image.view(-1)[75:78] = 7
        save_image(image, "broken.png")
        save_image(image, "normalised.png", normalize=True, value_range=(0, 1))
        save_image(image.bfloat16().to(memory_format=torch.channels_last), "half.png")
        save_image([torch.rand(3, 4, 4), torch.rand(3, 4, 4) + 2], "list.png")
        save_image(torch.full((3, 4, 4), 255.0), io.BytesIO(), format="png")
        save_image((torch.rand(3, 4, 4) + 2).requires_grad_(), "grad.png")
    """)
    images = {Path(image["path"] or "buffer").stem: image for image in reported(train)["images"]}
    clipped = images["clipped"]
    assert clipped["clipped"] == pytest.approx(75 / 300)
    assert clipped["low"] == pytest.approx(-0.2)
    assert clipped["high"] == pytest.approx(1.2)
    assert (clipped["non_finite"], clipped["line"]) == (0, 8)
    for name in ("broken", "half"):
        assert images[name]["clipped"] == pytest.approx(3 / 300)
        assert images[name]["non_finite"] == pytest.approx(75 / 300)
    assert images["broken"]["low"] is None
    assert images["normalised"]["clipped"] == 0
    assert images["normalised"]["non_finite"] == pytest.approx(75 / 300)
    assert images["list"]["clipped"] == pytest.approx(0.5)
    assert images["grad"]["clipped"] == 1
    assert (images["buffer"]["path"], images["buffer"]["clipped"]) == (None, 1)


def test_text_report(script: Write, guarded: Callable[..., Any]) -> None:
    train = script("""\
        import torch
        from torchvision.utils import save_image
        for i in range(3):
            save_image(torch.linspace(-1, 1, 192).view(3, 8, 8), "fake.png")
            torch.save(i, "latest.pt")
    """)
    outcome = guarded(train)
    assert (outcome.status, outcome.out) == (0, "")
    assert outcome.err.splitlines() == [
        "flake8-saveimage guard: 6 saves, 2 files: 2 saves lost, 3 images with damaged values",
        "  1 file overwritten within this run (put what varies into the name, or run with "
        "--on-overwrite=backup):",
        "    fake.png: saved 3 times, 2 lost",
        "      3x train.py:4 save_image",
        "  3 images with values that save_image clips to [0, 1] or that are not finite:",
        "    train.py:4: 3 images clipped, at worst 50.0% of the values of fake.png (they reach "
        "from -1 to 1; denormalise, or pass normalize=True with value_range=)",
        "  1 file rewritten, as the name or --allow says:",
        "    latest.pt: saved 3 times, 2 lost",
        "      3x train.py:5 torch.save",
    ]
    quiet = guarded(script("import torch\ntorch.save(1, 'fresh.pt')\n", "fine.py"))
    assert quiet.err == "flake8-saveimage guard: 1 save, 1 file: nothing lost\n"


def test_saves_of_exit_handlers_and_threads_count(script: Write, reported: Reported) -> None:
    train = script("""\
        import atexit, threading, time, torch
        atexit.register(torch.save, 1, "x.pt")
        def late():
            time.sleep(0.5)
            torch.save(2, "x.pt")
        threading.Thread(target=late).start()
    """)
    (file,) = reported(train)["overwritten"]
    assert file["saves"] == 2


def test_threads_that_save_one_file_at_the_same_time(script: Write, reported: Reported) -> None:
    train = script("""\
        import threading, torch
        data = torch.zeros(3_000_000)
        threads = [threading.Thread(target=torch.save, args=(data, "x.pt")) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """)
    (file,) = reported(train)["overwritten"]
    assert (file["saves"], file["lost"]) == (4, 3)
