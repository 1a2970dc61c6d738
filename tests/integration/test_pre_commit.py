"""Real pre-commit, cold, against a local clone of this repository."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from neighbours import BUG, CALLER, HELPER, ROOT, run

HOOKS = """\
repos:
  - repo: {clone}
    rev: {rev}
    hooks:
      - id: {hook}
"""
THROUGH_FLAKE8 = """\
repos:
  - repo: local
    hooks:
      - id: flake8
        name: flake8
        entry: flake8 --isolated --select=SVI
        language: python
        types: [python]
        additional_dependencies: [flake8, "flake8-saveimage @ {uri}"]
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository whose last commit is the working tree as it is now."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("hooks") / "flake8-saveimage"
    run("git", "clone", "--quiet", ROOT, folder, cwd=ROOT, status=0)
    shutil.rmtree(folder / "src")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    author = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    run("git", "add", "--all", cwd=folder, status=0)
    run("git", *author, "commit", "--quiet", "--allow-empty", "-m", "now", cwd=folder, status=0)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pre-commit's folder: empty when the first test of this module begins."""
    return tmp_path_factory.mktemp("pre-commit-home")


def pre_commit(project: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run the hooks on what is staged."""
    return run(
        "pre-commit", "run", "--color=never", cwd=project, env={"PRE_COMMIT_HOME": str(cache)}
    )


def use(hook: str, project: Path, clone: Path) -> None:
    """Configure one hook of the clone, and stage that."""
    rev = run("git", "rev-parse", "HEAD", cwd=clone, status=0).stdout.strip()
    configuration = HOOKS.format(clone=clone, rev=rev, hook=hook)
    (project / ".pre-commit-config.yaml").write_text(configuration)
    run("git", "add", "--all", cwd=project, status=0)


def test_no_python_file_staged(project: Path, clone: Path, cache: Path) -> None:
    (project / "notes.txt").write_text("nothing to see\n")
    use("flake8-saveimage", project, clone)

    done = pre_commit(project, cache)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "(no files to check)Skipped" in done.stdout


def test_one_staged_file_is_judged_with_the_files_it_imports(
    project: Path, clone: Path, cache: Path
) -> None:
    (project / "keeping.py").write_text(HELPER)
    use("flake8-saveimage", project, clone)
    author = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    run("git", *author, "commit", "--quiet", "--no-verify", "-m", "helper", cwd=project, status=0)
    (project / "train.py").write_text(CALLER)
    run("git", "add", "train.py", cwd=project, status=0)

    done = pre_commit(project, cache)

    assert done.returncode == 1
    assert "train.py:4:5: SVI101 'weights.pt' is overwritten on every iteration" in done.stdout
    assert "keep (keeping.py, line 5) writes it" in done.stdout


def test_a_finding_stops_the_commit(project: Path, clone: Path, cache: Path) -> None:
    (project / "train.py").write_text(BUG)
    use("flake8-saveimage", project, clone)

    done = pre_commit(project, cache)

    assert done.returncode == 1
    assert "train.py:5:5: SVI101 [*] '" in done.stdout
    assert (project / "train.py").read_text() == BUG


def test_fix_modifies_the_file_and_passes_the_second_time(
    project: Path, clone: Path, cache: Path
) -> None:
    (project / "train.py").write_text(BUG)
    use("flake8-saveimage-fix", project, clone)

    first = pre_commit(project, cache)

    assert first.returncode == 1
    assert "files were modified by this hook" in first.stdout
    assert "safe_save_image(" in (project / "train.py").read_text()
    run("git", "add", "--all", cwd=project, status=0)
    second = pre_commit(project, cache)
    assert second.returncode == 0, second.stdout


@pytest.mark.parametrize("hook", ["flake8-saveimage", "flake8-saveimage-fix"])
def test_a_deleted_file(project: Path, clone: Path, cache: Path, hook: str) -> None:
    (project / "train.py").write_text(BUG)
    use(hook, project, clone)
    run("git", "commit", "--quiet", "--no-verify", "-m", "with the bug", cwd=project, status=0)
    (project / "other.py").write_text("import torch\n")
    run("git", "rm", "--quiet", "train.py", cwd=project, status=0)
    run("git", "add", "--all", cwd=project, status=0)

    done = pre_commit(project, cache)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout


def test_through_flake8_with_additional_dependencies(
    project: Path, clone: Path, cache: Path
) -> None:
    (project / "train.py").write_text(BUG)
    configuration = THROUGH_FLAKE8.format(uri=clone.as_uri())
    (project / ".pre-commit-config.yaml").write_text(configuration)
    run("git", "add", "--all", cwd=project, status=0)

    done = pre_commit(project, cache)

    assert done.returncode == 1
    assert "train.py:5:5: SVI101 '" in done.stdout
