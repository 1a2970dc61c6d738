"""``fix``: what it does to files, patches, git and interruptions. What it writes is tested with
the fixes themselves."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from commandline import LOOP, Command, findings, lines, write

from flake8_saveimage import FixOptions, fix_source
from flake8_saveimage.source import writing

GIT = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, input=stdin, capture_output=True, check=False
    )


def commit_all(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")


def test_in_place_twice(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP, "clean.py": "import torch\ntorch.save\n"})
    clean = (tmp_path / "clean.py").stat()
    done = command("fix", "--unsafe-fixes", ".")
    assert (done.returncode, done.stdout) == (0, b"")
    assert lines(done.stderr) == [
        "Fixed 1 finding in 1 file.",
        "Machines that run this code need 'pip install flake8-saveimage', or a copy of the helper"
        " in the project: fix --vendor PATH",
    ]
    once = (tmp_path / "a.py").read_bytes()
    assert once != LOOP.encode()
    compile(once, "a.py", "exec")
    again = command("fix", "--unsafe-fixes", ".")
    assert (again.returncode, again.stderr) == (0, b"")
    assert (tmp_path / "a.py").read_bytes() == once
    assert (tmp_path / "clean.py").stat().st_mtime_ns == clean.st_mtime_ns
    assert command("check", ".").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "clean.py"]


def test_configuration_selection_and_noqa_are_those_of_check(
    tmp_path: Path, command: Command
) -> None:
    write(
        tmp_path,
        {
            "noqa.py": LOOP.replace('.pt")', '.pt")  # noqa: SVI101'),
            "whole.py": LOOP + "# flake8: noqa\n",
            "excluded/a.py": LOOP,
            "per_file.py": LOOP,
            ".flake8": "[flake8]\nexclude = excluded\nper-file-ignores = per_file.py:SVI1\n",
        },
    )
    done = command("fix", "--unsafe-fixes", ".")
    assert (done.returncode, done.stderr) == (0, b"")
    for name in ("noqa.py", "whole.py", "excluded/a.py", "per_file.py"):
        assert "numbers.pt" in (tmp_path / name).read_text()
        assert "safe_save" not in (tmp_path / name).read_text()
    done = command("fix", "--unsafe-fixes", "--select", "SVI104", "--isolated", "per_file.py")
    assert (done.returncode, done.stderr) == (0, b"")
    done = command("fix", "--unsafe-fixes", "--disable-noqa", "--isolated", ".")
    assert done.returncode == 0
    for name in ("noqa.py", "whole.py", "excluded/a.py", "per_file.py"):
        assert "safe_save" in (tmp_path / name).read_text()


def test_unsafe_fixes_are_left_and_listed(tmp_path: Path, command: Command) -> None:
    used = LOOP + "    print(os.listdir())\n"
    write(tmp_path, {"a.py": used})
    checked = findings(command("check", "a.py").stdout)
    assert len(checked) == 1
    done = command("fix", "a.py")
    assert done.returncode == 1
    assert [line.split(" [")[0] for line in findings(done.stdout)] == checked
    assert "[unsafe: its folder is listed]" in done.stdout.decode()
    assert "Fixed 0 of 1 findings; 1 more with --unsafe-fixes." in done.stderr.decode()
    assert command("fix", "--exit-zero", "a.py").returncode == 0
    assert (tmp_path / "a.py").read_text() == used


BYTES = {
    "crlf.py": LOOP.replace("\n", "\r\n").encode(),
    "bom.py": b"\xef\xbb\xbf" + LOOP.encode(),
    "latin_1.py": b"# coding: latin-1\n# caf\xe9\n" + LOOP.encode(),
    "no_newline.py": LOOP.rstrip().encode(),
    "tabs.py": LOOP.replace("    ", "\t").encode(),
    "feed.py": LOOP.replace("\n\n", "\n\x0c\n").encode(),
    "sp ace.py": LOOP.encode(),
    'quo"te\\.py': LOOP.encode(),
    "é.py": LOOP.encode(),
    "new\nline.py": LOOP.encode(),
}


@GIT
@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows refuses")
def test_the_patch_is_what_git_apply_takes_and_what_fix_does(
    tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {f"sub/{name}": content for name, content in BYTES.items()})
    commit_all(tmp_path)
    done = command("fix", "--diff", "--unsafe-fixes", ".")
    assert done.returncode == 1
    assert "Would fix 10 findings in 10 files." in done.stderr.decode()
    assert git(tmp_path, "status", "--porcelain").stdout == b""
    (tmp_path / "patch").write_bytes(done.stdout)
    applied = git(tmp_path, "apply", "patch")
    assert (applied.returncode, applied.stderr) == (0, b"")
    by_patch = {name: (tmp_path / "sub" / name).read_bytes() for name in BYTES}
    git(tmp_path, "checkout", "-q", ".")
    assert command("fix", "--unsafe-fixes", "sub").returncode == 0
    assert {name: (tmp_path / "sub" / name).read_bytes() for name in BYTES} == by_patch
    # only the lines that must change: endings, mark, coding line and bytes are kept
    for name, before in BYTES.items():
        after = by_patch[name]
        assert after != before
        assert after.count(b"\r\n") == (after.count(b"\n") if name == "crlf.py" else 0)
        assert after.startswith(b"\xef\xbb\xbf") is (name == "bom.py")
        assert (b"\x0c" in after) is (name == "feed.py")
        assert after.endswith(b"\n") is before.endswith(b"\n")
    assert by_patch["latin_1.py"].startswith(b"# coding: latin-1\n# caf\xe9\n")


def test_permissions_and_links_are_kept(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"real/a.py": LOOP})
    (tmp_path / "real/a.py").chmod(0o751)
    (tmp_path / "link.py").symlink_to("real/a.py")
    done = command("fix", "--unsafe-fixes", ".")
    assert done.returncode == 0
    assert "Fixed 1 finding in 1 file." in done.stderr.decode()
    assert (tmp_path / "link.py").is_symlink()
    assert "safe_save" in (tmp_path / "real/a.py").read_text()
    assert (tmp_path / "real/a.py").stat().st_mode & 0o777 == 0o751
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["a.py"]


def test_standard_input_to_standard_output(command: Command) -> None:
    for source in (LOOP.encode(), LOOP.replace("\n", "\r\n").encode()):
        done = command("fix", "--unsafe-fixes", "-", stdin=source)
        assert done.returncode == 0
        assert b"safe_save" in done.stdout
        assert done.stdout.count(b"\r\n") == (done.stdout.count(b"\n") if b"\r" in source else 0)
    done = command("fix", "-", stdin=b"x = 1\r\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"x = 1\r\n", b"")
    done = command("fix", "--stdin-display-name", "a/b.py", "--diff", "-", stdin=LOOP.encode())
    assert done.stdout.startswith(b"--- a/a/b.py\n+++ b/a/b.py\n")


@GIT
def test_check_clean_refuses_a_dirty_tree(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP})
    done = command("fix", "--check-clean", "a.py")
    assert done.returncode == 2
    assert b"not a git repository" in done.stderr
    commit_all(tmp_path)
    write(tmp_path, {"untracked.txt": "x", "a.py": LOOP + "x = 1\n"})
    done = command("fix", "--check-clean", "a.py")
    assert done.returncode == 2
    assert len(lines(done.stderr)) == 1
    assert b"uncommitted changes" in done.stderr
    assert (tmp_path / "a.py").read_text() == LOOP + "x = 1\n"
    git(tmp_path, "commit", "-aqm", "clean")
    write(tmp_path, {"mine/new.py": LOOP, "ignored.py": LOOP, ".gitignore": "ignored.py\n"})
    for path in (".", "mine", "ignored.py"):
        done = command("fix", "--check-clean", path)
        assert done.returncode == 2
        assert b"git does not track" in done.stderr
    assert (tmp_path / "a.py").read_text() == LOOP + "x = 1\n"
    assert command("fix", "--check-clean", "--unsafe-fixes", "a.py").returncode == 0


def test_configuration_says_what_is_fixed_and_what_is_safe(
    tmp_path: Path, command: Command
) -> None:
    listed = LOOP.replace("numbers", "listed") + "import os\nprint(os.listdir())\n"
    write(tmp_path, {"a.py": LOOP, "listed.py": listed})
    table = tmp_path / "pyproject.toml"
    table.write_text("[tool.flake8-saveimage]\nunfixable = ['SVI1']\n")
    done = command("fix", "a.py")
    assert b"[no fix: the configuration excludes it from fixes]" in done.stdout
    table.write_text("[tool.flake8-saveimage]\nextend-unsafe-fixes = ['SVI101']\n")
    done = command("fix", "a.py")
    assert b"[unsafe: the configuration says so]" in done.stdout
    table.write_text(
        "[tool.flake8-saveimage]\nunfixable = ['SVI']\nfixable = ['SVI101']\n"
        "extend-safe-fixes = ['SVI1']\n"
    )
    done = command("fix", "--show-fixes", ".")
    assert lines(done.stdout) == [
        "./a.py:", "    1 x SVI101 (loop-invariant-path)",
        "./listed.py:", "    1 x SVI101 (loop-invariant-path)",
    ]  # fmt: skip
    table.write_text("[tool.flake8-saveimage]\nfixable = ['SVI9']\n")
    assert b"no rule is called 'SVI9'" in command("fix", ".").stderr


def test_a_file_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    from flake8_saveimage.source.writing import WriteError, replace

    path = tmp_path / "a.py"
    path.write_text("changed by an editor\n")
    with pytest.raises(WriteError, match="changed by another program"):
        replace(str(path), b"what was read\n", b"what was fixed\n")
    assert path.read_text() == "changed by an editor\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupted_in_the_middle_every_file_is_whole(tmp_path: Path) -> None:
    filler = "".join(f"def function_{i}(x):\n    return x + {i}\n\n\n" for i in range(60))
    before = LOOP + filler
    write(tmp_path, {f"f{i:03}.py": before for i in range(150)})
    process = subprocess.Popen(
        [sys.executable, "-m", "flake8_saveimage", "fix", "--unsafe-fixes", "-j", "2", "."],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while process.poll() is None and (tmp_path / "f000.py").read_text() == before:
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, errors = process.communicate()
    assert b"Traceback" not in errors
    name = str(tmp_path / "f149.py")
    after = fix_source(before, filename=name, options=FixOptions(unsafe=True)).code
    assert len(list(tmp_path.iterdir())) == 150
    contents = Counter(path.read_text() for path in tmp_path.iterdir())
    assert contents[after] > 0
    assert contents[before] + contents[after] == 150
    if process.returncode == 130:
        assert errors.decode().splitlines()[-1] == "flake8-saveimage: interrupted"
    else:  # it was faster than the signal
        assert (process.returncode, contents[before]) == (0, 0)


def test_interrupted_right_after_the_new_file_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"{80 * '画'}.py"
    target.write_bytes(b"before")
    made = os.open

    def interrupted(*arguments: Any) -> int:
        os.close(made(*arguments))
        assert len(list(tmp_path.iterdir())) == 2
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writing.replace(str(target), b"before", b"after")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [target]
    writing.replace(str(target), b"before", b"after")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"after"]


@pytest.mark.parametrize("vendor", ["pkg/saving", "pkg/saving.py"])
def test_vendored_helper_is_written_before_it_is_imported_and_kept_up_to_date(
    vendor: str, tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {"pkg/__init__.py": "", "pkg/a.py": LOOP, "pkg/b.py": "x = 1\n"})
    helper = tmp_path / "pkg" / "saving" / "queue.py"
    done = command("fix", "--vendor", "pkg/saving", "pkg/b.py")
    assert (done.returncode, helper.parent.exists()) == (0, False)
    done = command("fix", "--unsafe-fixes", "--vendor", vendor, "pkg")
    assert done.returncode == 0, done.stderr.decode()
    assert lines(done.stderr)[0].startswith(
        "flake8-saveimage: created the folder pkg/saving, which"
    )
    assert "from .saving import safe_save" in (tmp_path / "pkg/a.py").read_text()
    content = helper.read_bytes()
    helper.write_bytes(content + b"# mine\n")
    done = command("fix", "--unsafe-fixes", "--vendor", vendor, "pkg")
    assert (done.returncode, helper.read_bytes()) == (2, content + b"# mine\n")
    assert b"queue.py was edited; --force replaces the copy" in done.stderr
    done = command("fix", "--unsafe-fixes", "--force", "--vendor", vendor, "pkg")
    assert (done.returncode, helper.read_bytes()) == (0, content)
    assert lines(done.stderr)[0].startswith("flake8-saveimage: updated the folder pkg/saving")
    # the helper itself is nothing to report
    assert command("check", "pkg").returncode == 0


@GIT
def test_the_patch_brings_the_vendored_helper(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP})
    commit_all(tmp_path)
    done = command("fix", "--diff", "--unsafe-fixes", "--vendor", "saving", "a.py")
    assert done.returncode == 1
    applied = git(tmp_path, "apply", stdin=done.stdout)
    assert (applied.returncode, applied.stderr) == (0, b"")
    by_patch = {path: path.read_bytes() for path in tmp_path.rglob("*.py")}
    assert {tmp_path / "a.py", tmp_path / "saving/__init__.py"} < set(by_patch)
    git(tmp_path, "clean", "-qfd")
    git(tmp_path, "checkout", "-q", ".")
    command("fix", "--unsafe-fixes", "--vendor", "saving", "a.py")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.py")} == by_patch


def test_a_copy_of_an_earlier_version_as_one_file_stays(tmp_path: Path, command: Command) -> None:
    """A folder beside it would hide it; the message says how to replace it."""
    old = "# flake8-saveimage runtime 0.1.0 (one file)\ndef safe_save(*a): pass\n"
    used = "from saving import safe_save\nfor i in x:\n    safe_save(i, 'x.pt')\n"
    write(tmp_path, {"a.py": LOOP, "saving.py": old, "used.py": used})
    assert command("fix", "--vendor", "saving.py", "used.py").returncode == 0
    for vendor in ("saving", "saving.py"):
        done = command("fix", "--unsafe-fixes", "--vendor", vendor, "a.py")
        assert done.returncode == 2
        assert b"saving.py is a copy of the helper as one file" in done.stderr
        assert b"delete it and run this again" in done.stderr
    assert (tmp_path / "a.py").read_text() == LOOP
    assert not (tmp_path / "saving").exists()
    (tmp_path / "saving.py").unlink()
    assert command("fix", "--unsafe-fixes", "--vendor", "saving.py", "a.py").returncode == 0
    assert "from saving import safe_save" in (tmp_path / "a.py").read_text()


def test_a_place_where_the_helper_cannot_be_is_one_clear_line(
    tmp_path: Path, command: Command
) -> None:
    write(tmp_path, {"a.py": LOOP, "mine.py": "x = 1\n"})
    for vendor in ("no-module.py", "mine.py"):
        done = command("fix", "--unsafe-fixes", "--vendor", vendor, "a.py")
        assert done.returncode == 2
        assert vendor.encode() in done.stderr
        assert len(lines(done.stderr)) <= 2
        assert (tmp_path / "a.py").read_text() == LOOP
    assert (tmp_path / "mine.py").read_text() == "x = 1\n"
