"""``check --add-noqa``: a legacy repository starts clean, and its programs stay the same."""

from __future__ import annotations

import ast
from pathlib import Path

from commandline import LOOP, MIXED, Command, findings, lines, write

ODD = '''\
import torch

for epoch in range(3):
    torch.save(epoch, "a.pt")
    torch.save(epoch, "b.pt")  # keep this
    torch.save(epoch, "c.pt")  # noqa: E501
    torch.save(epoch, "d.pt")  # noqa:E501,W291 and why
    torch.save("""
text""", "e.pt")
    torch.save(epoch, \\
        "f.pt")
    torch.save(epoch, "g.pt"); torch.save(epoch, "h.pt")
    torch.save(
        epoch,
        "i.pt",
    )
    torch.save(epoch, "j.pt")'''


def test_everything_is_silenced_and_nothing_else_changes(
    tmp_path: Path, command: Command, flake8: Command
) -> None:
    files = {
        "odd.py": ODD.encode(),
        "crlf.py": LOOP.replace("\n", "\r\n").encode(),
        "bom.py": b"\xef\xbb\xbf" + LOOP.encode(),
        "latin_1.py": b"# coding: latin-1\n# caf\xe9\n" + LOOP.encode(),
        "clean.py": b"import torch\n",
    }
    write(tmp_path, files)
    done = command("check", "--add-noqa", ".")
    assert done.returncode == 0
    assert lines(done.stderr) == ["flake8-saveimage: added '# noqa' to 12 lines in 4 files"]
    again = command("check", ".")
    assert (again.returncode, again.stdout) == (0, b"")
    assert findings(flake8("--select", "SVI1", ".").stdout) == []
    for name, before in files.items():
        after = (tmp_path / name).read_bytes()
        assert ast.dump(ast.parse(after)) == ast.dump(ast.parse(before))
        assert after.count(b"\r\n") == before.count(b"\r\n")
    odd = (tmp_path / "odd.py").read_text().splitlines()
    assert odd[3] == '    torch.save(epoch, "a.pt")  # noqa: SVI101'
    assert odd[4] == '    torch.save(epoch, "b.pt")  # keep this  # noqa: SVI101'
    assert odd[5] == '    torch.save(epoch, "c.pt")  # noqa: E501, SVI101'
    assert odd[6] == '    torch.save(epoch, "d.pt")  # noqa:E501,W291, SVI101 and why'
    assert odd[8] == 'text""", "e.pt")  # noqa: SVI101'
    assert odd[10] == '        "f.pt")  # noqa: SVI101'
    assert odd[12] == "    torch.save(  # noqa: SVI101"
    assert (tmp_path / "crlf.py").read_bytes().endswith(b'"numbers.pt")  # noqa: SVI101\r\n')
    assert (tmp_path / "bom.py").read_bytes().startswith(b"\xef\xbb\xbfimport")
    assert b"caf\xe9" in (tmp_path / "latin_1.py").read_bytes()


def test_only_selected_codes_are_silenced(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"m.py": MIXED})
    assert command("check", "--add-noqa", "--select", "SVI203", "m.py").returncode == 0
    text = (tmp_path / "m.py").read_text()
    assert text.count("noqa: SVI203") == 1
    assert text.count("noqa") == 2
    assert len(findings(command("check", "m.py").stdout)) == 3


def test_what_a_comment_cannot_silence_is_an_error_and_untouched(
    tmp_path: Path, command: Command
) -> None:
    text = LOOP.replace('"numbers.pt")', '"# noqa: E501 .pt")')
    write(tmp_path, {"a.py": text, "b.py": LOOP})
    done = command("check", "--add-noqa", ".")
    assert done.returncode == 2
    assert b"./a.py: the findings cannot be silenced by a comment" in done.stderr
    assert (tmp_path / "a.py").read_text() == text
    assert "noqa" in (tmp_path / "b.py").read_text()


def test_links_are_followed_and_permissions_kept(tmp_path: Path, command: Command) -> None:
    write(tmp_path, {"real/a.py": LOOP})
    (tmp_path / "real/a.py").chmod(0o640)
    (tmp_path / "link.py").symlink_to("real/a.py")
    assert command("check", "--add-noqa", "link.py").returncode == 0
    assert (tmp_path / "link.py").is_symlink()
    assert "noqa" in (tmp_path / "real/a.py").read_text()
    assert (tmp_path / "real/a.py").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["a.py"]
