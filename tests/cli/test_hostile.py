"""Hostile trees and sources: one clear line, the right exit status, nothing raw on the screen."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tokenize
from encodings.aliases import aliases
from pathlib import Path

import pytest
from commandline import LOOP, Command, codes, findings, lines, write

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="names of bytes, pipes, devices")
FORMATS = ("text", "json", "sarif", "github", "html")
ODD_NAMES = [
    "new\nline.py",
    "esc\x1b[31m.py",
    "\u202eyp.py",
    "\x9b31m.py",
    "::error file=b.py::x.py",
    "[x](javascript:alert(1)).py",
    os.fsdecode(b"\xff\xfe.py"),
]


def is_plain(output: bytes) -> bool:
    """Say whether nothing in an output could steer a terminal or forge a line."""
    text = output.decode("utf-8")
    return all(c.isprintable() or c in "\n\t" for c in text)


# -- names ---------------------------------------------------------------------------------------


@LINUX
@pytest.mark.parametrize("form", FORMATS)
def test_no_format_prints_odd_names_raw(tmp_path: Path, command: Command, form: str) -> None:
    write(tmp_path, dict.fromkeys(ODD_NAMES, LOOP) | {"broken\x1b[2J\n.py": LOOP + "def\n"})
    if form == "html":  # the page's own script and style have lines of their own
        (tmp_path / "empty.py").write_text("")
        frame = len(command("check", "--format", form, "empty.py").stdout.splitlines())
        done = command("check", "--format", form, ".")
        assert len(done.stdout.splitlines()) == frame
    else:
        done = command("check", "--format", form, ".")
    assert done.returncode == 2
    assert is_plain(done.stdout)
    assert is_plain(done.stderr)
    if form in ("text", "github"):
        errors = lines(done.stdout + done.stderr)
        assert len(errors) == len(ODD_NAMES) + 1
    if form == "json":
        report = json.loads(done.stdout)
        assert {f["file"] for f in report["findings"]} == {f"./{name}" for name in ODD_NAMES}


@LINUX
@pytest.mark.parametrize("options", [["--diff"], []])
def test_fix_prints_no_odd_name_raw(tmp_path: Path, command: Command, options: list[str]) -> None:
    write(tmp_path, dict.fromkeys(ODD_NAMES, LOOP) | {"broken\x1b[2J\n.py": LOOP + "def\n"})
    done = command("fix", "--unsafe-fixes", *options, ".")
    assert done.returncode == 2
    assert is_plain(done.stdout)
    assert is_plain(done.stderr)
    assert len(lines(done.stderr)) == 3
    changed = [name for name in ODD_NAMES if (tmp_path / name).read_text() != LOOP]
    assert changed == ([] if options else ODD_NAMES)


@LINUX
def test_patch_for_odd_names_applies(tmp_path: Path, command: Command) -> None:
    write(tmp_path, dict.fromkeys(ODD_NAMES, LOOP))
    patch = command("fix", "--unsafe-fixes", "--diff", ".").stdout
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch, check=True, timeout=60)
    assert all("safe_save" in (tmp_path / name).read_text() for name in ODD_NAMES)


@LINUX
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "gone\n\x1b[31m.py"],
        ["check", "--output-file", "gone\n\x1b[31m/report.txt", "a.py"],
        ["check", "--config", "gone\n\x1b[31m.cfg", "a.py"],
        ["check", "--config", "odd\n\x1b[31m.toml", "a.py"],
        ["check", "--append-config", "gone\n\x1b[31m.cfg", "a.py"],
        ["check", "--select", "\x1b[31m\n", "a.py"],
        ["check", "--stdin-display-name", "\x1b[31m\n.py", "--format", "github", "-"],
        ["fix", "--vendor", "gone\n\x1b[31m/helper.py", "--unsafe-fixes", "a.py"],
        ["fix", "--check-clean", "gone\n\x1b[31m/a.py"],
        ["odd\n\x1b[31m.toml"],
        ["check", "--odd\n\x1b[31m", "a.py"],
        ["check", "--format", "\x1b[31m\n", "a.py"],
        ["explain", "\x1b[31m\n"],
    ],
)
def test_no_message_prints_an_argument_raw(
    tmp_path: Path, command: Command, arguments: list[str]
) -> None:
    write(tmp_path, {"a.py": LOOP, "odd\n\x1b[31m.toml": "[tool.flake8-saveimage]\nselec = 1\n"})
    done = command(*arguments, stdin=LOOP.encode())
    assert done.returncode in (1, 2)
    assert is_plain(done.stdout)
    assert is_plain(done.stderr)
    assert len(lines(done.stdout + done.stderr)) <= 2


@LINUX
@pytest.mark.parametrize("content", ["[flake8\nselect=SVI", "[flake8]\nselect = E\n", "[flake8]\n"])
def test_configuration_in_an_odd_folder(tmp_path: Path, command: Command, content: str) -> None:
    folder = "new\nline\x1b[31m"
    write(tmp_path, {f"{folder}/a.py": LOOP, f"{folder}/setup.cfg": content})
    done = command("check", "a.py", cwd=tmp_path / folder)
    assert is_plain(done.stderr)
    assert len(lines(done.stderr)) == (content != "[flake8]\n")


def test_source_text_steers_no_terminal(tmp_path: Path, command: Command) -> None:
    source = LOOP.replace("numbers", "\x1b]0;owned\x07\x1b[2J\u202e\x85\u2028{i}")
    write(tmp_path, {"a.py": source})
    for form in FORMATS:
        done = command("check", "--extend-select=SVI", "--show-source", "--format", form, ".")
        assert done.returncode == 1
        assert is_plain(done.stdout)
    done = command("check", "--show-source", "--color", "always", "a.py")
    assert b"\x1b]0" not in done.stdout
    assert b"\x1b[2J" not in done.stdout


# -- trees ---------------------------------------------------------------------------------------


@LINUX
def test_modules_in_the_folder_are_not_run(tmp_path: Path, command: Command) -> None:
    """``python -m`` looks into the folder first: a repository could bring its own logging.py."""
    evil = "raise SystemExit('a scanned file was run')\n"
    names = ("logging.py", "ast.py", "libcst.py", "flake8.py", "tomllib.py", "conftest.py")
    write(tmp_path, {"a.py": LOOP, **dict.fromkeys(names, evil)})
    write(tmp_path, {"flake8_saveimage_plugin.py": evil, "setup.cfg": "[flake8]\n"})
    for arguments in (["check", "."], ["check", "-j", "2", "."], ["fix", "--diff", "."]):
        done = command(*arguments)
        assert done.returncode == 1
        assert b"was run" not in done.stderr + done.stdout


@LINUX
def test_loops_of_links_pipes_and_devices(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"src/a.py": LOOP})
    (tmp_path / "src" / "up").symlink_to("..")
    (tmp_path / "src" / "here").symlink_to(".")
    (tmp_path / "one.py").symlink_to("two.py")
    (tmp_path / "two.py").symlink_to("one.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "src" / "pipe.py")
    done = command("check", ".")
    assert (done.returncode, codes(done.stdout)) == (1, ["4:SVI101"])
    assert done.stderr == b""
    (tmp_path / "memory.py").symlink_to("/proc/self/mem")
    for name, reason in (
        ("one.py", "cannot be read"),
        ("zero.py", "is not a regular file"),
        ("memory.py", "cannot be read"),
    ):
        for subcommand in ("check", "fix"):
            done = command(subcommand, name)
            assert done.returncode == 2
            error = f"flake8-saveimage: error: {name}: {reason}"
            assert lines(done.stderr)[0].startswith(error)


@LINUX
def test_socket_as_a_file(tmp_path: Path, command: Command) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        path = os.path.relpath(tmp_path / "socket.py")
        server.bind(path if len(path) < 100 else str(tmp_path / "socket.py"))
        done = command("check", "socket.py")
    assert done.returncode == 2
    assert len(lines(done.stderr)) == 1


@LINUX
@pytest.mark.parametrize("subcommand", ["check", "fix"])
def test_unreadable_files_and_folders(tmp_path: Path, command: Command, subcommand: str) -> None:
    write(tmp_path, {"a.py": LOOP, "closed/b.py": LOOP, "open/c.py": LOOP})
    (tmp_path / "a.py").chmod(0)
    (tmp_path / "closed").chmod(0)
    try:
        done = _without_privileges(tmp_path, subcommand, ".")
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 2
    errors = lines(done.stderr)
    assert errors[:2] == [
        "flake8-saveimage: error: ./a.py: cannot be read: Permission denied",
        "flake8-saveimage: error: ./closed: cannot be read: Permission denied",
    ]
    if subcommand == "check":
        assert findings(done.stdout)[0].startswith("./open/c.py:4:5")


def _without_privileges(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a user whom permissions bind: root keeps its number, not its powers."""
    start = [sys.executable, "-m", "flake8_saveimage", *arguments]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads everything, and there is no setpriv to give that up")
        start = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--", *start]
    return subprocess.run(start, cwd=folder, capture_output=True, timeout=120, check=False)


