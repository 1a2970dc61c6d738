"""Syntax that is later than the running Python, and CPython's own grammar tests."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import pytest

from flake8_saveimage.source.later import hint

SAVE = "\nimport torch\n\nfor step in range(3):\n    torch.save(step, 'step.pt')\n"
LIBCST = tuple(int(part) for part in version("libcst").split(".")[:3])
NEW = {
    "type parameters": ("def first[T](x: list[T]) -> T:\n    return x[0]\n", (1, 1, 0)),
    "type statements": ("type Pair[T] = tuple[T, T]\n", (1, 1, 0)),
    "t-strings": ('t"{torch}"\n', (1, 8, 5)),
    "except": ("try:\n    pass\nexcept ValueError, KeyError:\n    pass\n", (1, 8, 5)),
    "lazy import": ("lazy import json\n", (1, 9, 0)),
    "comprehension": ("x = [*y for y in ((),)]\n", (1, 9, 0)),
}
GRAMMAR = (
    "test_grammar test_syntax test_fstring test_tstring test_patma test_type_params "
    "test_coroutines test_named_expressions test_except_star test_positional_only_arg "
    "test_unpack_ex test_with test_generators test_dictcomps test_listcomps test_decorators "
    "test_global test_exceptions test_string_literals test_source_encoding test_tokenize "
    "test_unparse test_annotationlib test_lazy_import test_lambda test_scope test_augassign "
    "test_class test_super test_keywordonlyarg "
).split()


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "flake8_saveimage", "check", "--isolated", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("name", NEW)
def test_what_libcst_reads_is_checked_and_else_one_line_says_which_reads_it(
    tmp_path: Path, name: str
) -> None:
    source, oldest = NEW[name]
    (tmp_path / "a.py").write_text(source + SAVE)
    (tmp_path / "b.py").write_text(source.replace("torch", "x"))
    done = check(tmp_path, "a.py", "b.py")
    if oldest <= LIBCST:
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout.startswith("a.py:")
        assert "SVI101" in done.stdout
    else:
        first, second = done.stderr.splitlines()
        assert done.returncode == 2
        assert "a.py" in first
        assert "b.py" in second
        minor = ".".join(map(str, oldest[: 3 if oldest[2] else 2]))
        assert f"libcst {minor} or later reads" in first


@pytest.mark.parametrize("line", ["def f(:", "x = 'a' 'b", 'print "x"', "cat'x'", "except A:"])
def test_other_mistakes_get_no_advice(line: str) -> None:
    assert hint(line) == ""


@pytest.mark.slow
def test_no_crash_on_the_grammar_tests_of_cpython(tmp_path: Path) -> None:
    """A save is appended, so that each file goes all the way."""
    folder = Path(sysconfig.get_path("stdlib")) / "test"
    sources = [folder / f"{name}.py" for name in GRAMMAR if (folder / f"{name}.py").exists()]
    sources += sorted(folder.rglob("bad_coding*.py")) + sorted(folder.rglob("badsyntax_*.py"))
    if len(sources) < 10:
        pytest.skip("this Python has no test suite")
    for path in sources:
        (tmp_path / path.name).write_bytes(path.read_bytes() + SAVE.encode())
    done = check(tmp_path, "--select=SVI", ".")
    assert "Traceback" not in done.stderr
    assert "defect of flake8-saveimage" not in done.stderr
    reported = {line.split(":")[0] for line in done.stdout.splitlines()}
    failed = {line.split(": ")[2] for line in done.stderr.splitlines()}
    assert reported | failed == {f"./{path.name}" for path in sources}
    assert len(reported) > len(failed)
