"""Make the pictures of a terminal and of the HTML report, from real runs over the examples.

python docs/make_screens.py            # write both pictures (the report needs Chromium)
python docs/make_screens.py --check    # fail if the terminal shows something else now
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "docs" / "assets"
TERMINAL, REPORT = ASSETS / "terminal.svg", ASSETS / "report.png"
COLUMNS, SIZE, LINE, ADVANCE, MARGIN = 84, 13, 18, 7.83, 16
COMMANDS = ("check examples/shapes/train.py", "fix examples/shapes/train.py")
COLOURS = {"31": "#ff7b72", "32": "#7ee787", "36": "#79c0ff", "2": "#8b949e", "1": "#ffffff"}
_STYLED = re.compile(r"\x1b\[([0-9;]*)m")


def record(folder: Path, command: str) -> list[str]:
    """Return the lines that a command prints on a terminal of ``COLUMNS`` columns."""
    import pty  # not on Windows

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        environment = {**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        words = [sys.executable, "-m", "flake8_saveimage", *command.split()]
        os.execve(sys.executable, words, environment)
    output = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how Linux reports the end
            break
        if not part:
            break
        output += part
    os.waitpid(pid, 0)
    progress = r"\r\[[#.]*\] \d+/\d+ files|\r\x1b\[K"
    return re.sub(progress, "", output.decode()).split("\r\n")[:-1]


def spans(line: str) -> str:
    """Return a line with terminal colours as SVG text."""
    # browsers collapse spaces in SVG text
    parts = _STYLED.split(line.replace("  ", "\N{NO-BREAK SPACE}" * 2))
    shown, colour = [f"<tspan>{escape(parts[0])}</tspan>"], ""
    for style, text in zip(parts[1::2], parts[2::2], strict=True):
        codes = [code for code in style.split(";") if code in COLOURS]
        colour = f' fill="{COLOURS[codes[-1]]}"' if codes else ""
        if text:
            shown.append(f"<tspan{colour}>{escape(text)}</tspan>")
    return "".join(part for part in shown if part != "<tspan></tspan>")


def draw(lines: list[str]) -> str:
    """Return the picture of a terminal with these lines."""
    width = round(COLUMNS * ADVANCE) + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    rows = [
        f'<text x="{MARGIN}" y="{MARGIN + (number + 0.75) * LINE:.1f}">{spans(line)}</text>'
        for number, line in enumerate(lines)
        if line
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" '
            'aria-label="flake8-saveimage check and fix on a terminal">',
            f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
            f'<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" '
            f'font-size="{SIZE}" fill="#c9d1d9">',
            *rows,
            "</g>",
            "</svg>",
            "",
        ]
    )


def photograph(folder: Path) -> None:
    """Write the picture of the HTML report of the examples in a folder."""
    from playwright.sync_api import sync_playwright  # for this picture only

    page = folder / "report.html"
    command = ["check", "--exit-zero", "--format=html", f"--output-file={page}", "examples"]
    subprocess.run([sys.executable, "-m", "flake8_saveimage", *command], cwd=folder, check=True)
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        screen = browser.new_page(viewport={"width": 1100, "height": 620})
        screen.goto(page.as_uri())
        screen.screenshot(path=REPORT)
        browser.close()


def main() -> int:
    """Record the commands in a copy of the examples, one after the other."""
    checks = sys.argv[1:] == ["--check"]
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ignored = shutil.ignore_patterns("out", "__pycache__")
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=ignored)
        if not checks:
            photograph(folder)
        for number, command in enumerate(COMMANDS):
            shown = record(folder, command)
            lines += [f"\x1b[32m$\x1b[0m flake8-saveimage {command}", *shown]
            lines += [""] if number + 1 < len(COMMANDS) else []
    picture = draw(lines)
    if checks:
        return int(TERMINAL.read_text(encoding="utf-8") != picture)
    TERMINAL.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