# -- sources -------------------------------------------------------------------------------------


DEEP = {
    "brackets": "x = " + "(" * 10_000 + ")" * 10_000 + "\n",
    "lists": "x = " + "[" * 180 + "]" * 180 + "\n",
    "attributes": "x = a" + ".b" * 10_000 + "\n",
    "calls": "x = a" + "()" * 10_000 + "\n",
    "sum": "x = " + "+".join("a" * 10_000) + "\n",
    "comparison": "x = " + "<".join("a" * 10_000) + "\n",
    "lambdas": "x = " + "lambda: " * 5_000 + "1\n",
    "branches": "if x: pass\n" + "elif x: pass\n" * 5_000,
    "texts": "x = " + "'a' " * 10_000 + "\n",
    "indentation": "".join(" " * n + "if x:\n" for n in range(99)) + " " * 99 + "pass\n",
    "targets": "a = " * 5_000 + "1\n",
    "decorators": "@x\n" * 5_000 + "def f(): pass\n",
}
LOOPS = {
    "nested": "".join(" " * n + f"for i{n} in x:\n" for n in range(1000)),
    "clauses": "[torch.save(x, 'a.pt')" + " for i in x" * 1000 + "]\n",
    "in a row": "for i in x:\n    torch.save(x, 'a.pt')\n" * 200,
}


