"""``# noqa: SVI101`` lives beside ruff: ``lint.external`` keeps it."""

from __future__ import annotations

from pathlib import Path

from neighbours import BUG, ROOT, run

SUPPRESSED = BUG.replace('"samples.png")', '"samples.png")  # noqa: SVI101')


def ruff(project: Path, configuration: str) -> tuple[str, str]:
    """Return what ruff says about the suppression, and the file after ``ruff check --fix``."""
    (project / "pyproject.toml").write_text(configuration)
    (project / "train.py").write_text(SUPPRESSED)
    said = run("ruff", "check", "--no-cache", "--output-format=concise", ".", cwd=project).stdout
    run("ruff", "check", "--no-cache", "--fix", "--quiet", ".", cwd=project)
    return said, (project / "train.py").read_text()


def test_without_external_ruff_removes_the_suppression(project: Path) -> None:
    said, fixed = ruff(project, '[tool.ruff.lint]\nselect = ["RUF"]\n')

    assert "RUF102" in said
    assert "SVI101" not in fixed


def test_with_external_ruff_keeps_the_suppression(project: Path) -> None:
    said, fixed = ruff(project, '[tool.ruff.lint]\nselect = ["RUF"]\nexternal = ["SVI"]\n')

    assert "All checks passed" in said
    assert fixed == SUPPRESSED
    run("flake8-saveimage", "check", "train.py", cwd=project, status=0)


def test_this_repository_says_so_itself() -> None:
    assert 'external = ["SVI"]' in (ROOT / "pyproject.toml").read_text()


def test_no_flake8_configuration_is_needed(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.flake8-saveimage]\nextend-ignore = ["SVI101"]\n')
    (project / "train.py").write_text(BUG)

    done = run("flake8-saveimage", "check", ".", cwd=project)

    assert "SVI101" not in done.stdout
    (project / "pyproject.toml").write_text('[tool.flake8-saveimage]\nextend-ignroe = ["SVI101"]\n')
    wrong = run("flake8-saveimage", "check", ".", cwd=project, status=2)
    assert "extend-ignroe" in wrong.stderr
    assert "Traceback" not in wrong.stderr
