"""``[tool.flake8-saveimage]`` in pyproject.toml, for those who have no flake8 files."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import LOOP, MIXED, Command, codes, findings, lines, run, write

DEFAULT = ["5:SVI104", "7:SVI101", "9:SVI101", "9:SVI203"]


def table(text: str) -> dict[str, str | bytes]:
    return {"pyproject.toml": f"[tool.flake8-saveimage]\n{text}\n"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", DEFAULT),
        ('ignore = ["SVI101"]', ["5:SVI104", "9:SVI203"]),
        ('ignore = "SVI101, SVI203"', ["5:SVI104"]),
        ('extend-select = ["SVI105"]', [*DEFAULT[:2], "8:SVI105", *DEFAULT[2:]]),
        ('select = ["SVI104"]', ["5:SVI104"]),
        ('extend_ignore = ["SVI10"]', ["9:SVI203"]),
        ('per-file-ignores = {"m.py" = ["SVI1"]}', ["9:SVI203"]),
        ('per-file-ignores = ["m.py:SVI101", "x.py:SVI2"]', ["5:SVI104", "9:SVI203"]),
        ("disable-noqa = true", [*DEFAULT, "10:SVI101"]),
        ('exclude = ["m.py"]', []),
        ('filename = ["*.txt"]\njobs = 1\nstatistics = false', []),
    ],
)
def test_keys_mean_what_they_mean_in_flake8(
    tmp_path: Path, command: Command, text: str, expected: list[str]
) -> None:
    write(tmp_path, {"m.py": MIXED, **table(text)})
    assert sorted(codes(command("check", ".").stdout)) == sorted(expected)


def test_paths_are_relative_to_the_file_and_may_hold_spaces(tmp_path: Path) -> None:
    write(
        tmp_path, {"a b/m.py": LOOP, "sub/c/m.py": LOOP, **table('exclude = ["./a b", "./sub/c"]')}
    )
    done = run("flake8_saveimage", "check", "../a b", "c", ".", cwd=tmp_path / "sub")
    assert findings(done.stdout) == []


def test_one_precedence_rule(tmp_path: Path, command: Command) -> None:
    """Command line, then the table as a whole, and only without it flake8's files."""
    write(tmp_path, {"m.py": MIXED, ".flake8": "[flake8]\nselect = E\nexclude = m.py\n"})
    assert codes(command("check", ".").stdout) == []
    write(tmp_path, table('ignore = ["SVI1"]'))
    assert codes(command("check", ".").stdout) == ["9:SVI203"]
    assert codes(command("check", "--ignore", "SVI2", ".").stdout) == DEFAULT[:3]
    assert codes(command("check", "--isolated", ".").stdout) == DEFAULT
    assert codes(command("check", "--config", ".flake8", ".").stdout) == []
    write(tmp_path, {"conf/other.toml": table('select = ["SVI104"]')["pyproject.toml"]})
    assert codes(command("check", "--config", "conf/other.toml", ".").stdout) == ["5:SVI104"]
    # a pyproject.toml without the table is none of our business, broken or not
    write(tmp_path, {"pyproject.toml": "[project\n"})
    assert codes(command("check", ".").stdout) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("igonre = []", "unknown key 'igonre' in [tool.flake8-saveimage] (did you mean 'ignore'?)"),
        ("max-line-length = 88", "unknown key 'max-line-length'"),
        ('select = ["SVI999"]', "no rule is called 'SVI999'"),
        ('ignore = ["E501"]', "no rule is called 'E501'"),
        ("ignore = 3", "must be a string or an array of strings"),
        ("disable-noqa = 1", "must be true or false"),
        ("jobs = -1", "must be a number or 'auto'"),
        ('per-file-ignores = {"a b.py" = ["SVI1"]}', "write ? in its place"),
        ('per-file-ignores = {"a.py" = [1]}', "must be an array of strings"),
        ('ignore = []\nignore = ["SVI1"]', "is not valid TOML"),
        ('extend-ignore = []\nextend_ignore = ["SVI1"]', "'extend-ignore' twice"),
    ],
)
def test_mistakes_are_errors_even_if_no_file_needs_the_configuration(
    tmp_path: Path, command: Command, text: str, expected: str
) -> None:
    write(tmp_path, {"m.py": "x = 1\n", **table(text)})
    done = command("check", "m.py")
    assert done.returncode == 2
    (line,) = lines(done.stderr)
    assert "pyproject.toml: " in line
    assert expected in line


def test_a_named_file_must_have_the_table(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"a.py": LOOP, "other.toml": "[tool.ruff]\n"})
    for name in ("other.toml", "missing.toml"):
        done = command("check", "--config", name, "a.py")
        assert done.returncode == 2
        assert len(lines(done.stderr)) == 1
        assert name.encode() in done.stderr