@pytest.mark.parametrize("source", [*DEEP.values(), *LOOPS.values()], ids=[*DEEP, *LOOPS])
def test_deep_and_long_sources(tmp_path: Path, command: Command, source: str) -> None:
    """Checked and fixed, or one line that says why not."""
    write(tmp_path, {"a.py": LOOP + source})
    for arguments in (["check"], ["check", "--format", "sarif"], ["fix", "--diff"]):
        done = command(*arguments, "a.py")
        if done.returncode == 2 and "sarif" not in arguments:
            assert done.stdout == b""
            assert len([line for line in lines(done.stderr) if ": error: " in line]) == 1
        else:
            assert done.returncode in (1, 2)
            assert done.stdout


@pytest.mark.parametrize("newline", ["\r", "\r\n", "\n\r", "\r\r\n"])
def test_line_endings_count_as_for_flake8(
    tmp_path: Path, command: Command, flake8: Command, newline: str
) -> None:
    """A file with the line endings of old Macs is one long comment to whoever looks for \\n."""
    write(tmp_path, {"a.py": ("# comment\n" + LOOP).replace("\n", newline)})
    ours = findings(command("check", "a.py").stdout)
    assert ours == findings(flake8("--isolated", "--select=SVI", "a.py").stdout) != []


def test_mixed_line_endings(tmp_path: Path, command: Command) -> None:
    source = b"# mixed\rimport torch\r\n\nfor i in x:\r\n\ttorch.save(i, 'a.pt')\rdone = 1\n"
    write(tmp_path, {"a.py": source})
    assert codes(command("check", "a.py").stdout) == ["5:SVI101"]
    command("fix", "--unsafe-fixes", "a.py")
    fixed = (tmp_path / "a.py").read_bytes()
    assert b"\tsafe_save(i, 'a.pt', keep=3)\rdone = 1\n" in fixed
    assert command("check", "a.py").returncode == 0


@pytest.mark.parametrize("where", ["x = 1\0\n", "x = '\0'\n", "# \0\n", "\0"])
@pytest.mark.parametrize("subcommand", ["check", "fix"])
def test_nul_bytes(tmp_path: Path, command: Command, subcommand: str, where: str) -> None:
    write(tmp_path, {"a.py": LOOP + where})
    done = command(subcommand, "a.py")
    assert done.returncode == 2
    assert lines(done.stderr)[0].startswith("flake8-saveimage: error: a.py: cannot be parsed: ")
    assert (tmp_path / "a.py").read_bytes() == (LOOP + where).encode()


def test_surrogates_in_source_text(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP.replace("numbers", "\\ud800\\udcff")})
    for form in FORMATS:
        assert command("check", "--format", form, "a.py").returncode == 1
    write(tmp_path, {"b.py": LOOP.encode() + b"# \xed\xa0\x80\n"})  # as UTF-8 has it not
    assert command("check", "b.py").returncode == 2


CODINGS = sorted({*aliases, *aliases.values(), "utf-8-sig", "UTF8", "klingon", "latin-1-unix"})
COMMON = """utf-8 utf-8-sig UTF8 latin-1 latin-1-unix cp1252 cp1251 koi8-r gbk gb18030 big5 euc-jp
    shift-jis euc-kr utf-7 utf-16 klingon rot13 hex""".split()
TEXT = "# coding: {}\n" + LOOP + "# àé ñ\n"


def _encoded(coding: str) -> bytes:
    """Return a source as an editor would store it under a coding line."""
    source = TEXT.format(coding)
    try:
        return source.encode(coding, "replace")
    except (LookupError, TypeError, ValueError, AssertionError):  # no coding of texts
        return source.encode()


def _python_reads(raw: bytes) -> str | None:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        with io.TextIOWrapper(io.BytesIO(raw), encoding) as file:
            text = file.read()
        compile(text, "<source>", "exec")
    except (SyntaxError, LookupError, ValueError):
        return None
    return text


@pytest.mark.parametrize(
    "codings",
    [
        COMMON,
        pytest.param(CODINGS, marks=pytest.mark.slow),
    ],
    ids=["common", "every"],
)
def test_codings_are_read_as_python_reads_them(
    tmp_path: Path, command: Command, codings: list[str]
) -> None:
    """PEP 263: all that Python has; what Python does not read is one error, and not touched."""
    sources = {f"{coding}.py": _encoded(coding) for coding in codings}
    texts = {name: _python_reads(raw) for name, raw in sources.items()}
    write(tmp_path, dict(sources))
    done = command("check", "--format", "json", ".")
    report = json.loads(done.stdout)
    found = {(f["file"], f["line"], f["code"]) for f in report["findings"]}
    errors = [e["file"] for e in report["errors"]]
    readable = {name for name, text in texts.items() if text is not None and "torch" in text}
    assert found == {(f"./{name}", 5, "SVI101") for name in readable}
    assert len(readable) > 0.6 * len(codings)
    refused = {f"./{name}" for name, text in texts.items() if text is None}
    assert set(errors) == refused
    assert len(errors) == len(set(errors))
    assert {"./klingon.py", "./rot13.py", "./hex.py"} <= refused
    assert command("fix", ".").returncode == 2
    for name, raw in sources.items():
        now = (tmp_path / name).read_bytes()
        if name not in readable:
            assert now == raw
        elif now != raw:
            assert "safe_save(epoch" in (_python_reads(now) or "")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["code", "text", "nothing to see", "rubbish"])
def test_fifty_megabytes(tmp_path: Path, command: Command, kind: str) -> None:
    size = 50_000_000
    content = {
        "code": LOOP + "x = f(1, a[2])\n" * (size // 15),
        "text": LOOP + 'x = """' + "lorem ipsum " * (size // 12) + '"""\n',
        "nothing to see": "x = f(1, a[2])\n" * (size // 15),
        "rubbish": "import torch\n" + "save('\"{[(\\ " * (size // 13),
    }[kind]
    write(tmp_path, {"a.py": content})
    for subcommand in ("check", "fix"):
        done = command(subcommand, "a.py")
        if kind in ("nothing to see", "rubbish"):
            assert (done.returncode, done.stderr) == (0, b"")
        else:
            assert done.returncode == 2
            assert lines(done.stderr)[0] == (
                "flake8-saveimage: error: a.py: is too large to be checked (50 MB; the limit is "
                "2 MB): split it, or exclude it"
            )
